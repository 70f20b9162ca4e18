"""``optimizer evaluate``: a planner's own plan, valued and checked."""

from __future__ import annotations

from pathlib import Path

from optimizer.commands.console import count, number, print_json, say
from optimizer.plan.read import read_contacts, read_spend


def run_evaluate(file: Path, plan: Path, spend: Path | None, *, as_json: bool) -> bool:
    """Evaluate the contacts in ``plan`` and the money in ``spend``; True when every hard rule holds."""
    contacts = read_contacts(plan)
    money = read_spend(spend) if spend is not None else {}
    from optimizer.engine import evaluate
    from optimizer.scenario import load

    scenario = load(file)
    found = evaluate(scenario, contacts, money)
    if as_json:
        print_json(found.summary)
        return found.passed
    summary = found.summary
    say(
        f"objective {number(found.objective)} ({scenario.objective}), "
        f"cost {number(summary['cost'])} {scenario.currency}, "
        f"{count(summary['contacts'])} contacts to {count(summary['customers_contacted'])} customers"
    )
    if found.passed:
        say(f"every rule holds ({count(len(found.rules))} checks)")
    else:
        say("Rules that do not hold:", style="bold red")
        for failure in found.failures:
            say(f"  {failure}")
    return found.passed
