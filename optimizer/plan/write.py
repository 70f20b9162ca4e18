"""Writing a plan's folder: whole or not at all.

The files are written into a folder beside the target, flushed to the disk, and the two folders are swapped in one
step. Whatever interrupts it, the target holds the old plan or the new one, never a mixture.
"""

from __future__ import annotations

import ctypes
import errno
import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import pandas as pd

from optimizer.errors import ScenarioError

if TYPE_CHECKING:
    from optimizer.plan.plan import Plan
    from optimizer.scenario import Scenario

CONTACTS, BUDGET, RULES, SUMMARY = "plan.parquet", "budget.csv", "rules.csv", "summary.json"
REPORT, WORKBOOK = "report.html", "plan.xlsx"
#: The disk is full, or its owner's share of it.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
#: Every file a plan's folder may hold. A folder that holds anything else is not ours to replace.
PLAN_FILES = frozenset({CONTACTS, BUDGET, RULES, SUMMARY, REPORT, WORKBOOK})


def write_plan(plan: Plan, folder: Path, *, excel: bool = False) -> None:
    """Write a plan's files into ``folder``, whole or not at all.

    Parameters
    ----------
    plan : Plan
        A verified plan.
    folder : Path
        Made if absent; an older plan in it is replaced.
    excel : bool
        Write ``plan.xlsx`` too.

    Raises
    ------
    ScenarioError
        When ``folder`` holds files that are not a plan's, or cannot be written.
    """
    from optimizer.report.html import report_page

    if excel:
        from optimizer.report.excel import check_fits, write_workbook

        check_fits(plan, folder / WORKBOOK)
    summary = {**plan.summary, "scenario": scenario_seen_from(folder, plan.scenario)}
    with whole_folder(folder) as partial:
        # Millions of contacts take as long to write as the report to draw.
        with ThreadPoolExecutor(1) as beside:
            contacts = beside.submit(plan.contacts.to_parquet, partial / CONTACTS, index=False)
            write_csv(plan.budget, partial / BUDGET)
            write_csv(plan.rules, partial / RULES)
            (partial / SUMMARY).write_text(summary_text(summary), encoding="utf-8")
            (partial / REPORT).write_text(report_page(plan), encoding="utf-8")
            if excel:
                write_workbook(plan, partial / WORKBOOK)
            contacts.result()


def scenario_seen_from(folder: Path, scenario: Scenario) -> str | None:
    """The scenario's file as a path from the plan's folder, so that both may move together; None for one in memory."""
    file = scenario.folder / Path(scenario.source).name if scenario.folder is not None else None
    if file is None or not file.is_file():
        return None
    return Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix()


@contextmanager
def whole_folder(folder: Path, check: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """Hand out an empty folder beside ``folder`` and put it in its place when the block ends without an error.

    ``check`` refuses a folder that is not ours to replace; a plan's by default.
    """
    folder = folder.absolute()
    (check or check_replaceable)(folder)
    partial: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", suffix=".partial", dir=folder.parent))
        partial.chmod(0o755)
        yield partial
        for file in partial.iterdir():
            _flush(file)
        _flush(partial)
        _put_in_place(partial, folder)
        _flush(folder.parent)
    except OSError as error:
        raise cannot_write(folder, "output folder", error) from error
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def whole_file(file: Path) -> Iterator[Path]:
    """Hand out the path of a file beside ``file`` and put it in its place when the block ends without an error."""
    file = file.absolute()
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial{file.suffix}")
    try:
        yield partial
        _flush(partial)
        partial.replace(file)
    except OSError as error:
        raise cannot_write(file, "file", error) from error
    finally:
        partial.unlink(missing_ok=True)


def cannot_write(path: Path, what: str, error: OSError) -> ScenarioError:
    """What the system refused, and what helps."""
    if error.errno in NO_ROOM:
        words = f"{os.strerror(error.errno)}; nothing was written: free some, or name another place"
    else:
        words = error.strerror or str(error)
    return ScenarioError(str(path), what, None, f"cannot be written: {words}")


def check_replaceable(folder: Path) -> None:
    """Refuse an output folder that is a file, or holds files which are not a plan's: they would be lost."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ScenarioError(str(folder), "output folder", None, "is not a folder; name another with --out")
    strangers = (
        sorted(entry.name for entry in folder.iterdir() if entry.name not in PLAN_FILES) if folder.exists() else []
    )
    if strangers:
        raise ScenarioError(
            str(folder),
            "output folder",
            None,
            f"holds {strangers[0]!r}, which is no file of a plan; name another with --out",
        )


def write_csv(table: pd.DataFrame, file: Path | TextIO) -> None:
    """Write a table with numbers in their shortest exact spelling, so that reading gives the same floats back."""
    table.to_csv(file, index=False, lineterminator="\n", encoding="utf-8")


def summary_text(summary: dict[str, Any]) -> str:
    """A summary as JSON text; numbers that are not finite become null."""
    return json.dumps(_finite(summary), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _flush(path: Path) -> None:
    """Force a file or a folder to the disk."""
    if os.name == "nt" and path.is_dir():  # Windows cannot open folders.
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put_in_place(partial: Path, folder: Path) -> None:
    """Rename ``partial`` to ``folder``; an older folder ends where ``partial`` was."""
    if not folder.exists():
        partial.rename(folder)
    elif not _exchanged(partial, folder):
        # Without an exchange in one step: the old one steps aside, and comes back if the new one cannot come in.
        aside = partial.with_suffix(".old")
        folder.rename(aside)
        try:
            partial.rename(folder)
        except BaseException:
            aside.rename(folder)
            raise
        shutil.rmtree(aside, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Swap two folders in one step where the system can (Linux: renameat2 with RENAME_EXCHANGE)."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    working_folder, exchange = -100, 2
    return rename is not None and (
        rename(working_folder, os.fsencode(one), working_folder, os.fsencode(other), exchange) == 0
    )
