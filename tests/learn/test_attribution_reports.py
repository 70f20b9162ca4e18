"""Comparison, roles and the report, and the command line that prints and writes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optimizer import cli
from optimizer.errors import ScenarioError
from optimizer.learn.attribution import attribution, attribution_report, compare_attribution
from optimizer.learn.attribution.models import MODELS, NOT_ADDITIVE
from optimizer.learn.attribution.report import wilson_low

#: A portal that brings leads and no sale, a search that brings both.
FUNNEL = pd.DataFrame(
    {
        "path": ["portal > email", "search > email", "search", "portal", "email"],
        "total_conversions_lead": [10, 5, 3, 20, 1],
        "total_conversions_sale": [0, 5, 3, 0, 1],
        "total_conversion_value_sale": [0.0, 500.0, 300.0, 0.0, 90.0],
        "total_null_lead": [10, 20, 30, 90, 5],
        "total_null_sale": [20, 20, 30, 110, 5],
    }
)
EVENTS = pd.DataFrame(
    [
        ("1", "2026-03-01", "search", "brand", 1.0, None, None),
        ("1", "2026-03-02", "search", "generic", 4.0, "sale", 50.0),
        ("2", "2026-03-01", "search", "generic", 4.0, None, None),
        ("3", "2026-03-01", "search", "brand", 1.0, "sale", 70.0),
        ("3", "2026-03-05", "email", "spring", 0.1, None, None),
        ("4", "2026-03-05", "email", "winter", 0.1, "sale", 10.0),
        ("5", "2026-03-05", "print", "only one", 2.0, None, None),
    ],
    columns=["customer_id", "timestamp", "channel", "campaign", "cost", "conversion", "value"],
)


def test_a_comparison_holds_what_each_model_says() -> None:
    found = compare_attribution(FUNNEL)
    models = [model for model in MODELS if model != "ordered_shapley"]
    for kpi in ("lead", "sale"):
        table = found.table[found.table["kpi"] == kpi].set_index("channel")
        for model in models:
            alone = attribution(FUNNEL, model, kpi=kpi).credit.set_index("channel")["conversions"]
            pd.testing.assert_series_equal(table[model], alone, check_names=False)
        additive = table[[model for model in models if model not in NOT_ADDITIVE]].to_numpy()
        np.testing.assert_array_equal(table["low"], additive.min(axis=1))
        np.testing.assert_array_equal(table["high"], additive.max(axis=1))
        np.testing.assert_allclose(table["range_share"], (additive.max(1) - additive.min(1)) / additive[:, 0].sum())
    assert found.table["kpi"].tolist() == ["lead"] * 3 + ["sale"] * 3
    assert not found.credit.loc[found.credit["model"] == "participation", "additive"].any()


def test_a_channel_that_brings_leads_and_no_sales_is_told_from_one_that_brings_sales() -> None:
    roles = compare_attribution(FUNNEL).roles.set_index("channel")
    # By Shapley: leads portal 5 + 20, search 2.5 + 3, email 5 + 2.5 + 1 of 39; sales search 5.5, email 3.5 of 9.
    one = compare_attribution(FUNNEL, ["shapley"]).roles.set_index("channel")
    assert one[["share", "base_share"]].loc[["portal"]].to_numpy().ravel() == pytest.approx([0.0, 25 / 39])
    assert one["index"].to_dict()["search"] == pytest.approx((5.5 / 9) / (5.5 / 39))
    assert (roles["index_low"] <= one["index"]).all()
    assert (one["index"] <= roles["index_high"]).all()
    assert roles["index_high"].to_dict()["portal"] < 0.5
    assert roles["verdict"].to_dict()["portal"] == "brings lead, few sale"
    assert roles["verdict"].to_dict()["search"] == "brings sale, few lead"
    assert len(compare_attribution(FUNNEL, kpi="sale").roles) == 0


def test_a_verdict_that_hangs_on_the_model_is_none() -> None:
    # By the first touch x brings all leads and no sale, by the last all sales and no lead.
    table = pd.DataFrame(
        {
            "path": ["x > y", "y > x"],
            "total_conversions_lead": [11, 0],
            "total_conversions_sale": [0, 10],
            "total_null": [5, 5],
        }
    )
    roles = compare_attribution(table).roles.set_index("channel")
    assert roles["verdict"].to_dict() == {"x": "depends on the model", "y": "depends on the model"}
    assert roles["index_low"].tolist() == [0.0, 0.0]


def test_virtuous_paths_are_sorted_by_what_is_certain() -> None:
    table = pd.DataFrame(
        {"path": ["lucky", "steady", "poor"], "total_conversions": [1, 60, 5], "total_null": [0, 40, 95]}
    )
    paths = attribution_report(table).paths
    assert paths["path"].tolist() == ["steady", "lucky", "poor"]
    assert paths["conversion_rate"].tolist() == [0.6, 1.0, 0.05]
    # Wilson's interval of 60 in 100 begins at 0.5020, that of 1 in 1 at 1 / (1 + 1.96²) = 0.2065.
    assert paths["rate_low"].tolist()[:2] == pytest.approx([0.5020, 0.2065], abs=5e-5)
    assert wilson_low(np.array([0.0]), np.array([10.0])).tolist() == [0.0]


def test_the_least_effective_campaign_of_each_channel_is_named() -> None:
    report = attribution_report(EVENTS, "linear")
    campaigns = report.campaigns.set_index(["channel", "campaign"])
    # Brand: 25 + 70 for 2; generic: 25 for 8.
    assert campaigns.loc[("search", "brand"), "effectiveness"] == pytest.approx(95 / 2)
    assert campaigns.loc[("search", "generic"), "effectiveness"] == pytest.approx(25 / 8)
    assert set(campaigns["measure"]) == {"value per cost", "conversions per cost"}  # print brought no value at all
    least = campaigns.index[campaigns["least"]].tolist()
    assert least == [("email", "spring"), ("search", "generic")]
    channels = report.channels.set_index("channel")
    assert channels[["touches", "cost", "conversions", "value"]].loc[["search"]].to_numpy().tolist() == [
        [4, 10.0, 2.0, 120.0]
    ]
    assert channels["cost_per_conversion"].to_dict()["search"] == 5.0
    assert channels["return_on_cost"].to_dict()["search"] == 12.0
    assert np.isnan(channels["cost_per_conversion"].to_dict()["print"])


def test_without_costs_campaigns_are_measured_by_touch() -> None:
    campaigns = attribution_report(EVENTS.drop(columns="cost"), "last").campaigns.set_index(["channel", "campaign"])
    assert campaigns.loc[("search", "generic"), "effectiveness"] == 0.5
    assert set(campaigns["measure"]) == {"conversions per touch"}
    # Brand and generic bring one sale from two touches each: the first by name is called.
    assert campaigns.index[campaigns["least"]].tolist() == [("email", "spring"), ("search", "brand")]


def test_the_page_opens_offline_and_escapes_names(tmp_path: Path) -> None:
    attribution_report(EVENTS.replace("brand", "<b>brand</b>")).save(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;brand&lt;/b&gt;" in page
    assert "<b>brand</b>" not in page
    assert "least effective" in page
    for outside in ("http://", "https://", "<script", "<link"):
        assert outside not in page.replace("http://www.w3.org/2000/svg", "")
    attribution_report(FUNNEL).save(tmp_path / "funnel.html")
    assert "brings lead, few sale" in (tmp_path / "funnel.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"model": "marcov"}, r"model is 'marcov': unknown model; did you mean markov"),
        ({"order": 0}, r"order is 0: expected a whole number of at least 1"),
        ({"order": 1.5}, r"order is 1.5"),
        ({"half_life": -1, "model": "time_decay"}, r"half_life is -1"),
        ({"weights": [1, 2], "model": "position_based"}, r"expected 3 shares: first, between, last"),
        ({"weights": [1, 2, 3], "model": "w_shaped"}, r"expected 4 shares: first, middle, last, others"),
        ({"weights": [0, 0, 0], "model": "j_shaped"}, r"not all 0"),
        ({"credit": "row"}, r"credit is 'row': expected channel or journey"),
        ({"credit": "journey", "model": "linear"}, r"expected channel or journey, with model markov"),
        ({"kpi": "sales"}, r"kpi is 'sales': did you mean sale"),
        ({"by": "country"}, r"by is 'country': expected channel or campaign"),
        ({"by": "campaign"}, r"name no campaigns"),
        ({"kpi": []}, r"kpi is \[\]: expected one or more of lead, sale"),
        ({"kpi": 3}, r"kpi is 3: expected one or more of"),
        ({"transforms": 3}, r"transform is 3: expected one or more of exposure"),
        ({"weights": "40,20,40", "model": "j_shaped"}, r"weights is '40,20,40': expected numbers, as \[40, 20, 40\]"),
        ({"weights": ["a", 1, 1], "model": "j_shaped"}, r"expected numbers, as"),
        ({"seed": -1}, r"seed is -1: expected a whole number of at least 0"),
        ({"seed": "a"}, r"seed is 'a'"),
    ],
)
def test_what_attribution_cannot_be_told(asked: dict, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        attribution(FUNNEL, **asked)


@pytest.mark.parametrize("top", [0, -1, "a", 2.5])
def test_a_report_shows_a_path_or_more(top: object) -> None:
    with pytest.raises(ScenarioError, match="expected how many paths to show, at least 1"):
        attribution_report(FUNNEL, top=top)  # type: ignore[arg-type]


def test_numbers_of_numpy_are_numbers() -> None:
    plain = attribution(FUNNEL, "time_decay", half_life=3).credit
    asked: Any = np.int64(3)
    pd.testing.assert_frame_equal(attribution(FUNNEL, "time_decay", half_life=asked).credit, plain)


@pytest.mark.parametrize(("spelled", "name"), [("Last Non-Direct", "last_non_direct"), ("U-shaped", "position_based")])
def test_models_go_by_other_names_too(spelled: str, name: str) -> None:
    assert attribution(FUNNEL, spelled, kpi="sale").model == name


# --- the command line -----------------------------------------------------------------------


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command line in this process; gives (exit code, stdout, stderr)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["optimizer", "learn", "attribution", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.main()
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out, told.err

    return call


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    file = tmp_path / "journeys.csv"
    file.write_text(
        "path,total_conversions,total_conversion_value,total_null\na > a > b,2,20,1\nb > a,1,30,3\nc > b,0,0,6\n"
    )
    return file


def test_the_command_writes_channel_conversions_and_value(run, letters: Path, tmp_path: Path) -> None:
    code, out, err = run(letters, "--model", "markov", "--order", "1", "--out", tmp_path / "credit.csv")
    assert code == 0
    assert "3 conversions worth 50.00, 10 journeys without, 23.08 % convert" in out
    assert err == f"wrote {tmp_path / 'credit.csv'}\n"
    written = pd.read_csv(tmp_path / "credit.csv")
    assert list(written.columns) == ["channel", "conversions", "value"]
    assert written["channel"].tolist() == ["a", "b", "c"]
    assert written["conversions"].round(9).tolist() == [0.811957446, 1.428556709, 0.759485845]


def test_the_command_compares_all_models(run, tmp_path: Path) -> None:
    FUNNEL.to_parquet(tmp_path / "funnel.parquet")
    code, out, err = run(
        tmp_path / "funnel.parquet", "--model", "all", "--out", tmp_path / "all.csv", "--report", tmp_path / "page.html"
    )
    assert code == 0
    assert "brings lead, few sale" in out
    assert "not additive" in err
    written = pd.read_csv(tmp_path / "all.csv")
    assert list(written.columns) == ["kpi", "model", "channel", "conversions", "value"]
    assert (tmp_path / "page.html").exists()


def test_the_command_reads_events_with_all_that_reading_takes(run, tmp_path: Path) -> None:
    raw = EVENTS.drop(columns="channel").rename(columns={"customer_id": "visitor"})
    raw.to_csv(tmp_path / "events.csv", index=False)
    names = [{"glob": ["brand", "generic"], "channel": "search"}, {"glob": "*", "channel": "other"}]
    (tmp_path / "names.json").write_text(json.dumps({"names": names}))
    (tmp_path / "keys.csv").write_text("cookie,crm\n2,4\n")
    code, out, err = run(
        tmp_path / "events.csv", "--model", "last", "--nomenclature", tmp_path / "names.json",
        "--identities", tmp_path / "keys.csv", "--column", "customer_id=visitor", "--lookback", "30",
        "--lookback", "other=5", "--session", "30", "--time-zone", "Europe/Paris", "--as-of", "2026-03-05T12:00",
        "--transform", "exposure", "--kpi", "sale",
    )  # fmt: skip
    assert code == 0, err
    assert "5 identifiers of the events are 4 persons" in err
    assert "search" in out
    assert "other" in out


def test_the_command_writes_credit_by_week_for_the_curves(run, tmp_path: Path) -> None:
    EVENTS.to_csv(tmp_path / "events.csv", index=False)
    code, out, _ = run(tmp_path / "events.csv", "--model", "linear", "--period", "week", "--out", tmp_path / "week.csv")
    assert code == 0
    written = pd.read_csv(tmp_path / "week.csv")
    assert list(written.columns) == ["channel", "date", "touches", "spend", "conversions", "value"]
    assert written["date"].unique().tolist() == ["2026-02-23", "2026-03-02"]
    assert written["value"].sum() == 130.0
    assert "linear by week" in out
    code, out, err = run(tmp_path / "events.csv", "--period", "week")
    assert (code, out) == (2, "")
    assert "take markov_journey" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nothing"], "unknown model"),
        (["--lookback", "a month"], "--lookback: days is 'a month': expected days, or CHANNEL=DAYS"),
        (["--lookback", "30"], "needs events"),
        (["--weights", "a,b"], "--weights: shares is 'a,b': expected numbers parted by commas"),
        (["--weights", "1,2", "--model", "j_shaped"], "expected 3 shares"),
        (["--weights", "1,2,3", "--model", "all"], "expected one model to give them to"),
        (["--column", "visitor"], "--column: column is 'visitor': expected OURS=THEIRS"),
        (["--kpi", "sale"], "kpi is 'sale'"),
    ],
)
def test_bad_input_ends_with_exit_code_2_and_one_message(
    run, letters: Path, arguments: list[str], message: str
) -> None:
    code, out, err = run(letters, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_a_missing_file_is_bad_input(run, tmp_path: Path) -> None:
    code, out, err = run(tmp_path / "none.csv")
    assert (code, out) == (2, "")
    assert "none.csv: file: not found" in err
