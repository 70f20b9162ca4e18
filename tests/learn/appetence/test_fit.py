"""Scores against the truth of simulated customers, and from history to a plan."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.errors import ScenarioError
from optimizer.learn.appetence.model import need_scikit_learn
from tests.learn.appetence.simulate import CHANNELS, simulate


@pytest.fixture(scope="module")
def world():
    return simulate()


@pytest.fixture(scope="module")
def learnt(world) -> opt.Appetence:
    history, customers, _ = world
    return opt.fit_appetence(history, customers)


def test_scores_tell_customers_apart_and_mean_what_they_say(world, learnt: opt.Appetence) -> None:
    _, customers, truth = world
    assert learnt.scores["customer_id"].tolist() == customers["customer_id"].tolist()
    for channel in CHANNELS:
        scores, real = learnt.scores[channel].to_numpy(), truth[channel]
        assert np.corrcoef(scores, real)[0, 1] > 0.5, channel
        assert scores.mean() == pytest.approx(real.mean(), rel=0.12), channel
        # Nearer to the truth than the channel's mean rate for everybody, by far.
        assert ((scores - real) ** 2).mean() < 0.75 * real.var(), channel
        best = np.argsort(-scores)[:300]
        assert scores[best].mean() == pytest.approx(real[best].mean(), rel=0.2), channel


def test_what_is_reported_was_not_learnt_from(learnt: opt.Appetence) -> None:
    models = learnt.reports.models.set_index("channel")
    assert (models["judged_contacts"] < 0.3 * models["contacts"]).all()
    assert (models["cut"] == "time").all()
    assert (models["brier"] < models["brier_constant"]).all()
    for channel, table in learnt.reports.lift.groupby("channel"):
        assert table["contacts"].sum() == models["judged_contacts"].to_dict()[channel]
        assert table["gain"].iloc[-1] == pytest.approx(1.0)
        assert table["lift"].iloc[0] > 1.3


def test_the_order_of_rows_changes_no_bit(world, learnt: opt.Appetence) -> None:
    history, customers, _ = world
    again = opt.fit_appetence(history.sample(frac=1, random_state=3), customers.sample(frac=1, random_state=4))
    pd.testing.assert_frame_equal(again.scores, learnt.scores, check_exact=True)
    pd.testing.assert_frame_equal(again.consent, learnt.consent)


def test_an_earlier_date_sees_what_was_known_then(world, learnt: opt.Appetence) -> None:
    history, _, _ = world
    then = pd.Timestamp("2025-06-01")
    assert not learnt.predict(then).equals(learnt.scores)
    early = opt.fit_appetence(history[history["time"] < then], world[1], as_of=then)
    for channel in CHANNELS:
        pd.testing.assert_frame_equal(learnt.features(channel, then), early.features(channel), check_exact=True)
    with pytest.raises(ScenarioError, match="is after the history's"):
        learnt.predict("2027-01-01")


def test_what_is_written_is_a_scenario_s_input(world, learnt: opt.Appetence, tmp_path: Path) -> None:
    learnt.save(tmp_path)
    world[1].to_csv(tmp_path / "customers.csv", index=False)
    text = "\n".join(
        [
            "customers: customers.csv", "appetence: appetence.parquet", "consent: consent.parquet",
            "channels: {email: {unit_cost: 0.004}, sms: {unit_cost: 0.06}, print: {unit_cost: 0.7}}",
            "objective: responses", "rules:",
            "  - {name: budget, budget: {max: 300}}", "  - {name: once, contacts: {max: 1}}",
        ]
    )  # fmt: skip
    (tmp_path / "scenario.yaml").write_text(text, encoding="utf-8")
    plan = opt.solve(opt.load(tmp_path / "scenario.yaml"), gap=1e-3)
    assert plan.certificate.status == "optimal"
    assert plan.objective > 0
    assert {"summary.md", "summary.json"} <= {file.name for file in tmp_path.iterdir()}
    page = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "What scores each channel" in page
    assert len(pd.read_csv(tmp_path / "reports" / "reliability.csv")) > 10


def test_a_customer_without_history_gets_the_segment_s_rate_and_is_counted(world) -> None:
    history, customers, _ = world
    new = pd.DataFrame({"customer_id": ["new 1", "new 2"], "segment": ["gold", "unheard of"], "age": [40, 50]})
    learnt = opt.fit_appetence(history, pd.concat([customers, new], ignore_index=True), newcomers="segment")
    scores = learnt.scores.set_index("customer_id")
    sent = history[history["event"] == "sent"].merge(customers, on="customer_id")
    table = learnt.reports.segments.set_index(["channel", "segment"])
    rows = {(row["channel"], row["segment"]): row for row in learnt.reports.segments.to_dict("records")}
    for channel in CHANNELS:
        gold = rows[channel, "gold"]
        assert scores.loc["new 1", channel] == pytest.approx(gold["rate"], abs=1e-9)
        count = ((sent["channel"] == channel) & (sent["segment"] == "gold")).sum()
        assert 0.9 * count < gold["contacts"] <= count
        assert gold["responses"] / gold["contacts"] == pytest.approx(gold["rate"], rel=0.1)
        rates = table["rate"].loc[channel].to_numpy(float)
        assert rates.min() < scores[channel].to_dict()["new 2"] < rates.max()
    silent = (~customers["customer_id"].isin(history["customer_id"])).sum()
    assert set(learnt.reports.newcomers["customers"]) == {2 + silent}
    assert "customers without any history" in set(learnt.reports.counts["reason"])


def test_few_responses_are_scored_by_shrunk_rates(world) -> None:
    history, customers, truth = world
    few = customers["customer_id"][:150]
    learnt = opt.fit_appetence(history[history["customer_id"].isin(few)], customers[:150], min_responses=100_000)
    assert set(learnt.reports.models["scored_by"]) == {"shrunk rates"}
    for channel in CHANNELS:
        scores, real = learnt.scores[channel].to_numpy(), truth[channel][:150]
        assert scores.min() > 0
        assert scores.max() < 1
        assert np.abs(scores - real).mean() < np.abs(real - real.mean()).mean() * 1.1


def test_missing_scikit_learn_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(
        ScenarioError, match=r"scikit-learn: is not installed: pip install 'campaign-optimizer\[learn\]'"
    ):
        need_scikit_learn("fit_appetence")


def test_opens_are_no_responses_but_clicks_are(world) -> None:
    history, customers, _ = world
    sent = (history["event"] == "sent") & (history["channel"] == "email")
    learnt = opt.fit_appetence(history, customers, channels=["email"])
    rate = learnt.reports.models["rate"][0]
    clicks = (history["event"] == "click") & (history["channel"] == "email")
    assert rate == pytest.approx(clicks.sum() / sent.sum(), rel=0.03)


def test_a_folder_that_cannot_be_written_is_told(learnt: opt.Appetence, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ScenarioError, match="output folder: cannot be written"):
        learnt.save(tmp_path / "taken")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"model": "logit"}, "did you mean logistic"),
        ({"segment": "segmnt"}, "did you mean segment"),
        ({"responses": ["clicks"]}, "did you mean click"),
        ({"channels": ["fax"]}, "was never contacted before as_of; known: email, print, sms"),
        ({"as_of": "next week"}, "expected a date"),
        ({"control": "held out"}, "is no channel and no offer"),
        ({"min_responses": 0}, "expected at least 1"),
        ({"response_days": 0}, "expected more than 0 days"),
        ({"columns": ["agee"]}, "did you mean age"),
        ({"weights": "logged"}, "column propensity"),
    ],
)
def test_what_is_asked_wrongly_is_told(world, asked, words: str) -> None:
    history, customers, _ = world
    with pytest.raises(ScenarioError, match=words):
        opt.fit_appetence(history, customers, **asked)
