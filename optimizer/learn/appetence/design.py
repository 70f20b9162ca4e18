"""A frame of figures and words as the matrix a model reads; what it is scaled by is learnt once and kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
#: Words of fewer than this share of the rows go together, and with words never met.
RARE = 0.005
OTHER = "(other)"


class Design:
    """The columns of a matrix, learnt from some rows of a frame.

    Figures are centred and scaled to unit deviation, the median where empty, with a column that says where a figure
    was empty. Words have a column each, rare ones together. Columns that say nothing (empty, or the same all through)
    are left out.

    Attributes
    ----------
    names : list of str
        A name a column of the matrix.
    """

    def __init__(self, frame: pd.DataFrame, rows: Rows) -> None:
        self.figures: list[tuple[str, float, float, float]] = []
        self.gaps: list[str] = []
        self.words: list[tuple[str, list[str], bool]] = []
        for name in frame.columns:
            if pd.api.types.is_numeric_dtype(frame[name].dtype):
                self._figure(str(name), frame[name].to_numpy(float)[rows])
            else:
                self._word(str(name), frame[name].to_numpy(object)[rows])
        self.names = [name for name, *_ in self.figures] + [f"{name} is empty" for name in self.gaps]
        for name, known, other in self.words:
            self.names += [f"{name} = {word}" for word in [*known, *([OTHER] if other else [])]]

    def _figure(self, name: str, values: Floats) -> None:
        empty = np.isnan(values)
        if empty.all():
            return
        median = float(np.median(values[~empty]))
        filled = np.where(empty, median, values)
        centre, scale = float(filled.mean()), float(filled.std())
        if scale > 1e-12 * max(abs(centre), 1.0):
            self.figures.append((name, median, centre, scale))
        if empty.any():
            self.gaps.append(name)

    def _word(self, name: str, values: NDArray[np.object_]) -> None:
        words, counts = np.unique(values.astype(str), return_counts=True)
        if len(words) < 2:
            return
        common = counts >= max(RARE * len(values), 1)
        self.words.append((name, words[common].tolist(), bool((~common).any())))

    def matrix(self, frame: pd.DataFrame) -> Floats:
        """The frame's rows as the matrix."""
        parts = []
        for name, median, centre, scale in self.figures:
            values = frame[name].to_numpy(float)
            parts.append((np.where(np.isnan(values), median, values) - centre) / scale)
        parts += [np.isnan(frame[name].to_numpy(float)).astype(float) for name in self.gaps]
        for name, known, other in self.words:
            codes = pd.Index(known, dtype=object).get_indexer(pd.Index(frame[name].astype(str), dtype=object))
            parts += [(codes == code).astype(float) for code in range(len(known))]
            if other:
                parts.append((codes < 0).astype(float))
        return np.column_stack(parts) if parts else np.zeros((len(frame), 1))
