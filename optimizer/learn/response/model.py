"""The model and its least squares: baseline + Σ_c height_c · saturation_c(adstock_c(spend_c)), heights ≥ 0.

    min over θ within bounds, b ≥ 0   ‖ M (y − Σ_c H_c(θ_c) b_c) ‖²,   M = I − QQᵀ

Q spans the baseline: projecting it out solves for it exactly, whatever its size (Golub and Pereyra 1973). The rest is a
bounded least squares with an exact gradient from several seeded starts; heights of a start, and of the answer, come
from non-negative least squares. Spend is in units of its largest value, the response in units of its spread: euros and
small figures make no difference.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lstsq
from scipy.optimize import least_squares, nnls

from optimizer.learn.response.adstock import ADSTOCKS, lagged
from optimizer.learn.response.panel import Panel
from optimizer.learn.response.saturation import CONCAVE, SHAPES, hinges, knots_of

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
#: Random points looked at for each descent.
_DRAWS = 10
#: Tolerance and most evaluations of a descent from a start, and of the one from the best of their ends.
_ROUGH, _FINE = (1e-5, 40), (1e-10, 100)


@dataclass(frozen=True)
class Term:
    """One channel: how its spend is carried over and saturates.

    Parameters
    ----------
    channel : str
    adstock : str
        A name of ``ADSTOCKS``.
    saturation : str
        A name of ``SHAPES``, or ``concave``.
    lags : array of float, shape (rows, max_lag + 1)
        Spend of this period and of those before, a unit of the region's size, the largest 1.
    unit : float
        Spend, a unit of size, that is 1 in ``lags``.
    knots : array of float
        Kinks of a concave line, in units of ``unit``; empty otherwise.
    """

    channel: str
    adstock: str
    saturation: str
    lags: Floats
    unit: float
    knots: Floats

    @property
    def max_lag(self) -> int:
        """The longest lag."""
        return self.lags.shape[1] - 1

    @property
    def carried(self) -> int:
        """Number of parameters of the carry-over; those of the saturation follow."""
        return len(ADSTOCKS[self.adstock].parameters)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters, those of the carry-over first."""
        shape = () if self.saturation == CONCAVE else SHAPES[self.saturation].parameters
        return ADSTOCKS[self.adstock].parameters + shape

    @property
    def width(self) -> int:
        """Number of heights: one, or one a kink of a concave line."""
        return len(self.knots) if self.saturation == CONCAVE else 1

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        """Bounds of the parameters as they are fitted (logarithms of those of the saturation)."""
        low, high = ADSTOCKS[self.adstock].bounds(self.max_lag)
        if self.saturation == CONCAVE:
            return low, high
        shape_low, shape_high = SHAPES[self.saturation].bounds
        return np.concatenate((low, shape_low)), np.concatenate((high, shape_high))

    def natural(self, fitted: Floats) -> Floats:
        """Parameters in natural units, for spend in units of ``unit``."""
        return np.concatenate((fitted[: self.carried], np.exp(fitted[self.carried :])))

    def weights(self, fitted: Floats) -> Floats:
        """The weights of the lags."""
        return ADSTOCKS[self.adstock].weights(fitted[: self.carried], self.max_lag)

    def saturated(self, adstocked: Floats, fitted: Floats) -> Floats:
        """What an adstocked spend (in units of ``unit``) becomes, shape (len, width)."""
        if self.saturation == CONCAVE:
            return hinges(adstocked, self.knots)
        return SHAPES[self.saturation].parts(adstocked, np.exp(fitted[self.carried :]))[0][:, None]

    def columns(self, fitted: Floats) -> Floats:
        """The columns of the heights, shape (rows, width)."""
        weights = self.weights(fitted)
        return self.saturated(self.lags[:, : len(weights)] @ weights, fitted)

    def gradient(self, fitted: Floats, heights: Floats) -> tuple[Floats, Floats]:
        """Columns, and the derivative of columns @ heights by each parameter."""
        weights = self.weights(fitted)
        lags = self.lags[:, : len(weights)]
        adstocked = lags @ weights
        if self.saturation == CONCAVE:
            columns = hinges(adstocked, self.knots)
            by_spend, by_shape = (adstocked[:, None] < self.knots) / self.knots @ heights, []
        else:
            value, bend, others = SHAPES[self.saturation].parts(adstocked, np.exp(fitted[self.carried :]))
            columns, by_spend = value[:, None], bend * heights[0]
            by_shape = [other * heights[0] for other in others]
        by_weights = lags @ ADSTOCKS[self.adstock].gradient(fitted[: self.carried], self.max_lag)
        return columns, np.column_stack([by_spend[:, None] * by_weights, *by_shape])


def term_of(panel: Panel, at: int, adstock: str, saturation: str, max_lag: int) -> Term:
    """The term of one channel of a panel."""
    spend = panel.spend[:, at] / panel.row_size
    unit = float(spend.max())
    lags = lagged(spend / unit, panel.position, 0 if adstock == "none" else max_lag)
    knots = knots_of(spend / unit) if saturation == CONCAVE else np.empty(0)
    return Term(panel.channels[at], adstock, saturation, lags, unit, knots)


@dataclass(frozen=True)
class Estimate:
    """A fit: parameters and heights of every term, coefficients of the baseline, all in fitted units.

    ``agreement`` is the share of starts that ended within a thousandth of the best sum of squares.
    """

    parameters: tuple[Floats, ...]
    heights: tuple[Floats, ...]
    baseline: Floats
    squares: float
    agreement: float

    @property
    def flat(self) -> Floats:
        """Parameters of all terms, one after the other."""
        return np.concatenate([*self.parameters, np.empty(0)])


@dataclass(frozen=True)
class Model:
    """Terms and a baseline, to be fitted to a response.

    Parameters
    ----------
    terms : sequence of Term
    baseline : array of float, shape (rows, columns)
    """

    terms: Sequence[Term]
    baseline: Floats

    @property
    def size(self) -> int:
        """Number of coefficients and parameters."""
        return self.baseline.shape[1] + sum(len(term.parameters) + term.width for term in self.terms)

    def fit(
        self, response: Floats, *, rows: Bools | None = None, starts: int, seed: int, near: Estimate | None = None
    ) -> Estimate:
        """Least squares from several starts.

        Parameters
        ----------
        response : array of float
            In units of its spread.
        rows : array of bool, optional
            The rows to fit; all by default. Lags look back into the others.
        starts : int
            Descents, besides that from ``near`` where given: from the best of ten times as many random points. The
            best of their ends is polished.
        seed : int
        near : Estimate, optional
            A start of its own.
        """
        terms = [_rows(term, rows) for term in self.terms]
        columns = self.baseline if rows is None else self.baseline[rows]
        wanted = response if rows is None else response[rows]
        problem = _Problem(terms, _basis(columns), wanted)
        best: tuple[float, Floats, Floats] | None = None
        costs = []
        for begin in ([] if near is None else [near.flat]) + problem.starts(starts, seed):
            found = problem.descend(begin, _ROUGH)
            costs.append(found[0])
            # Ties go to the earlier start: a rounding must not choose.
            if best is None or found[0] < best[0] * (1.0 - 1e-9):
                best = found
        assert best is not None
        # An interval asks for less than a figure does: what is drawn again is not polished.
        polished = problem.descend(best[1], _FINE) if starts else best
        squares, flat, heights = polished if polished[0] < best[0] else best
        parts = problem.parts(flat)
        fitted = sum(
            (term.columns(own) @ b for term, own, b in zip(terms, parts, problem.split(heights), strict=True)),
            np.zeros(len(wanted)),
        )
        level = lstsq(columns, wanted - fitted)[0] if columns.shape[1] else np.empty(0)
        floor = squares + 1e-12 * float(wanted @ wanted)
        close = sum(cost <= floor * 1.001 for cost in costs) / len(costs)
        return Estimate(tuple(parts), tuple(problem.split(heights)), level, squares, close)

    def contributions(self, estimate: Estimate) -> Floats:
        """What each term adds to each row, shape (rows, terms)."""
        return np.column_stack(
            [
                term.columns(own) @ heights
                for term, own, heights in zip(self.terms, estimate.parameters, estimate.heights, strict=True)
            ]
        )

    def fitted(self, estimate: Estimate) -> Floats:
        """The fitted response of every row."""
        return self.baseline @ estimate.baseline + self.contributions(estimate).sum(axis=1)


class _Problem:
    """The projected least squares of one set of rows."""

    def __init__(self, terms: Sequence[Term], basis: Floats, response: Floats) -> None:
        self.terms, self.basis = terms, basis
        self.response = self.projected(response)
        bounds = [term.bounds for term in terms]
        self.low = np.concatenate([low for low, _ in bounds])
        self.high = np.concatenate([high for _, high in bounds])
        self.ends = np.cumsum([len(low) for low, _ in bounds])[:-1]
        self.widths = np.cumsum([term.width for term in terms])[:-1]

    def projected(self, values: Floats) -> Floats:
        """Values without what the baseline says."""
        return values - self.basis @ (self.basis.T @ values)

    def parts(self, flat: Floats) -> list[Floats]:
        """Parameters by term."""
        return np.split(flat, self.ends)

    def split(self, heights: Floats) -> list[Floats]:
        """Heights by term."""
        return np.split(heights, self.widths)

    def starts(self, wanted: int, seed: int) -> list[Floats]:
        """The best of some random points; one where nothing is to be found but heights."""
        if not len(self.low):
            return [self.low]
        drawn = [self.start(k, seed) for k in range(_DRAWS * wanted)]
        costs = [self.heights(one)[0] for one in drawn]
        return [drawn[k] for k in sorted(range(len(drawn)), key=lambda k: (costs[k], k))[:wanted]]

    def start(self, number: int, seed: int) -> Floats:
        """A seeded point within the bounds, drawn by channel name: other channels do not move it."""
        drawn = []
        for term in self.terms:
            low, high = term.bounds
            key = [seed, number, zlib.crc32(f"{term.channel} {term.adstock} {term.saturation}".encode())]
            drawn.append(low + (high - low) * np.random.default_rng(key).uniform(0.02, 0.98, len(low)))
        return np.concatenate([*drawn, np.empty(0)])

    def heights(self, flat: Floats) -> tuple[float, Floats]:
        """The best heights for some parameters, and their sum of squares."""
        columns = self.projected(
            np.column_stack([t.columns(own) for t, own in zip(self.terms, self.parts(flat), strict=True)])
        )
        norms = np.linalg.norm(columns, axis=0)
        # A column the baseline swallows whole has no height.
        scale = np.where(norms > 1e-10 * np.sqrt(len(columns)), norms, np.inf)
        found, error = nnls(columns / scale, self.response)
        return float(error**2), found / scale

    def descend(self, flat: Floats, care: tuple[float, int]) -> tuple[float, Floats, Floats]:
        """From a start to a least sum of squares, its parameters and heights.

        ``care``: the relative change at which to stop, and the most evaluations.
        """
        flat = np.clip(flat, self.low, self.high)
        squares, heights = self.heights(flat)
        if not len(flat):
            return squares, flat, heights
        count = len(flat)
        unit = np.maximum(heights, 0.1 * max(float(heights.max()), 1e-3))
        low = np.concatenate((self.low, np.zeros(len(heights))))
        high = np.concatenate((self.high, np.full(len(heights), np.inf)))
        span = np.maximum(self.high - self.low, 1e-9)
        inside = np.clip(flat, self.low + 1e-6 * span, self.high - 1e-6 * span)

        def residual(point: Floats) -> Floats:
            parts, b = self.parts(point[:count]), self.split(point[count:])
            total = np.zeros(len(self.response))
            for term, own, height in zip(self.terms, parts, b, strict=True):
                total += term.columns(own) @ height
            return self.projected(total) - self.response

        def gradient(point: Floats) -> Floats:
            parts, b = self.parts(point[:count]), self.split(point[count:])
            made = [term.gradient(own, height) for term, own, height in zip(self.terms, parts, b, strict=True)]
            return self.projected(np.column_stack([*(by for _, by in made), *(columns for columns, _ in made)]))

        solved = least_squares(
            residual,
            np.concatenate((inside, np.maximum(heights, 0.01 * unit))),
            gradient,
            bounds=(low, high),
            x_scale=np.concatenate((span / 4.0, unit)),
            max_nfev=care[1],
            xtol=care[0],
            ftol=care[0],
            gtol=care[0],
        )
        flat = np.clip(solved.x[:count], self.low, self.high)
        squares, heights = self.heights(flat)
        return squares, flat, heights


def _rows(term: Term, rows: Bools | None) -> Term:
    if rows is None:
        return term
    return Term(term.channel, term.adstock, term.saturation, term.lags[rows], term.unit, term.knots)


def _basis(columns: Floats) -> Floats:
    """An orthonormal basis of the columns, those that say nothing new on these rows left out."""
    if not columns.shape[1]:
        return columns
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, sizes > 1e-10 * sizes[0]]
