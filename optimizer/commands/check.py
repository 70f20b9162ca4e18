"""``optimizer check``: read, count and lint a scenario; solve nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.commands.console import count, number, print_json, say

if TYPE_CHECKING:
    from optimizer.scenario import Scenario


def run_check(file: Path, *, as_json: bool) -> bool:
    """Tell what the scenario holds and what is wrong with its rules; True when no rule is contradictory."""
    from optimizer.rules import lint, sentence
    from optimizer.scenario import load
    from optimizer.scenario.saturation import calibrations

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
                "calibrations": calibrations(scenario.facts.saturations),
                "rules": [{"name": rule.name, "sentence": sentence(rule, scenario)} for rule in scenario.rules],
                "findings": [
                    {"rule": f.rule, "scope": f.scope, "kind": f.kind, "message": f.message, "other": f.other}
                    for f in findings
                ],
            }
        )
        return not contradictory
    say(scenario.spec.name, style="bold")
    say(", ".join(f"{count(value)} {key.replace('_', ' ')}" for key, value in held.items()))
    for part in left_out:
        say(f"left out: {part['count']:,} {part['reason']}")
    for one in calibrations(scenario.facts.saturations):
        say(
            f"calibrated: scores of {one['channel']} × {number(one['factor'], 4)}, to add up to "
            f"{number(one['attributed'])} responses at its reference of {count(one['reference'])}"
        )
    say("")
    for rule in scenario.rules:
        say(f"  {rule.name}: {sentence(rule, scenario)}")
    say("")
    for finding in findings:
        place = f"{finding.rule} ({finding.scope})" if finding.scope else finding.rule
        say(f"{finding.kind} {place}: {finding.message}", style="red" if finding.kind == "contradictory" else "")
    if not findings:
        say("nothing to say against the rules")
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
