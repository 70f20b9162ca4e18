"""The runner and what stands beside it: rows by key, stages to columns, greedy within every cap, hardness by hand."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import optimizer as opt
from optimizer.rules import compile_problem
from tests.benchmarks.scale import baselines, chunks, dealers, report, weekly
from tests.benchmarks.scale.generate import KINDS, generate
from tests.benchmarks.scale.greedy import greedy
from tests.benchmarks.scale.hardness import distinct_share
from tests.benchmarks.scale.measure import Clock, measure, with_budget
from tests.benchmarks.scale.rows import ROWS, chosen


def _budget(scenario: opt.Scenario, name: str) -> float:
    rule = next(rule for rule in scenario.rules if rule.name == name)
    assert rule.budget is not None
    assert isinstance(rule.budget.max, float)  # type: ignore[union-attr]
    return rule.budget.max  # type: ignore[union-attr]


def test_rows_are_found_by_key() -> None:
    assert [row.key for row in chosen("1000000x24")] == ["1000000x24"]
    assert [row.key for row in chosen("200000x125")] == ["200000x125-300", "200000x125-800"]
    assert len(chosen(None)) == len(ROWS) == len({row.key for row in ROWS})
    with pytest.raises(ValueError, match="no row"):
        chosen("7x7")


def test_every_row_has_a_kind_that_is_written() -> None:
    assert {row.kind for row in ROWS} <= {*KINDS, "published"}
    assert {row.after for row in ROWS if row.after} <= {row.key for row in ROWS}


def test_stages_become_columns() -> None:
    clock = Clock()
    for stage in (
        "reading tables",
        "compiling rules",
        "classes: 1,234 with 5 nodes",
        "pricing all",
        "core of 7",
        "checking the plan",
    ):
        clock(stage, 1.0, 2.0)
        time.sleep(0.002)
    clock.to("write")
    assert clock.classes == 1234
    assert {name for name, seconds in clock.seconds.items() if seconds > 0} == {
        "read", "compile", "price", "finish", "verify",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["weekly", "kinds", "dealers"])
def test_greedy_breaks_no_maximum_and_no_local_rule(tmp_path: Path, kind: str) -> None:
    scenario = opt.load(generate(tmp_path, 400, kind=kind))
    problem = compile_problem(scenario)
    contacts = baselines.contacts_of(problem, greedy(problem))
    assert len(contacts) > 400
    rules = opt.evaluate(scenario, contacts).rules
    broken = rules[~rules["passed"].astype(bool)]
    coupling = {rule.name for rule in scenario.rules if rule.verb in ("volume", "sum", "average")}
    assert set(broken["rule"]) <= coupling
    # Only minima: what is above a maximum was never taken.
    assert (broken["max"].isna() | (broken["value"] <= broken["max"])).all()


def test_greedy_takes_the_best_of_what_fits() -> None:
    scenario = opt.Scenario(
        objective="responses",
        customers=pd.DataFrame({"customer_id": ["a", "b", "c"]}),
        appetence=pd.DataFrame({"customer_id": ["a", "b", "c"], "email": [0.1, 0.3, 0.2]}),
        channels={"email": {"unit_cost": 0.0}},
        rules=[{"name": "two", "volume": {"max": 2}}],
    )
    problem = compile_problem(scenario)
    assert sorted(baselines.contacts_of(problem, greedy(problem))["customer_id"]) == ["b", "c"]


def test_distinct_vectors_are_counted(tmp_path: Path) -> None:
    pd.DataFrame(
        {"customer_id": [1, 1, 2, 2, 3, 3], "offer": list("abbaab"), "email": [0.1, 0.2, 0.2, 0.1, 0.2, 0.1]}
    ).to_parquet(tmp_path / "appetence.parquet")
    generate(tmp_path / "any", 20)
    scenario = opt.load(tmp_path / "any" / "scenario.yaml")
    # 1 and 2 have the same scores in another order of rows, 3 has them exchanged.
    assert distinct_share(scenario, tmp_path / "scenario.yaml") == pytest.approx(2 / 3, abs=1e-6)


def test_another_budget_keeps_what_was_read(tmp_path: Path) -> None:
    scenario = opt.load(generate(tmp_path, 50))
    facts = scenario.facts
    other = with_budget(scenario, 0.5)
    assert _budget(other, "total budget") == pytest.approx(0.5 * _budget(scenario, "total budget"))
    assert other.facts is facts


def test_a_measured_line_has_the_keys_that_are_promised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = generate(tmp_path / "scenario", 80)
    measure(file, 0.05, 60.0, tmp_path / "plan", None, time.time())
    line = json.loads(capsys.readouterr().out)
    assert {"total_seconds", "peak_gib", "objective", "bound", "gap", "seconds", "hardness"} <= set(line)
    assert line["gap"] <= 0.05
    assert line["objective"] <= line["bound"]
    assert (tmp_path / "plan" / "plan.parquet").is_file()
    assert sum(line["seconds"].values()) <= line["total_seconds"] + 0.01  # each is rounded
    row = {"row": "10000x24", "reach": 60, "aim": 12, "gap_wanted": 0.05, "memory": None}
    shown = report.table([line | row], {"cold": 2.0, "warm": 1.0})
    assert "10,000 × 24, all kinds of local rules" in shown
    assert report.counts(line | row) is None  # without greedy nobody knows


def test_chunks_share_out_every_amount(tmp_path: Path) -> None:
    source, folder = tmp_path / "source", tmp_path / "folder"
    folder.mkdir()
    file = generate(source, 1_000, kind="dealers")
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    scenario = opt.load(chunks._chunk(file, document, np.arange(1, 101), 0.1, folder))
    assert len(scenario.facts.customers) == 100
    assert _budget(scenario, "budget of FR") == pytest.approx(100 * dealers.BUDGETS["FR"])
    whole, part = (pd.read_csv(one) for one in (source / "dealers.csv", folder / "max-most.csv"))
    assert part["most"].tolist() == pytest.approx((0.1 * whole["most"]).round().tolist())
    assert {rule.name for rule in scenario.rules} >= {rule["name"] for rule in weekly.local_rules()}
