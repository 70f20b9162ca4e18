"""Has the world moved: the population stability index between two dates, feature by feature and score by score.

PSI = Σ (q − p) ln(q / p) over tenths of the first date (words as they stand), p and q the shares of customers then and
now. By custom below 0.1 is steady, above 0.25 has moved: look before using scores learnt then.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.appetence.appetence import Appetence
from optimizer.learn.appetence.arguments import moment_of
from optimizer.scenario.columns import as_text

#: Below the first a column is steady, above the second it has moved.
STEADY, MOVED = 0.1, 0.25
BINS = 10
#: Added to every bin's count, so that an empty one does not make the index infinite.
_HALF = 0.5


def psi(before: pd.Series, after: pd.Series, bins: int = BINS) -> float:
    """The index of one column; figures in bins of equal size at first, empty cells in one of their own."""
    if pd.api.types.is_numeric_dtype(before.dtype) and pd.api.types.is_numeric_dtype(after.dtype):
        old, new = before.to_numpy(float), after.to_numpy(float)
        filled = old[~np.isnan(old)]
        edges = np.unique(np.quantile(filled, np.linspace(0, 1, bins + 1)[1:-1])) if len(filled) else np.zeros(0)
        counts = [
            _counts(np.where(np.isnan(part), len(edges) + 1, np.searchsorted(edges, part)), len(edges) + 2)
            for part in (old, new)
        ]
    else:
        words = pd.concat([as_text(before), as_text(after)]).fillna("(empty)")
        codes, names = pd.factorize(words, sort=True)
        counts = [_counts(part, len(names)) for part in (codes[: len(before)], codes[len(before) :])]
    met = (counts[0] + counts[1]) > 0
    p, q = ((count[met] + _HALF) / (count[met] + _HALF).sum() for count in counts)
    return float(((q - p) * np.log(q / p)).sum())


def _counts(codes: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    return np.bincount(codes.astype(np.int64), minlength=size)


def drift(learnt: Appetence, before: str | pd.Timestamp, after: str | pd.Timestamp | None = None) -> pd.DataFrame:
    """What moved between two dates: every feature and score of a fit, as known then and as known now.

    Parameters
    ----------
    learnt : Appetence
    before, after : date
        ``after`` defaults to the fit's own date.

    Returns
    -------
    DataFrame
        channel, column (``score`` for the score), psi, verdict (steady, moving, moved), the most moved first.

    Raises
    ------
    ScenarioError
        For what is no date, and when ``before`` is not before ``after``.
    """
    late = learnt.as_of if after is None else moment_of("drift", "after", after)
    early = moment_of("drift", "before", before)
    if not early < late:
        raise ScenarioError("drift", "before", str(before), f"expected a date before {late.date()}")
    rows = []
    scores = [learnt.predict(moment) for moment in (early, late)]
    for channel in learnt.channels:
        frames = [learnt.features(channel, moment) for moment in (early, late)]
        for column in frames[0].columns:
            rows.append((channel, str(column), psi(frames[0][column], frames[1][column])))
        rows.append((channel, "score", psi(scores[0][channel], scores[1][channel])))
    return verdicts(pd.DataFrame(rows, columns=["channel", "column", "psi"]))


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its verdicts, the most moved first."""
    words = np.select([table["psi"] < STEADY, table["psi"] <= MOVED], ["steady", "moving"], "moved")
    told = table.assign(verdict=pd.Series(words, index=table.index, dtype="str"))
    return told.sort_values(["psi", "channel", "column"], ascending=[False, True, True], ignore_index=True)
