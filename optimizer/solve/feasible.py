"""Make a solver's point exact: integers rounded, rows checked in float64, money settled again around them.

HiGHS accepts a row that is wrong by 1e-6; the engine promises 1e-9 × (|bound| + Σ|a x|), and whole counts exactly.
So a point is rounded and checked here, and where rounding breaks a row the continuous part is solved again with the
integers held.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from optimizer.solve.linear_model import MatrixForm
from optimizer.solve.lp import solve_lp

Floats = NDArray[np.float64]

ROW_TOLERANCE = 1e-9
_SETTLE_ROUNDS = 3


def violations(form: MatrixForm, x: Floats) -> Floats:
    """How far each row is beyond its bounds, less the tolerance 1e-9 × (|bound| + Σ|a x|); 0 where it holds."""
    matrix = form.matrix
    activity = matrix @ x
    size = sp.csr_array((np.abs(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape) @ np.abs(x)
    with np.errstate(invalid="ignore"):
        below = form.row_lower - activity
        above = activity - form.row_upper
    tolerance_below = ROW_TOLERANCE * (np.where(np.isfinite(form.row_lower), np.abs(form.row_lower), 0.0) + size)
    tolerance_above = ROW_TOLERANCE * (np.where(np.isfinite(form.row_upper), np.abs(form.row_upper), 0.0) + size)
    beyond = np.maximum(np.where(below > tolerance_below, below, 0.0), np.where(above > tolerance_above, above, 0.0))
    return np.where(np.isnan(beyond), np.inf, beyond)


def rounded(form: MatrixForm, x: Floats) -> Floats:
    """``x`` with integers rounded and every value within its bounds."""
    lower = np.where(form.integer, np.ceil(form.lower - 1e-9), form.lower)
    upper = np.where(form.integer, np.floor(form.upper + 1e-9), form.upper)
    return np.clip(np.where(form.integer, np.round(x), x), lower, upper) + 0.0


def settle(form: MatrixForm, x: Floats) -> Floats | None:
    """Return a point near ``x`` that satisfies the form to float64, or None.

    Integers are rounded and kept; if a row breaks, the continuous columns are optimised again, the rows that
    broke tightened by what they missed.
    """
    if not np.isfinite(x).all():
        return None
    point = rounded(form, x)
    beyond = violations(form, point)
    if not beyond.any():
        return point
    continuous = np.flatnonzero(~form.integer)
    if not len(continuous):
        return None
    part = form.matrix.tocsc()[:, continuous].tocsr()
    held = point.copy()
    held[continuous] = 0.0
    activity = form.matrix @ held
    touched = np.flatnonzero(np.diff(part.indptr))
    if beyond[np.setdiff1d(np.arange(len(beyond)), touched)].any():
        return None
    rest = MatrixForm(
        objective=form.objective[continuous],
        offset=0.0,
        matrix=sp.csr_array(part[touched]),
        row_lower=form.row_lower[touched] - activity[touched],
        row_upper=form.row_upper[touched] - activity[touched],
        lower=form.lower[continuous],
        upper=form.upper[continuous],
        integer=np.zeros(len(continuous), bool),
    )
    for _ in range(_SETTLE_ROUNDS):
        answer = solve_lp(rest)
        if answer.x is None:
            return None
        point[continuous] = answer.x
        beyond = violations(form, point)
        if not beyond.any():
            return point
        rest = tightened(rest, beyond[touched])
    return None


def tightened(form: MatrixForm, beyond: Floats, spare: Floats | float = 0.0) -> MatrixForm:
    """Ask more of the rows that were missed: twice what they missed, and ``spare`` (the solver's tolerance) on top."""
    room = np.where(beyond > 0, np.maximum(2.0 * beyond, beyond + spare), 0.0)
    room = np.where(form.row_upper > form.row_lower, room, 0.0)
    room = np.minimum(room, (form.row_upper - form.row_lower) / 2)
    return replace(form, row_lower=form.row_lower + room, row_upper=form.row_upper - room)
