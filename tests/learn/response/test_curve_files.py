"""The files of a fit: a scenario reads them as they are, and they come whole or not at all."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import optimizer as opt
from optimizer import cli
from optimizer.learn.response.curves_file import file_names
from optimizer.scenario.curves import curve_from
from tests.learn.response.simulated import weeks
from tests.learn.response.test_regions import CALL as REGIONAL
from tests.learn.response.test_regions import regional

FAST: dict[str, Any] = {
    "response": "orders",
    "controls": ["price"],
    "adstock": "geometric",
    "saturation": "logistic",
    "holdout": 0,
    "starts": 2,
    "draws": 12,
}


@pytest.fixture(scope="module")
def fitted() -> opt.FittedCurves:
    return opt.fit_curves(weeks(90)[0], **FAST)


@pytest.fixture(scope="module")
def folder(fitted: opt.FittedCurves, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fitted.save(tmp_path_factory.mktemp("fit") / "curves", periods=13)


def _scenario(place: Path, media: Any, **more: Any) -> opt.Scenario:
    pd.DataFrame({"customer_id": ["a", "b"], "value": [10.0, 20.0]}).to_csv(place / "customers.csv", index=False)
    pd.DataFrame({"customer_id": ["a", "b"], "email": [0.2, 0.1]}).to_csv(place / "scores.csv", index=False)
    keys = {
        "name": "curves",
        "customers": "customers.csv",
        "appetence": "scores.csv",
        "channels": {"email": {"unit_cost": 0.5, **more}},
        "offers": {"o": {"gross_margin": "value"}},
        "media": media,
        "rules": [{"name": "budget", "budget": {"max": 12.0}}],
    }
    file = place / "scenario.yaml"
    file.write_text(yaml.safe_dump(keys), encoding="utf-8")
    return opt.load(file)


def test_a_scenario_reads_the_media_as_written(fitted: opt.FittedCurves, folder: Path) -> None:
    media = yaml.safe_load((folder / "media.yaml").read_text(encoding="utf-8"))["media"]
    for medium in media.values():
        medium["gross_margin"] = 5.0
    scenario = _scenario(folder, media)
    over = fitted.over(13)
    for cell in scenario.facts.media:
        assert cell.curve == over[cell.name]
        largest = float(weeks(90)[0][cell.name].max())
        assert cell.spend_max == pytest.approx(13 * largest)
    plan = opt.solve(scenario, gap=1e-6)
    # What the plan counts for each medium is what the fitted curve says of its money.
    budget = plan.budget.set_index("channel")
    for name in ("tv", "web"):
        cost, response = (float(budget[column][name]) for column in ("cost", "response"))
        assert response == pytest.approx(float(over[name].value(cost)), rel=1e-6)
    assert budget.loc[["tv", "web"], "cost"].sum() > 0
    for file in ("customers.csv", "scores.csv", "scenario.yaml"):
        (folder / file).unlink()


def test_a_channel_reads_its_response_curve(fitted: opt.FittedCurves, folder: Path, tmp_path: Path) -> None:
    text = (folder / "tv.yaml").read_text(encoding="utf-8")
    (tmp_path / "tv.yaml").write_text(text, encoding="utf-8")
    scenario = _scenario(tmp_path, {}, response_curve="tv.yaml")
    saturation = scenario.facts.saturations[0]
    assert saturation.curve == fitted.over(13)["tv"]
    live = weeks(90)[0]["tv"]
    assert saturation.reference == pytest.approx(13 * float(live[live > 0].mean()))


def test_a_volume_states_its_reference_as_volume(tmp_path: Path) -> None:
    fitted = opt.fit_curves(weeks(90)[0], **{**FAST, "draws": 0}, volumes=["web"])
    folder = fitted.save(tmp_path / "curves")
    assert "volume_ref" in yaml.safe_load((folder / "web.yaml").read_text())
    assert not (folder / "web.csv").exists()
    assert list(yaml.safe_load((folder / "media.yaml").read_text())["media"]) == ["tv"]


def test_a_volume_with_a_cost_is_in_money() -> None:
    table = weeks(90)[0]
    table = table.assign(prints=table.web * 4000.0)
    asked = {**FAST, "draws": 0}
    plain = opt.fit_curves(table, **asked, channels=["tv", "web"])
    priced = opt.fit_curves(table, **asked, channels=["tv", "prints"], costs={"prints": "web"})
    assert priced.curves["prints"].value([0.2, 0.6]) == pytest.approx(plain.curves["web"].value([0.2, 0.6]), rel=1e-5)


def test_regions_are_rows_of_the_table(tmp_path: Path) -> None:
    fitted = opt.fit_curves(regional(), **REGIONAL, draws=3)
    folder = fitted.save(tmp_path / "curves", periods=4)
    media = yaml.safe_load((folder / "media.yaml").read_text())["media"]
    assert media["tv"]["by"] == ["region"]
    media["tv"]["gross_margin"] = 1.0
    scenario = _scenario(folder, media)
    assert [cell.name for cell in scenario.facts.media] == [f"tv[{name}]" for name in ("DE", "ES", "FR", "IT", "PL")]
    assert {cell.name: cell.curve for cell in scenario.facts.media} == fitted.over(4)


def test_every_draw_is_written(fitted: opt.FittedCurves, folder: Path) -> None:
    draws = pd.read_csv(folder / "draws.csv", keep_default_na=False)
    assert draws.groupby("channel")["draw"].nunique().to_dict() == {"tv": 12, "web": 12}
    row = draws.query("channel == 'tv' and draw == 3").iloc[0]
    curve = curve_from(row["form"], {"top": float(row["top"]), "rate": float(row["rate"])})
    assert curve == fitted.over(13, draw=3)["tv"]


def test_the_page_opens_offline(folder: Path) -> None:
    page = (folder / "curves.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in page
    assert not re.search(r"\bnan\b", page)


def test_an_older_fit_is_replaced_and_strangers_are_kept(fitted: opt.FittedCurves, tmp_path: Path) -> None:
    place = tmp_path / "curves"
    fitted.save(place)
    fitted.save(place, periods=2)
    assert json.loads((place / "summary.json").read_text())["periods"] == 2
    (place / "mine.txt").write_text("keep")
    with pytest.raises(opt.ScenarioError, match=r"holds 'mine\.txt'"):
        fitted.save(place)
    assert (place / "mine.txt").exists()


def test_names_of_files_are_told_apart() -> None:
    assert file_names(["a/b", "a b", "fit", "Fit", "tv"]) == {
        "a/b": "a_b",
        "a b": "a_b_2",
        "fit": "fit_2",
        "Fit": "Fit_3",
        "tv": "tv",
    }


def _run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["optimizer", *map(str, arguments)])
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        cli.main()
    told = capsys.readouterr()
    return int(left.value.code or 0), told.out, told.err


def test_the_command_writes_and_tells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    weeks(80)[0].to_csv(tmp_path / "weeks.csv", index=False)
    arguments = ["learn", "curves", tmp_path / "weeks.csv", "--response", "orders", "--control", "price"]
    forms = ["--adstock", "geometric", "--saturation", "logistic", "--draws", "8", "--periods", "13"]
    code, out, err = _run(monkeypatch, capsys, *arguments, *forms)
    assert code == 0
    assert "What each channel brought" in out
    assert "held out: NRMSE" in out
    assert "drawing 8 times" in err
    assert (tmp_path / "curves" / "tv.csv").exists()
    code, out, err = _run(monkeypatch, capsys, *arguments, *forms, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["forms"] == {"tv": ["geometric", "logistic"], "web": ["geometric", "logistic"]}
    code, out, err = _run(monkeypatch, capsys, *arguments[:3], "--response", "ordres")
    assert (code, out) == (2, "")
    assert "did you mean orders" in err
    code, _, err = _run(monkeypatch, capsys, *arguments, "--cost", "tv")
    assert code == 2
    assert "expected VOLUME=SPEND" in err


def test_the_command_imports(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    row = {"channel": ["tv"], "lam": [4.0], "beta": [2.0], "scale": [1000.0]}
    pd.DataFrame(row).to_csv(tmp_path / "pymc.csv", index=False)
    arguments = ["learn", "import-curves", tmp_path / "pymc.csv", "--kind", "pymc_logistic", "--periods", "4"]
    code, out, _ = _run(monkeypatch, capsys, *arguments)
    assert code == 0
    assert "tv: logistic, top 8, rate 0.001" in out
    written = pd.read_csv(tmp_path / "curves" / "tv.csv")
    assert written.to_dict("records") == [{"form": "logistic", "top": 8.0, "rate": 0.001}]


def test_figures_are_finite_where_they_exist(fitted: opt.FittedCurves) -> None:
    assert np.isfinite(fitted.intervals[["spend", "response", "low", "high", "marginal"]]).all(axis=None)
    assert np.isfinite(fitted.parameters["value"]).all()
    assert np.isfinite(fitted.fit["fitted"]).all()
