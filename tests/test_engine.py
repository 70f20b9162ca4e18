"""The library face: what a solve promises, what it raises, and how it stops."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyomo.environ as pyo
import pytest

import optimizer as opt
from optimizer import engine
from optimizer.rules import compile_problem, infeasible_by_count
from optimizer.solve.choice import solve_by_size
from optimizer.solve.solution import Solution

ROOT = Path(__file__).parents[1]


def keys(**more: Any) -> dict[str, Any]:
    """Six customers, two channels: small enough to reckon by hand."""
    customers = pd.DataFrame(
        {"customer_id": list("abcdef"), "segment": ["gold", "gold", "std", "std", "std", "std"], "value": [100.0] * 6}
    )
    scores = pd.DataFrame(
        {
            "customer_id": list("abcdef"),
            "email": [0.01, 0.02, 0.03, 0.04, 0.05, 0.06],
            "sms": [0.12, 0.11, 0.10, 0.09, 0.08, None],
        }
    )
    return {
        "customers": customers,
        "appetence": scores,
        "channels": {"email": {"unit_cost": 0.5}, "sms": {"unit_cost": 2.0}},
        "offers": {"spring": {"gross_margin": "value"}},
        **more,
    }


ONE_EACH = {"name": "one each", "contacts": {"max": 1}}
TWO_TEXTS = {"name": "two texts", "volume": {"max": 2}, "where": {"channel": "sms"}}


def test_a_plan_reckoned_by_hand() -> None:
    plan = opt.solve(opt.Scenario(**keys(rules=[ONE_EACH, TWO_TEXTS])), gap=0)
    # Net by e-mail: 0.5 1.5 2.5 3.5 4.5 5.5; by text: 10 9 8 7 6 –. A text gains 9.5 7.5 5.5 3.5 1.5: a and b.
    assert dict(zip(plan.contacts["customer_id"], plan.contacts["channel"], strict=True)) == {
        "a": "sms", "b": "sms", "c": "email", "d": "email", "e": "email", "f": "email",
    }  # fmt: skip
    assert plan.objective == pytest.approx(10 + 9 + 2.5 + 3.5 + 4.5 + 5.5)
    assert plan.totals["cost"] == pytest.approx(2 * 2 + 4 * 0.5)
    assert plan.certificate.status == "optimal"
    assert plan.certificate.objective == plan.objective
    assert plan.certificate.bound >= plan.objective * (1 - 1e-9)
    assert plan.passed
    gateway = plan.rules.set_index("rule").loc["two texts"]
    assert (gateway["value"], gateway["max"], gateway["slack"]) == (2, 2, 0)
    assert 3.5 - 1e-6 <= gateway["shadow_price"] <= 7.5 + 1e-6, (
        "a third text is worth 5.5 gained, within its degeneracy"
    )
    assert list(plan.binding()["rule"].unique()) == ["one each", "two texts"]


def test_a_minimised_cost_is_told_with_its_own_sign() -> None:
    floor = {"name": "responses", "sum": {"of": "responses", "min": 0.25}}
    told: list[tuple[str, float, float]] = []
    plan = opt.solve(
        opt.Scenario(**keys(objective={"minimize": "cost"}, rules=[ONE_EACH, floor])),
        gap=0,
        progress=lambda *a: told.append(a),
    )
    # Six e-mails give 0.21 for 3.0; a text in place of a's e-mail gives 0.32 for 4.5; without b's and c's e-mail
    # 0.27 for 3.5; text a alone with e and f: 0.23. text a, d, e, f: 0.12 + 0.15 = 0.27 for 2 + 1.5 = 3.5;
    # text a, b: 0.23 for 4. text a, c or d or …: three e-mails are needed beside one text: 3.5 is the least.
    assert plan.objective == pytest.approx(3.5)
    assert plan.certificate.bound <= plan.objective * (1 + 1e-9)
    assert plan.summary["sense"] == "minimize"
    stated = [(objective, bound) for _, objective, bound in told if math.isfinite(objective) and math.isfinite(bound)]
    assert stated
    assert all(objective > 0 and bound <= objective + 1e-6 for objective, bound in stated)


def test_evaluate_values_a_plan_that_breaks_rules_and_says_which() -> None:
    scenario = opt.Scenario(**keys(rules=[ONE_EACH, TWO_TEXTS]))
    mine = pd.DataFrame({"customer_id": ["a", "b", "c"], "channel": "sms"})
    found = opt.evaluate(scenario, mine)
    assert found.objective == pytest.approx(10 + 9 + 8)
    assert not found.passed
    assert len(found.failures) == 1
    assert "two texts" in found.failures[0]
    assert opt.evaluate(scenario, mine.iloc[:2]).passed


def test_evaluate_never_beats_the_bound() -> None:
    scenario = opt.Scenario(**keys(rules=[ONE_EACH, TWO_TEXTS]))
    plan = opt.solve(scenario)
    again = opt.evaluate(scenario, plan.contacts, plan.spend)
    assert again.objective == pytest.approx(plan.objective, rel=1e-12)
    assert again.summary["contacts"] == plan.summary["contacts"]


def test_a_plan_table_that_names_no_single_activity_is_refused() -> None:
    waves = [{"name": "w1", "date": "2026-03-05"}, {"name": "w2", "date": "2026-03-12"}]
    scenario = opt.Scenario(**keys(waves=waves))
    with pytest.raises(opt.ScenarioError, match="several activities"):
        opt.evaluate(scenario, pd.DataFrame({"customer_id": ["a"], "channel": ["sms"]}))
    found = opt.evaluate(scenario, pd.DataFrame({"customer_id": ["a"], "channel": ["sms"], "wave": ["w2"]}))
    assert found.contacts["date"].dt.strftime("%Y-%m-%d").tolist() == ["2026-03-05" if False else "2026-03-12"]


@pytest.mark.parametrize(
    "wrong", [{"gap": -1.0}, {"gap": 1.0}, {"gap": math.nan}, {"time_limit": 0.0}, {"time_limit": math.nan}]
)
def test_limits_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(opt.ScenarioError, match=next(iter(wrong))):
        opt.solve(opt.Scenario(**keys()), **wrong)


def test_infeasible_carries_its_bill_as_data() -> None:
    floor = {"name": "floor", "volume": {"min": 6}, "where": {"channel": "sms"}}
    with pytest.raises(opt.Infeasible) as raised:
        opt.solve(opt.Scenario(**keys(rules=[floor])))
    assert "floor" in raised.value.bill.conflict
    assert [(item.rule, item.short) for item in raised.value.bill.shortages] == [("floor", 1.0)]
    assert "floor" in str(raised.value)


def crowded(**more: Any) -> dict[str, Any]:
    """Twenty contacts a customer may get, whose responses depend on each other: only a cap keeps them few."""
    customers = pd.DataFrame({"customer_id": ["a", "b"], "value": [100.0, 100.0]})
    waves = [{"name": f"w{day:02}", "date": f"2026-03-{day:02}"} for day in range(1, 21)]
    rules = [{"name": "cap", "contacts": {"max": 1}}, {"name": "tired", "effect": {"contact": 2, "factor": 0.5}}]
    return {
        "objective": "responses",
        "customers": customers,
        "appetence": customers[["customer_id"]].assign(email=0.1),
        "channels": {"email": {"unit_cost": 0.0}},
        "waves": waves,
        "rules": [*rules, *more.pop("rules", [])],
        **more,
    }


def test_a_bill_comes_even_where_a_bent_cap_leaves_too_many_combinations() -> None:
    """``first`` and ``last`` each hold alone; with ``cap`` they cannot both."""
    ends = [
        {"name": name, "include": {"channel": "email"}, "where": {"wave": wave}}
        for name, wave in (("first", "w01"), ("last", "w20"))
    ]
    with pytest.raises(opt.Infeasible) as raised:
        opt.solve(opt.Scenario(**crowded(rules=ends)))
    assert set(raised.value.bill.conflict) == {"cap", "first", "last"}
    assert raised.value.bill.shortages


def test_a_bill_keeps_a_rule_without_which_it_cannot_tell() -> None:
    many = {"name": "many", "sum": {"of": "responses", "min": 0.15}}
    quiet = {"name": "quiet", "exclude": {"channel": "email"}, "where": {"customer_id": "b"}}
    with pytest.raises(opt.Infeasible) as raised:
        opt.solve(opt.Scenario(**crowded(rules=[many, quiet])))
    bill = raised.value.bill
    assert {"cap", "many"} <= set(bill.conflict)
    assert not bill.minimal
    assert [item.rule for item in bill.shortages] == ["many"]
    assert bill.shortages[0].short == pytest.approx(0.05)


def test_counts_that_suffice_are_done_before_any_solve(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object, **options: object) -> Solution:
        raise AssertionError("the search was started")

    monkeypatch.setattr(engine, "solve_by_size", never)
    floor = {"name": "floor", "volume": {"min": 6}, "where": {"channel": "sms"}}
    with pytest.raises(opt.Infeasible) as raised:
        opt.solve(opt.Scenario(**keys(rules=[floor])))
    assert any("floor" in finding for finding in raised.value.bill.findings)


def test_a_minimum_that_customers_cannot_reach_is_told_before_any_solve(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object, **options: object) -> Solution:
        raise AssertionError("the search was started")

    monkeypatch.setattr(engine, "solve_by_size", never)
    with pytest.raises(opt.Infeasible) as raised:
        opt.solve(opt.Scenario(**keys(rules=[{"name": "two", "contacts": {"min": 2}}])))
    (finding,) = raised.value.bill.findings
    assert finding == (
        "rule 'two' asks for more than 1 of the 6 customers it binds can have: f needs 2 and can have 1 at most"
    )
    assert raised.value.bill.conflict == ("two",)


@pytest.mark.parametrize(
    "more",
    [
        {"soft": {"penalty": 1.0}},
        {"soft": {"penalty": 1.0, "side": "max"}},
        {"mode": "report"},
        {"where": {"channel": "sms"}, "contacts": {"min": 1, "max": 1}, "soft": {"penalty": 1.0}},
        {"where": {"segment": "gold"}},
    ],
)
def test_a_minimum_that_may_be_missed_or_met_is_no_proof(more: dict[str, Any]) -> None:
    scenario = opt.Scenario(**keys(rules=[{"name": "two", "contacts": {"min": 2}, **more}]))
    assert infeasible_by_count(compile_problem(scenario), scenario) == []


def test_a_plan_that_fails_once_is_solved_again_on_tightened_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def spoiled_once(problem: Any, *, tighten: float, **options: Any) -> Solution:
        tried.append(tighten)
        found = solve_by_size(problem, tighten=tighten, **options)
        return replace(found, contacts=~found.contacts) if not tighten else replace(found, bound=found.bound + 5)

    monkeypatch.setattr(engine, "solve_by_size", spoiled_once)
    plan = opt.solve(opt.Scenario(**keys(rules=[ONE_EACH, TWO_TEXTS])))
    assert tried == list(engine.TIGHTENINGS[:2])
    assert plan.objective == pytest.approx(35.0)
    assert plan.certificate.bound == pytest.approx(35.0), "the bound stays that of the true rows"


def test_the_model_has_the_planners_names() -> None:
    model = opt.to_pyomo(opt.Scenario(**keys(rules=[ONE_EACH, TWO_TEXTS])))
    names = [component.name for component in model.component_objects()]
    assert any("two" in name and "texts" in name for name in names)
    assert any("one" in name and "each" in name for name in names)


def test_two_contacts_in_one_package_contradict_nothing() -> None:
    """Counting once took every contact for a package of its own, and called this scenario infeasible."""
    two = {"name": "two", "volume": {"min": 2}, "where": {"customer_id": "a"}}
    together = {"name": "together", "volume": {"of": "packages", "max": 1}, "where": {"customer_id": "a"}}
    plan = opt.solve(opt.Scenario(**keys(rules=[two, together])))
    assert plan.passed
    assert (plan.contacts["customer_id"] == "a").sum() == 2


def test_without_dates_a_booked_contact_clashes_on_the_one_date() -> None:
    booked = pd.DataFrame({"customer_id": ["f"], "date": ["2026-02-28"], "channel": ["sms"]})
    never = {"name": "never", "never": {"first": {"channel": "sms"}, "then": {"channel": "email"}}}
    plan = opt.solve(opt.Scenario(**keys(rules=[never], committed=booked)))
    assert plan.passed
    assert "f" not in set(plan.contacts["customer_id"])


def test_booked_costs_that_fill_a_budget_to_the_cent_leave_a_plan() -> None:
    """3.47 + 0.84 is 4.3100000000000005 in float64: rounding must not turn a full budget into an exceeded one."""
    booked = pd.DataFrame(
        {"customer_id": ["a", "b"], "date": ["2026-02-28"] * 2, "channel": "sms", "cost": [3.47, 0.84]}
    )
    full = {"name": "full", "budget": {"min": 4.31, "max": 4.31}, "where": {"channel": "sms"}}
    plan = opt.solve(opt.Scenario(**keys(rules=[full], committed=booked)))
    assert plan.passed
    assert set(plan.contacts["channel"]) == {"email"}


def test_what_rounding_leaves_of_a_ratio_met_exactly_is_no_coefficient() -> None:
    """0.33 − 0.015 · 22 is 5.6e-17 in float64: it once made a row of its own that no answer seemed to hold."""
    scores = pd.DataFrame({"customer_id": ["a", "b"], "channel": "sms", "score": [0.1, 0.1], "cost": [0.33, 2.66]})
    customers = pd.DataFrame({"customer_id": ["a", "b"], "value": [80.0, 80.0], "age": [22, 22]})
    ratio = {"name": "ratio", "ratio": {"of": "cost", "to": "age", "max": 0.015}}
    plan = opt.solve(opt.Scenario(**{**keys(rules=[ratio]), "customers": customers, "appetence": scores}))
    assert list(plan.contacts["customer_id"]) == ["a"]


def test_tolerances_end_the_refinement_of_a_curve_only_once_it_no_longer_helps() -> None:
    """The solver's own allowance of 8e-6 once ended the third round, 1.6e-6 below a best that two more rounds find."""
    curve = {"hill": {"top": 8.71, "half": 4.0, "slope": 2.0}}
    media = {"display": {"spend": {"min": 3, "max": 5, "or_zero": False}, "curve": curve}}
    one: dict[str, Any] = {
        "customers": pd.DataFrame({"customer_id": ["t"]}),
        "appetence": pd.DataFrame({"customer_id": ["t"], "email": [0.193]}),
        "channels": {"email": {"unit_cost": 1.4}},
        "offers": {"a": {"gross_margin": 15.71}},
    }
    plan = opt.solve(opt.Scenario(**one, media=media), gap=1e-7)
    money = np.linspace(3.0, 5.0, 200_001)
    best = 0.193 * 15.71 - 1.4 + float((8.71 * money**2 / (16.0 + money**2) - money).max())
    assert plan.objective == pytest.approx(best, rel=2e-7)


def test_an_experts_own_constraint_is_solved() -> None:
    scenario = opt.Scenario(**keys(rules=[ONE_EACH, TWO_TEXTS]))
    free, model = opt.solve(scenario), opt.to_pyomo(scenario)
    model.fewer = pyo.Constraint(expr=sum(model.contact.values()) <= len(free.contacts) - 1)
    held = opt.solve(scenario, model=model)
    assert len(held.contacts) == len(free.contacts) - 1
    assert free.objective > held.objective
    assert held.certificate.bound >= held.objective
    assert any("edited" in note for note in held.notes)


def test_an_edited_model_without_a_plan_says_so() -> None:
    scenario = opt.Scenario(**keys(rules=[ONE_EACH, TWO_TEXTS]))
    model = opt.to_pyomo(scenario)
    model.impossible = pyo.Constraint(expr=sum(model.contact.values()) >= 1_000)
    with pytest.raises(opt.Infeasible, match="as edited"):
        opt.solve(scenario, model=model)


def test_solving_in_a_thread_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    found: list[opt.Plan] = []
    worker = threading.Thread(target=lambda: found.append(opt.solve(opt.Scenario(**keys(rules=[ONE_EACH])))))
    worker.start()
    worker.join(60)
    assert found[0].passed
    assert signal.getsignal(signal.SIGINT) is before


def test_signals_are_given_back_after_a_solve() -> None:
    before = signal.getsignal(signal.SIGINT)
    opt.solve(opt.Scenario(**keys(rules=[ONE_EACH])))
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("moment", ["verify", "tables_of"])
def test_ctrl_c_after_the_search_does_not_cost_the_plan(moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done = getattr(engine, moment)

    def interrupted(*given: Any, **named: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return done(*given, **named)

    # Started in the background, Python leaves Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(engine, moment, interrupted)
    try:
        plan = opt.solve(opt.Scenario(**keys(rules=[ONE_EACH])))
    finally:
        signal.signal(signal.SIGINT, before)
    assert plan.passed


@pytest.mark.skipif(os.name == "nt", reason="SIGINT to another process is a POSIX affair")
def test_ctrl_c_returns_the_best_verified_plan_with_its_gap(tmp_path: Path) -> None:
    scenario = ROOT / "scenarios" / "privilege_evenings" / "scenario.yaml"
    command = [
        sys.executable,
        "-m",
        "optimizer.cli",
        "solve",
        str(scenario),
        "--gap",
        "0",
        "--out",
        str(tmp_path / "plan"),
    ]
    running = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert running.stderr is not None
    deadline = time.monotonic() + 200
    told = []
    for line in running.stderr:
        told.append(line)
        if "best" in line and "gap" in line:
            # As a terminal does it: the signal goes to the whole group, solver process included.
            os.killpg(running.pid, signal.SIGINT)
            break
        assert time.monotonic() < deadline
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, "".join(told) + err
    assert "stopped by Ctrl-C" in out
    summary = json.loads((tmp_path / "plan" / "summary.json").read_text())
    assert summary["status"] == "feasible"
    assert 0 < summary["gap"] < 1
    assert summary["checks"]["passed"] == summary["checks"]["rows"]
