"""``optimizer verify``: a written plan against its scenario, later and elsewhere."""

from __future__ import annotations

import math
from pathlib import Path

from optimizer.commands.console import count, number, print_json, say
from optimizer.errors import ScenarioError
from optimizer.plan.read import WrittenPlan, read_plan


def run_verify(folder: Path, scenario_file: Path | None, *, as_json: bool) -> bool:
    """Recompute the plan in ``folder``; True when every rule and figure holds."""
    written = read_plan(folder)
    file = scenario_file or written.scenario_file
    if file is None:
        raise ScenarioError(
            str(folder), "scenario", None, "the plan was made in memory; name its scenario with --scenario"
        )
    from optimizer.plan.plan import Evaluation, tables_of
    from optimizer.plan.stated import differences, failures_of
    from optimizer.plan.verify import check_certificate, verify
    from optimizer.scenario import load

    scenario = load(file)
    verdict = verify(scenario, written.contacts, written.spend)
    recomputed = Evaluation(**tables_of(scenario, verdict, written.spend, {}))
    changed = changed_inputs(written, scenario.input_hashes)
    failures = [
        *verdict.failures,
        *check_certificate(verdict, figure(written, "objective"), figure(written, "bound")),
        *failures_of(differences(written, recomputed), changed),
    ]
    if as_json:
        print_json(
            {
                "name": scenario.spec.name,
                "status": "failed" if failures else "passed",
                "objective": verdict.valuation.objective,
                "bound": written.summary.get("bound"),
                "failures": failures,
                "changed_inputs": changed,
                "checks": {"rows": len(verdict.checks), "passed": int(verdict.checks["passed"].sum())},
            }
        )
        return not failures
    for name in changed:
        say(f"note: {name} has changed since the plan was written")
    if failures:
        say(f"The plan does not pass: {scenario.spec.name}", style="bold red")
        for failure in failures:
            say(f"  {failure}")
    else:
        say(
            f"The plan passes: {count(len(verdict.checks))} checks, objective "
            f"{number(verdict.valuation.objective)} as stated, no plan beats {number(figure(written, 'bound'))}"
        )
    return not failures


def figure(written: WrittenPlan, key: str) -> float:
    """A figure of the summary; null stands for one that is not finite."""
    value = written.summary.get(key)
    if value is None:
        return math.inf if key == "bound" and written.summary.get("sense") != "minimize" else -math.inf
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ScenarioError(str(written.folder / "summary.json"), key, value, "expected a number")
    return float(value)


def changed_inputs(written: WrittenPlan, hashes: dict[str, str]) -> list[str]:
    """Inputs whose content is no longer what the plan was made from."""
    before = written.summary.get("inputs") or {}
    return sorted(name for name in {*before, *hashes} if before.get(name) != hashes.get(name))
