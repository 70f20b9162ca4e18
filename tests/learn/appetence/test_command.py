"""``optimizer learn appetence``: files a scenario reads, a page to read, and messages for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from optimizer.cli import app
from optimizer.errors import ScenarioError
from tests.learn.appetence.simulate import simulate


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("learn")
    history, customers, _ = simulate(600)
    history.rename(columns={"event": "what"}).to_csv(made / "history.csv", index=False)
    customers.to_csv(made / "customers.csv", index=False)
    return made


def test_the_command_writes_what_a_scenario_reads_and_says_what_it_did(folder: Path) -> None:
    arguments = ["learn", "appetence", str(folder / "history.csv"), "--customers", str(folder / "customers.csv")]
    arguments += [
        "--name",
        "event=what",
        "--as-of",
        "2025-11-01",
        "--out",
        str(folder / "out"),
        "--min-responses",
        "40",
    ]
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["as_of"].startswith("2025-11-01")
    scores = pd.read_parquet(folder / "out" / "appetence.parquet")
    assert list(scores.columns) == ["customer_id", "email", "print", "sms"]
    assert told["expected_rate"]["sms"] == pytest.approx(scores["sms"].mean())
    consent = pd.read_parquet(folder / "out" / "consent.parquet")
    assert len(consent) == len(scores) == 600
    plain = CliRunner().invoke(app, arguments)
    assert plain.exit_code == 0
    assert "customers may be reached" in plain.stdout
    assert "note: events dated 2025-11-01 or later (after as_of): left out" in plain.stderr


def test_an_option_that_is_no_pair_is_told(folder: Path) -> None:
    arguments = ["learn", "appetence", str(folder / "history.csv"), "--customers", str(folder / "customers.csv")]
    done = CliRunner().invoke(app, [*arguments, "--name", "event"])
    assert isinstance(done.exception, ScenarioError)
    assert "--name is 'event': expected KEY=VALUE" in str(done.exception)
