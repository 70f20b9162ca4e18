"""Which carry-over and which saturation: chosen by the last periods, which the fit has not seen.

Every candidate is fitted on the periods before each of three consecutive blocks at the end and foretells the block.
Candidates whose mean squared error is within one standard error of the least are in reach (Breiman et al. 1984). A few
held-out weeks tell forms apart poorly, so those in reach are decided by the whole: the lowest BIC, n ln(RSS / n) +
k ln n, and of those within 2 of it (no evidence either way, Raftery 1995) the one that is tried first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import lstsq

from optimizer.learn.response.model import Estimate, Model, term_of
from optimizer.learn.response.panel import Panel

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
#: Channel -> (adstock, saturation).
Forms = dict[str, tuple[str, str]]
BLOCKS = 3
#: Less difference of BIC than this is no evidence; more than the other is very strong evidence.
EVIDENCE, STRONG_EVIDENCE = 2.0, 10.0


@dataclass(frozen=True)
class Settings:
    """How a panel is fitted; see ``fit_curves``."""

    max_lag: int
    starts: int
    seed: int
    holdout: int


@dataclass(frozen=True)
class Candidate:
    """A fitted choice of forms, and its errors on the held-out rows (NaN elsewhere)."""

    forms: Forms
    model: Model
    estimate: Estimate
    error: Floats
    bic: float


@dataclass(frozen=True)
class Fold:
    """Rows to fit and rows to foretell."""

    fit: Bools
    foretell: Bools


def folds_of(panel: Panel, holdout: int) -> list[Fold]:
    """The last ``holdout`` periods in consecutive blocks; without dates, every third row by spend in turn."""
    if holdout <= 0:
        return []
    if panel.days is None:
        rank = np.empty(panel.rows, np.int64)
        rank[np.lexsort((panel.response, panel.spend[:, 0]))] = np.arange(panel.rows)
        return [Fold(rank % BLOCKS != k, rank % BLOCKS == k) for k in range(BLOCKS)]
    days = np.unique(panel.days)
    edges = [*(days[len(days) - holdout :][:: max(1, -(-holdout // BLOCKS))]), np.inf]
    return [
        Fold(panel.days < start, (panel.days >= start) & (panel.days < end))
        for start, end in pairwise(edges)
    ]


def default_holdout(panel: Panel) -> int:
    """A sixth of the periods, at most 26; 0 where a quarter of the periods would not fill a block each."""
    periods = panel.rows if panel.days is None else len(np.unique(panel.days))
    return min(26, periods // 6) if periods >= 24 else 0


def evaluate(
    panel: Panel, forms: Forms, baseline: Floats, response: Floats, folds: Sequence[Fold], settings: Settings
) -> Candidate:
    """Fit one choice of forms, and foretell the held-out rows.

    ``response`` and the errors are a unit of size and of the response's spread.
    """
    terms = [term_of(panel, at, *forms[channel], settings.max_lag) for at, channel in enumerate(panel.channels)]
    model = Model(terms, baseline)
    estimate = model.fit(response, starts=settings.starts, seed=settings.seed)
    error = np.full(panel.rows, np.nan)
    for fold in folds:
        # Fresh starts besides the fit of the whole, which has seen what is to be foretold.
        blind = model.fit(response, rows=fold.fit, starts=max(2, settings.starts // 3), seed=settings.seed)
        error[fold.foretell] = (response - model.fitted(blind))[fold.foretell]
    rows = panel.rows
    floor = 1e-20 * float(response @ response)
    bic = rows * float(np.log(max(estimate.squares, floor) / rows)) + model.size * float(np.log(rows))
    return Candidate(forms, model, estimate, error, bic)


def without_spend(baseline: Floats, response: Floats, folds: Sequence[Fold]) -> Floats:
    """Errors on the held-out rows of a baseline that knows no spend; NaN on the others."""
    error = np.full(len(response), np.nan)
    for fold in folds:
        level = lstsq(baseline[fold.fit], response[fold.fit])[0] if baseline.shape[1] else np.empty(0)
        error[fold.foretell] = response[fold.foretell] - baseline[fold.foretell] @ level
    return error


def choose(candidates: Sequence[Candidate], panel: Panel) -> tuple[Candidate, pd.DataFrame]:
    """The candidate to take, and the table of all.

    Returns
    -------
    candidate : Candidate
    table : DataFrame
        adstock, saturation (of the channels that were open), coefficients, heldout_error (root mean square, in spreads
        of the response), bic, in_reach (within one standard error of the least error), chosen.
    """
    squares = [_by_period(one.error**2, panel) for one in candidates]
    held = [float(np.mean(one)) if len(one) else float("nan") for one in squares]
    reach = [True] * len(candidates)
    if len(squares[0]):
        least = int(np.argmin(held))
        noise = float(np.std(squares[least], ddof=1)) / np.sqrt(len(squares[least])) if len(squares[least]) > 1 else 0.0
        reach = [one <= held[least] + noise for one in held]
    lowest = min(one.bic for one, near in zip(candidates, reach, strict=True) if near)
    taken = next(at for at, one in enumerate(candidates) if reach[at] and one.bic <= lowest + EVIDENCE)
    table = pd.DataFrame(
        {
            "adstock": [_said(one.forms, 0) for one in candidates],
            "saturation": [_said(one.forms, 1) for one in candidates],
            "coefficients": [one.model.size for one in candidates],
            "heldout_error": np.sqrt(held),
            "bic": [one.bic for one in candidates],
            "in_reach": reach,
            "chosen": [at == taken for at in range(len(candidates))],
        }
    )
    return candidates[taken], table


def _by_period(squares: Floats, panel: Panel) -> Floats:
    """Mean squared error of each held-out period (of each row, without dates)."""
    rows = np.flatnonzero(~np.isnan(squares))
    if panel.days is None or not len(rows):
        return squares[rows]
    _, period = np.unique(panel.days[rows], return_inverse=True)
    return np.bincount(period, weights=squares[rows]) / np.bincount(period)


def _said(forms: Mapping[str, tuple[str, str]], part: int) -> str:
    """A form of all channels, or of each where they differ."""
    names = {pair[part] for pair in forms.values()}
    return names.pop() if len(names) == 1 else ", ".join(f"{channel}: {pair[part]}" for channel, pair in forms.items())
