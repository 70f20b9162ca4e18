"""``plan.xlsx``: the plan as a workbook, its totals live. Needs the ``excel`` extra."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from optimizer.errors import ScenarioError

if TYPE_CHECKING:
    from optimizer.plan.plan import Plan

#: Rows of a sheet, its header included.
SHEET_ROWS = 1_048_576
MONEY = ("cost", "gross_margin", "net_margin", "expected_gross_margin", "penalty", "spend")
SUMMED = ("volume", "cost", "response", "gross_margin", "net_margin", "spend")


def require_excel() -> None:
    """Refuse early when the extra is not installed."""
    if importlib.util.find_spec("xlsxwriter") is None:
        raise ScenarioError(
            "plan.xlsx", "the excel extra", None, 'is not installed; python3 -m pip install "campaign-optimizer[excel]"'
        )


def check_fits(plan: Plan, file: Path) -> None:
    """Refuse early a plan of which no workbook ``file`` can be made.

    Raises
    ------
    ScenarioError
        When the extra is missing, or the plan has more contacts than a sheet has rows.
    """
    require_excel()
    if len(plan.contacts) >= SHEET_ROWS:
        raise ScenarioError(
            str(file),
            "contacts",
            len(plan.contacts),
            f"a sheet holds {SHEET_ROWS - 1:,} rows; read plan.parquet instead",
        )


def write_workbook(plan: Plan, file: Path) -> None:
    """Write summary, budget, rules and contacts, a sheet each.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import FileCreateError

    try:
        with Workbook(str(file), {"default_date_format": "yyyy-mm-dd", "nan_inf_to_errors": False}) as book:
            _write_sheets(book, plan)
    except FileCreateError as error:
        raise error.args[0] from error  # The system's own error, as any other file raises it.


def _write_sheets(book: Any, plan: Plan) -> None:
    styles = {
        "header": book.add_format({"bold": True, "bottom": 1}),
        "money": book.add_format({"num_format": "#,##0.00"}),
        "number": book.add_format({"num_format": "#,##0.####"}),
        "date": book.add_format({"num_format": "yyyy-mm-dd"}),
        "total": book.add_format({"bold": True, "top": 1, "num_format": "#,##0.00"}),
    }
    _write_summary(book, plan, styles)
    _write_table(book, "budget", plan.budget, styles, totals=True)
    _write_table(book, "rules", plan.rules, styles)
    _write_table(book, "contacts", plan.contacts, styles)


def _write_summary(book: Any, plan: Plan, styles: dict[str, Any]) -> None:
    sheet = book.add_worksheet("summary")
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, 60)
    row = 0
    for key, value in plan.summary.items():
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            sheet.write_string(row, 0, key.replace("_", " "), styles["header"])
            _write_cell(sheet, row, 1, value, styles["number"], styles)
            row += 1
    for note in plan.notes:
        sheet.write_string(row, 0, "note", styles["header"])
        sheet.write_string(row, 1, note)
        row += 1


def _write_table(book: Any, name: str, table: pd.DataFrame, styles: dict[str, Any], *, totals: bool = False) -> None:
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    for k, column in enumerate(table.columns):
        sheet.write_string(0, k, column, styles["header"])
        sheet.set_column(k, k, max(12, min(32, len(column) + 4)))
        style = styles["money"] if column in MONEY else styles["number"]
        for row, value in enumerate(table[column].tolist(), start=1):
            _write_cell(sheet, row, k, value, style, styles)
        if totals and column in SUMMED and len(table):
            letter = _letter(k)
            total = float(pd.to_numeric(table[column]).sum())
            sheet.write_formula(len(table) + 1, k, f"=SUM({letter}2:{letter}{len(table) + 1})", styles["total"], total)
    if totals and len(table):
        sheet.write_string(len(table) + 1, 0, "total", styles["header"])
    if len(table):
        sheet.autofilter(0, 0, len(table), len(table.columns) - 1)


def _write_cell(sheet: Any, row: int, column: int, value: Any, style: Any, styles: dict[str, Any]) -> None:
    """Write one cell as what it is. Text stays text: neither a formula nor a link is made of it."""
    if isinstance(value, pd.Timestamp):
        if not pd.isna(value):
            sheet.write_datetime(row, column, value.to_pydatetime(), styles["date"])
    elif isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float):
        if math.isfinite(value):
            sheet.write_number(row, column, value, style)
        elif math.isinf(value):
            sheet.write_string(row, column, "∞" if value > 0 else "−∞")
    elif isinstance(value, str) and value:
        sheet.write_string(row, column, value)


def _letter(column: int) -> str:
    """The letter of a column: 0 is A, 26 is AA."""
    from xlsxwriter.utility import xl_col_to_name

    return str(xl_col_to_name(column))
