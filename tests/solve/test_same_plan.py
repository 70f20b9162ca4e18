"""The same plan by prices whatever the order of the tables' rows, the customers' names and the number of threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
    generate(place, 800, 24, 11)
    return place


@pytest.fixture(scope="module")
def planned(folder: Path) -> set[tuple[str, str]]:
    """What one thread plans from the tables as they were written."""
    with pytest.MonkeyPatch.context() as patch, threads(1):
        by_prices(patch)
        return contacts(folder)


def by_prices(patch: pytest.MonkeyPatch) -> None:
    """Let ties lead a few hundred customers as they lead millions."""
    patch.setattr(choice, "DECOMPOSED_PAIRS", 1)
    patch.setattr(pricing, "FREE", 770)
    patch.setattr(pricing, "LED", 130)
    patch.setattr(pricing, "LED_A_ROW", 0)


@contextmanager
def threads(number: int) -> Iterator[None]:
    """So many threads for the kernels."""
    before = numba.get_num_threads()
    numba.set_num_threads(number)
    try:
        yield
    finally:
        numba.set_num_threads(before)


def contacts(folder: Path) -> set[tuple[str, str]]:
    plan = opt.solve(opt.load(folder / "scenario.yaml"), gap=1e-4, time_limit=300)
    assert any("solved by prices" in note for note in plan.notes)
    assert plan.certificate.gap <= 1e-4
    return set(zip(plan.contacts["customer_id"].astype(str), plan.contacts["activity"].astype(str), strict=True))


@pytest.mark.skipif(
    numba.config.NUMBA_NUM_THREADS < 2,  # type: ignore[attr-defined]  # set when numba is imported
    reason="numba has one thread here",
)
def test_one_thread_or_two(folder: Path, planned: set[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    by_prices(monkeypatch)
    with threads(2):
        assert contacts(folder) == planned


def test_rows_in_another_order(
    folder: Path, planned: set[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in folder.iterdir():
        if file.suffix == ".parquet":
            table = pd.read_parquet(file)
            table.sample(frac=1.0, random_state=3).to_parquet(tmp_path / file.name, index=False)
        else:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    by_prices(monkeypatch)
    assert contacts(tmp_path) == planned
