"""Memory short: a clear message before, naming what would take how much."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import optimizer as opt
from optimizer import room
from optimizer.scenario import tables


def scenario(folder: Path) -> opt.Scenario:
    people = pd.DataFrame({"customer_id": range(1, 2_001), "email": 0.1})
    people[["customer_id"]].to_parquet(folder / "customers.parquet")
    people.to_parquet(folder / "appetence.parquet")
    return opt.Scenario(
        folder=folder,
        objective="responses",
        customers="customers.parquet",
        appetence="appetence.parquet",
        channels={"email": {"unit_cost": 0.01}},
        rules=[{"name": "few", "volume": {"max": 10}}],
    )


def test_a_table_that_does_not_fit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "free_bytes", lambda: 1_000.0)
    with pytest.raises(
        opt.ShortOfMemory, match=r"reading .*\.parquet takes about 0\.0 GiB, and 0\.0 GiB are free: close"
    ):
        _ = scenario(tmp_path).facts


def test_tables_read_at_the_same_time_have_to_fit_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reached = {"customer_id": range(1, 2_001), "channel": "email", "date": pd.Timestamp("2026-01-01")}
    pd.DataFrame(reached).to_parquet(tmp_path / "history.parquet")
    both = scenario(tmp_path)
    both = opt.Scenario(folder=tmp_path, **both.spec.model_dump(exclude_unset=True), history="history.parquet")
    sizes = [tables._held_bytes(tmp_path / f"{name}.parquet", ".parquet") for name in ("appetence", "history")]
    monkeypatch.setattr(room, "free_bytes", lambda: max(sizes) + 1.0)
    with pytest.raises(opt.ShortOfMemory, match=r"reading appetence\.parquet and history\.parquet takes"):
        _ = both.facts
    monkeypatch.setattr(room, "free_bytes", lambda: sum(sizes))
    assert len(both.facts.past) == 2_000


def test_a_scenario_that_does_not_fit_is_not_solved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tight = scenario(tmp_path)
    _ = tight.facts
    monkeypatch.setattr(room, "free_bytes", lambda: 50_000.0)
    with pytest.raises(opt.ShortOfMemory, match="solving 2,000 eligible pairs"):
        opt.solve(tight)
    monkeypatch.setattr(room, "free_bytes", lambda: float("inf"))
    assert len(opt.solve(tight).contacts) == 10


def test_the_system_says_how_much_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info, most, used = tmp_path / "meminfo", tmp_path / "max", tmp_path / "current"
    info.write_text("MemTotal:  100 kB\nMemAvailable:   40 kB\n")
    monkeypatch.setattr(room, "_MEMINFO", info)
    monkeypatch.setattr(room, "_GROUP", ((most, used),))
    assert room.free_bytes() == 40 * 1024
    most.write_text("30000\n")
    used.write_text("10000\n")
    assert room.free_bytes() == 20_000
    most.write_text("max\n")
    assert room.free_bytes() == 40 * 1024
    monkeypatch.setattr(room, "_MEMINFO", tmp_path / "nowhere")
    assert room.free_bytes() == float("inf")
