"""Linear programs, and the bound that any prices prove.

Weak duality: for every vector y of row duals and every feasible x,

    c·x = y·(A x) + (c − Aᵀy)·x
        ≤ Σ_rows max(y⁺ · row_upper − y⁻ · row_lower) + Σ_columns max over [lower, upper] of (c − Aᵀy)_j x_j.

``dual_bound`` evaluates the right side itself, with the rounding of every sum and product added on top, so that the
bound holds whoever made the prices: a solver that stopped early, lied or died costs sharpness, never truth
(Neumaier and Shcherbina, Mathematical Programming 99, 2004).
"""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from optimizer.solve.child import Outcome, SolverChild, StopSignal, run_in_child, solver_child
from optimizer.solve.highs import Answer, Bounds, Job, Settings, WarmLp
from optimizer.solve.linear_model import MatrixForm
from optimizer.solve.scaling import Scaled, scale

Floats = NDArray[np.float64]
LpMethod = Literal["choose", "simplex", "ipx"]
LpStatus = Literal["optimal", "feasible", "infeasible", "unbounded", "failed"]

_EPSILON = np.finfo(float).eps
_IN_PROCESS = 50_000  # nonzeros; a longer LP runs where it can be stopped
_PROPAGATION_ROUNDS = 8
_LEANING_ROUNDS = 12


@dataclass(frozen=True)
class LpResult:
    """An LP's answer.

    ``row_dual`` is the marginal objective of each row, ``reduced_cost`` = c − Aᵀ·row_dual, ``ray`` the multipliers
    of the rows that may prove that no point exists (``proves_empty``).
    """

    status: LpStatus
    x: Floats | None
    objective: float
    row_dual: Floats | None
    reduced_cost: Floats | None
    interrupted: bool = False
    ray: Floats | None = None


def solve_lp(
    form: MatrixForm,
    *,
    time_limit: float = np.inf,
    method: LpMethod = "choose",
    presolve: bool = True,
    stop: StopSignal | None = None,
    child: SolverChild | None = None,
) -> LpResult:
    """Solve the linear relaxation of ``form``.

    Parameters
    ----------
    form : MatrixForm
        A maximisation; integrality is ignored.
    time_limit : float
        Seconds, the last resort.
    method : {"choose", "simplex", "ipx"}
        ``ipx`` (interior point with crossover) for long boxed rows, on which the dual simplex stalls.
    presolve : bool
        Whether HiGHS may presolve.
    stop : callable or threading.Event, optional
        Stops the solve early. A large LP runs in the solver's process, a small one here.
    child : SolverChild, optional
        Another solver process than the usual one.

    Returns
    -------
    LpResult
        ``row_dual`` may be present although the status is not ``optimal``: ``dual_bound`` makes a bound of it.
    """
    if not len(form.objective):
        return LpResult("optimal", np.empty(0), form.offset, np.zeros(len(form.row_lower)), np.empty(0))
    scaled = scale(form)
    settings = Settings(presolve=presolve, method=method, seconds=time_limit)
    if form.matrix.nnz <= _IN_PROCESS:
        return _result(form, scaled, WarmLp(scaled.program, settings).solve(None, time_limit))
    deadline = time.monotonic() + time_limit
    outcome = run_in_child(Job("lp", scaled.program, settings), deadline=deadline, stop=stop, child=child)
    if outcome.answer is None:
        return LpResult("failed", None, -np.inf, None, None, outcome.interrupted)
    return replace(_result(form, scaled, outcome.answer), interrupted=outcome.interrupted)


class Relaxation:
    """The LP relaxation of a form, solved again and again under other bounds of some columns.

    It lives in the solver's process and starts from its last basis; when the process has died it is sent again.
    """

    _tokens = itertools.count(1)

    def __init__(
        self,
        form: MatrixForm,
        *,
        method: LpMethod = "simplex",
        presolve: bool = False,
        child: SolverChild | None = None,
    ) -> None:
        self.form, self.scaled = form, scale(form)
        self.settings = Settings(presolve=presolve, method=method)
        self.child = child or solver_child()
        self.token = next(self._tokens)
        self._home: object = None

    def solve(
        self, columns: NDArray[np.int64], lower: Floats, upper: Floats, *, seconds: float, stop: StopSignal | None
    ) -> LpResult:
        """Solve with ``columns`` between ``lower`` and ``upper``; the other columns keep the form's bounds."""
        unit = self.scaled.column_scale[columns]
        change = Bounds(columns.astype(np.int32), lower / unit, upper / unit)
        outcome = Outcome("died")
        for _ in range(2):
            known = self._home is not None and self._home is self.child.process
            program = None if known else self.scaled.program
            job = Job("lp", program, replace(self.settings, seconds=seconds), change, self.token)
            outcome = self.child.run(job, deadline=time.monotonic() + seconds, stop=stop)
            self._home = self.child.process if outcome.ended == "answered" else None
            if outcome.ended != "died" or outcome.interrupted:
                break
        if outcome.answer is None:
            return LpResult("failed", None, -np.inf, None, None, outcome.interrupted)
        full_lower, full_upper = self.form.lower.copy(), self.form.upper.copy()
        full_lower[columns], full_upper[columns] = lower, upper
        form = replace(self.form, lower=full_lower, upper=full_upper)
        return replace(_result(form, self.scaled, outcome.answer), interrupted=outcome.interrupted)


def _result(form: MatrixForm, scaled: Scaled, answer: Answer) -> LpResult:
    x = None if answer.x is None else np.clip(scaled.point(answer.x), form.lower, form.upper)
    row_dual = None if answer.row_dual is None else scaled.row_dual(answer.row_dual)
    reduced = None if row_dual is None else form.objective - form.matrix.T @ row_dual
    objective = -np.inf if x is None else float(form.objective @ x) + form.offset
    status: LpStatus = "failed"
    if answer.status in ("infeasible", "unbounded"):
        status = "infeasible" if answer.status == "infeasible" else "unbounded"
    elif x is not None:
        status = "optimal" if answer.status == "solved" else "feasible"
    ray = None if answer.ray is None else answer.ray * scaled.row_scale
    return LpResult(status, x, objective, row_dual, reduced, ray=ray)


@dataclass(frozen=True)
class Priced:
    """What prices prove: a point is worth at most ``bound``, less |``reduced_cost``| for each unit off its better side.

    ``reduced_cost`` errs towards 0; it is 0 where rounding leaves the sign open.
    """

    bound: float
    reduced_cost: Floats


def dual_bound(form: MatrixForm, row_dual: Floats) -> float:
    """Upper bound on the objective over all x within the rows and bounds, for any row duals.

    Parameters
    ----------
    form : MatrixForm
        The maximisation; integrality only makes the bound looser, never wrong.
    row_dual : array (rows,)
        Prices of the rows: any numbers. A price on a side that a row does not have counts as zero.

    Returns
    -------
    float
        ∞ where a column may grow without limit at a profit, whatever the prices.
    """
    return price(form, row_dual).bound


def price(form: MatrixForm, row_dual: Floats) -> Priced:
    """Evaluate prices: the bound of ``dual_bound`` and the reduced costs that go with it."""
    dual = _allowed(form, np.where(np.isfinite(row_dual), row_dual, 0.0))
    low, high = _reduced_costs(form, dual)  # the true reduced cost lies between
    lower, upper = form.lower, form.upper
    if _growing(low, high, lower, upper).any():
        lower, upper = implied_bounds(form)
        dual = _leaning(form, dual, lower, upper)
        low, high = _reduced_costs(form, dual)
    with np.errstate(invalid="ignore"):  # 0 · ∞ is 0 here
        sides = np.stack([high * upper, low * upper, high * lower, low * lower])
    sides = np.where(np.isnan(sides), 0.0, sides)
    # max of r·x over the box, for r between low and high, is at one of the four corners.
    columns = sides.max(axis=0)
    columns = np.where(lower > upper, 0.0, columns)  # an empty box has no point to bound
    with np.errstate(invalid="ignore"):
        rows = np.where(dual > 0, dual * form.row_upper, np.where(dual < 0, dual * form.row_lower, 0.0))
    parts = np.concatenate([columns, rows, [form.offset]])
    sure = np.where(low > 0, low, np.where(high < 0, high, 0.0))
    if np.isposinf(parts).any():
        return Priced(math.inf, sure)
    total = math.fsum(parts)
    slack = math.fsum(np.abs(parts)) * 2 * _EPSILON
    return Priced(float(np.nextafter(total + slack, np.inf)), sure)


def _allowed(form: MatrixForm, dual: Floats) -> Floats:
    """Drop prices on sides that rows do not have."""
    absent = ((dual > 0) & np.isposinf(form.row_upper)) | ((dual < 0) & np.isneginf(form.row_lower))
    return np.where(absent, 0.0, dual)


def _reduced_costs(form: MatrixForm, dual: Floats) -> tuple[Floats, Floats]:
    """Enclose c − Aᵀy: n products and sums err by at most about n ε (|c| + |A|ᵀ|y|)."""
    matrix = form.matrix
    magnitude = sp.csr_array((np.abs(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)
    reduced = form.objective - matrix.T @ dual
    terms = np.bincount(matrix.indices, minlength=matrix.shape[1]) + 4.0
    error = terms * _EPSILON * (np.abs(form.objective) + magnitude.T @ np.abs(dual))
    return reduced - error, reduced + error


def _growing(low: Floats, high: Floats, lower: Floats, upper: Floats) -> NDArray[np.bool_]:
    """Mark columns that may pay for growing without limit."""
    return ((high > 0) & np.isposinf(upper)) | ((low < 0) & np.isneginf(lower))


def _leaning(form: MatrixForm, dual: Floats, lower: Floats, upper: Floats) -> Floats:
    """Move prices a little, so that columns without limit stand on the side where they cost.

    A column in the basis has reduced cost 0, of which rounding leaves a trace on either side; on the wrong side an
    unlimited column makes the bound infinite. The row where it weighs most takes up the trace.
    """
    columns = form.matrix.tocsc()
    for _ in range(_LEANING_ROUNDS):
        low, high = _reduced_costs(form, dual)
        growing = np.flatnonzero(_growing(low, high, lower, upper))
        if not len(growing):
            break
        part = columns[:, growing].tocoo()
        if not part.nnz:
            break
        # The heaviest row of each column.
        order = np.lexsort((-np.abs(part.data), part.col))
        first = np.unique(part.col[order], return_index=True)[1]
        row, weight, column = part.row[order][first], part.data[order][first], growing[part.col[order][first]]
        falls = (high[column] > 0) & np.isposinf(upper[column])  # its reduced cost has to fall
        excess = np.where(falls, high[column], low[column])
        spare = high[column] - low[column]
        shift = (excess + np.where(falls, spare, -spare)) / weight
        rise, fall = np.zeros(len(dual)), np.zeros(len(dual))
        np.maximum.at(rise, row, shift)
        np.minimum.at(fall, row, shift)
        dual = _allowed(form, dual + rise + fall)
    return dual


def proves_empty(form: MatrixForm, ray: Floats | None) -> bool:
    """Whether multipliers of the rows prove that no x satisfies the form: a bound below 0 on an objective of 0."""
    if ray is None:
        return False
    nothing = replace(form, objective=np.zeros_like(form.objective), offset=0.0)
    return dual_bound(nothing, ray) < 0 or dual_bound(nothing, -ray) < 0


def implied_bounds(form: MatrixForm) -> tuple[Floats, Floats]:
    """Bounds of the columns that the rows imply, computed where a column's own bound is infinite.

    For row lo ≤ Σ a x ≤ hi:  a_j x_j ≤ hi − min Σ_{k≠j} a_k x_k,  and likewise from lo; rounding is widened for.
    """
    matrix = form.matrix
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    column, value = matrix.indices, matrix.data
    kept = value != 0
    row, column, value = row[kept], column[kept], value[kept]
    lower, upper = form.lower.copy(), form.upper.copy()
    rising = value > 0
    height, width = matrix.shape
    for _ in range(_PROPAGATION_ROUNDS):
        least = np.where(rising, lower[column], upper[column]) * value
        most = np.where(rising, upper[column], lower[column]) * value
        rest_least = _without_each(row, least, -np.inf, height)
        rest_most = _without_each(row, most, np.inf, height)
        room = form.row_upper[row] - rest_least  # a_j x_j is at most this
        need = form.row_lower[row] - rest_most  # and at least that
        room += np.abs(room) * 1e-12 + _spread(row, least, form.row_upper, height)
        need -= np.abs(need) * 1e-12 + _spread(row, most, form.row_lower, height)
        above = np.where(rising, room, need) / value
        below = np.where(rising, need, room) / value
        new_upper, new_lower = np.full(width, np.inf), np.full(width, -np.inf)
        np.minimum.at(new_upper, column, np.where(np.isnan(above), np.inf, above))
        np.maximum.at(new_lower, column, np.where(np.isnan(below), -np.inf, below))
        better_upper = np.isposinf(upper) & np.isfinite(new_upper)
        better_lower = np.isneginf(lower) & np.isfinite(new_lower)
        if not (better_upper.any() or better_lower.any()):
            break
        upper = np.where(better_upper, new_upper + np.abs(new_upper) * 1e-12, upper)
        lower = np.where(better_lower, new_lower - np.abs(new_lower) * 1e-12, lower)
    return lower, upper


def _without_each(row: NDArray[np.int64], term: Floats, infinite: float, height: int) -> Floats:
    """Sum of a row's terms but one, for each; infinite where another term is."""
    endless = ~np.isfinite(term)
    count = np.bincount(row, weights=endless, minlength=height)
    total = np.bincount(row, weights=np.where(endless, 0.0, term), minlength=height)
    others = count[row] - endless
    return np.where(others > 0, infinite, total[row] - np.where(endless, 0.0, term))


def _spread(row: NDArray[np.int64], term: Floats, bound: Floats, height: int) -> Floats:
    """Allow generously for the rounding of a row's sum."""
    size = np.bincount(row, weights=np.where(np.isfinite(term), np.abs(term), 0.0), minlength=height)
    terms = np.bincount(row, minlength=height) + 4.0
    allowance = (size + np.where(np.isfinite(bound), np.abs(bound), 0.0)) * terms * 2 * _EPSILON
    return np.asarray(allowance[row], float)
