"""The same plan by prices whatever the order of the tables' rows, the customers' names and the number of threads."""

from __future__ import annotations

from pathlib import Path

import numba
import pandas as pd
import pytest

import optimizer as opt
from optimizer.solve import choice
from optimizer.solve.decomposed import pricing
from tests.benchmarks.scale.generate import generate


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place: Path = tmp_path_factory.mktemp("weekly")
    generate(place, 3_000, 24, 11)
    return place


@pytest.fixture(autouse=True)
def _by_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ties lead a few thousand customers as they lead millions."""
    monkeypatch.setattr(choice, "DECOMPOSED_PAIRS", 1)
    monkeypatch.setattr(pricing, "FREE", 2_900)
    monkeypatch.setattr(pricing, "LED", 500)


def contacts(folder: Path) -> set[tuple[str, str]]:
    plan = opt.solve(opt.load(folder / "scenario.yaml"), gap=1e-4, time_limit=300)
    assert any("solved by prices" in note for note in plan.notes)
    assert plan.certificate.gap <= 1e-4
    return set(zip(plan.contacts["customer_id"].astype(str), plan.contacts["activity"].astype(str), strict=True))


def test_one_thread_or_two(folder: Path) -> None:
    both = contacts(folder)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        assert contacts(folder) == both
    finally:
        numba.set_num_threads(before)


def test_rows_in_another_order(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        if file.suffix == ".parquet":
            table = pd.read_parquet(file)
            table.sample(frac=1.0, random_state=3).to_parquet(tmp_path / file.name, index=False)
        else:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    assert contacts(tmp_path) == contacts(folder)
