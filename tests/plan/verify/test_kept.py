"""What a check keeps of the facts for the next one: never what another rule, filter or scenario made."""

from __future__ import annotations

import gc
from threading import Barrier, Thread
from time import sleep
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optimizer.errors import ScenarioError
from optimizer.plan import bundles, kept
from optimizer.plan.kept import Kept, kept_of
from optimizer.plan.verify import verify
from optimizer.scenario import Scenario
from tests.fuzzing.case import case
from tests.fuzzing.properties import scenario_of
from tests.plan.small import contacts, customers, past, small

#: Rules that read the past, customers or who is eligible; each differs from another in one thing that it says.
RULES: list[dict[str, Any]] = [
    {"contacts": {"max": 1, "days": 7}},
    {"contacts": {"max": 1, "days": 14}},
    {"contacts": {"max": 1}},
    {"contacts": {"max": "few", "days": 14}},
    {"contacts": {"max": "many", "days": 14}},
    {"contacts": {"max": 1, "days": 14}, "where": {"channel": "email"}},
    {"contacts": {"max": 1, "days": 14}, "where": {"channel": "sms"}},
    {"contacts": {"max": 1, "days": 14}, "where": {"country": "FR"}},
    {"contacts": {"max": 1, "days": 14}, "where": {"country": "BE"}},
    {"contacts": {"max": 1, "days": 14}, "where": {"country": ["FR", "BE"]}},
    {"contacts": {"max": 1, "days": 14}, "each": "channel"},
    {"contacts": {"max": 1, "days": 14}, "each": "wave"},
    {"pressure": {"max": 1, "days": 14}},
    {"duplicates": {"max": 2, "days": 30, "of": "channel"}},
    {"duplicates": {"max": 1, "days": 14, "of": "offer"}},
    {"rest": {"days": 4}},
    {"rest": {"days": 12}},
    {"rest": {"days": 12}, "where": {"channel": "email"}},
    {"never": {"first": {"channel": "email"}, "then": {"channel": "sms"}, "days": 6}},
    {"never": {"first": {"channel": "email"}, "then": {"channel": "sms"}, "days": 20}},
    {"never": {"first": {"channel": "sms"}, "then": {"channel": "email"}, "days": 20}},
    {"never": {"first": {"channel": "email"}, "then": {"channel": "email"}, "days": 20}},
    {"never": {"together": [{"channel": "email"}, {"channel": "sms"}], "days": 5}},
    {"never": {"together": [{"channel": "email"}, {"channel": "sms"}]}},
    {"never": {"together": [{"channel": "email"}, {"channel": "sms"}], "days": 10_000_000}},
    {"only_after": {"what": {"channel": "sms"}, "after": {"channel": "email"}, "days": {"max": 5}}},
    {"only_after": {"what": {"channel": "sms"}, "after": {"channel": "email"}, "days": {"max": 30}}},
    {"only_after": {"what": {"channel": "sms"}, "after": {"channel": "phone"}, "days": {"max": 30}}},
    {"targets": {"min": 1, "among": ["o"]}},
    {"targets": {"min": 1, "among": ["o"]}, "where": {"country": "FR"}},
    {"volume": {"max": 1}, "where": {"country": "FR"}},
    {"volume": {"max": 1}, "where": {"country": "BE"}},
    {"volume": {"max": 1}, "where": {"country": "FR", "channel": "email"}},
    {"volume": {"max": 1}, "each": "country"},
    {"volume": {"max": 1}, "each": "country", "where": {"country": "FR"}},
    {"volume": {"max": 1}, "each": ["country", "wave"]},
    {"exclude": {"country": "FR"}},
    {"exclude": {"country": "BE", "channel": "sms"}},
]
PLANS = [
    ["anna email w1", "anna sms w2", "ben sms w1", "cleo email w2"],
    ["anna sms w1", "ben email w1", "ben sms w2", "cleo phone w1", "cleo email w2"],
    ["ben phone w2", "cleo email w1", "cleo sms w2"],
    ["anna phone w2", "cleo sms w1", "cleo email w1"],
    ["anna email w1"],
    ["cleo email w1", "ben email w2", "ben sms w1", "anna email w2"],
]


def scenario(rule: dict[str, Any], *others: dict[str, Any]) -> Scenario:
    """Three customers of three countries, with a past and a committed contact."""
    return small(
        {"name": "rule", **rule},
        *others,
        waves={"w1": "2026-03-02", "w2": "2026-03-09"},
        customers=customers(country=["FR", "BE", "IT"], few=[1, 1, 2], many=[2, 3, 4]),
        channels={
            "email": {"unit_cost": 1},
            "sms": {"unit_cost": 2, "pressure": 1.5},
            "phone": {"unit_cost": 5, "pressure": 0.125},
        },
        history=past("anna 2026-02-20 email o", "anna 2026-02-26 sms o", "ben 2026-02-27 email o"),
        committed=past("cleo 2026-03-06 sms o", "ben 2026-03-02 phone o"),
    )


def verdicts(here: Scenario) -> str:
    """All that the check says of some plans."""
    found = [verify(here, contacts(here, *plan)) for plan in PLANS]
    return "\n".join(f"{one.checks.to_csv()}{one.valuation.objective!r}" for one in found)


def turned(here: Scenario, rule: dict[str, Any]) -> Scenario:
    """The scenario, which has the first rule, with another in its place and the same facts."""
    facts = here.facts  # read before it is copied
    other = here.with_rule("rule", **(dict.fromkeys(RULES[0]) | rule))
    assert other.facts is facts
    return other


@pytest.mark.parametrize("backwards", [False, True])
def test_no_rule_takes_what_another_left(backwards: bool) -> None:
    first = scenario(RULES[0])
    found = {}
    for k in sorted(range(len(RULES)), reverse=backwards):
        found[k] = verdicts(turned(first, RULES[k]))
    alone = [verdicts(scenario(rule)) for rule in RULES]
    assert len(set(alone)) == len(RULES), "the check says something else of every rule"
    for k, rule in enumerate(RULES):
        assert found[k] == alone[k], rule


def test_what_another_rule_takes_away_is_not_kept() -> None:
    asked = {"name": "asked", "targets": {"min": 1, "among": ["o"]}}
    rules = [rule for rule in RULES if "exclude" in rule or "volume" in rule]
    first = scenario(RULES[0], asked)
    found = [verdicts(turned(first, rule)) for rule in rules]
    assert found == [verdicts(scenario(rule, asked)) for rule in rules]


def test_other_facts_have_their_own() -> None:
    one, other = scenario(RULES[0]), scenario(RULES[0])
    verdicts(one)
    assert kept_of(one.facts) is kept_of(one.facts)
    assert kept_of(one.facts) is not kept_of(other.facts)
    assert kept_of(other.facts).bytes == 0


def test_it_is_forgotten_with_the_facts() -> None:
    here = scenario(RULES[0])
    for rule in RULES:
        verdicts(turned(here, rule))
    key = id(here.facts)
    assert kept_of(here.facts).bytes > 0
    del here
    gc.collect()
    assert key not in kept._KEPT, "something kept holds the facts"


def test_a_part_is_made_once_however_many_ask() -> None:
    here, made, got = Kept(), [], []
    start = Barrier(4)

    def make() -> object:
        made.append(1)
        sleep(0.02)  # long enough for the others to ask
        return object()

    def ask() -> None:
        start.wait()
        got.append(here.of("part", make))

    threads = [Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(made) == 1
    assert len({id(one) for one in got}) == 1


def test_nothing_is_kept_beyond_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 1000)
    monkeypatch.setattr(kept, "MOST_OF_ONE", 500)
    here = Kept()
    assert len(here.of("too large", lambda: np.zeros(100))) == 100
    assert here.bytes == 0
    for k in range(4):
        assert here.of(k, lambda k=k: np.full(50, float(k)))[0] == k  # type: ignore[misc]
    assert here.bytes == 800
    first = scenario(RULES[0])
    for rule in RULES[::6]:
        assert verdicts(turned(first, rule)) == verdicts(scenario(rule))
    assert kept_of(first.facts).bytes <= 1000


def everything(here: Scenario) -> pd.DataFrame:
    """Every eligible contact as a plan."""
    pairs = here.facts.pairs
    named = {
        "customer_id": here.facts.customers["customer_id"].to_numpy(object)[pairs.customer],
        "activity": here.facts.activities["activity"].to_numpy(object)[pairs.activity],
    }
    return pd.DataFrame(named, dtype=str)


def said(here: Scenario, plans: list[pd.DataFrame]) -> list[str]:
    """All that the check says of plans, figures to the last bit."""
    found = [verify(here, plan) for plan in plans]
    return [f"{one.checks.map(repr).to_csv()}{one.valuation.objective!r}" for one in found]


@pytest.mark.parametrize("verb", ["targets", "exclude", "control", "effect", "contacts", "never", "only_after"])
@pytest.mark.parametrize("seed", [700])
def test_changed_rules_say_what_they_say_of_fresh_facts(seed: int, verb: str) -> None:
    spec = case(seed, verb)
    first = scenario_of(spec)
    facts = first.facts
    offers = sorted({offer for named in facts.activities["offers"] for offer in named})
    changes: list[dict[str, Any]] = [{}, {"mode": "report"}, {"each": "channel"}]
    changes += [{"where": {"channel": name}} for name in facts.activities["channel"].unique()]
    targets = [{"among": [name], **bounds} for name in offers for bounds in ({"min": 1}, {"max": 0})]
    targets += [{"among": offers, "min": 1, "if_contacted": True}, {"among": offers, "min": 2}]
    own = next((rule for rule in first.spec.rules if verb in rule.model_fields_set), None)
    changes += [{"targets": one} for one in targets] if own is not None and own.targets is not None else []
    plans = [everything(first).iloc[start::step] for start, step in ((0, 1), (0, 2), (1, 3))]
    for rule in first.spec.rules:
        for change in changes:
            if "targets" in change and rule.targets is None:
                continue
            try:
                fresh = scenario_of(spec).with_rule(rule.name, **change)
                _ = fresh.rules
            except ScenarioError:
                continue  # not every rule takes every key
            again = first.with_rule(rule.name, **change)
            if again.facts is facts:
                assert said(again, plans) == said(fresh, plans), (rule.name, change)


@pytest.mark.parametrize("seed", range(700, 730))
def test_bundles_say_what_contacts_say_one_by_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    here = scenario_of(case(seed))
    plans = [everything(here).iloc[start::step] for start, step in ((0, 1), (0, 2), (1, 3))]
    together = said(here, plans)
    monkeypatch.setattr(bundles, "WIDEST", 0)
    assert said(here, plans) == together
