"""Whether a certificate is true to its plan."""

from __future__ import annotations

import math

import pytest

from optimizer.plan.verify import check_certificate
from tests.plan.small import judged, small


def test_a_true_certificate_has_no_fault() -> None:
    verdict = judged(small(), "anna email w1")
    assert check_certificate(verdict, 9.0, 9.0) == []
    assert check_certificate(verdict, 9.0, math.inf) == []
    assert check_certificate(verdict, 9.0 + 1e-9, 9.5) == []


@pytest.mark.parametrize(
    ("objective", "bound"),
    [(9.01, 10), (8.99, 10), (9 + 1e-6, 10), (math.nan, 10), (math.inf, math.inf), (9, math.nan)],
)
def test_a_stated_objective_that_differs_fails(objective: float, bound: float) -> None:
    assert check_certificate(judged(small(), "anna email w1"), objective, bound)


def test_an_objective_beyond_the_bound_fails() -> None:
    verdict = judged(small(), "anna email w1")
    assert "exceeds" in check_certificate(verdict, 9.0, 8.9)[0]


def test_a_minimised_cost_lies_above_its_bound() -> None:
    verdict = judged(small(objective={"minimize": "cost"}), "anna sms w1")
    assert check_certificate(verdict, 2.0, 1.5) == []
    assert check_certificate(verdict, 2.0, 2.0) == []
    assert "below" in check_certificate(verdict, 2.0, 2.5)[0]
    assert check_certificate(verdict, -2.0, 1.0)


def test_penalties_are_part_of_the_objective() -> None:
    verdict = judged(small({"volume": {"min": 3}, "soft": {"penalty": 2}}), "anna email w1")
    assert check_certificate(verdict, 5.0, 5.0) == []
    assert check_certificate(verdict, 9.0, 9.0)


def test_failures_read_as_sentences() -> None:
    verdict = judged(
        small({"name": "few calls", "volume": {"max": 1}, "where": {"channel": "phone"}}),
        "anna phone w1",
        "ben phone w1",
    )
    assert not verdict.passed
    assert verdict.failures == ["rule 'few calls': 2 where at most 1 is asked, 1 beyond"]
