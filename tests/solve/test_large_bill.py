"""The bill by prices against the bill of the whole: as cheap a way out, which is one, and rules that do conflict."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer import engine
from optimizer.errors import Infeasible
from optimizer.solve import large_bill
from optimizer.solve.bill import Bill
from optimizer.solve.large_bill import GAP


def scenario(seed: int, *, soft: bool = False) -> opt.Scenario:
    """Calls asked for in two countries that neither the money nor the call centre allows."""
    random = np.random.default_rng(seed)
    names = [f"c{k:04d}" for k in range(400)]
    floor = {"name": "letters", "volume": {"min": 390}, "where": {"channel": "print"}}
    if soft:
        floor["soft"] = {"penalty": 2.0, "tolerance": 40}
    return opt.Scenario(
        name="too much",
        customers=pd.DataFrame({"customer_id": names, "country": random.choice(["FR", "DE"], 400)}),
        appetence=pd.DataFrame(
            {"customer_id": names} | {name: random.uniform(0.01, 0.2, 400) for name in ("print", "phone")}
        ),
        channels={"print": {"unit_cost": 1.2}, "phone": {"unit_cost": 6.5}},
        offers={"one": {"gross_margin": 60}},
        rules=[
            {"name": "calls", "volume": {"max": int(random.integers(90, 110))}, "where": {"channel": "phone"}},
            {"name": "calls in France", "volume": {"min": 70}, "where": {"channel": "phone", "country": "FR"}},
            {"name": "calls in Germany", "volume": {"min": 66}, "where": {"channel": "phone", "country": "DE"}},
            floor,
            {"name": "money", "budget": {"max": float(random.integers(800, 1000))}},
            {"name": "one each", "contacts": {"max": 1}},
        ],
    )  # fmt: skip


def bill_of(asked: opt.Scenario) -> Bill:
    with pytest.raises(Infeasible) as told:
        opt.solve(asked, time_limit=60)
    bill: Bill = told.value.bill
    return bill


def price(bill: Bill) -> float:
    """What the way out costs: each bound bends at one over its size."""
    return sum(one.short / max(1.0, abs(one.bound or 0.0)) for one in bill.shortages)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_way_out_by_prices_is_as_cheap(seed: int, soft: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = scenario(seed, soft=soft)
    whole = bill_of(asked)
    monkeypatch.setattr(engine, "BILL_PAIRS", 0)
    bill = bill_of(asked)
    assert price(whole) * (1 - 1e-6) <= price(bill) <= price(whole) * (1 + 2 * GAP) + 1e-9
    assert set(bill.conflict) >= {one.rule for one in bill.shortages}
    assert not bill.minimal


@pytest.mark.parametrize("seed", range(3))
def test_bounds_bent_so_leave_a_plan(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BILL_PAIRS", 0)
    asked = scenario(seed)
    for short in bill_of(asked).shortages:
        asked = bent(asked, short.rule, short.side, short.short)
    assert opt.solve(asked, gap=0.5).certificate.status == "optimal"


def test_a_rule_soft_on_one_side_is_short_of_all_on_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    below = {"penalty": 2, "tolerance": 8, "side": "min"}
    asked = scenario(0).with_rule("calls", volume={"min": 20, "max": 130}, soft=below)
    asked = asked.with_rule("letters", volume={"min": 1}).with_rule("money", budget={"max": 9_000})
    whole = bill_of(asked)
    monkeypatch.setattr(engine, "BILL_PAIRS", 0)
    assert price(bill_of(asked)) == pytest.approx(price(whole), rel=2 * GAP)


def bent(asked: opt.Scenario, name: str, side: str, by: float) -> opt.Scenario:
    rule = next(rule for rule in asked.rules if rule.name == name)
    verb = getattr(rule, rule.verb)
    bound = verb.min - by if side == "min" else verb.max + by
    return asked.with_rule(name, **{rule.verb: {side: bound}})


def test_where_prices_find_no_way_out_the_rules_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*arguments: Sequence[object]) -> None:
        return None

    monkeypatch.setattr(engine, "BILL_PAIRS", 0)
    monkeypatch.setattr(large_bill, "large_bill_of", nothing)
    bill = bill_of(scenario(0))
    assert bill.findings[-1] == engine.LARGE
    assert not bill.shortages
