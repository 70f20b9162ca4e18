"""What can be asked of a fit beside the default: boosting, weights, context, preference, offers, newcomers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.learn.appetence.features import crossings
from optimizer.learn.appetence.propensity import MOST_WEIGHT, logged_weights
from tests.learn.appetence.simulate import simulate


def _outcomes(seed: int, size: int = 6_000) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One contact a customer; the response depends on age, the offer and the rank of the contact."""
    rng = np.random.default_rng(seed)
    customers = pd.DataFrame({"customer_id": [f"c{k:05d}" for k in range(size)], "age": rng.integers(20, 80, size)})
    offer, rank = rng.choice(["loan", "card", "rare"], size, p=[0.6, 0.39, 0.01]), rng.integers(1, 4, size)
    young = customers["age"] < 40
    rate = np.where(offer == "loan", 0.05 + 0.25 * young, 0.25 - 0.2 * young) * np.array([1.0, 0.7, 0.5])[rank - 1]
    history = customers[["customer_id"]].assign(
        channel="phone", offer=offer, rank=rank, date="2025-04-01", responded=rng.random(size) < rate
    )
    history["event"] = np.where(history.pop("responded"), "response", "no_response")
    return history, customers


def test_boosting_finds_what_is_not_straight() -> None:
    rng = np.random.default_rng(1)
    customers = pd.DataFrame({"customer_id": np.arange(6_000).astype(str), "age": rng.integers(20, 80, 6_000)})
    middle = customers["age"].between(40, 55)
    came = rng.random(6_000) < np.where(middle, 0.35, 0.05)
    history = customers[["customer_id"]].assign(channel="sms", date="2025-04-01", event=np.where(came, "click", "none"))
    scores = {
        model: opt.fit_appetence(history, customers, model=model).scores["sms"] for model in ("logistic", "boosting")
    }
    inside = middle.to_numpy()[np.argsort(customers["customer_id"].to_numpy())]
    gap = {model: found[inside].mean() - found[~inside].mean() for model, found in scores.items()}
    assert gap["boosting"] > 0.25
    assert gap["logistic"] < 0.1


def test_each_offer_has_its_model_and_a_rare_one_its_channel_s_at_its_own_rate() -> None:
    history, customers = _outcomes(2)
    learnt = opt.fit_appetence(history, customers, context={"rank": 1})
    assert learnt.offers == ("card", "loan", "rare")
    by = learnt.reports.models.set_index("offer")["scored_by"].to_dict()
    assert by["card"] == by["loan"] == "logistic"
    assert by["rare"] == "the channel's model, at the offer's shrunk rate"
    wide = learnt.scores.pivot(index="customer_id", columns="offer", values="phone")
    young = (customers.set_index("customer_id")["age"] < 40).loc[wide.index]
    assert wide["loan"][young].mean() == pytest.approx(0.30, abs=0.08)
    assert wide["card"][~young].mean() == pytest.approx(0.25, abs=0.08)
    assert wide["loan"][young].mean() > 2 * wide["card"][young].mean()
    later = learnt.predict(context={"rank": 3})
    assert later["phone"].mean() == pytest.approx(0.5 * learnt.scores["phone"].mean(), rel=0.2)
    factor = learnt.fatigue("rank").query("channel == 'all'")["factor"].to_numpy()
    assert factor == pytest.approx([1.0, 0.7, 0.5], abs=0.12)


def test_context_without_a_value_takes_the_usual_one_and_tells_it() -> None:
    history, customers = _outcomes(3)
    learnt = opt.fit_appetence(history, customers, context={"rank": None})
    assert "rank: scores are made at its usual value, 2.0" in set(learnt.reports.counts["reason"])
    pd.testing.assert_frame_equal(learnt.predict(context={"rank": 2}), learnt.scores)


def test_logged_weights_bring_back_the_rate_of_everybody() -> None:
    rng = np.random.default_rng(4)
    warm = rng.random(40_000) < 0.5
    propensity = np.where(warm, 0.8, 0.1)
    contacted = rng.random(40_000) < propensity
    came = rng.random(40_000) < np.where(warm, 0.3, 0.1)
    weights, notes = logged_weights(propensity[contacted], "history", "sms")
    assert weights.mean() == pytest.approx(1.0)
    assert np.average(came[contacted], weights=weights) == pytest.approx(0.2, abs=0.01)
    assert came[contacted].mean() > 0.26
    assert notes == []
    capped, told = logged_weights(np.append(np.full(1_000, 0.9), 1e-5), "history", "sms")
    assert capped.max() / np.median(capped) == pytest.approx(MOST_WEIGHT)
    assert told[0].count == 1


@pytest.mark.parametrize("weights", ["logged", "fitted"])
def test_weights_against_the_past_policy_move_scores_of_those_seldom_chosen(weights) -> None:
    rng = np.random.default_rng(5)
    customers = pd.DataFrame({"customer_id": np.arange(12_000).astype(str), "age": rng.integers(20, 80, 12_000)})
    old = customers["age"].to_numpy() > 50
    chance = np.where(old, 0.05, 0.6)
    contacted = rng.random(12_000) < chance
    # A bent relation, which a straight model fits best where contacts are.
    came = rng.random(12_000) < np.where(old, 0.30, 0.10)
    history = customers[["customer_id"]].assign(
        channel="sms", date="2025-04-01", event=np.where(came, "click", "none"), propensity=chance
    )
    plain, weighed = (
        opt.fit_appetence(history[contacted], customers, weights=one).scores["sms"].mean() for one in (None, weights)
    )
    truth = 0.30 * old.mean() + 0.10 * (~old).mean()
    assert abs(weighed - truth) < abs(plain - truth) + 0.005
    assert weighed == pytest.approx(truth, abs=0.04)


def test_preference_and_value_are_crossed_with_the_channel_and_its_reactions() -> None:
    features = pd.DataFrame({"own_rate": [0.0, 0.2, 0.4]})
    made = crossings(features, np.array([True, False, True]), np.array([0.0, 99.0, np.nan]))
    assert made["prefers"].tolist() == [1.0, 0.0, 1.0]
    assert made["prefers_x_rate"].tolist() == [0.0, 0.0, 0.4]
    assert made["value_x_rate"].to_numpy() == pytest.approx([0.0, 0.2 * np.log(100), 0.0])
    assert made["value_x_prefers"].tolist() == [0.0, 0.0, 0.0]
    assert crossings(features, None, None).empty


def test_the_preferred_channel_scores_higher() -> None:
    history, customers, _ = simulate(1_500)
    learnt = opt.fit_appetence(history, customers)
    for channel in learnt.channels:
        prefers = (customers["preferred_channel"] == channel).to_numpy()
        # Log-odds 0.9 apart in truth.
        assert learnt.scores[channel][prefers].mean() > 1.5 * learnt.scores[channel][~prefers].mean(), channel


def test_newcomers_are_scored_by_the_model_where_first_contacts_taught_it() -> None:
    history, customers = _outcomes(6)
    taught = history[history["customer_id"] < "c04000"].drop(columns="offer")
    learnt = opt.fit_appetence(taught, customers)
    assert set(learnt.reports.newcomers["scored_by"]) == {"the model, on their columns"}
    assert set(learnt.reports.newcomers["customers"]) == {2_000}
    new = learnt.scores[learnt.scores["customer_id"] >= "c04000"]["phone"]
    assert new.nunique() > 20
    by_segment = opt.fit_appetence(taught, customers, newcomers="segment").scores
    assert by_segment[by_segment["customer_id"] >= "c04000"]["phone"].nunique() == 1


def test_customers_of_whom_nothing_is_known_but_their_history_can_be_learnt_from() -> None:
    history, customers, truth = simulate(1_000)
    learnt = opt.fit_appetence(history, customers[["customer_id"]])
    assert np.corrcoef(learnt.scores["email"], truth["email"])[0, 1] > 0.3
