"""The page opens offline, says what the plan's tables say, and lets no text of a table become markup."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

import optimizer as opt
from optimizer.report.html import figure, objective_head, report_page, short_gap
from optimizer.report.picture import contacts_picture, volumes_by_wave

NASTY = "<script>alert('x')</script>&amp;"


@pytest.fixture(scope="module")
def plan() -> opt.Plan:
    customers = pd.DataFrame({"customer_id": [f"c{k}" for k in range(8)], "value": [10.0 * (k + 1) for k in range(8)]})
    scores = pd.DataFrame({"customer_id": customers["customer_id"], "email": 0.1, "sms": 0.2})
    return opt.solve(
        opt.Scenario(
            name=NASTY,
            customers=customers,
            appetence=scores,
            channels={"email": {"unit_cost": 0.01}, "sms": {"unit_cost": 0.06}},
            offers={"spring": {"gross_margin": "value"}},
            waves=[{"name": NASTY, "date": "2026-03-05"}, {"name": "two", "date": "2026-03-12"}],
            rules=[
                {"name": "gateway", "volume": {"max": 3}, "where": {"channel": "sms"}, "each": "wave"},
                {"name": f"one {NASTY}", "contacts": {"max": 1}},
                {"name": "seen only", "volume": {"max": 1}, "mode": "report"},
            ],
        )
    )


def test_the_page_shows_what_scores_were_calibrated_to() -> None:
    customers = pd.DataFrame({"customer_id": [f"c{k}" for k in range(8)]})
    # R(4) = 8 · 4 / 16 = 2 responses of 4 contacts.
    curve = {"michaelis_menten": {"top": 8.0, "half": 12.0}, "volume_ref": 4.0, "factor": 2.5}
    calibrated = opt.solve(
        opt.Scenario(
            customers=customers,
            appetence=customers.assign(email=0.2, sms=0.1),
            channels={"email": {"unit_cost": 0.01, "response_curve": curve}, "sms": {"unit_cost": 0.06}},
            offers={"spring": {"gross_margin": 10}},
        )
    )
    text = re.sub(r"\s+", " ", Page(report_page(calibrated)).text)
    words = "the scores of email × 2.5, to add up to 2 attributed responses at the curve's reference of 4."
    assert text.count("Calibrated:") == 1
    assert words in text


def test_a_plan_without_calibration_shows_none(plan: opt.Plan) -> None:
    assert "Calibrated" not in report_page(plan)


class Page(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_fetches_nothing(plan: opt.Plan) -> None:
    page = Page(report_page(plan))
    assert not {"script", "link", "iframe", "img", "object"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert not {"src", "href", "onload", "onclick"} & set(attributes), tag
    assert not re.search(r"url\(|@import", report_page(plan))


def test_text_of_tables_stays_text(plan: opt.Plan) -> None:
    page = report_page(plan)
    assert "<script" not in page
    assert html.escape(NASTY, quote=False).replace("'", "&#39;") in page
    assert Page(page).text.count(NASTY) >= 3


def test_the_page_says_what_the_plan_says(plan: opt.Plan) -> None:
    text = Page(report_page(plan)).text
    assert f"{plan.certificate.objective:,.2f}" in text
    assert f"{plan.totals['cost']:,.2f}" in text
    for rule in plan.scenario.rules:
        assert rule.name in text
    assert "reported, not enforced" in text
    assert "8 customers get 1 contact" in text
    assert "gross of organic sales" in text


@pytest.mark.parametrize(
    ("sense", "penalty", "head"),
    [
        ("maximize", 0.0, "Expected net margin"),
        ("maximize", 8.0, "Net margin less penalties"),
        ("minimize", 0.0, "Least net margin"),
        ("minimize", 8.0, "Net margin with penalties"),
    ],
)
def test_the_objective_says_whether_penalties_are_in_it(sense: str, penalty: float, head: str) -> None:
    assert objective_head({"objective_of": "net_margin", "sense": sense, "penalty": penalty}) == head


def test_contacts_are_counted_by_channel_and_wave() -> None:
    contacts = pd.DataFrame(
        {
            "channel": ["email", "email", "sms", "email"],
            "wave": ["late", "early", "late", "late"],
            "date": pd.to_datetime(["2026-03-12", "2026-03-05", "2026-03-11", "2026-03-12"]),
        }
    )
    volumes = volumes_by_wave(contacts)
    assert volumes.columns.tolist() == ["early", "late"]
    assert volumes.to_dict("index") == {"email": {"early": 1, "late": 2}, "sms": {"early": 0, "late": 1}}
    assert contacts_picture(contacts).count("<text") == 2 + 2 + 4


@pytest.mark.parametrize("columns", [1, 8, 9, 60])
def test_a_picture_of_many_waves_stays_a_picture(columns: int) -> None:
    dates = pd.date_range("2026-01-01", periods=columns)
    contacts = pd.DataFrame({"channel": "email", "wave": "", "date": dates})
    picture = contacts_picture(contacts)
    (shown,) = re.findall(r"viewBox='0 0 (\d+)", picture)
    width = float(shown)
    assert width <= 1000
    assert all(float(x) < width for x in re.findall(r" x='([\d.]+)'", picture))


def test_a_plan_without_contacts_has_no_picture() -> None:
    assert contacts_picture(pd.DataFrame({"channel": [], "wave": [], "date": []})) == ""


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1234.0, "1,234"), (1234.567, "1,234.57"), (0.12345, "0.1235"), (-3.0, "−3"), (float("nan"), "—"), (None, "—")],
)
def test_figures_read_as_a_planner_reads_them(value: float, shown: str) -> None:
    assert figure(value) == shown


def test_gaps_are_percentages() -> None:
    assert [short_gap(gap) for gap in (0.0, 1e-4, 0.0123, 1e-9, float("inf"))] == [
        "0 %", "0.01 %", "1.2 %", "below 0.0001 %", "unknown",
    ]  # fmt: skip
