"""Shrinkage, intervals, calibration and drift against what they are defined by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import betaln, expit, logit
from scipy.stats import binomtest

import optimizer as opt
from optimizer.errors import ScenarioError
from optimizer.learn.appetence.calibration import check, fit_calibrator, reliability
from optimizer.learn.appetence.drift import drift, psi
from optimizer.learn.appetence.intervals import wilson
from optimizer.learn.appetence.model import Fitted, cut
from optimizer.learn.appetence.shrinkage import fit_prior
from optimizer.learn.appetence.uncertainty import drift_variance
from tests.learn.appetence.simulate import simulate


def test_the_prior_is_found_again_and_no_other_strength_is_likelier() -> None:
    rng = np.random.default_rng(1)
    n = rng.integers(1, 30, 4_000).astype(float)
    k = rng.binomial(n.astype(int), rng.beta(2.0, 18.0, len(n))).astype(float)
    prior = fit_prior(k, n)
    assert prior.mean == pytest.approx(0.1, abs=0.01)
    assert prior.strength == pytest.approx(20, rel=0.2)

    def likelihood(strength: float) -> float:
        a, b = prior.mean * strength, (1 - prior.mean) * strength
        return float((betaln(k + a, n - k + b) - betaln(a, b)).sum())

    assert all(likelihood(prior.strength) >= likelihood(prior.strength * factor) for factor in (0.5, 0.9, 1.1, 2.0))


def test_shrunk_rates_lie_between_their_own_and_the_mean_and_are_nearer_the_truth() -> None:
    rng = np.random.default_rng(2)
    truth, n = rng.beta(2, 18, 2_000), rng.integers(1, 15, 2_000).astype(float)
    k = rng.binomial(n.astype(int), truth).astype(float)
    prior = fit_prior(k, n)
    rates = prior.rates(k, n)
    own = k / n
    assert ((rates - own) * (rates - prior.mean) <= 1e-12).all()
    assert ((rates - truth) ** 2).mean() < 0.3 * ((own - truth) ** 2).mean()


@pytest.mark.parametrize(("k", "n"), [([0, 0], [5, 9]), ([4], [9]), ([], []), ([3, 3], [3, 3])])
def test_a_prior_of_little_is_a_number_between_0_and_1(k: list[int], n: list[int]) -> None:
    prior = fit_prior(np.array(k, float), np.array(n, float))
    assert 0 < prior.mean < 1
    assert np.isfinite(prior.strength)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (57, 4_000)])
def test_wilson_s_interval_is_scipy_s(k: int, n: int) -> None:
    low, high = wilson(np.array([k], float), np.array([n], float))
    told = binomtest(k, n).proportion_ci(0.9, method="wilson")
    assert (low[0], high[0]) == pytest.approx((told.low, told.high), abs=1e-12)


def test_the_check_passes_what_is_right_and_fails_what_is_not() -> None:
    rng = np.random.default_rng(3)
    passed, mended = 0, 0
    for _ in range(25):
        truth = expit(rng.normal(-2.5, 0.8, 4_000))
        came = rng.random(4_000) < truth
        passed += not check(truth, came).fails
        bold = expit(2.0 * logit(truth) + 2.0)
        assert check(bold, came).fails
        mend = fit_calibrator(bold, came)
        assert mend.kind == "sigmoid"
        mended += float(np.abs(mend(bold) - truth).mean()) < 0.01
    # One in a hundred fails by the p-value alone.
    assert passed >= 23
    assert mended >= 23


def test_what_no_curve_of_two_parameters_mends_is_mended_by_steps() -> None:
    rng = np.random.default_rng(4)
    scores = rng.random(40_000)
    truth = 0.1 + 0.5 * (scores > 0.3) * (scores < 0.9) + 0.35 * (scores >= 0.9)
    mend = fit_calibrator(scores, rng.random(40_000) < truth)
    assert mend.kind == "isotonic"
    assert np.abs(mend(scores) - truth)[scores < 0.85].mean() < 0.02


def test_reliability_counts_everyone_once() -> None:
    rng = np.random.default_rng(5)
    scores = np.round(rng.random(1_234), 1)
    came = rng.random(1_234) < scores
    table = reliability(scores, came)
    assert table["contacts"].sum() == 1_234
    assert table["responses"].sum() == came.sum()
    assert (table["predicted"].diff().dropna() > 0).all()


def test_the_stability_index_is_zero_for_the_same_and_its_formula_for_others() -> None:
    rng = np.random.default_rng(6)
    before = pd.Series(rng.normal(size=50_000))
    assert psi(before, before.sample(frac=1, random_state=1)) == pytest.approx(0, abs=1e-12)
    assert psi(before, before + 0.05) < 0.1 < 0.25 < psi(before, before + 1.0)
    words = [pd.Series(["a"] * a + ["b"] * b) for a, b in ((700, 300), (500, 500))]
    p, q = np.array([700.5, 300.5]) / 1_001, np.array([500.5, 500.5]) / 1_001
    assert psi(words[0], words[1]) == pytest.approx(float(((q - p) * np.log(q / p)).sum()))


def test_drift_names_what_moved_between_two_dates() -> None:
    history, customers, _ = simulate(800)
    learnt = opt.fit_appetence(history, customers, channels=["email"])
    table = drift(learnt, "2025-03-01", "2025-12-01").set_index("column")
    assert table["verdict"].to_dict()["own_known"] == "moved"
    assert table["verdict"].to_dict()["age"] == "steady"
    assert "score" in table.index
    with pytest.raises(ScenarioError, match="expected a date before"):
        drift(learnt, "2025-12-01", "2025-03-01")


def test_the_level_drifts_beyond_chance_only_where_something_moves() -> None:
    rng = np.random.default_rng(7)
    found: dict[str, list[float]] = {"steady": [], "moving": []}
    for _ in range(30):
        scores, day = rng.beta(2, 18, 6_000), np.sort(rng.integers(0, 60, 6_000)) * 86_400
        season = np.exp(rng.normal(0, 0.3, 60))[day // 86_400]
        for name, truth in (("steady", scores), ("moving", scores * season)):
            found[name].append(drift_variance(scores, rng.random(6_000) < np.minimum(truth, 1), day))
    # Of 600 responses, a period of an eighth is known to 0.115 and all of them to 0.041.
    assert np.sqrt(np.mean(found["steady"])) < 0.05
    assert min(found["steady"]) == 0.0
    # A week and a half a period: days of deviation 0.3 average to about 0.3 / sqrt(7.5).
    assert np.sqrt(np.mean(found["moving"])) == pytest.approx(0.11, abs=0.03)
    assert drift_variance(scores, scores > 0.1, np.zeros(6_000, np.int64)) == 0.0


@pytest.mark.parametrize("mended", [False, True])
def test_the_error_of_a_level_learnt_is_that_of_many_histories(mended: bool) -> None:
    """Of customers unlike those learnt from, and with contacts of a customer that come out alike."""
    rng, levels, told, kinds = np.random.default_rng(8), list[float](), list[float](), list[str]()
    scored = pd.DataFrame({"x": rng.normal(1.0, 0.5, 2_000)})
    customer = np.repeat(np.arange(800), 3)
    identity = pd.util.hash_array(np.arange(800))[customer]
    for _ in range(30):
        x = rng.normal(0.0, 1.0, 800)
        came = (rng.random(800) < expit(-1.2 + 0.8 * x))[customer]
        seconds = rng.permutation(2_400).astype(np.int64)
        if mended:  # the last two fifths respond at another level, which the check tells
            came = came & ~((seconds >= 1_440) & (rng.random(2_400) < 0.6))
        frame, parts = pd.DataFrame({"x": x[customer]}), cut(seconds, identity, came)
        fitted = Fitted(frame, came, None, parts, kind="logistic", seed=0, customer=customer)
        levels.append(float(np.log(fitted.scores(scored).sum())))
        told.append(fitted.level_variance(scored))
        kinds.append(fitted.calibrator.kind)
    assert set(kinds) == {"sigmoid"} if mended else kinds.count("none") > 24
    # A spread of 30 is known to an eighth.
    assert np.sqrt(np.mean(told)) == pytest.approx(np.std(levels), rel=0.35)


def test_a_level_that_moved_at_the_end_is_told_as_it_was_missed() -> None:
    rng, missed = np.random.default_rng(9), list[float]()
    customer, seconds = np.arange(3_000), np.arange(3_000)
    frame = pd.DataFrame({"x": rng.normal(0.0, 1.0, 3_000)})
    identity = pd.util.hash_array(customer)
    for late in (1.0, 3.0):
        rate = np.where(seconds >= 2_400, late, 1.0) * expit(-2.0 + 0.5 * frame["x"].to_numpy()) / 2
        came = rng.random(3_000) < rate
        for by in ("auto", "customers"):
            parts = cut(seconds, identity, came, by=by)
            fitted = Fitted(frame, came, None, parts, kind="logistic", seed=0, customer=customer)
            missed.append(fitted.missed)
    assert missed[0] == missed[1] == missed[3] == 0.0
    assert np.sqrt(missed[2]) == pytest.approx(2.0, rel=0.25)


def test_what_a_learner_says_of_its_level_is_how_far_it_is_off() -> None:
    off: list[float] = []
    for seed in range(8):
        history, customers, truth = simulate(400, seed=seed)
        learnt = opt.fit_appetence(history, customers, channels=["email", "sms"])
        told = learnt.reports.uncertainty.set_index("channel")["relative"]
        off += [
            float((truth[channel].sum() / learnt.scores[channel].sum() - 1) / told[channel])
            for channel in ("email", "sms")
        ]
    assert 0.6 < np.sqrt(np.mean(np.square(off))) < 1.4


def test_a_forecast_reads_the_uncertainty_that_was_learnt(tmp_path: Path) -> None:
    history, customers, _ = simulate(800)
    learnt = opt.fit_appetence(history, customers, channels=["email", "print"], min_responses=300)
    assert learnt.reports.uncertainty["relative"].isna().tolist() == [False, True]
    learnt.save(tmp_path)
    scenario = opt.Scenario(
        customers=customers, appetence=learnt.scores, consent=learnt.consent, objective="responses",
        channels={"email": {"unit_cost": 0.01}, "print": {"unit_cost": 0.7}},
        rules=[{"name": "budget", "budget": {"max": 40}}],
    )  # fmt: skip
    plan, file = opt.solve(scenario, gap=1e-3), tmp_path / "reports" / "uncertainty.csv"
    total = plan.forecast(scores=file, draws=400, seed=1, sampling=False).table.query("by == 'total'").iloc[0]
    spread = (total["p90"] - total["p10"]) / total["p50"]
    # The channel most of it comes through is off by its error: P10 to P90 are 2.56 deviations apart.
    worst = max(learnt.reports.uncertainty["relative"].max(), 1 / np.sqrt(learnt.reports.models["responses"].min()))
    assert 0.1 < spread < 2.56 * worst * 1.3
    assert plan.forecast(draws=50, sampling=False).table["p10"].iloc[0] == pytest.approx(plan.objective)
