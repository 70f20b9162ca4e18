"""A small tree over structural blocks: which are on, and where on its curve each stands (DESIGN §5).

D sees the concave envelope of an opening, of spend-or-zero, of an S-curve. A node restricts blocks (on, off, a part of
the range), so that little of the envelope is left, and has a D of its own at prices found from its parent's:

    bound = max over open leaves of min over their ancestors of D(best prices)

At the prices of a node, closing an opening is one sweep without its contacts: D falls by what it is worth, which
bounds the closed child before any price moves.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from optimizer.problem import Bools, Floats
from optimizer.solve.decomposed.blocks import Block, Curved, Pieces
from optimizer.solve.decomposed.columns import Columns
from optimizer.solve.decomposed.dual import Dual, Point
from optimizer.solve.decomposed.links import Links
from optimizer.solve.decomposed.structure import Structure
from optimizer.solve.decomposed.sweep import plan_sweep, sweep

#: Nodes priced at most.
NODES = 400
#: Part of the gap asked for that one block's envelope may keep.
SHARE = 0.2
#: Customers up to which every opening's contacts are counted under the local rules.
SWEPT = 200_000
#: How far prices may move from the parent's before the box grows, relatively and in scales of the rows.
MOVES, SCALES = 0.3, 1e-2


def is_structural(structure: Structure) -> bool:
    """Whether some block is more than a concave curve: then prices alone leave a gap."""
    return any(
        block.switched or (block.curve is not None and not _concave(block, block.worth[1] or 1.0))
        for block in structure.blocks
    )


def _concave(block: Block, sign: float) -> bool:
    """Whether sign · F is concave over the block's range, as far as its grid tells."""
    points = Curved(block).points
    values = np.array([sign * block.value(float(x)) for x in points])
    if len(points) < 3:
        return True
    slope = np.diff(values) / np.diff(points)
    return bool((np.diff(slope) <= 1e-9 * np.abs(slope).max(initial=1e-300)).all())


def capped(structure: Structure, columns: Columns, links: Links) -> Structure:
    """Openings with no more contacts than hard rows and the local rules leave: a smaller envelope of what they cost."""
    if not any(block.opening >= 0 and block.on for block in structure.blocks):
        return structure
    blocks = list(structure.blocks)
    rows = [r for r, row in enumerate(structure.rows) if np.isfinite(row.upper) and not np.isfinite(row.penalty_above)]
    positive = {
        r
        for r in rows
        if all((table[:, [r]].data >= 0).all() for table in links.tables)
        and (columns.base >= 0).all()
        and all(weight[r] >= 0 for block in blocks for weight in block.weight)
    }
    free = replace(
        columns.diagrams, low_worth=np.zeros_like(columns.diagrams.low_worth),
        high_worth=np.zeros_like(columns.diagrams.high_worth), root_worth=np.zeros_like(columns.diagrams.root_worth),
    )  # fmt: skip
    zero = replace(columns, worth=np.zeros(len(columns.worth)), diagrams=free)
    everyone = plan_sweep(columns, np.arange(columns.units, dtype=np.int32), 1)
    used = np.unique(columns.code)
    for k, block in enumerate(blocks):
        if block.opening < 0 or not block.on:
            continue
        counts = links.tables[0][:, [block.row]].toarray()[:, 0]
        most = block.high
        members = used[counts[used] > 0]
        for r in positive:
            share = links.tables[0][members][:, [r]].toarray()[:, 0].min(initial=np.inf)
            if 0 < share < np.inf:
                most = min(most, (structure.rows[r].upper - block.weight[2][r]) / share * (1 + 1e-9))
        if columns.units <= SWEPT:
            prices = np.zeros((len(links.tables), links.codes))
            prices[0] = -counts
            most = min(most, float(sweep(zero, everyone, prices).value.sum()) * (1 + 1e-9))
        most = math.floor(most + 1e-6)
        blocks[k] = replace(block, high=float(max(most, block.low)), on=most >= block.low)
    return replace(structure, blocks=blocks)


@dataclass
class _Node:
    """Restricted blocks, the best bound known of what they leave, and D's best point there."""

    blocks: list[Block]
    bound: float
    point: Point
    scales: Floats
    depth: int = 0


@dataclass
class Tree:
    """The search; ``run`` is the solve whose blocks it branches on, priced at the root already.

    ``run`` offers ``dual``, ``point``, ``bound``, ``best``, ``gap``, ``everyone``, ``scales``, and does ``price`` from
    ``known`` prices and ``cores`` on a copy of itself with another ``dual``.
    """

    run: Any
    done: float = -math.inf  # the largest bound of a leaf that is settled
    nodes: int = 0
    _members: dict[int, Bools] = field(default_factory=dict)

    def search(self) -> None:
        """Branch until the gap is reached, the leaves are settled, or time is out; leaves the bound in ``run``."""
        run = self.run
        waiting = [_Node(run.dual.structure.blocks, run.bound, run.point, run.scales)]
        below: list[_Node] = []
        while waiting:
            top = max(node.bound for node in waiting)
            run.bound = min(run.bound, max(run.fallen(max(top, self.done)), self._known))
            if run.reached or run.out_of_time() or self.nodes >= NODES:
                return
            # Straight down to a plan first, then by the best bound.
            node = max(below if below and run.best is None else waiting, key=lambda one: one.bound)
            waiting.remove(node)
            below = []
            if self._settled(node.bound):
                self.done = max(self.done, node.bound)
                continue
            children = self._children(node)
            if not children:
                self._leaf(node)
            for blocks, bound in children:
                child = self._priced(node, blocks, bound)
                if child is not None and self._settled(child.bound):
                    self.done = max(self.done, child.bound)
                elif child is not None:
                    below.append(child)
            waiting += below
        run.bound = min(run.bound, max(run.fallen(self.done), self._known))

    @property
    def _known(self) -> float:
        return self.run.best.worth if self.run.best is not None else -math.inf

    def _settled(self, bound: float) -> bool:
        """Whether nothing below such a bound is worth looking for."""
        run = self.run
        return run.best is not None and run.fallen(bound) - run.best.worth <= self._enough

    @property
    def _enough(self) -> float:
        """How far a bound may lie above the best plan."""
        return float(self.run.gap * abs(self._known))

    def _part(self, blocks: list[Block], point: Point, scales: Floats) -> Any:
        """A solve of a node, from the prices of a point."""
        run = self.run
        part = copy.copy(run)
        part.dual = Dual(self._without(blocks), run.dual.links, replace(run.dual.structure, blocks=blocks))
        part.bound, part.floor, part.by_solver = math.inf, None, False
        if run.best is not None:
            part.floor = self._known + self._enough
        part.known = point.price, MOVES * np.abs(point.price) + SCALES * scales
        return part

    def _priced(self, node: _Node, blocks: list[Block], bound: float) -> _Node | None:
        """Price a child; None where no plan is below."""
        self.nodes += 1
        part = self._part(blocks, node.point, node.scales)
        part.price()
        self.run.dual.sweeps += part.dual.sweeps
        if not math.isfinite(part.bound) or part.bound < part.least():
            return None
        return _Node(blocks, min(bound, part.bound), part.point, part.scales, node.depth + 1)

    def _leaf(self, node: _Node) -> None:
        """Look for a plan where blocks stand as D sees them."""
        run = self.run
        part = self._part(node.blocks, node.point, 1e-2 * node.scales)
        part.price()
        run.dual.sweeps += part.dual.sweeps
        if not math.isfinite(part.bound):
            return  # a customer without any choice, or prices without end: no plan below
        part.bound = min(node.bound, part.bound)
        part.cores(part.point, part.choice)
        if part.best is not None and (run.best is None or part.best.worth > run.best.worth):
            run.best = part.best
        run.by_solver |= part.by_solver
        self.done = max(self.done, min(node.bound, part.bound))

    def _without(self, blocks: list[Block]) -> Any:
        """Columns without those of closed openings."""
        columns = self.run.dual.columns
        closed = np.zeros(len(columns.pair), bool)
        for k, block in enumerate(blocks):
            if not block.on and block.opening >= 0:
                closed |= self._of(k)
        return replace(columns, worth=np.where(closed, -np.inf, columns.worth)) if closed.any() else columns

    def _of(self, k: int) -> Bools:
        """Which columns are contacts of a block's opening, (J,)."""
        if k not in self._members:
            dual = self.run.dual
            inside = dual.links.tables[0][:, [dual.structure.blocks[k].row]].toarray()[:, 0] != 0
            self._members[k] = inside[dual.columns.code]
        return self._members[k]

    # --- branching -------------------------------------------------------------------------------------------

    def _children(self, node: _Node) -> list[tuple[list[Block], float]]:
        """The node cut in two at the block that loses most, with bounds; none where no block loses enough."""
        allowed = SHARE * self.run.gap * max(abs(node.bound), 1e-300)
        blocks = list(node.blocks)
        best: tuple[int, list[tuple[Block, float]]] | None = None
        score = -math.inf
        for k, block in enumerate(node.blocks):
            if not block.on:
                continue
            loss, at, unsettled = self._lost(block, node.point, allowed)
            if block.or_zero and block.switched:
                stand = Curved(block).best(node.point.price).value
                on = Curved(replace(block, or_zero=False)).best(node.point.price).value
                opened = min(node.bound, node.point.value - (stand - on))
                closed = self._closed(node, k)
                if self._settled(closed):
                    # Without it no better plan: on for good.
                    self.done = max(self.done, closed)
                    blocks[k] = replace(block, or_zero=False)
                    continue
                loss = max(loss, node.bound - max(opened, closed))
                if (loss > allowed or unsettled) and loss > score:
                    score = loss
                    best = k, [(replace(block, or_zero=False), opened), (replace(block, on=False), closed)]
            elif loss > max(allowed, score) and (cut := _cut(block, at)) is not None:
                best, score = (k, [(one, node.bound) for one in cut]), loss
        if best is None:
            fixed = any(one is not other for one, other in zip(blocks, node.blocks, strict=True))
            return [(blocks, node.bound)] if fixed else []
        k, states = best
        return [([*blocks[:k], block, *blocks[k + 1 :]], min(bound, node.bound)) for block, bound in states]

    def _closed(self, node: _Node, k: int) -> float:
        """D at the node's prices where a block is off: a bound on every plan without it."""
        run, price = self.run, node.point.price
        blocks = [*node.blocks[:k], replace(node.blocks[k], on=False), *node.blocks[k + 1 :]]
        if blocks[k].opening < 0:
            return min(node.bound, node.point.value - Curved(node.blocks[k]).best(price).value)
        other = Dual(self._without(blocks), run.dual.links, replace(run.dual.structure, blocks=blocks))
        run.dual.sweeps += 1
        return min(node.bound, float(other.at(price, run.everyone).value))

    def _lost(self, block: Block, point: Point, allowed: float) -> tuple[float, float, bool]:
        """What the envelope of a block adds where the block will stand, where that is, and whether it is neither."""
        a, b, c = _prices(block, point.price)
        if not block.switched and (block.curve is None or _concave(block, a)):
            return 0.0, 0.0, False
        curved = Curved(block)
        best = curved.best(point.price).value
        if block.row >= 0:
            units = point.use[: len(point.use) - len(point.places)]
            at = float(units[:, block.row].sum())
        else:
            at = _middle(curved, point.price, best - allowed)
        inside = float(np.clip(at, block.low, block.high))
        value = a * block.value(inside) + b * inside + c
        if block.or_zero:
            value = 0.0 if at <= 0 else value if at >= block.low else max(value, 0.0)
        # Neither off nor on, or counted by rows that see a part of it.
        between = block.or_zero and at > 0 and (at < block.low or (block.opening >= 0 and bool(block.weight[2].any())))
        return best - value, inside, between


def _prices(block: Block, price: Floats) -> tuple[float, float, float]:
    """Worth of a unit of F(s), of s, and of being on, under prices."""
    s, f, on = (worth - float(price @ weight) for worth, weight in zip(block.worth, block.weight, strict=True))
    return f, s, on


def _middle(curved: Curved, price: Floats, least: float) -> float:
    """Between the places that are worth at least so much: prices may mix any two of them."""
    a, b, c = _prices(curved.block, price)
    points = np.r_[0.0, curved.points] if curved.block.or_zero else curved.points
    value = np.array([a * curved.block.value(float(x)) + b * float(x) + (c if x > 0 else 0.0) for x in points])
    near = points[value >= least]
    return 0.5 * float(near.min() + near.max()) if len(near) else float(points[int(value.argmax())])


def _cut(block: Block, at: float) -> list[Block] | None:
    """The block's range in two at a place; None where nothing is left to cut."""
    width = block.high - block.low
    if isinstance(block.curve, Pieces):
        if width < 1:
            return None
        low = float(min(max(math.floor(at), block.low), block.high - 1))
        return [replace(block, high=low), replace(block, low=low + 1)]
    if width <= 1e-9 * max(abs(block.high), abs(block.low), 1e-300):
        return None
    if not block.low + 1e-3 * width < at < block.high - 1e-3 * width:
        at = 0.5 * (block.low + block.high)
    return [replace(block, high=at), replace(block, low=at)]
