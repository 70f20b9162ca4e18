"""The lint of local rules: planted defects are found, and what it says is true of every plan."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from optimizer import Scenario
from optimizer.rules import compile_problem, infeasible_by_count, lint
from tests.problem_check import check, effective_responses

CUSTOMERS = pd.DataFrame(
    {"customer_id": ["anna", "ben"], "wished": [1.0, 3.0], "segment": ["gold", "iron"], "home": ["h", "h"]}
)
HISTORY = pd.DataFrame(
    {
        "customer_id": ["anna", "ben"],
        "date": ["2026-02-27", "2026-01-01"],
        "channel": ["email", "phone"],
        "offer": ["a", "b"],
    }
)
#: Two customers, e-mail for anna and ben, phone for anna alone, two offers, waves 1 and 6 March.
DATES = {"w1": "2026-03-01", "w2": "2026-03-06"}
ACTIVITIES = [("a", "email", "w1"), ("b", "email", "w1"), ("a", "phone", "w2"), ("b", "email", "w2")]


def tiny(rules: list[dict[str, Any]], **keys: Any) -> Scenario:
    """Two customers, four activities: seven pairs, 128 plans."""
    activities = pd.DataFrame(
        [
            {
                "activity": f"{o} {c} {w}",
                "offer": o,
                "channel": c,
                "date": {"w1": "2026-03-01", "w2": "2026-03-06"}[w],
                "wave": w,
            }
            for o, c, w in ACTIVITIES
        ]
    )
    arguments = {
        "name": "tiny",
        "currency": "EUR",
        "objective": "responses",
        "customers": CUSTOMERS,
        "appetence": pd.DataFrame({"customer_id": ["anna", "ben"], "email": [0.1, 0.2], "phone": [0.3, np.nan]}),
        "channels": {"email": {"unit_cost": 1.0}, "phone": {"unit_cost": 4.0, "pressure": 2}},
        "offers": {"a": {}, "b": {}},
        "waves": [{"name": name, "date": date} for name, date in DATES.items()],
        "activities": activities,
        "rules": [{"name": f"rule {number}", **rule} for number, rule in enumerate(rules, 1)],
    }
    return Scenario(**(arguments | keys))


def tables(value: Any) -> Any:
    """Every ``table: [records]`` as a DataFrame."""
    if isinstance(value, list):
        return [tables(item) for item in value]
    if isinstance(value, dict):
        return {key: pd.DataFrame(item) if key == "table" else tables(item) for key, item in value.items()}
    return value


def kinds(scenario: Scenario) -> set[tuple[str, str]]:
    return {(finding.rule, finding.kind) for finding in lint(scenario) if finding.kind != "note"}


def test_sound_rules_are_left_alone():
    rules: list[dict[str, Any]] = [
        {"contacts": {"max": 2, "days": 30}},
        {"contacts": {"min": 1}},
        {"pressure": {"max": 3, "days": 7}},
        {"duplicates": {"max": 1, "of": "offer", "days": 9}, "where": {"offer": "a"}},
        {"rest": {"days": 6}, "where": {"offer": "b"}},
        {"targets": {"min": 2, "among": ["a", "b"], "if_contacted": True}},
        {"include": {"channel": "phone"}, "where": {"segment": "gold"}},
        {"exclude": {"offer": "a"}, "where": {"segment": "iron"}},
        {"requires": {"if": {"channel": "phone"}, "then": {"channel": "email"}}},
        {"effect": {"contact": 2, "factor": 0.5}},
        {"control": {"table": pd.DataFrame({"customer_id": ["ben"]})}, "where": {"wave": "w2"}},
    ]
    assert kinds(tiny(rules)) == set()


#: Planted defects by name.
DEFECTS = {
    entry["defect"]: entry
    for entry in yaml.safe_load(Path(__file__).with_name("local_defects.yaml").read_text(encoding="utf-8"))
}
#: Customer columns that only some defects need.
WITH = CUSTOMERS.assign(nothing=[np.nan, np.nan], generous=[3.0, 3.0])


@pytest.mark.parametrize("name", DEFECTS)
def test_planted_defects_are_found(name):
    entry = DEFECTS[name]
    rule, kind, rules = f"rule {entry['rule']}", entry["kind"], tables(entry["rules"])
    scenario = tiny(rules, customers=WITH)
    findings = [finding for finding in lint(scenario) if finding.rule == rule and finding.kind == kind]
    assert findings, lint(scenario)
    for finding in findings:
        assert f"rule {rule!r}" in finding.message
    assert_true_of_every_plan(rules)


def test_a_letter_too_late_for_any_call_is_worth_knowing():
    scenario = tiny([{"only_after": {"what": {"channel": "phone"}, "after": {"channel": "email"}, "days": {"min": 6}}}])
    assert [finding.kind for finding in lint(scenario)] == ["note"]
    assert "all 1 contact impossible" in lint(scenario)[0].message


def test_messages_give_numbers():
    (finding,) = lint(tiny([{"contacts": {"min": 4}, "where": {"segment": "iron"}}]))
    assert finding.message == (
        "rule 'rule 1' asks for at least 4 contacts; 1 of 1 customers it binds cannot have them: ben can have 3 at most"
    )
    (finding,) = lint(tiny([{"contacts": {"max": 9, "days": 30}}]))
    assert finding.message == "rule 'rule 1' never binds: it allows 9 contacts, and no customer can have more than 4"


def test_a_reported_rule_is_not_blamed():
    assert (
        kinds(tiny([{"contacts": {"max": 9}, "mode": "report"}, {"contacts": {"min": 9}, "mode": "report"}])) == set()
    )


def test_of_two_that_imply_each_other_one_stays():
    rules = [{"contacts": {"max": 1}}, {"contacts": {"max": 1, "days": 30}}, {"contacts": {"max": 1, "days": 31}}]
    found = kinds(tiny(rules))
    assert found == {("rule 2", "redundant"), ("rule 3", "redundant")}


# --- every plan -----------------------------------------------------------------------------------------------


@cache
def plans(size: int) -> np.ndarray:
    return np.array(list(itertools.product([False, True], repeat=size)))


def verdicts(scenario: Scenario) -> list[tuple[bool, float, float]]:
    """(accepted, penalty, responses) of every plan."""
    problem = compile_problem(scenario)
    judged = []
    for plan in plans(len(problem.customer)):
        judgement = check(problem, plan, np.empty(0))
        worth = effective_responses(problem, plan)["responses"].sum()
        judged.append((judgement.accepted, round(judgement.penalty, 9) if judgement.accepted else 0.0, round(worth, 9)))
    return judged


def assert_true_of_every_plan(rules: list[dict[str, Any]], **keys: Any) -> None:
    """What is called redundant or dead changes no accepted plan; what is called contradictory no plan holds."""
    rules = [{"name": f"rule {number}", **rule} for number, rule in enumerate(rules, 1)]
    scenario = tiny(rules, customers=WITH, **keys)
    findings = lint(scenario)
    before = verdicts(scenario)
    idle = {finding.rule for finding in findings if finding.kind in ("redundant", "dead")}
    for names in [*({rule} for rule in idle), *([idle] if len(idle) > 1 else [])]:
        after = verdicts(tiny([rule for rule in rules if rule["name"] not in names], customers=WITH, **keys))
        for (ok, penalty, worth), (ok_without, penalty_without, worth_without) in zip(before, after, strict=True):
            assert (ok, penalty) == (ok_without, penalty_without), (names, findings)
            assert not ok or worth == worth_without, (names, findings)
    if infeasible_by_count(compile_problem(scenario), scenario):
        assert not any(ok for ok, *_ in before)
    for finding in findings:
        if finding.kind == "contradictory":
            assert not any(ok and penalty == 0 for ok, penalty, _ in before), finding


# --- random rules ---------------------------------------------------------------------------------------------

WHERES: list[Any] = [None, None, {"channel": "email"}, {"offer": "a"}, {"wave": "w2"}, {"segment": "gold"}]
WHERES.append("offer == 'a' or segment == 'iron'")
SIDES: list[Any] = [{"channel": "email"}, {"channel": "phone"}, {"offer": "a"}, {"offer": "b"}, {"wave": "w1"}]


def drawn(random: Random) -> dict[str, Any]:
    """One random local rule."""
    verb = random.choice(
        "contacts contacts pressure packages duplicates cost_per_customer rest never targets include exclude requires "
        "only_after alternate effect".split()
    )
    days = random.choice([None, 1, 5, 6, 7, 30])
    body: Any
    if verb in ("contacts", "pressure", "packages", "duplicates", "cost_per_customer"):
        body = {"days": days} if days else {}
        side = random.choice(["max", "max", "min", "both"])
        body |= {"max": random.randint(0, 4)} if side != "min" else {}
        body |= {"min": random.randint(0, 3)} if side != "max" else {}
        body |= {"of": random.choice(["offer", "channel"])} if verb == "duplicates" else {}
    elif verb == "rest":
        body = {"days": random.choice([5, 6, 9])}
    elif verb == "never":
        pair = [random.choice(SIDES), random.choice(SIDES)]
        body = {"together": pair} if random.random() < 0.5 else {"first": pair[0], "then": pair[1]}
        body |= {"days": random.choice([0, 4, 5, 9])} if random.random() < 0.7 else {}
    elif verb == "targets":
        body = {"among": ["a", "b"], random.choice(["min", "max", "exactly"]): random.randint(0, 2)}
        body |= {"if_contacted": True} if random.random() < 0.3 else {}
    elif verb in ("include", "exclude"):
        body = random.choice(SIDES)
    elif verb == "requires":
        body = {"if": random.choice(SIDES), "then": random.choice(SIDES)} | (
            {"same": "wave"} if random.random() < 0.3 else {}
        )
    elif verb == "only_after":
        body = {
            "what": random.choice(SIDES),
            "after": random.choice(SIDES),
            "days": {"min": random.choice([0, 1, 5]), "max": 9},
        }
    elif verb == "alternate":
        body = "channel"
    else:
        body = random.choice([{"contact": random.randint(1, 4)}, {"alternate": "channel"}, {}])
        body = body | {"factor": random.choice([0.5, 1, 1.5])}
    rule: dict[str, Any] = {verb: body}
    if where := random.choice(WHERES):
        rule["where"] = where
    if verb not in ("exclude", "effect"):
        if random.random() < 0.2:
            rule["per"] = "home"
        if random.random() < 0.2:
            rule["each"] = random.choice(["channel", "offer", "wave"])
    if verb != "effect" and random.random() < 0.2:
        rule["soft"] = {"penalty": 2.0} | ({"tolerance": random.choice([0.5, 1.0])} if random.random() < 0.5 else {})
    return rule


@pytest.mark.parametrize("seed", range(20))
def test_what_the_lint_says_of_random_rules_holds_for_every_plan(seed):
    random = Random(seed)
    rules = [drawn(random) for _ in range(random.choice([2, 3, 4]))]
    keys = {"history": HISTORY} if random.random() < 0.5 else {}
    assert_true_of_every_plan(rules, **keys)
