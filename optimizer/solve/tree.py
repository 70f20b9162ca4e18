"""Large models: relax, then branch on the structural columns alone, with LP bounds of our own.

A few integer columns carry the structure (an offer opened, a medium on): the relaxation is loose until they are
whole and almost tight afterwards. A solver that branches on contacts instead drowns in ties. So branch on the
structural columns, plunging into the better child and then taking the best bound first; where they are whole in a
node's relaxation, close the node by its core (``optimizer.solve.core``). The bound is that of the worst open node.

Where a very large model has a row x ≤ y for every contact, the relaxation leaves these rows out: they say nothing
once y is 1, and become bounds once it is 0. The bounds are looser high in the tree and the same at its leaves.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp

from optimizer.solve.core import Closed, Relaxed, close_box
from optimizer.solve.linear_model import MatrixForm
from optimizer.solve.lp import LpMethod, LpResult, Relaxation, price, proves_empty
from optimizer.solve.search import Floats, Indices, Part, Search, explore

_NODE_LIMIT = 5_000
_WHOLE = 1e-6
_MANY_ROWS = 10.0  # a structural column stands in so many times more rows than the median one
_MOST_STRUCTURAL = 100
_SIMPLEX_NONZEROS = 250_000  # beyond, the dual simplex may stall on long boxed rows
_LINKS_PAY = 0.2  # part of the nonzeros that links must make up before they are left out
_NO_COLUMNS = np.empty(0, np.int64)


def solve_large(search: Search, start: Floats | None, structural: Indices | None) -> None:
    """Solve a large mixed-integer program, as far as time allows.

    Parameters
    ----------
    structural : array of column numbers, optional
        What to branch on; by default the integer columns that stand in far more rows than others.
    """
    # Nothing at all is a plan more often than not, and a plan to start from costs nothing.
    search.offer(np.clip(0.0, search.form.lower, search.form.upper))
    root = _Tree(search, _structural(search.form, structural), start)
    if root.run():
        return
    if not search.finished:
        part = Part.everything(search.form)
        found = explore(search, part, stage="branch and bound", proves=True, gap=search.gap, start=start)
        search.take_bound(found.bound)
        if search.x is None:
            if found.ending == "infeasible":
                search.verdict = "infeasible"
            elif found.ending in ("died", "inexact"):
                search.verdict = "failed"


def _structural(form: MatrixForm, given: Indices | None) -> Indices:
    free = form.integer & (form.lower < form.upper)
    if given is not None:
        return np.asarray(given, np.int64)[free[given]]
    count = np.bincount(form.matrix.indices, minlength=len(free))
    many = free & (count > _MANY_ROWS * np.median(count[free]))
    return np.flatnonzero(many) if many.sum() <= _MOST_STRUCTURAL else _NO_COLUMNS


@dataclass(frozen=True)
class _Links:
    """Rows x ≤ y that the relaxation leaves out: ``rows`` kept, ``column`` x and the place of y for each link."""

    rows: Indices
    column: Indices
    place: Indices


def _links(form: MatrixForm, columns: Indices) -> _Links:
    """Find the rows a x − b y ≤ 0 (b ≥ a > 0, x binary, y structural and binary), if it pays to leave them out."""
    everything = np.arange(form.matrix.shape[0])
    none = _Links(everything, _NO_COLUMNS, _NO_COLUMNS)
    if form.matrix.nnz <= _SIMPLEX_NONZEROS or not len(columns):
        return none
    binary = form.integer & (form.lower >= 0) & (form.upper <= 1)
    place = np.full(len(binary), -1)
    place[columns] = np.arange(len(columns))
    candidate = np.flatnonzero((np.diff(form.matrix.indptr) == 2) & (form.row_upper == 0) & np.isneginf(form.row_lower))
    first = form.matrix.indptr[candidate]
    entries = np.stack([first, first + 1], axis=1)
    column, value = form.matrix.indices[entries], form.matrix.data[entries]
    falls = value.argmin(axis=1)[:, None]  # which of the two is y
    y, x = np.take_along_axis(column, falls, 1)[:, 0], np.take_along_axis(column, 1 - falls, 1)[:, 0]
    b, a = -np.take_along_axis(value, falls, 1)[:, 0], np.take_along_axis(value, 1 - falls, 1)[:, 0]
    link = (a > 0) & (b >= a) & binary[x] & binary[y] & (place[y] >= 0) & (place[x] < 0)
    if 2 * link.sum() < form.matrix.nnz * _LINKS_PAY:
        return none
    return _Links(np.setdiff1d(everything, candidate[link]), x[link].astype(np.int64), place[y[link]])


@dataclass(order=True)
class _Node:
    """Bounds of the structural columns, the relaxation there, and what it proves."""

    key: float  # −bound: a heap gives the best bound first
    number: int
    lower: Floats = field(compare=False)
    upper: Floats = field(compare=False)
    relaxed: Relaxed | None = field(compare=False)

    @property
    def bound(self) -> float:
        return -self.key


class _Tree:
    """The open nodes and what has been closed."""

    def __init__(self, search: Search, columns: Indices, start: Floats | None) -> None:
        self.search, self.columns, self.start = search, columns, start
        self.relaxation: Relaxation | None = None
        self.links = links = _links(search.form, columns)
        self.loose = search.form
        if len(links.column):
            self.loose = replace(
                search.form,
                matrix=sp.csr_array(search.form.matrix[links.rows]),
                row_lower=search.form.row_lower[links.rows],
                row_upper=search.form.row_upper[links.rows],
            )
        self.open: list[_Node] = []
        self.closed_bound, self.by_solver = -math.inf, False
        self.number = 0

    def run(self) -> bool:
        """Search the tree; says whether it was searched to the end, or the time has come."""
        search, form = self.search, self.search.form
        root = self._relax(form.lower[self.columns], form.upper[self.columns], math.inf)
        if root is None:
            search.verdict = "infeasible"
            return True
        if root.relaxed is None:
            return False
        heapq.heappush(self.open, root)
        while self.open:
            node: _Node | None = heapq.heappop(self.open)
            while node is not None:
                self._state_bound(node.bound)
                if search.good_enough(node.bound):
                    # Best bound first: if this one is good enough, so are the rest (unless it came from a plunge).
                    self._close(Closed("solved", node.bound, by_solver=False))
                    break
                if search.finished or self.number >= _NODE_LIMIT or node.relaxed is None:
                    return search.finished
                distance = self._distance(node)
                if not len(distance) or distance.max() <= _WHOLE:
                    label = f"node {node.number}, " if node.number else ""
                    closed = close_box(search, node.relaxed, label=label, start=self.start)
                    if closed.ending in ("unbounded", "died", "inexact") or search.interrupted:
                        heapq.heappush(self.open, node)
                        self._state_bound(closed.bound)
                        return search.finished
                    self._close(closed)
                    break
                node = self._branch(node, int(np.argmax(distance)))
        self._state_bound(-math.inf)
        if search.x is None:
            search.verdict = "infeasible"
        return True

    def _distance(self, node: _Node) -> Floats:
        """How far each structural column is from being whole, and its links from holding."""
        if node.relaxed is None:
            return np.empty(0)
        x = node.relaxed.x
        value = x[self.columns]
        distance = np.abs(value - np.round(value))
        beyond = np.maximum(x[self.links.column] - value[self.links.place], 0.0)
        open_link = (beyond > _WHOLE) & (node.lower < node.upper)[self.links.place]
        np.maximum.at(distance, self.links.place[open_link], 0.5 * beyond[open_link])
        return distance

    def _branch(self, node: _Node, branch: int) -> _Node | None:
        """Solve both children; the better one goes on, the other waits."""
        if node.relaxed is None:
            return None
        value = float(node.relaxed.x[self.columns[branch]])
        # A whole value whose links do not hold is branched on from either side.
        value = min(max(value, node.lower[branch] + _WHOLE), node.upper[branch] - _WHOLE)
        children = []
        for up in (False, True):
            lower, upper = node.lower.copy(), node.upper.copy()
            if up:
                lower[branch] = math.ceil(value)
            else:
                upper[branch] = math.floor(value)
            child = self._relax(lower, upper, node.bound)
            if child is not None:
                children.append(child)
        children.sort()
        for waiting in children[1:]:
            heapq.heappush(self.open, waiting)
        return children[0] if children else None

    def _relax(self, lower: Floats, upper: Floats, parent_bound: float) -> _Node | None:
        """Solve the relaxation within bounds of the structural columns; None where it is proved empty."""
        search = self.search
        number, self.number = self.number, self.number + 1
        if search.progress is not None:
            search.progress("relaxation" if not number else f"node {number}", search.objective, search.bound)
        box_lower, box_upper = search.form.lower.copy(), search.form.upper.copy()
        box_lower[self.columns], box_upper[self.columns] = lower, upper
        # A contact may stand behind several doors; any one of them keeps it out, and it is named once to the solver.
        np.minimum.at(box_upper, self.links.column, np.ceil(upper[self.links.place]))
        box = replace(search.form, lower=box_lower, upper=box_upper)
        changed = np.concatenate([self.columns, np.unique(self.links.column)])
        answer = self._answer(changed, box_lower[changed], box_upper[changed])
        row_dual = None if answer.row_dual is None else self._on_all_rows(answer.row_dual)
        priced = None if row_dual is None else price(box, row_dual)
        bound = parent_bound if priced is None else min(parent_bound, priced.bound)
        if not number:
            search.own_bound, search.row_dual = min(search.own_bound, bound), row_dual
        if answer.ray is not None and proves_empty(box, self._on_all_rows(answer.ray)):
            return None
        relaxed = None
        if answer.status == "optimal" and answer.x is not None and priced is not None:
            relaxed = Relaxed(box, answer.x, priced.reduced_cost, bound, priced.bound)
        return _Node(-bound, number, lower, upper, relaxed)

    def _on_all_rows(self, dual: Floats) -> Floats:
        """Price the rows left out at 0."""
        full = np.zeros(self.search.form.matrix.shape[0])
        full[self.links.rows] = dual
        return full

    def _answer(self, columns: Indices, lower: Floats, upper: Floats) -> LpResult:
        """Ask the relaxation; the first time, whichever method can do it.

        Without presolve the simplex takes 1 s where presolve alone takes 12 (10,000 customers × 50 activities).
        """
        search = self.search
        answer = LpResult("failed", None, -math.inf, None, None)
        if self.relaxation is not None:
            answer = self.relaxation.solve(columns, lower, upper, seconds=search.seconds_left, stop=search.stop)
            search.interrupted |= answer.interrupted
            return answer
        attempts: list[tuple[LpMethod, float]] = [("simplex", 0.3), ("ipx", 0.5)]
        if self.loose.matrix.nnz > _SIMPLEX_NONZEROS:
            attempts = [("ipx", 0.5), ("simplex", 0.5)]
        for method, share in attempts:
            relaxation = Relaxation(self.loose, method=method, child=search.child)
            answer = relaxation.solve(columns, lower, upper, seconds=share * search.seconds_left, stop=search.stop)
            search.interrupted |= answer.interrupted
            if answer.status in ("optimal", "infeasible", "unbounded"):
                self.relaxation = relaxation
                break
            if search.finished:
                break
        return answer

    def _close(self, closed: Closed) -> None:
        self.closed_bound = max(self.closed_bound, closed.bound)
        self.by_solver |= closed.by_solver

    def _state_bound(self, current: float) -> None:
        """Give the search the worst bound of what is open, current and closed."""
        worst = max(current, self.closed_bound, *(node.bound for node in self.open[:1]), self.search.objective)
        if not math.isfinite(worst):
            return
        if self.by_solver:
            self.search.take_bound(worst)
        else:
            self.search.own_bound = min(self.search.own_bound, worst)
