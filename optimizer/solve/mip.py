"""``solve_mip``: a mixed-integer program in, a checked point and a bound that no point beats out.

The data are scaled, the branch and bound runs in the solver's own process, and what comes back is judged here:
the point is rounded and checked against the form in float64, its objective is c·x computed here, the bound is the
smaller of the solver's (with its tolerance added) and the one our own dual evaluation proves, and

    gap = |bound − objective| / max(|bound|, |objective|)

decides the status. Large models go through
``optimizer.solve.tree`` and ``optimizer.solve.core``.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from optimizer.solve.child import SolverChild, StopSignal
from optimizer.solve.core import THRESHOLD
from optimizer.solve.linear_model import MatrixForm
from optimizer.solve.lp import dual_bound, solve_lp
from optimizer.solve.search import Floats, Indices, MipProgress, MipResult, Part, Search, explore, relative_gap
from optimizer.solve.tree import solve_large

__all__ = ["MipResult", "relative_gap", "solve_mip"]

_SECOND_OPINION = 300  # columns up to which a proof is asked for twice: it costs a millisecond
_BOUND_SECONDS = 5.0


def solve_mip(
    form: MatrixForm,
    *,
    gap: float = 1e-4,
    time_limit: float = 600.0,
    start: Floats | None = None,
    seed: int = 0,
    progress: MipProgress | None = None,
    stop: StopSignal | None = None,
    child: SolverChild | None = None,
    structural: Indices | None = None,
) -> MipResult:
    """Solve a mixed-integer program.

    Parameters
    ----------
    form : MatrixForm
        The maximisation.
    gap : float
        Relative gap at which a plan counts as optimal.
    time_limit : float
        Seconds; reaching it gives up determinism. The call returns within a few seconds of it.
    start : array, optional
        A point to start from; NaN where unknown. It is never lost: the answer is at least as good.
    seed : int
        Of the solver.
    progress : callable (stage, objective, bound), optional
        Called about once a second, in this thread.
    stop : threading.Event or callable, optional
        Ends the search early with the best point so far, as Ctrl-C does.
    child : SolverChild, optional
        Another solver process than the usual one.
    structural : array of column numbers, optional
        The few integer columns that carry the structure (openings, media on, pieces of a curve), to be branched on
        first in a large model. By default those that stand in far more rows than the others.

    Returns
    -------
    MipResult
    """
    began = time.monotonic()
    search = Search(form, gap, seed, began + time_limit, stop, progress, child)
    try:
        _solve(search, start, structural)
    except KeyboardInterrupt:
        search.interrupted = True
    return search.result(time.monotonic() - began)


def _solve(search: Search, start: Floats | None, structural: Indices | None) -> None:
    form = search.form
    if (form.lower > form.upper).any() or (form.row_lower > form.row_upper).any():
        search.verdict = "infeasible"
        return
    if (form.lower == form.upper).all():
        _fixed(search)
        return
    if start is not None and np.isfinite(start).all():
        search.offer(start)
    if not form.integer.any():
        _continuous(search)
    elif not form.matrix.nnz:
        _separable(search)
    elif np.count_nonzero(form.integer & (form.lower < form.upper)) > THRESHOLD:
        solve_large(search, start, structural)
    else:
        _whole(search, start)


def _fixed(search: Search) -> None:
    """Take the only point there is, or none."""
    if search.offer(search.form.lower):
        search.own_bound = search.objective
    else:
        search.verdict = "infeasible"


def _separable(search: Search) -> None:
    """Without rows every column goes to its better bound."""
    form = search.form
    lower = np.where(form.integer, np.ceil(form.lower - 1e-9), form.lower)
    upper = np.where(form.integer, np.floor(form.upper + 1e-9), form.upper)
    nearest = np.clip(0.0, lower, upper)
    x = np.where(form.objective > 0, upper, np.where(form.objective < 0, lower, nearest))
    if (lower > upper).any() or ((form.row_lower > 0) | (form.row_upper < 0)).any():
        search.verdict = "infeasible"
    elif not np.isfinite(x).all():
        search.verdict = "unbounded"
    elif search.offer(x):
        search.own_bound = search.objective


def _continuous(search: Search) -> None:
    """Solve a linear program; the bound is our own evaluation of its duals."""
    answer = solve_lp(search.form, time_limit=search.seconds_left, stop=search.stop, child=search.child)
    search.interrupted |= answer.interrupted
    search.row_dual = answer.row_dual
    if answer.row_dual is not None:
        search.own_bound = min(search.own_bound, dual_bound(search.form, answer.row_dual))
    if answer.x is not None:
        search.offer(answer.x)
    if search.x is not None:
        return
    if answer.status == "optimal":
        search.notes.append("the solver's point breaks a row and cannot be mended")
        search.verdict = "failed"
    elif answer.status in ("infeasible", "unbounded"):
        search.verdict = "infeasible" if answer.status == "infeasible" else "unbounded"


def _whole(search: Search, start: Floats | None) -> None:
    """Run branch and bound on everything, and ask again where the answer contradicts itself."""
    part = Part.everything(search.form)
    found = explore(search, part, stage="branch and bound", proves=True, gap=search.gap, start=start)
    search.take_bound(found.bound)
    ending = found.ending
    small = len(search.form.objective) <= _SECOND_OPINION
    if ending == "solved" and not search.interrupted and (small or not search.closed):
        # Its tree is done: another seed without presolve must agree.
        found = explore(search, part, stage="proof", gap=search.gap, presolve=False, seed=search.seed + 1)
        search.take_bound(found.bound)
    if search.x is None:
        if ending == "infeasible":
            search.verdict = "infeasible"
        elif ending == "unbounded":
            _unbounded(search)
        elif ending in ("died", "inexact"):
            search.verdict = "failed"
    elif not search.closed and not search.interrupted:
        answer = solve_lp(search.form, time_limit=_BOUND_SECONDS)
        if answer.row_dual is not None:
            search.own_bound = min(search.own_bound, dual_bound(search.form, answer.row_dual))


def _unbounded(search: Search) -> None:
    """Tell unbounded from infeasible by asking whether there is any point at all."""
    form = replace(search.form, objective=np.zeros_like(search.form.objective), offset=0.0)
    inner = solve_mip(form, time_limit=search.seconds_left, seed=search.seed, stop=search.stop, child=search.child)
    if inner.x is not None:
        search.verdict = "unbounded"
    elif inner.status == "infeasible":
        search.verdict = "infeasible"
