"""The workbook: its sheets hold the plan's tables, its totals are live, its text stays text."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import optimizer as opt
from optimizer.errors import ScenarioError
from optimizer.report import excel


@pytest.fixture(scope="module")
def plan() -> opt.Plan:
    customers = pd.DataFrame(
        {"customer_id": ["=1+1", "http://a.example", "007", "d"], "value": [10.0, 20.0, 30.0, 40.0]}
    )
    return opt.solve(
        opt.Scenario(
            customers=customers,
            appetence=pd.DataFrame({"customer_id": customers["customer_id"], "email": [0.1, 0.2, 0.3, 0.4]}),
            channels={"email": {"unit_cost": 0.01, "fixed_cost": 0.5}},
            offers={"spring": {"gross_margin": "value"}},
            waves=[{"name": "w1", "date": "2026-03-05"}],
            rules=[{"name": "gateway", "volume": {"max": 3}}],
        )
    )


def test_the_workbook_holds_the_tables(plan: opt.Plan, tmp_path: Path) -> None:
    file = plan.to_excel(tmp_path / "plan.xlsx")
    contacts = pd.read_excel(file, sheet_name="contacts", dtype={"customer_id": str})
    expected = plan.contacts.reset_index(drop=True)
    assert contacts["customer_id"].tolist() == expected["customer_id"].tolist()
    assert set(contacts["customer_id"]) == {"http://a.example", "007", "d"}
    pd.testing.assert_series_equal(contacts["cost"], expected["cost"], check_dtype=False)
    assert contacts["date"].dt.strftime("%Y-%m-%d").tolist() == ["2026-03-05"] * 3
    rules = pd.read_excel(file, sheet_name="rules")
    assert rules["rule"].tolist() == plan.rules["rule"].tolist()


def test_totals_are_live(plan: opt.Plan, tmp_path: Path) -> None:
    file = plan.to_excel(tmp_path / "plan.xlsx")
    sheet = openpyxl.load_workbook(file)["budget"]
    header = [cell.value for cell in sheet[1]]
    column = header.index("cost") + 1
    letter = openpyxl.utils.get_column_letter(column)
    last = len(plan.budget) + 2
    assert sheet.cell(last, column).value == f"=SUM({letter}2:{letter}{last - 1})"
    shown = openpyxl.load_workbook(file, data_only=True)["budget"].cell(last, column).value
    assert shown == pytest.approx(plan.totals["cost"], abs=0.005)


def test_an_identifier_is_no_formula(plan: opt.Plan, tmp_path: Path) -> None:
    everyone = pd.DataFrame({"customer_id": plan.scenario.facts.customers["customer_id"], "channel": "email"})
    found = opt.evaluate(plan.scenario, everyone)
    from dataclasses import replace

    sheet = openpyxl.load_workbook(replace(plan, contacts=found.contacts).to_excel(tmp_path / "p.xlsx"))["contacts"]
    cell = next(row[0] for row in sheet.iter_rows(min_row=2) if row[0].value == "=1+1")
    assert cell.data_type == "s"


def test_without_the_extra_there_is_a_message(plan: opt.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ScenarioError, match=r"campaign-optimizer\[excel\]"):
        plan.to_excel(tmp_path / "plan.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_more_contacts_than_a_sheet_holds_are_refused(
    plan: opt.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excel, "SHEET_ROWS", 3)
    with pytest.raises(ScenarioError, match=r"plan\.parquet"):
        plan.to_excel(tmp_path / "plan.xlsx")
