"""Published histories: what is learnt from them against what plain counting says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from tests.published import bank_marketing, complete_journey, hillstrom, interaction_history

ROOT = Path(__file__).parents[3]


def _data(module) -> Path:
    if not module.DATA.is_dir():
        pytest.skip(f"published data not found in {module.DATA}")
    return Path(module.DATA)


@pytest.fixture(scope="module")
def bank() -> tuple[opt.Appetence, pd.DataFrame]:
    import runpy

    data = _data(bank_marketing)
    do = runpy.run_path(str(bank_marketing.FOLDER / "build.py"))
    calls = do["read"](data)
    return do["learn"](calls.assign(teaches=True)), calls


def test_bank_rates_by_telephone_and_the_decline_from_call_to_call_are_recovered(bank) -> None:
    learnt, _ = bank
    rate = learnt.reports.models.set_index("channel")["rate"].to_dict()
    assert rate == pytest.approx({"cellular": 0.1474, "telephone": 0.0523}, abs=5e-5)
    fatigue = learnt.fatigue("call")
    mine = fatigue[fatigue["channel"] == "all"].head(5)
    assert mine["rate"].to_numpy() == pytest.approx([0.1304, 0.1146, 0.1075, 0.0939, 0.0750], abs=5e-5)
    assert (mine["low"] < mine["rate"]).all()
    assert (mine["rate"] < mine["high"]).all()


def test_bank_scores_know_nothing_of_the_duration_and_hold_on_other_clients(bank) -> None:
    learnt, calls = bank
    assert not any("duration" in column for column in learnt.reports.effects["column"])
    models = learnt.reports.models.set_index("channel")
    assert (models["auc"] > 0.6).all()
    assert (models["p_value"] > 0.01).all()
    # The later the call, the lower the score: the rank is known before.
    means = [learnt.predict(context={"call": rank})["cellular"].mean() for rank in (1, 3, 6)]
    assert means[0] > means[1] > means[2]
    with pytest.raises(opt.ScenarioError, match="was not learnt from"):
        learnt.predict(context={"duration": 100})
    assert (calls["date"].diff().dropna() > pd.Timedelta(days=-28)).all()
    assert calls["date"].iloc[[0, -1]].dt.year.tolist() == [2008, 2010]


def test_interaction_history_s_warts_are_counted_and_its_channels_calibrated() -> None:
    learnt = interaction_history.learn(_data(interaction_history), offers=False)
    counts = learnt.reports.counts.set_index("reason")["count"].to_dict()
    assert counts["events 'Accept' read as response"] == 7_841
    assert counts["events 'Accepted' read as response"] == 6_302
    assert counts["events 'Churned': left out as asked"] + counts["events 'Loyal': left out as asked"] == 10_000
    models = learnt.reports.models.set_index("channel")
    assert models["contacts"].to_dict() == {"SMS": 64_750, "Web": 52_373}
    assert models["responses"].to_dict() == {"SMS": 5_206 + 2_755 + 2_486, "Web": 2_635 + 3_547 + 4_468}
    assert (models["p_value"] > 0.01).all()
    outside = learnt.reports.reliability.query("observed < low or observed > high")
    assert outside.empty


def test_an_unknown_verdict_is_refused_unless_it_is_said_what_it_is() -> None:
    data = _data(interaction_history)
    history = pd.read_csv(data / "interaction_history.csv.gz", nrows=2_000)
    customers = history[["CustomerID"]].drop_duplicates().rename(columns={"CustomerID": "customer_id"})
    names = {key: interaction_history.NAMES[key] for key in ("customer_id", "channel", "event", "time")}
    with pytest.raises(opt.ScenarioError, match=r"column event is '(Churned|Loyal)': unknown event"):
        opt.fit_appetence(history, customers, names=names)
    # Taken for outcomes of a contact, they have no channel: left out, and counted.
    verdicts = {"Churned": "no_response", "Loyal": "response"}
    learnt = opt.fit_appetence(history, customers, names=names, events=verdicts)
    counts = learnt.reports.counts.set_index("reason")["count"].to_dict()
    assert counts["contacts without a channel: left out"] == history["pyChannel"].isna().sum()


def test_complete_journey_redemption_by_type_of_campaign_is_that_of_a_plain_join() -> None:
    data = _data(complete_journey)
    learnt = complete_journey.learn(data)
    sent = pd.read_csv(data / "campaigns.csv.gz").merge(pd.read_csv(data / "campaign_descriptions.csv.gz"))
    redeemed = pd.read_csv(data / "coupon_redemptions.csv.gz")[["campaign_id", "household_id"]].drop_duplicates()
    joined = sent.merge(redeemed.assign(came=True), how="left")
    expected = joined["came"].notna().groupby(joined["campaign_type"]).agg(["size", "sum"])
    models = learnt.reports.models[learnt.reports.models["offer"] != "(all)"].set_index("offer")
    contacts = models["contacts"].to_dict()
    assert models["responses"].to_dict() == expected["sum"].to_dict()
    assert contacts == expected["size"].to_dict()
    means = learnt.scores.groupby("offer")["coupon"].mean()
    assert means["Type A"] > means["Type B"]
    assert models["scored_by"].to_dict()["Type C"] == "the channel's model, at the offer's shrunk rate"


def test_hillstrom_s_plan_is_worth_more_than_no_mail_and_is_valued_by_the_draw(tmp_path: Path) -> None:
    data = _data(hillstrom)
    do = hillstrom.scripts()
    experiment = do["read"](data)
    learnt = do["build"](data, tmp_path)
    assert not set(pd.read_parquet(tmp_path / "tables" / "customers.parquet")["customer_id"]) & set(
        experiment.loc[experiment["teaches"], "customer_id"]
    )
    models = learnt.reports.models
    assert (models["auc"] > 0.6).all()
    plan = hillstrom.plan_at(tmp_path, 8_000, gap=1e-3, time_limit=600)
    assert plan.certificate.status == "optimal"
    assert len(plan.contacts) == 8_000
    table = do["values"](plan.contacts, experiment)
    visits = table[table["outcome"] == "visit"].set_index("choice")
    planned = experiment[~experiment["teaches"]]
    # The value of one arm for everybody is the mean of those drawn into it.
    nobody = planned.loc[planned["arm"] == "No E-Mail", "visit"].mean()
    assert visits["mean"].to_dict()["no one"] == pytest.approx(nobody)
    assert visits["low"].to_dict()["plan − no one"] > 0
    # What the plan expects to add lies within the interval of what it added.
    added = np.array([plan.objective / len(planned)])
    assert visits["low"].to_dict()["plan − no one"] < added[0] < visits["high"].to_dict()["plan − no one"]


def test_the_bank_s_scenario_builds_and_solves(tmp_path: Path) -> None:
    import runpy

    data = _data(bank_marketing)
    do = runpy.run_path(str(bank_marketing.FOLDER / "build.py"))
    do["build"].__globals__["PLANNED"] = 150
    do["build"](data, tmp_path)
    scenario = opt.load(tmp_path / "scenario.yaml")
    assert len(scenario.facts.customers) == 150
    plan = opt.solve(scenario, gap=1e-3, time_limit=100)
    assert plan.certificate.status == "optimal"
    calls = do["read"](data).set_index("customer_id")
    assert (plan.contacts["channel"].to_numpy() == calls.loc[plan.contacts["customer_id"], "contact"].to_numpy()).all()
