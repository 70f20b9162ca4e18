"""Uplift and policy values against experiments whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.errors import ScenarioError
from optimizer.learn.appetence.policy import Experiment
from optimizer.learn.appetence.uplift import Uplift, qini, qini_table


def _experiment(seed: int, size: int = 20_000):
    """Women gain 0.12 by a contact, men nothing; the warm respond anyway."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"sex": rng.choice(["f", "m"], size), "warm": rng.normal(size=size)})
    treated = rng.random(size) < 0.4
    gain = np.where(frame["sex"] == "f", 0.12, 0.0)
    base = 0.1 + 0.1 / (1 + np.exp(-2 * frame["warm"].to_numpy()))
    outcome = (rng.random(size) < base + gain * treated).astype(float)
    return frame, treated, outcome, gain, base


@pytest.mark.parametrize("method", ["t", "x", "transformed"])
def test_every_method_finds_who_gains(method) -> None:
    frame, treated, outcome, _, _ = _experiment(1)
    fresh, drawn, came, gain, base = _experiment(2)
    found = Uplift(frame, treated, outcome, method=method).predict(fresh)
    assert np.abs(found[gain > 0].mean() - 0.12) < 0.03
    assert np.abs(found[gain == 0].mean()) < 0.03
    assert np.corrcoef(found, gain)[0, 1] > 0.8
    table = qini_table(found, drawn, came)
    assert table["incremental"].iloc[-1] == pytest.approx(0.06 * drawn.sum(), rel=0.2)
    assert qini(table) > qini(qini_table(base, drawn, came))


def test_money_is_an_outcome_too() -> None:
    frame, treated, outcome, gain, _ = _experiment(3)
    found = Uplift(frame, treated, 50.0 * outcome, method="t").predict(frame)
    assert found[gain > 0].mean() == pytest.approx(6.0, abs=1.5)


def test_uplift_without_a_hold_out_is_refused() -> None:
    frame, treated, outcome, _, _ = _experiment(4, 100)
    with pytest.raises(ScenarioError, match="nobody was held out"):
        Uplift(frame, np.ones_like(treated), outcome)


def test_the_value_of_a_choice_is_found_from_the_draw_and_its_interval_holds_it() -> None:
    inside = 0
    for seed in range(40):
        _, treated, outcome, gain, base = _experiment(seed, 3_000)
        arm = pd.Series(np.where(treated, "mail", "none"))
        chosen = pd.Series(np.where(gain > 0, "mail", "none"))
        truth = float((base + gain).mean())
        found = Experiment(arm, outcome).value(chosen, level=0.9)
        inside += found.low <= truth <= found.high
    # 36 of 40 expected; 30 or fewer has a chance below 1 in 200.
    assert inside > 30


def test_a_difference_is_that_of_the_values_and_a_random_part_lies_between() -> None:
    _, treated, outcome, gain, _ = _experiment(5)
    told = Experiment(pd.Series(np.where(treated, "mail", "none")), outcome)
    chosen, nobody = pd.Series(np.where(gain > 0, "mail", "none")), pd.Series(["none"] * len(gain))
    everyone = pd.Series(["mail"] * len(gain))
    assert told.difference(chosen, nobody).mean == pytest.approx(told.value(chosen).mean - told.value(nobody).mean)
    assert told.value(nobody).mean == pytest.approx(outcome[~treated].mean())
    half = told.random_part(everyone, nobody, 0.5).mean
    assert half == pytest.approx((told.value(everyone).mean + told.value(nobody).mean) / 2)
    with pytest.raises(ScenarioError, match="was never drawn"):
        told.value(pd.Series(["letter"] * len(gain)))


def test_customers_held_out_become_the_baseline_a_scenario_subtracts() -> None:
    frame, treated, outcome, gain, base = _experiment(6, 8_000)
    names = [f"c{number}" for number in range(len(frame))]
    history = pd.DataFrame(
        {"customer_id": names, "channel": np.where(treated, "mail", "held out"),
         "event": np.where(outcome > 0, "response", "no response"), "date": "2025-03-01"}
    )  # fmt: skip
    learnt = opt.fit_appetence(history, frame.assign(customer_id=names), control="held out")
    assert learnt.channels == ("mail",)
    assert learnt.baseline is not None
    # … and so calls its uncertainty, for a forecast to read
    assert learnt.reports.uncertainty["channel"].tolist() == ["mail", "baseline"]
    scenario = opt.Scenario(
        customers=frame.assign(customer_id=names), appetence=learnt.scores, baseline=learnt.baseline,
        objective="responses", channels={"mail": {"unit_cost": 0.1}},
    )  # fmt: skip
    mailed = opt.evaluate(scenario, pd.DataFrame({"customer_id": names[:50], "channel": "mail"}))
    told = mailed.forecast(scores=learnt.reports.uncertainty, draws=20)
    assert not any("taken as known" in note for note in told.notes)
    order = pd.Index(names).get_indexer(pd.Index(learnt.baseline["customer_id"]))
    found = learnt.baseline["baseline"].to_numpy()
    assert np.corrcoef(found, base[order])[0, 1] > 0.8
    added = learnt.scores["mail"].to_numpy() - found
    assert added[gain[order] > 0].mean() > 0.07
    assert np.abs(added[gain[order] == 0].mean()) < 0.04
