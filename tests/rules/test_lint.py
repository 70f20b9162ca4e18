"""The lint: planted defects are found, and what it calls impossible or redundant is so for every plan."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optimizer import Scenario
from optimizer.problem import Problem
from optimizer.rules import compile_problem, infeasible_by_count, lint
from tests.problem_check import check, evaluate
from tests.rules.small import CUSTOMERS, small


def kinds(scenario: Scenario) -> set[tuple[str, str]]:
    """(rule, kind) of every finding but notes."""
    return {(finding.rule, finding.kind) for finding in lint(scenario) if finding.kind != "note"}


def test_sound_rules_are_left_alone():
    rules: list[dict[str, Any]] = [
        {"budget": {"max": 12}},
        {"volume": {"min": 1, "max": 3}, "where": {"channel": "phone"}},
        {"volume": {"max": 1}, "each": ["country", "wave"], "where": {"channel": "email"}},
        {"average": {"of": "basket", "min": 45}},
        {"ratio": {"of": "net_margin", "to": "cost", "min": 1.6}},
        {"share": {"of": {"channel": "phone"}, "max": 0.5}},
        {"open": {"max": 1, "of": "channel"}},
        {"sum": {"of": "age", "max": 200}},
    ]
    assert kinds(small(rules)) == set()


CONTRADICTORY: dict[str, list[dict[str, Any]]] = {
    "a minimum above what is eligible": [{"volume": {"min": 7}, "where": {"channel": "phone"}}],
    "a minimum above what a cap of customers leaves": [{"volume": {"min": 4}}, {"contacts": {"max": 1}}],
    "a minimum above what exclusions leave": [
        {"volume": {"min": 5}, "where": {"channel": "phone"}},
        {"exclude": {"country": "DE"}},
    ],
    "customers asked for beyond their number": [{"volume": {"min": 4, "of": "customers"}}],
    "a minimum above its own maximum": [{"volume": {"min": 3, "max": 2}}],
    "a minimum inside another rule's smaller maximum": [
        {"volume": {"min": 3}, "where": {"channel": "phone", "country": "FR"}},
        {"volume": {"max": 2}, "where": {"channel": "phone"}},
    ],
    "minima of countries above the maximum of all": [{"volume": {"min": 2}, "each": "country"}, {"volume": {"max": 3}}],
    "maxima of waves below the minimum of all": [{"volume": {"min": 5}}, {"volume": {"max": 2}, "each": "wave"}],
    "a budget below the cheapest contacts asked for": [
        {"budget": {"max": 11}},
        {"volume": {"min": 3}, "where": {"channel": "phone"}},
    ],
    "a budget that nothing can spend": [{"budget": {"min": 31}}],
    "a sum that no plan reaches": [{"sum": {"of": "responses", "min": 4.6}}],
    "a sum that a volume keeps out of reach": [{"sum": {"of": "responses", "min": 1.1}}, {"volume": {"max": 2}}],
    "a minimum where nobody is eligible": [{"volume": {"min": 1}, "where": {"country": "IT"}}],
    "more channels than there are": [{"open": {"min": 3, "of": "channel"}}],
    "an average that contacts asked for cannot have": [{"average": {"of": "age", "max": 34}}, {"volume": {"min": 5}}],
    "a share of what is not asked for": [
        {"share": {"of": {"channel": "phone"}, "max": 0.2}},
        {"volume": {"min": 6}, "where": {"channel": "phone"}},
    ],
    "a hurdle no contact takes": [{"ratio": {"of": "gross_margin", "to": "cost", "min": 6}}, {"volume": {"min": 1}}],
    "a minimum a wave above a weekly maximum": [
        {"volume": {"min": 3}, "each": "wave"},
        {"volume": {"max": 2, "days": 7}},
    ],
    "budgets of countries below the budget of all": [
        {"budget": {"min": 20}},
        {"budget": {"max": 9}, "each": "country"},
    ],
}  # fmt: skip


@pytest.mark.parametrize("defect", CONTRADICTORY)
def test_contradictions_are_found(defect):
    scenario = small(CONTRADICTORY[defect])
    assert any(kind == "contradictory" for _, kind in kinds(scenario))
    assert infeasible_by_count(compile_problem(scenario))


REDUNDANT: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "a maximum above everything eligible": ("rule 1", [{"volume": {"max": 6}, "where": {"channel": "phone"}}]),
    "a budget above the dearest plan": ("rule 1", [{"budget": {"max": 30}}]),
    "a maximum above what caps of customers leave": ("rule 1", [{"volume": {"max": 3}}, {"contacts": {"max": 1}}]),
    "a larger budget of the same": ("rule 2", [{"budget": {"max": 10}}, {"budget": {"max": 12}}]),
    "the same twice": ("rule 2", [{"volume": {"max": 3}}, {"volume": {"max": 3}}]),
    "a part of what another caps": (
        "rule 2",
        [
            {"volume": {"max": 2}, "where": {"channel": "phone"}},
            {"volume": {"max": 2}, "where": {"channel": "phone", "wave": "w1"}},
        ],
    ),
    "the whole of what others cap": ("rule 1", [{"volume": {"max": 4}}, {"volume": {"max": 2}, "each": "wave"}]),
    "a minimum inside a larger minimum": (
        "rule 1",
        [{"volume": {"min": 1}}, {"volume": {"min": 2}, "where": {"country": "FR"}}],
    ),
    "a budget that a volume keeps": ("rule 1", [{"budget": {"max": 8}}, {"volume": {"max": 2}}]),
    "an average that every contact has": ("rule 1", [{"average": {"of": "basket", "min": 40}}]),
    "a share of everything": ("rule 1", [{"share": {"of": {"channel": ["phone", "email"]}, "min": 0.9}}]),
    "a hurdle that every contact takes": ("rule 1", [{"ratio": {"of": "gross_margin", "to": "cost", "min": 2}}]),
    "as many channels as there are": ("rule 1", [{"open": {"max": 2, "of": "channel"}}]),
}  # fmt: skip


@pytest.mark.parametrize("defect", REDUNDANT)
def test_redundant_rules_are_found(defect):
    rule, rules = REDUNDANT[defect]
    assert kinds(small(rules)) == {(rule, "redundant")}


DEAD: dict[str, list[dict[str, Any]]] = {
    "a country without customers": [{"volume": {"max": 3}, "where": {"country": "IT"}}],
    "a minimum of none": [{"volume": {"min": 0}}],
    "a price of nothing": [{"volume": {"max": 1}, "soft": {"penalty": 0}}],
    "everybody excluded": [{"budget": {"max": 3}, "where": {"country": "DE"}}, {"exclude": {"country": "DE"}}],
    "a column without values": [{"volume": {"max": 3}, "each": "basket", "where": {"country": "DE"}}],
    "a table without a bound": [
        {
            "volume": {"max": {"table": pd.DataFrame({"country": ["IT"], "slots": [1]}), "column": "slots"}},
            "each": "country",
        },
    ],
}  # fmt: skip


@pytest.mark.parametrize("defect", DEAD)
def test_dead_rules_are_found(defect):
    assert kinds(small(DEAD[defect])) == {("rule 1", "dead")}


def test_the_message_says_how_short():
    people = pd.DataFrame({"customer_id": [f"c{k}" for k in range(43)]})
    rules: list[dict[str, Any]] = [{"volume": {"min": 50}, "where": {"channel": "phone", "wave": "w1"}}]
    (finding,) = infeasible_by_count(compile_problem(small(rules, customers=people)), small(rules, customers=people))
    assert finding.message == "rule 'rule 1' asks for 50 contacts, 43 customers are eligible: 7 short"


def test_messages_speak_of_money():
    rules: list[dict[str, Any]] = [{"budget": {"max": 11}}, {"volume": {"min": 3}, "where": {"channel": "phone"}}]
    messages = [finding.message for finding in lint(small(rules))]
    assert (
        "rule 'rule 1' allows 11.00 EUR, no plan stays below 12.00 EUR: 1.00 EUR too many while rule 'rule 2' holds"
        in messages
    )


def test_soft_rules_are_told_and_not_called_infeasible():
    rules: list[dict[str, Any]] = [{"volume": {"min": 7}, "where": {"channel": "phone"}, "soft": {"penalty": 1}}]
    assert kinds(small(rules)) == {("rule 1", "contradictory")}
    assert infeasible_by_count(compile_problem(small(rules))) == []
    rules[0]["soft"]["tolerance"] = 0.5
    assert infeasible_by_count(compile_problem(small(rules)))


def test_a_soft_rule_implies_nothing():
    rules: list[dict[str, Any]] = [{"budget": {"max": 10}, "soft": {"penalty": 1}}, {"budget": {"max": 12}}]
    assert kinds(small(rules)) == set()


def test_reported_rules_are_noted_alone():
    findings = lint(small([{"volume": {"min": 7}, "where": {"channel": "phone"}, "mode": "report"}]))
    assert [finding.kind for finding in findings] == ["note"]


def test_money_outside_a_filter_is_noted():
    scenario = small(
        [{"budget": {"max": 20}, "where": {"country": "FR"}}],
        channels={"email": {"unit_cost": 1}, "phone": {"unit_cost": 4, "fixed_cost": 10}},
        media={"display": {"spend": {"max": 9}, "curve": {"power": {"scale": 1, "exponent": 0.5}}}},
    )
    notes = {finding.message for finding in lint(scenario) if finding.kind == "note"}
    assert notes == {
        "the media of display stay outside rule 'rule 1': they declare no country",
        "the fixed costs of phone stay outside rule 'rule 1': they declare no country",
    }


def test_an_offer_that_can_never_open_is_noted():
    scenario = small(offers={"tour": {"gross_margin": 20.0, "min_volume_if_opened": 13}})
    assert [finding.message for finding in lint(scenario)] == [
        "tour can never open: it needs 13 contacts, 12 are possible"
    ]


def test_unmatched_tables_and_dates_are_noted():
    table = pd.DataFrame({"country": ["FR", "IT"], "slots": [1, 1]})
    rules: list[dict[str, Any]] = [
        {"volume": {"max": {"table": table, "column": "slots"}}, "each": "country"},
        {"volume": {"max": 1, "days": 2, "except": [{"date": "2026-03-07", "max": 0}]}},
    ]
    notes = [finding.message for finding in lint(small(rules)) if finding.kind == "note"]
    assert any("no max in its table for country=DE" in note for note in notes)
    assert any("a max in its table for IT" in note for note in notes)
    assert any("no activity on 2026-03-07" in note for note in notes)


# --- whatever is said holds for every plan of a small problem ---------------------------------------------------------


def random_rule(random: Random) -> dict[str, Any]:
    """A coupling or local rule with bounds near what is possible."""
    where = random.choice([None, {"channel": "phone"}, {"wave": "w1"}, {"country": "FR"}, "age > 40"])
    bound = {random.choice(["min", "max"]): None}
    verb = random.choice(
        ["volume", "volume", "budget", "sum", "average", "ratio", "share", "open", "contacts", "exclude"]
    )
    side = next(iter(bound))
    if verb == "exclude":
        return {"exclude": random.choice([{"channel": "phone", "country": "FR"}, {"wave": "w2", "channel": "email"}])}
    if verb == "contacts":
        return {"contacts": {"max": random.choice([1, 2])}}
    spread = {
        "volume": range(5), "budget": range(1, 14), "sum": [0.2, 0.5, 0.7, 1.0, 1.6], "average": [30, 45, 65],
        "ratio": [0.1, 0.13, 0.25], "share": [0.0, 0.3, 0.6, 1.0], "open": [0, 1, 2],
    }  # fmt: skip
    body: dict[str, Any] = {side: float(random.choice(list(spread[verb])))}
    named: dict[str, dict[str, Any]] = {
        "sum": {"of": "responses"}, "average": {"of": "age"}, "ratio": {"of": "responses", "to": "cost"},
        "share": {"of": {"channel": "phone"}}, "open": {"of": "channel"},
        "volume": random.choice([{}, {}, {"of": "customers"}, {"days": 3}]),
    }  # fmt: skip
    rule: dict[str, Any] = {verb: body | named.get(verb, {})} | ({} if where is None else {"where": where})
    if verb not in ("average", "ratio", "share") and random.random() < 0.3:
        rule["each"] = random.choice(["country", "wave"])
    if random.random() < 0.2:
        rule["soft"] = {"penalty": 2.0} | ({"tolerance": 1.0} if random.random() < 0.5 else {})
    return rule


@pytest.mark.parametrize("seed", range(40))
def test_what_the_lint_says_holds_for_every_plan(seed):
    random = Random(seed)
    rules = [random_rule(random) for _ in range(random.choice([1, 2, 3]))]
    rules += [{"effect": {"contact": 2, "factor": random.choice([0.5, 1.5])}}] if random.random() < 0.3 else []
    keys: dict[str, Any] = {"customers": CUSTOMERS[:2], "objective": random.choice(["net_margin", "responses"])}
    if random.random() < 0.3:
        keys["responses"] = {"combine": "independent", "per": ["customer_id"]}
    rules = [{"name": f"rule {number}", **rule} for number, rule in enumerate(rules)]
    scenario = small(rules, **keys)
    problem = compile_problem(scenario)
    impossible = infeasible_by_count(problem)
    idle = [finding for finding in lint(scenario) if finding.kind in ("redundant", "dead")]
    if not impossible and not idle:
        return
    optimum = best(problem)
    assert optimum is None or not impossible
    for finding in idle:
        other = best(compile_problem(small([rule for rule in rules if rule["name"] != finding.rule], **keys)))
        assert other == (None if optimum is None else pytest.approx(optimum)), finding


def best(problem: Problem) -> float | None:
    """The best objective, penalties deducted, of all plans of a problem without media; None when none is accepted."""
    spend, values = np.empty(0), []
    for chosen in itertools.product([False, True], repeat=len(problem.customer)):
        plan = np.array(chosen)
        judgement = check(problem, plan, spend)
        if judgement.accepted:
            values.append(evaluate(problem, problem.objective, plan, spend) - judgement.penalty)
    return max(values, default=None)
