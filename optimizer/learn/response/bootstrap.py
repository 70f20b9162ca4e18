"""Intervals: the residuals are drawn again in blocks, the model is fitted again, and the spread of answers is told.

Moving blocks of about T^(1/3) periods keep what one period has in common with the next (Künsch 1989); a period is
drawn for all regions at once, which keeps what they have in common. Residuals are widened by √(n / (n − k)), as k
coefficients have flattened them. The forms are those chosen: intervals do not know of the forms that were not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.learn.response.model import Estimate, Model
from optimizer.learn.response.panel import Panel
from optimizer.learn.response.pool import Pool, pooled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Draw:
    """One answer: an estimate and the strengths of the regions."""

    estimate: Estimate
    pool: Pool


def fitted_of(panel: Panel, model: Model, draw: Draw) -> Floats:
    """The fitted response of every row, a unit of size and spread."""
    by_channel = model.contributions(draw.estimate) * draw.pool.strength[panel.region]
    return model.baseline @ draw.estimate.baseline + by_channel.sum(axis=1) + draw.pool.shift[panel.region]


def with_pool(panel: Panel, model: Model, estimate: Estimate, response: Floats, *, levels: bool) -> Draw:
    """An estimate with the strengths of the regions around it."""
    rest = response - model.baseline @ estimate.baseline
    pool = pooled(model.contributions(estimate), rest, panel.region, len(panel.regions), levels=levels)
    return Draw(estimate, pool)


def coefficients(model: Model, estimate: Estimate) -> int:
    """Coefficients that the data had to give: heights that ended at 0 took none, nor their shapes."""
    used = 0
    for term, heights in zip(model.terms, estimate.heights, strict=True):
        live = int(np.count_nonzero(heights))
        used += live + (len(term.parameters) if live else 0)
    return model.baseline.shape[1] + used


def draws_of(
    panel: Panel, model: Model, answer: Draw, response: Floats, *, levels: bool, number: int, seed: int
) -> list[Draw]:
    """Answers to responses drawn again."""
    fitted = fitted_of(panel, model, answer)
    rows = panel.rows
    residual = response - fitted
    if levels:
        residual = residual - residual.mean()
    residual = residual * np.sqrt(rows / max(rows - coefficients(model, answer.estimate), 1))
    days = np.arange(rows, dtype=float) if panel.days is None else panel.days
    _, period = np.unique(days, return_inverse=True)
    periods = int(period.max()) + 1
    row_of = np.full((periods, len(panel.regions)), -1, np.int64)
    row_of[period, panel.region] = np.arange(rows)
    block = 1 if panel.days is None else max(1, round(periods ** (1 / 3)))
    found = []
    for k in range(number):
        random = np.random.default_rng([seed, 7919, k])
        starts = random.integers(0, periods, -(-periods // block))
        drawn = ((starts[:, None] + np.arange(block)) % periods).ravel()[:periods]
        source = row_of[drawn[period], 0 if panel.days is None else panel.region]
        if panel.days is None:
            source = random.integers(0, rows, rows)
        # A region without that period lends another of its rows.
        if (absent := source < 0).any():
            source[absent] = _others(panel.region, absent, random)
        again = fitted + residual[source]
        estimate = model.fit(again, starts=0, seed=seed, near=answer.estimate)
        found.append(with_pool(panel, model, estimate, again, levels=levels))
    return found


def _others(region: Integers, absent: NDArray[np.bool_], random: np.random.Generator) -> Integers:
    """For every absent row, some row of its region."""
    counts = np.bincount(region)
    first = np.cumsum(counts) - counts
    own = region[absent]
    return first[own] + np.floor(random.random(len(own)) * counts[own]).astype(np.int64)
