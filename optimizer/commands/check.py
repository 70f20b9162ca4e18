"""``optimizer check``: read, count and lint a scenario; solve nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from optimizer.commands.console import count, print_json, results

if TYPE_CHECKING:
    from optimizer.scenario import Scenario


def run_check(file: Path, *, as_json: bool) -> bool:
    """Tell what the scenario holds and what is wrong with its rules; True when no rule is contradictory."""
    from optimizer.rules import lint, sentence
    from optimizer.scenario import load

    scenario = load(file)
    held = counts(scenario)
    findings = lint(scenario)
    contradictory = [finding for finding in findings if finding.kind == "contradictory"]
    left_out = [{"reason": p.reason, "count": p.count, "examples": list(p.examples)} for p in scenario.facts.left_out]
    if as_json:
        print_json(
            {
                "name": scenario.spec.name,
                "status": "contradictory" if contradictory else "ok",
                **held,
                "left_out": left_out,
                "rules": [{"name": rule.name, "sentence": sentence(rule, scenario)} for rule in scenario.rules],
                "findings": [
                    {"rule": f.rule, "scope": f.scope, "kind": f.kind, "message": f.message, "other": f.other}
                    for f in findings
                ],
            }
        )
        return not contradictory
    out = results()
    out.print(f"[bold]{escape(scenario.spec.name)}[/bold]", soft_wrap=True)
    out.print(", ".join(f"{count(value)} {key.replace('_', ' ')}" for key, value in held.items()), soft_wrap=True)
    for part in left_out:
        out.print(f"left out: {part['count']:,} {escape(str(part['reason']))}", soft_wrap=True)
    out.print()
    for rule in scenario.rules:
        out.print(f"  [bold]{escape(rule.name)}[/bold]: {escape(sentence(rule, scenario))}", soft_wrap=True)
    out.print()
    for finding in findings:
        colour = {"contradictory": "red", "redundant": "yellow", "dead": "yellow"}.get(finding.kind, "dim")
        place = f"{finding.rule} [{finding.scope}]" if finding.scope else finding.rule
        out.print(f"[{colour}]{finding.kind}[/{colour}] {escape(place)}: {escape(finding.message)}", soft_wrap=True)
    if not findings:
        out.print("nothing to say against the rules")
    return not contradictory


def counts(scenario: Scenario) -> dict[str, Any]:
    """How much of everything the scenario holds."""
    facts = scenario.facts
    return {
        "customers": len(facts.customers),
        "activities": len(facts.activities),
        "eligible_pairs": len(facts.pairs),
        "past_contacts": len(facts.past),
        "media_cells": len(facts.media),
        "rules": len(scenario.rules),
    }
