"""What is loaded ahead of a large solve: begun before tables are read, never for a small one, and no error lost."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer import engine
from optimizer.solve import ahead


def many(customers: int) -> opt.Scenario:
    names = [f"c{number:05}" for number in range(customers)]
    scores = np.linspace(0.01, 0.4, 2 * customers).reshape(customers, 2)
    people = pd.DataFrame({"customer_id": names, "email": scores[:, 0], "sms": scores[:, 1]})
    return opt.Scenario(
        objective="responses", customers=people[["customer_id"]], appetence=people,
        channels={"email": {"unit_cost": 0.01}, "sms": {"unit_cost": 0.05}},
        rules=[{"name": "some", "volume": {"max": customers // 3}}],
    )  # fmt: skip


@pytest.fixture
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not solved anything large yet."""
    monkeypatch.setattr(ahead, "PATH", "optimizer.solve.not_loaded")


def test_loading_begins_before_tables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(engine, "load_ahead", lambda scenario: seen.append("facts" in vars(scenario)))
    opt.solve(many(20))
    assert seen == [False]


def test_what_is_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = many(20), many(10_000)
    assert not ahead.is_large(small)
    assert not ahead.is_large(large)  # nothing is read, and a DataFrame's rows are no pairs yet
    for scenario, pairs in ((small, 40), (large, 20_000)):
        assert len(scenario.facts.pairs) == pairs
        assert ahead.is_large(scenario) is (scenario is large)
    for name in ("customers", "appetence"):
        pd.DataFrame({"customer_id": ["a"], "email": [0.1]}).to_csv(tmp_path / f"{name}.csv", index=False)
    written = opt.Scenario(
        folder=tmp_path, objective="responses", customers="customers.csv", appetence="appetence.csv",
        channels={"email": {"unit_cost": 0.01}}, rules=[],
    )  # fmt: skip
    assert not ahead.is_large(written)
    monkeypatch.setattr(ahead, "LARGE_FILE", 10)
    assert ahead.is_large(written)
    (tmp_path / "appetence.csv").unlink()  # reading it says so
    assert not ahead.is_large(written)


def test_a_small_scenario_loads_nothing(nothing_loaded: None) -> None:
    assert ahead.load_ahead(many(20)) is None


def test_what_is_loaded_is_not_loaded_again() -> None:
    large = many(10_000)
    assert len(large.facts.pairs) == 20_000
    opt.solve(large, gap=1e-2)
    assert ahead.load_ahead(large) is None


def test_a_failure_on_the_thread_shows_where_the_path_is_asked_for(
    nothing_loaded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Future[None] | None] = []

    def begin(scenario: opt.Scenario) -> None:
        started.append(ahead.load_ahead(scenario))

    monkeypatch.setattr(engine, "load_ahead", begin)
    large = many(10_000)
    assert len(large.facts.pairs) == 20_000
    # The thread alone fails: the solve asks for the path under its own name, and finds it.
    plan = opt.solve(large, gap=1e-2)
    assert plan.certificate.gap <= 1e-2
    assert started[0] is not None
    assert isinstance(started[0].exception(), ModuleNotFoundError)
    # The path itself cannot be imported: the solve says so.
    monkeypatch.setitem(sys.modules, "optimizer.solve.decomposed.decomposed", None)
    with pytest.raises(ModuleNotFoundError, match=r"optimizer\.solve\.decomposed\.decomposed"):
        opt.solve(large, gap=1e-2)


def test_neither_reading_nor_checking_loads_the_path(tmp_path: Path) -> None:
    people = pd.DataFrame({"customer_id": [f"c{k:05}" for k in range(12_000)], "email": 0.1, "sms": 0.2})
    people.to_csv(tmp_path / "appetence.csv", index=False)
    (tmp_path / "scenario.yaml").write_text(
        "objective: responses\ncustomers: appetence.csv\nappetence: appetence.csv\n"
        "channels: {email: {unit_cost: 0.01}, sms: {unit_cost: 0.05}}\nrules: [{name: some, volume: {max: 9}}]\n",
        encoding="utf-8",
    )
    code = (
        "import sys, optimizer as opt\n"
        "sc = opt.load('scenario.yaml'); sc.facts; sc.rules\n"
        "from optimizer.rules import lint; lint(sc)\n"
        "assert len(sc.facts.pairs) == 24_000\n"
        "assert not {'numba', 'highspy'} & set(sys.modules), 'loaded for a check'\n"
    )
    root = str(Path(opt.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": root}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
