"""What the joint plan earns beside simpler ones, under the same rules.

    python scenarios/privilege_evenings/compare.py

Solves the scenario, then each channel alone (every other one excluded), and makes two plans as most tools do, from a
ranked list (greedy.py). Every plan is valued and checked by the same independent check, and must keep every rule.
Prints a line a plan and draws picture.svg.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from greedy import ranked_plan
from picture import plan_picture

import optimizer as opt

FOLDER = Path(__file__).parent
CHANNELS = ("print", "email", "sms")


def main() -> None:
    """Solve, compare, print and draw."""
    parser = argparse.ArgumentParser(description="Compare the joint plan with simpler ones, under the same rules.")
    parser.add_argument("--gap", type=float, default=1e-4)
    parser.add_argument("--time-limit", type=float, default=300.0, help="seconds a solve")
    arguments = parser.parse_args()

    keys = yaml.safe_load((FOLDER / "scenario.yaml").read_text(encoding="utf-8"))
    scenario = opt.load(FOLDER / "scenario.yaml")
    plan = opt.solve(scenario, gap=arguments.gap, time_limit=arguments.time_limit)
    say("all channels together", plan)
    print(f"  {plan.certificate}")
    earned = {"all channels together": plan.objective}
    for channel in CHANNELS:
        try:
            alone = opt.solve(only(keys, channel), gap=arguments.gap, time_limit=arguments.time_limit)
        except opt.Infeasible as error:
            print(f"{channel} alone: no plan keeps the rules ({', '.join(error.bill.conflict)})")
            continue
        earned[f"{channel} alone"] = alone.objective
        say(f"{channel} alone", alone)
    for name, ranking in (("highest score first", "score"), ("highest margin first", "margin")):
        found = opt.evaluate(scenario, ranked_plan(scenario, keys, ranking))
        say(name, found)
        if found.passed:
            earned[name] = found.objective
    binding = list(dict.fromkeys(plan.binding()["rule"]))
    print(f"{len(binding)} rules bind: {', '.join(binding)}")
    several = plan.contacts.groupby("customer_id")["channel"].nunique().gt(1).mean()
    print(f"{several:.1%} of the customers contacted get two channels or more")
    (FOLDER / "picture.svg").write_text(plan_picture(plan.contacts, earned, plan.certificate.bound), encoding="utf-8")


def only(keys: dict[str, Any], channel: str) -> opt.Scenario:
    """The scenario with one channel, every rule kept."""
    rule = {"name": f"{channel} alone", "exclude": f"channel != '{channel}'"}
    return opt.Scenario(**{**keys, "rules": [*keys["rules"], rule]}, folder=FOLDER)


def say(name: str, found: opt.Plan) -> None:
    """One line a plan."""
    volumes = Counter(found.contacts["channel"])
    spread = ", ".join(f"{volumes[channel]:,} {channel}" for channel in CHANNELS if volumes[channel])
    verdict = "" if found.passed else f"  BREAKS {found.failures[0]}"
    print(
        f"{name}: net margin {found.objective:,.2f} EUR, cost {found.totals['cost']:,.2f} EUR, "
        f"{found.totals['response']:,.1f} guests, {spread}{verdict}"
    )


if __name__ == "__main__":
    main()
