"""What the decomposed path does when things go wrong: deaths, no time, rules for nobody, rules that cannot be met."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import optimizer as opt
from optimizer import engine
from optimizer.errors import Infeasible, NoPlan
from optimizer.scenario.rule_schema import Volume
from optimizer.solve import choice, large_bill
from optimizer.solve.child import solver_child
from optimizer.solve.decomposed import decomposed
from optimizer.solve.decomposed.decomposed import NotDecomposed
from tests.benchmarks.scale.generate import generate

CUSTOMERS = 700


@pytest.fixture(autouse=True)
def _decomposed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "DECOMPOSED_PAIRS", 0)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place: Path = tmp_path_factory.mktemp("faults")
    generate(place, CUSTOMERS, 24, 3)
    return place / "scenario.yaml"


@pytest.fixture(scope="module")
def scenario(file: Path) -> opt.Scenario:
    return opt.load(file)


def is_a_plan(plan: opt.Plan) -> None:
    """A plan that passed its check, solved by prices, with a bound."""
    assert plan.certificate.objective <= plan.certificate.bound
    assert any(note.startswith("solved by prices") for note in plan.notes)


def test_a_solver_killed_in_every_core_leaves_a_plan(tmp_path: Path) -> None:
    scenario = opt.load(generate(tmp_path, 150, 24, 3))  # a process a kill: half a second each
    killed = []

    def kill(stage: str, objective: float, bound: float) -> None:
        process = solver_child().process
        if stage.startswith("core of") and process is not None and process.poll() is None:
            killed.append(process.pid)
            process.kill()

    opt.solve(scenario, gap=0.5)  # the solver's process is up
    plan = opt.solve(scenario, gap=1e-3, time_limit=60, progress=kill)
    assert killed
    is_a_plan(plan)


def test_a_limit_of_a_second(scenario: opt.Scenario) -> None:
    plan = opt.solve(scenario, gap=0.0, time_limit=1.0)
    is_a_plan(plan)
    assert plan.certificate.status == "feasible"
    assert any("limit of 1 seconds" in note for note in plan.notes)


def test_a_class_of_one_customer_and_a_rule_for_nobody(file: Path, tmp_path: Path) -> None:
    for name in ("appetence.parquet", "history.parquet"):
        (tmp_path / name).write_bytes((file.parent / name).read_bytes())
    customers = pd.read_parquet(file.parent / "customers.parquet")
    customers["segment"] = customers["segment"].astype(str)
    customers.loc[customers.index[0], "segment"] = "alone"
    customers.to_parquet(tmp_path / "customers.parquet", index=False)
    (tmp_path / "scenario.yaml").write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    alone = opt.load(tmp_path / "scenario.yaml").with_rule(
        "one offer for most", targets={"max": 0, "among": ["privilege", "newcomer"]}, where={"segment": "alone"}
    )
    plan = opt.solve(alone, gap=1e-3)
    is_a_plan(plan)
    assert str(customers["customer_id"].iloc[0]) not in set(plan.contacts["customer_id"].astype(str))


@pytest.mark.parametrize("soft", [False, True])
def test_rules_that_contradict_each_other_end_in_a_bill(
    scenario: opt.Scenario, soft: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A budget that pays for no part of what the minima ask, with and without another rule that may bend."""
    monkeypatch.setattr(engine, "BILL_PAIRS", 0)
    monkeypatch.setattr(large_bill, "TIME_LIMIT", 5.0)
    rules = [rule for rule in scenario.rules if isinstance(rule.volume, Volume) and rule.volume.min is not None]
    broke = scenario.with_rule("total budget", budget={"max": 1.0})
    if soft:
        broke = broke.with_rule(rules[0].name, soft={"penalty": 3.0})
    with pytest.raises(Infeasible) as told:
        opt.solve(broke, time_limit=60)
    assert told.value.bill.shortages


def test_what_neither_path_can_take_is_said(scenario: opt.Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **settings: object) -> None:
        raise NotDecomposed("local rules of 7 customers allow too many states for a diagram")

    monkeypatch.setattr(decomposed, "solve_decomposed", refuse)
    monkeypatch.setattr(choice, "SECOND_TRY_PAIRS", 1_000)
    with pytest.raises(NoPlan, match=r"too many for one program .* local rules of 7 customers"):
        opt.solve(scenario)
