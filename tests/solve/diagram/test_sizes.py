"""Diagrams of known size and form: how many sets they hold, how they are laid out, and that they stay small."""

from __future__ import annotations

import itertools
from dataclasses import replace
from math import comb

import numpy as np
import pytest

from optimizer.problem import Clash, Count, Expression, Floats, LocalRule, Problem, Responses, Units, Weights
from optimizer.solve.diagram.diagrams import Diagrams, build_diagrams
from optimizer.solve.diagram.units import pricing_units
from tests.solve.diagram.rich import rich_problem

INF = np.inf


def alone(count: int) -> Units:
    return Units("customer", np.arange(count, dtype=np.int32), [f"c{k}" for k in range(count)])


def everyone(rule: str, units: Units, upper: Floats, weights: Weights | None = None) -> Count:
    bound = np.arange(len(units.names), dtype=np.int32)
    return Count(rule, "", weights or Weights(), units, bound, np.full(len(bound), -INF), upper)


def problem_of(day: np.ndarray, units: Units, local: list[LocalRule], kept: np.ndarray | None = None) -> Problem:
    """Every customer may have every activity, or those of ``kept`` (N, A)."""
    kept = np.ones((len(units.names), len(day)), bool) if kept is None else kept
    customer, activity = (part.astype(np.int32) for part in np.nonzero(kept))
    count = len(customer)
    responses = Responses(
        {"responses": np.zeros(count)}, np.ones(count), "additive", np.full(count, -1, np.int32),
        day.astype(np.int32), np.zeros(len(day), np.int32),
    )  # fmt: skip
    return Problem(
        "sizes", units.names, [f"a{k}" for k in range(len(day))], customer, activity, np.zeros(count, bool),
        np.arange(len(units.names), dtype=np.int32), units, responses, local, [], [], [], [], [], Expression(),
    )  # fmt: skip


def built(problem: Problem) -> Diagrams:
    return build_diagrams(problem, pricing_units(problem))


def sets(diagrams: Diagrams, c: int) -> int:
    """Number of paths of a class."""
    count = [1]
    for k in range(int(diagrams.node_start[c]) + 1, int(diagrams.node_start[c + 1])):
        count.append(sum(count[child] for child in (diagrams.low[k], diagrams.high[k]) if child >= 0))
    return count[-1]


def test_a_lag_of_85_days_over_64_weeks_holds_the_sets_of_its_recurrence() -> None:
    day = 7 * np.arange(64)
    lag = np.abs(day[None] - day[:, None])
    diagrams = built(problem_of(day, alone(2), [Clash("lag", "", Weights(), Weights(), lag <= 85, alone(2))]))
    # The first of n weeks is left out, or taken with the 12 after it left out.
    expected = [1]
    for n in range(1, 65):
        expected.append(expected[n - 1] + expected[max(0, n - 13)])
    assert sets(diagrams, 0) == expected[64]
    assert len(diagrams.low) == 65


def test_lags_between_contacts_of_one_offer_stay_small() -> None:
    rng = np.random.default_rng(3)
    day, offer = np.sort(rng.integers(0, 360, 64)), rng.integers(0, 6, 64)
    near = (np.abs(day[None] - day[:, None]) <= 85) & (offer[None] == offer[:, None])
    units = alone(1)
    rules: list[LocalRule] = [
        Clash("lag", "", Weights(), Weights(), near, units),
        everyone("all", units, np.array([6.0])),
    ]
    diagrams = built(problem_of(day, units, rules))
    assert diagrams.exact.all()
    assert len(diagrams.low) < 10_000


def test_what_the_past_used_of_a_cap_begins_the_diagram_elsewhere() -> None:
    left = np.array([3.0, 1.0, 0.0, 30.0, 3.0])
    diagrams = built(problem_of(np.arange(12), alone(5), [everyone("cap", alone(5), left)]))
    assert diagrams.class_of.tolist() == [0, 1, 2, 3, 0]
    for c, most in enumerate([3, 1, 0, 12]):
        assert sets(diagrams, c) == sum(comb(12, k) for k in range(most + 1))


@pytest.mark.parametrize("weight", [0.1, 1 / 3, 0.7, 1e-6, 12345.67])
def test_sums_that_meet_a_cap_are_within_it(weight: float) -> None:
    units = alone(1)
    rule = everyone("cap", units, np.array([3 * weight]), Weights(activity=np.full(8, weight)))
    diagrams = built(problem_of(np.arange(8), units, [rule]))
    assert sets(diagrams, 0) == sum(comb(8, k) for k in range(4))


def test_weights_without_a_common_measure_are_summed_exactly() -> None:
    rng = np.random.default_rng(0)
    weights, units = rng.uniform(0.3, 2, 10), alone(1)
    diagrams = built(problem_of(np.arange(10), units, [everyone("cap", units, np.array([4.0]), Weights(weights))]))
    fits = sum(weights[list(one)].sum() <= 4.0 for k in range(11) for one in itertools.combinations(range(10), k))
    assert sets(diagrams, 0) == fits


def test_customers_with_the_same_pairs_share_a_class() -> None:
    rng = np.random.default_rng(1)
    patterns = rng.random((40, 15)) < 0.4
    which = rng.integers(0, 40, 500)
    units = alone(500)
    diagrams = built(problem_of(np.arange(15), units, [everyone("cap", units, np.full(500, 2.0))], patterns[which]))
    for a, b in itertools.combinations(range(60), 2):
        assert (diagrams.class_of[a] == diagrams.class_of[b]) == (patterns[which[a]] == patterns[which[b]]).all()


@pytest.mark.parametrize("seed", range(20))
def test_nodes_are_laid_out_as_promised_and_none_twice(seed: int) -> None:
    problem = rich_problem(seed)
    diagrams = built(problem)
    assert (np.diff(diagrams.class_of, prepend=-1) <= 1).all()
    for c in range(len(diagrams.feasible)):
        begin, end = diagrams.node_start[c], diagrams.node_start[c + 1]
        terms = diagrams.term_start[c + 1] - diagrams.term_start[c]
        assert (diagrams.low[begin], diagrams.high[begin]) == (-1, -1)
        reached = {int(end - begin - 1)}
        seen = set()
        for k in range(end - 1, begin, -1):
            low, high = int(diagrams.low[k]), int(diagrams.high[k])
            assert k - begin in reached
            assert max(low, high) < k - begin
            assert high >= 0
            assert 0 <= diagrams.high_term[k] < terms
            seen.add((low, high, diagrams.high_term[k], diagrams.low_worth[k], diagrams.high_worth[k]))
            reached |= {low, high}
        assert len(seen) == end - begin - 1


@pytest.mark.parametrize("seed", range(10))
def test_the_order_of_pairs_changes_nothing(seed: int) -> None:
    problem = rich_problem(seed, kinds="DXP")
    plain = replace(problem, local=[rule for rule in problem.local if not _has_pair_part(rule)])
    plain = replace(plain, responses=replace(plain.responses, ranks=[], changes=[]))
    order = np.random.default_rng(seed).permutation(len(plain.customer))
    shuffled = replace(
        plain, customer=plain.customer[order], activity=plain.activity[order], removed=plain.removed[order]
    )
    one, other = built(plain), built(shuffled)
    np.testing.assert_array_equal(one.class_of, other.class_of)
    np.testing.assert_array_equal(one.node_start, other.node_start)
    np.testing.assert_array_equal(one.low, other.low)
    np.testing.assert_array_equal(one.high, other.high)
    np.testing.assert_array_equal(one.high_worth, other.high_worth)


def _has_pair_part(rule: LocalRule) -> bool:
    return any(isinstance(part, Weights) and part.pair is not None for part in vars(rule).values())
