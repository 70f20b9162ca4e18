"""``optimizer forecast``: a written plan's forecast, printed, written and set beside what came."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

import optimizer as opt
from optimizer import cli


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter scenario solved and written."""
    from optimizer.commands.new import run_new

    made = tmp_path_factory.mktemp("forecast") / "spring"
    run_new(made)
    opt.solve(opt.load(made / "scenario.yaml")).save(made / "plan")
    return made / "plan"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["optimizer", "forecast", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.main()
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out, told.err

    return call


def test_it_prints_every_split_and_says_what_is_taken_as_known(run, folder: Path) -> None:
    code, out, _ = run(folder, "--draws", 50, "--by", "channel", "--by", "channel,wave")
    assert code == 0
    assert "P10" in out
    assert "by channel / wave" in out
    assert "are taken as known" in out
    code, out, _ = run(folder, "--draws", 50, "--scores", 0.2)
    assert code == 0
    assert "scores of" not in out


def test_the_written_table_and_the_summary_hold_the_same_figures(run, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "forecast.csv"
    code, out, _ = run(folder, "--draws", 50, "--scores", 0.2, "--json", "--out", file)
    assert code == 0
    summary = json.loads(out)
    written = pd.read_csv(file, keep_default_na=False)
    assert len(summary["forecast"]) == len(written)
    assert float(written["p90"].iloc[0]) == pytest.approx(summary["forecast"][0]["p90"])
    stated = json.loads((folder / "summary.json").read_text())
    net = next(one for one in summary["forecast"] if one["by"] == "total" and one["measure"] == "net_margin")
    assert net["plan"] == pytest.approx(stated["net_margin"])


def test_actual_results_stand_beside_the_forecast(run, folder: Path, tmp_path: Path) -> None:
    contacts = pd.read_parquet(folder / "plan.parquet")[["customer_id", "activity"]]
    file = tmp_path / "results.csv"
    contacts.assign(response=0).to_csv(file, index=False)
    code, out, _ = run(folder, "--draws", 50, "--actual", file)
    assert code == 0
    assert f"{len(contacts):,} contacts of the plan with a result, 0 without" in out
    file.write_text("customer_id,activity\n1,x\n")
    code, _, err = run(folder, "--draws", 50, "--actual", file)
    assert code == 2
    assert "column response" in err
