"""Calibrated scores add up to the curve at its reference, and a scenario reads the factor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optimizer as opt
from optimizer.errors import ScenarioError
from optimizer.learn.calibration import calibrate

CURVE: dict[str, Any] = {"michaelis_menten": {"top": 40.0, "half": 300.0}}


def test_scores_add_up_to_the_attributed_response_at_the_reference() -> None:
    scores = np.array([0.1, 0.2, 0.3, 0.4])
    # R(100) = 40 · 100 / 400 = 10 of 100 contacts, at a mean score of 0.25: 25 before
    found = calibrate(scores, CURVE, volume_ref=100)
    assert found.attributed == pytest.approx(10)
    assert found.summed == pytest.approx(25)
    assert found.factor == pytest.approx(0.4)
    # the two best alone: 0.7 before
    best = calibrate(scores, {"points": [[2, 0.35]]}, volume_ref=2, contacted="best")
    assert best.factor == pytest.approx(0.5)


def test_money_is_turned_into_contacts_by_their_cost() -> None:
    found = calibrate(np.full(9, 0.5), CURVE, spend_ref=100, unit_cost=4)
    assert found.volume == 25
    assert found.factor == pytest.approx(10 / 12.5)
    assert calibrate(np.full(9, 0.5), CURVE, spend_ref=100, volume=50).factor == pytest.approx(10 / 25)


@given(
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30).filter(lambda scores: sum(p > 1e-6 for p in scores) > 0),
    st.floats(0.01, 0.99),
)
@settings(max_examples=40)
def test_a_capped_score_leaves_the_rest_to_the_others(scores: list[float], share: float) -> None:
    values = np.array([0.0 if p <= 1e-6 else p for p in scores])
    target = share * (values > 0).sum()
    found = calibrate(values, {"points": [[1.0, target]]}, spend_ref=1.0, volume=len(values))
    assert np.minimum(1.0, found.factor * values).sum() == pytest.approx(target, rel=1e-9)


def test_the_file_keeps_its_curve_and_gains_reference_and_factor(tmp_path: Path) -> None:
    file = tmp_path / "email.yaml"
    file.write_text("# fitted on 2025\nmichaelis_menten: {top: 40, half: 300}\nvolume_ref: 100\n", encoding="utf-8")
    found = calibrate(pd.DataFrame({"customer_id": ["a", "b"], "email": [0.2, 0.3]}), file, channel="email")
    found.write()
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# fitted on 2025\n# calibrated: email: scores × 0.4")
    again = calibrate(np.array([0.2, 0.3]), file)
    assert again.factor == pytest.approx(found.factor)
    again.write()
    assert file.read_text(encoding="utf-8").count("# calibrated") == 1


def test_a_curve_in_json_stays_json(tmp_path: Path) -> None:
    file = tmp_path / "email.json"
    file.write_text('{"michaelis_menten": {"top": 40, "half": 300}, "volume_ref": 100}', encoding="utf-8")
    calibrate(np.array([0.2, 0.3]), file).write()
    written = json.loads(file.read_text(encoding="utf-8"))
    assert written == {"michaelis_menten": {"top": 40, "half": 300}, "volume_ref": 100, "factor": pytest.approx(0.4)}
    assert calibrate(np.array([0.2, 0.3]), file).factor == pytest.approx(0.4)


def test_a_scenario_multiplies_the_scores_of_the_channel_alone(tmp_path: Path) -> None:
    people = pd.DataFrame({"customer_id": [f"c{number}" for number in range(100)]})
    scores = people.assign(email=np.linspace(0.05, 0.45, 100), sms=0.2)
    found = calibrate(scores, CURVE, channel="email", volume_ref=100)
    found.write(tmp_path / "email.yaml")
    scenario = opt.Scenario(
        folder=tmp_path,
        objective="responses",
        customers=people,
        appetence=scores,
        channels={"email": {"unit_cost": 1, "response_curve": "email.yaml"}, "sms": {"unit_cost": 1}},
        rules=[{"name": "all", "volume": {"max": 200}}],
    )
    plan = pd.DataFrame({"customer_id": [*people["customer_id"]] * 2, "channel": ["email"] * 100 + ["sms"] * 100})
    contacts = opt.evaluate(scenario, plan).contacts
    assert contacts.loc[contacts["channel"] == "email", "expected_response"].sum() == pytest.approx(10)
    assert contacts.loc[contacts["channel"] == "sms", "expected_response"].sum() == pytest.approx(20)


def test_the_command_writes_the_factor_and_check_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from optimizer import cli
    from optimizer.commands.check import run_check

    people = pd.DataFrame({"customer_id": [f"c{number}" for number in range(100)], "email": 0.25})
    people.to_csv(tmp_path / "scores.csv", index=False)
    curve, scenario = tmp_path / "email.yaml", tmp_path / "scenario.yaml"
    curve.write_text("michaelis_menten: {top: 40, half: 300}\nvolume_ref: 100\n", encoding="utf-8")
    scenario.write_text(
        "customers: scores.csv\nappetence: scores.csv\nchannels: {email: {unit_cost: 1, response_curve: email.yaml}}\n"
        "rules: [{name: all, volume: {max: 90}}]\n",
        encoding="utf-8",
    )
    asked = ["optimizer", "learn", "calibration", curve, "--scores", tmp_path / "scores.csv", "--channel", "email"]
    monkeypatch.setattr("sys.argv", [str(one) for one in asked])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert not left.value.code
    assert "scores × 0.4," in capsys.readouterr().out
    assert run_check(scenario, as_json=False)
    assert "scores of email × 0.4000, to add up to 10.00 responses at its reference of 100" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("scores", "curve", "keys", "words"),
    [
        ([0.1], CURVE, {}, "name spend_ref or volume_ref"),
        ([0.1], CURVE, {"spend_ref": 5.0}, "name volume, the contacts that it bought, or unit_cost"),
        ([0.1], CURVE, {"spend_ref": 5.0, "volume_ref": 5.0}, "either spend_ref or volume_ref"),
        ([0.0, 0.0], CURVE, {"volume_ref": 10.0}, "none above 0"),
        ([0.1, 1.4], CURVE, {"volume_ref": 10.0}, "expected a probability from 0 to 1"),
        ([0.1], {"points": [[5, 0.0], [9, 1.0]]}, {"volume_ref": 4.0}, "attributes no response"),
        ([0.1], {"points": [[5, 9.0]]}, {"volume_ref": 5.0}, "at most a response a contact"),
        ([0.1], CURVE, {"volume_ref": 10.0, "contacted": "best"}, "take contacted='average'"),
        ([0.1], CURVE, {"volume_ref": 10.0, "contacted": "worst"}, "expected average or best"),
        ([0.1], {"hil": {}}, {"volume_ref": 10.0}, "did you mean hill"),
        ([0.1], CURVE, {"spend_ref": 10.0, "unit_cost": 0.0}, "a number above 0"),
    ],
)
def test_bad_input_says_what_was_expected(
    scores: list[float], curve: dict[str, Any], keys: dict[str, Any], words: str
) -> None:
    with pytest.raises(ScenarioError, match=words):
        calibrate(np.array(scores), curve, **keys)


def test_a_table_needs_the_name_of_its_channel() -> None:
    table = pd.DataFrame({"customer_id": ["a"], "email": [0.2]})
    with pytest.raises(ScenarioError, match="expected the channel"):
        calibrate(table, CURVE, volume_ref=10)
    with pytest.raises(ScenarioError, match="did you mean email"):
        calibrate(table, CURVE, volume_ref=10, channel="emial")
    long = pd.DataFrame({"customer_id": ["a"], "channel": ["email"], "score": [0.2]})
    with pytest.raises(ScenarioError, match="column channel: holds no row of emial; did you mean email"):
        calibrate(long, CURVE, volume_ref=10, channel="emial")


@pytest.mark.parametrize(
    ("scores", "asked", "words"),
    [
        (pd.Series([0.1, "oops", 0.3]), {"volume_ref": 3}, "row 2, column score is 'oops'"),
        (None, {"volume_ref": 3}, "scores.*expected a table, its file"),
        (np.full((2, 2), 0.1), {"volume_ref": 3}, "expected one value a customer"),
        (np.array([0.1]), {"spend_ref": 3, "unit_cost": "a"}, "unit_cost is 'a': expected a number above 0"),
        (np.array([0.1]), {"spend_ref": "a", "volume": 3}, "spend_ref is 'a': expected a number above 0"),
    ],
)
def test_what_is_no_number_is_refused_with_its_place(scores: Any, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        calibrate(scores, CURVE, **asked)
