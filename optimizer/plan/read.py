"""Reading a written plan back, or any list of contacts a planner brings, as what the independent check takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.plan.write import BUDGET, CONTACTS, RULES, SUMMARY

#: The column of ``budget.csv`` with the money a medium cell receives (fixed costs apart).
SPEND_COLUMNS = ("medium", "cell", "spend")


@dataclass(frozen=True)
class WrittenPlan:
    """A plan's folder, read: ``contacts``, ``spend`` by medium cell, ``budget`` and ``rules`` as texts, ``summary``."""

    folder: Path
    contacts: pd.DataFrame
    spend: dict[str, float]
    budget: pd.DataFrame
    rules: pd.DataFrame
    summary: dict[str, Any]

    @property
    def scenario_file(self) -> Path | None:
        """Where the plan says its scenario is, from the plan's own folder; None for one built in memory."""
        stated = self.summary.get("scenario")
        return None if stated is None else (self.folder / str(stated)).resolve()


def read_plan(folder: Path) -> WrittenPlan:
    """Read a plan's folder.

    Raises
    ------
    ScenarioError
        When the folder or one of its files is missing or broken.
    """
    if not folder.is_dir():
        raise ScenarioError(str(folder), "plan folder", None, "not found; give the folder that `optimizer solve` wrote")
    summary_file = folder / SUMMARY
    try:
        summary = json.loads(summary_file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ScenarioError(str(summary_file), "plan folder", None, "not found; is this a plan's folder?") from error
    except (OSError, ValueError) as error:
        raise ScenarioError(str(summary_file), "summary", None, f"cannot be read as JSON: {error}") from error
    if not isinstance(summary, dict):
        raise ScenarioError(str(summary_file), "summary", None, "expected a JSON object")
    contacts, spend = read_contacts(folder / CONTACTS), read_spend(folder / BUDGET)
    budget = read_texts(folder / BUDGET, "spend", ("channel", "cell", "wave"))
    rules = read_texts(folder / RULES, "rules", ("rule", "scope"))
    return WrittenPlan(folder, contacts, spend, budget, rules, summary)


def read_contacts(file: Path) -> pd.DataFrame:
    """Read contacts (``.csv``, ``.csv.gz`` or ``.parquet``): customer_id and activity, or channel, offer, wave.

    Identifiers stay text: ``007`` is not ``7``.
    """
    try:
        if file.suffix == ".parquet":
            table = pd.read_parquet(file)
        else:
            table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8")
    except FileNotFoundError as error:
        raise ScenarioError(str(file), "contacts", None, "file not found") from error
    except Exception as error:  # pandas and pyarrow raise many classes for a broken file; each means the same here.
        raise ScenarioError(str(file), "contacts", None, f"cannot be read: {error}") from error
    if "customer_id" not in table.columns:
        raise ScenarioError(
            str(file), "header", ", ".join(map(str, table.columns)), "expected a column customer_id, then activity"
        )
    return table


def read_texts(file: Path, what: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read a csv file that has ``columns``, every cell as the text that stands there; ``what`` names it in errors."""
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8")
    except FileNotFoundError as error:
        raise ScenarioError(str(file), what, None, "file not found") from error
    except (OSError, ValueError) as error:
        raise ScenarioError(str(file), what, None, f"cannot be read: {error}") from error
    for column in columns:
        if column not in table.columns:
            raise ScenarioError(str(file), "header", ", ".join(table.columns), f"expected a column {column}")
    return table


def read_spend(file: Path) -> dict[str, float]:
    """Read the money of each medium cell from a ``budget.csv`` (or any table with the columns cell and spend)."""
    table = read_texts(file, "spend", ("cell", "spend"))
    spend: dict[str, float] = {}
    for row, (cell, money) in enumerate(zip(table["cell"], table["spend"], strict=True), start=2):
        if not money:
            continue
        try:
            spend[cell] = float(money)
        except ValueError as error:
            raise ScenarioError(str(file), f"line {row}, column spend", money, "expected an amount") from error
    return spend
