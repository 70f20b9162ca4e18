"""Plans appear whole or not at all, whatever interrupts the writing."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pandas as pd
import pytest

import optimizer as opt
from optimizer.errors import ScenarioError
from optimizer.plan import write
from optimizer.plan.read import read_spend
from optimizer.plan.write import summary_text, whole_folder, write_csv


def put(folder: Path, text: str) -> None:
    """Write a plan's folder whose files all hold ``text``."""
    with whole_folder(folder) as partial:
        for name in ("plan.parquet", "summary.json"):
            (partial / name).write_text(text)


def put_half(folder: Path, interruption: type[BaseException]) -> None:
    """Start writing a plan's folder and be interrupted."""
    with whole_folder(folder) as partial:
        (partial / "summary.json").write_text("half")
        raise interruption


def texts(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in sorted(folder.iterdir())}


def test_a_plan_is_written_and_then_replaced_whole(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "plan"
    put(folder, "old")
    with whole_folder(folder) as partial:
        (partial / "summary.json").write_text("new")
    assert texts(folder) == {"summary.json": "new"}
    assert [entry.name for entry in folder.parent.iterdir()] == ["plan"], "nothing is left beside the plan"


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError, MemoryError])
def test_an_interruption_leaves_the_old_plan(tmp_path: Path, interruption: type[BaseException]) -> None:
    folder = tmp_path / "plan"
    put(folder, "old")
    with pytest.raises(interruption):
        put_half(folder, interruption)
    assert texts(folder) == {"plan.parquet": "old", "summary.json": "old"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan"]


def test_an_interruption_of_a_first_plan_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        put_half(tmp_path / "plan", KeyboardInterrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a POSIX signal")
def test_a_killed_process_leaves_the_old_plan(tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    put(folder, "old")
    script = textwrap.dedent(
        f"""
        import os, pathlib, signal
        from optimizer.plan.write import whole_folder
        with whole_folder(pathlib.Path({str(folder)!r})) as partial:
            (partial / "summary.json").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    ended = subprocess.run([sys.executable, "-c", script], check=False, cwd=Path(__file__).parents[2])
    assert ended.returncode == -signal.SIGKILL
    assert texts(folder) == {"plan.parquet": "old", "summary.json": "old"}


def test_without_an_exchange_in_one_step_the_old_plan_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "plan"
    put(folder, "old")
    monkeypatch.setattr(write, "_exchanged", lambda one, other: False)
    put(folder, "new")
    assert set(texts(folder).values()) == {"new"}

    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.suffix == ".partial":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(ScenarioError, match="No space left"):
        put(folder, "newest")
    assert set(texts(folder).values()) == {"new"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan"]


def test_a_folder_that_holds_other_files_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(ScenarioError, match=r"thesis\.docx.*--out"):
        put(tmp_path, "new")
    assert texts(tmp_path) == {"thesis.docx": "years of work"}


def test_a_file_or_a_link_is_not_replaced(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("mine")
    link.symlink_to(tmp_path)
    for target in (file, link):
        with pytest.raises(ScenarioError, match="not a folder"):
            put(target, "new")
    assert file.read_text() == "mine"


def test_a_folder_nobody_may_write_is_a_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ScenarioError, match="cannot be written"):
        put(tmp_path / "file" / "plan", "new")


@pytest.fixture(scope="module")
def plan() -> opt.Plan:
    customers = pd.DataFrame({"customer_id": ["anna", "ben"], "value": [10.0, 20.0]})
    return opt.solve(
        opt.Scenario(
            customers=customers,
            appetence=customers[["customer_id"]].assign(email=[0.1, 0.2]),
            channels={"email": {"unit_cost": 0.01}},
            offers={"spring": {"gross_margin": "value"}},
            rules=[],
        )
    )


@pytest.mark.parametrize(
    "refused", ["plan.parquet", "budget.csv", "rules.csv", "summary.json", "report.html", "plan.xlsx"]
)
@pytest.mark.parametrize("older", [False, True])
def test_a_full_disk_leaves_the_old_plan_or_nothing(
    plan: opt.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str, older: bool
) -> None:
    folder = tmp_path / "plan"
    if older:
        put(folder, "old")
    flush = write._flush

    def full(path: Path) -> None:
        # What is written may reach the disk, and find it full, only here.
        if path.name == refused:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(path)

    monkeypatch.setattr(write, "_flush", full)
    with pytest.raises(
        ScenarioError, match=r"plan: output folder: cannot be written: No space left.*free some"
    ) as told:
        plan.save(folder, excel=True)
    assert told.value.exit_code == 2
    assert [entry.name for entry in tmp_path.iterdir()] == (["plan"] if older else [])
    if older:
        assert set(texts(folder).values()) == {"old"}


@pytest.mark.parametrize("method", ["to_parquet", "to_csv"])
def test_a_disk_that_is_full_at_the_first_byte(
    plan: opt.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def full(self: pd.DataFrame, file: Path, **settings: object) -> None:
        file.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pd.DataFrame, method, full)
    with pytest.raises(ScenarioError, match="No space left on device; nothing was written"):
        plan.save(tmp_path / "plan")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("older", [False, True])
def test_a_full_disk_leaves_the_old_workbook_or_none(
    plan: opt.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, older: bool
) -> None:
    file = tmp_path / "plan.xlsx"
    if older:
        file.write_text("old")

    class Full(zipfile.ZipFile):
        def close(self) -> None:
            super().close()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def __del__(self) -> None:
            """Closed already."""

    monkeypatch.setattr("xlsxwriter.workbook.ZipFile", Full)
    with pytest.raises(ScenarioError, match=r"plan\.xlsx: file: cannot be written: No space left.*free some"):
        plan.to_excel(file)
    assert [entry.name for entry in tmp_path.iterdir()] == (["plan.xlsx"] if older else [])
    assert not older or file.read_text() == "old"


def test_numbers_that_are_not_finite_become_null() -> None:
    told = json.loads(summary_text({"bound": math.inf, "gap": math.nan, "deep": [{"x": -math.inf}], "objective": 0.1}))
    assert told == {"bound": None, "gap": None, "deep": [{"x": None}], "objective": 0.1}


def test_money_of_media_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    spend = {"display": 1 / 3, "search[FR,2026-03]": 12345.678901234567, "tv": 1e-7, "radio": 0.0}
    rows = [{"channel": "medium", "cell": cell, "spend": money} for cell, money in spend.items()]
    table = pd.DataFrame([*rows, {"channel": "email", "cell": "", "spend": math.nan}])
    write_csv(table, tmp_path / "budget.csv")
    assert read_spend(tmp_path / "budget.csv") == spend
