"""What is kept between solves on the same tables: taken where nothing it was made from differs, and nowhere else."""

from __future__ import annotations

import copy
import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer import reuse
from optimizer.problem import CouplingRow, Problem
from optimizer.reuse import Memory, memory_of, same, words
from optimizer.rules import compile_problem, infeasible_by_count, reached
from optimizer.rules.base import Finding
from optimizer.rules.lint_rules import Comparison
from optimizer.rules.reached import Kept, Reached
from optimizer.scenario.vocabulary import Vocabulary
from optimizer.solve import choice
from optimizer.solve.decomposed import prepared
from optimizer.solve.decomposed.columns import build_columns
from optimizer.solve.decomposed.structure import read_structure
from optimizer.solve.decomposed.sweep import plan_sweep
from tests.benchmarks.scale.generate import generate
from tests.benchmarks.scale.measure import with_budget


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place: Path = tmp_path_factory.mktemp("kept")
    generate(place, 500, 24, 7)
    return place / "scenario.yaml"


def test_another_budget_is_compiled_as_if_nothing_were_kept(file: Path) -> None:
    kept, fresh = opt.load(file), opt.load(file)
    compile_problem(kept)
    again = compile_problem(with_budget(kept, 0.8))
    alone = compile_problem(with_budget(fresh, 0.8))
    assert same(again, alone)
    before = compile_problem(kept)
    assert prepared.differs_in_bounds_alone(before, again)
    at = next(k for k, row in enumerate(before.coupling) if row.rule == "total budget")
    assert again.coupling[at].upper == pytest.approx(0.8 * before.coupling[at].upper)
    other = [k for k in range(len(before.coupling)) if k != at]
    assert all(again.coupling[k] is before.coupling[k] for k in other)  # taken, not made again


def test_another_local_rule_is_made_again(file: Path) -> None:
    scenario = opt.load(file)
    before = compile_problem(scenario)
    after = compile_problem(scenario.with_rule("rest", rest={"days": 9}))
    assert same(after, compile_problem(opt.load(file).with_rule("rest", rest={"days": 9})))
    assert not prepared.differs_in_bounds_alone(before, after)


def test_a_solve_from_what_is_kept_is_as_good(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "DECOMPOSED_PAIRS", 1)
    scenario = opt.load(file)
    first = opt.solve(scenario, gap=1e-3)
    built = memory_of(scenario.facts).prepared
    assert built is not None
    second = opt.solve(with_budget(scenario, 0.9), gap=1e-3, start=first)
    assert memory_of(scenario.facts).prepared is built
    alone = opt.solve(with_budget(opt.load(file), 0.9), gap=1e-3)
    assert second.certificate.objective <= alone.certificate.bound + 1e-6
    assert alone.certificate.objective <= second.certificate.bound + 1e-6


def _compared(problem: Problem, scenario: opt.Scenario, kept: bool, work: int) -> tuple[list[Finding], int]:
    """What counting finds, and the work it took."""
    memory = memory_of(scenario.facts) if kept else None
    comparison = Comparison(problem, {}, work, memory)
    return comparison.contradictions(strict=True) + comparison.local_minima(), comparison.ground.work


@pytest.mark.parametrize("at_hand", [10_000_000, 3_000, 0])
def test_counts_kept_say_what_counts_made_anew_say(
    file: Path, at_hand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reached, "AT_HAND", at_hand)
    scenario = opt.load(file)
    volumes = [rule.name for rule in scenario.rules if rule.verb == "volume"]
    others = [scenario, with_budget(scenario, 1e-4), scenario.with_rule(volumes[0], volume={"min": 490})]
    others += [scenario.with_rule(volumes[0], volume={"min": 100_000}), scenario.with_rule(volumes[0], mode="report")]
    for channel in ("email", "phone"):  # one rule and scope, two expressions
        others.append(scenario.with_rule(volumes[0], where={"channel": channel}, each=None, volume={"min": 490}))
    found = 0
    for other in others:
        problem = compile_problem(other)
        for work in (20_000, 100_000, 400_000):
            fresh = _compared(problem, other, False, work)
            assert _compared(problem, other, True, work) == fresh
            found += len(fresh[0])
    assert found


def test_what_a_row_reaches_is_looked_up_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario, made = opt.load(file), Reached._looked_at
    looked: list[str] = []

    def looked_at(known: Reached, row: CouplingRow) -> Kept:
        looked.append(row.rule)
        return made(known, row)

    monkeypatch.setattr(Reached, "_looked_at", looked_at)
    volume = next(rule for rule in scenario.rules if rule.verb == "volume" and rule.volume.min)  # type: ignore[union-attr]
    infeasible_by_count(compile_problem(scenario), scenario)
    assert looked
    looked.clear()
    for other in (with_budget(scenario, 0.9), scenario.with_rule(volume.name, volume={"min": 1})):
        infeasible_by_count(compile_problem(other), other)
    assert not looked
    # Another local rule, another reach.
    other = scenario.with_rule("rest", rest={"days": 9})
    infeasible_by_count(compile_problem(other), other)
    assert looked


def test_pairs_taken_away_are_counted_anew(file: Path) -> None:
    scenario = opt.load(file)
    some = scenario.facts.customers["customer_id"].iloc[:400].tolist()
    names = [rule.name for rule in scenario.rules if rule.verb == "volume"]
    least = {"volume": {"min": 300}, "where": None, "each": None}
    first = scenario.with_rule(names[0], **least)
    assert infeasible_by_count(compile_problem(first), first) == []
    closed = first.with_rule(names[1], volume=None, each=None, where=None, exclude={"customer_id": some})
    problem = compile_problem(closed)
    fresh = _compared(problem, closed, False, 30_000_000)
    assert _compared(problem, closed, True, 30_000_000) == fresh


def test_a_rule_that_passed_is_not_checked_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario, made = opt.load(file), Vocabulary.check_filter
    looked: list[str] = []

    def check_filter(words: Vocabulary, written: Any, place: str) -> None:
        looked.append(place)
        made(words, written, place)

    monkeypatch.setattr(Vocabulary, "check_filter", check_filter)
    assert {f"rule {rule.name}, where" for rule in scenario.rules} <= set(looked)
    looked.clear()
    other = with_budget(scenario, 0.9)
    assert [rule.name for rule in other.rules] == [rule.name for rule in scenario.rules]
    assert {place.split(", ")[0] for place in looked} == {"rule total budget"}
    for _ in range(2):  # what did not pass is not remembered as if it had
        with pytest.raises(opt.ScenarioError, match="rule total budget, where"):
            _ = scenario.with_rule("total budget", where={"chanel": "sms"}).rules
    assert scenario.with_rule("total budget", where={"channel": "print"}).rules


def test_everyones_sweep_is_planned_once(file: Path) -> None:
    scenario = opt.load(file)
    memory = Memory()
    duals = []
    for one in (scenario, with_budget(scenario, 0.9)):
        problem = compile_problem(one)
        structure = read_structure(problem)
        made = prepared.prepare(problem, structure, memory, lambda stage: None)
        assert made.whole is not None
        duals.append(made.whole.dual(structure))
    plan, again = (dual.everyone(7).plan for dual in duals)
    assert again is plan
    assert duals[0].everyone(5).plan.blocks == 5
    units = np.arange(duals[0].columns.units, dtype=np.int32)
    twins = duals[0].twins
    assert same(plan, plan_sweep(duals[0].columns, units if twins is None else twins.first, 7,
                                 None if twins is None else twins.copies))  # fmt: skip


def test_it_is_forgotten_with_the_facts(file: Path) -> None:
    scenario = opt.load(file)
    compile_problem(scenario)
    key = id(scenario.facts)
    assert key in reuse._MEMORIES
    del scenario
    gc.collect()
    assert key not in reuse._MEMORIES


def test_columns_too_many_to_keep_are_gone_before_the_check(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten million customers they are half of the memory that a check would need."""
    monkeypatch.setattr(choice, "DECOMPOSED_PAIRS", 1)
    monkeypatch.setattr(prepared, "KEPT_COLUMNS", 0)
    build: Any = build_columns
    built: list[Any] = []
    gone: list[list[bool]] = []

    def remembered(*arguments: Any) -> Any:
        columns = build(*arguments)
        built.append(weakref.ref(columns))
        return columns

    def told(stage: str, _objective: float, _bound: float) -> None:
        if stage.startswith("checking"):
            gone.append([one() is None for one in built])

    monkeypatch.setattr(prepared, "build_columns", remembered)
    gc.disable()  # nothing may wait for a search for what refers to itself
    try:
        opt.solve(opt.load(file), gap=1e-4, progress=told)
    finally:
        gc.enable()
    assert gone == [[True]]


def test_words_differ_where_values_do() -> None:
    table = pd.DataFrame({"a": [1]})
    assert words({"a": 1, "b": [1.0, "x"]}) == words({"a": 1, "b": [1.0, "x"]})
    for one, other in (
        ({"a": 1}, {"a": 1.0}),
        ([1, 2], [2, 1]),
        (["1"], [1]),
        (table, table.copy()),
        (["a, b"], ["a", "b"]),
    ):
        assert words(one) != words(other)


def test_same_looks_into_arrays() -> None:
    one = {"a": np.arange(3), "b": [1.0, (2, np.ones(2))]}
    assert same(one, copy.deepcopy(one))
    other = copy.deepcopy(one)
    other["b"][1][1][0] = 2.0  # type: ignore[index]
    assert not same(one, other)
    assert not same(np.arange(3), np.arange(3.0))


def test_a_rule_changed_is_checked_like_one_written(file: Path) -> None:
    scenario = opt.load(file)
    assert scenario.with_rule("rest", mode="report").rules[3].mode == "report"
    assert scenario.rules[3].mode == "enforce"
    with pytest.raises(opt.ScenarioError, match=r"expected the name of a rule: .*total budget"):
        scenario.with_rule("no such rule", mode="report")
    with pytest.raises(opt.ScenarioError, match=r"rule 'total budget'.*most"):
        scenario.with_rule("total budget", budget={"most": 5})


def test_a_table_of_bounds_changed_in_place_is_another_table() -> None:
    people = pd.DataFrame({"customer_id": list("abcdef"), "country": ["FR", "DE"] * 3, "email": [0.1] * 6})
    limits = pd.DataFrame({"country": ["FR", "DE"], "most": [1, 1]})
    volume = {"max": {"table": limits, "column": "most"}}
    scenario = opt.Scenario(
        objective="responses", customers=people[["customer_id", "country"]], appetence=people[["customer_id", "email"]],
        channels={"email": {"unit_cost": 0.01}}, rules=[{"name": "limits", "volume": volume, "each": "country"}],
    )  # fmt: skip
    assert len(opt.solve(scenario).contacts) == 2
    limits.loc[0, "most"] = 3
    assert len(opt.solve(scenario).contacts) == 2  # as it was written
    assert len(opt.solve(scenario.with_rule("limits", volume=volume)).contacts) == 4
    limits.loc[0, "most"] = 0
    assert len(opt.solve(scenario.with_rule("limits", volume=volume)).contacts) == 1
