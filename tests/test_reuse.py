"""What is kept between solves on the same tables: taken where nothing it was made from differs, and nowhere else."""

from __future__ import annotations

import copy
import gc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer import reuse
from optimizer.reuse import memory_of, same, words
from optimizer.rules import compile_problem
from optimizer.solve import choice
from optimizer.solve.decomposed import prepared
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


def test_it_is_forgotten_with_the_facts(file: Path) -> None:
    scenario = opt.load(file)
    compile_problem(scenario)
    key = id(scenario.facts)
    assert key in reuse._MEMORIES
    del scenario
    gc.collect()
    assert key not in reuse._MEMORIES


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
