"""The nodes of each class on their own: extracted below its root, numbered from its end, and put in one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Floats, Ints
from optimizer.solve.diagram.compiled import Int64, compiled, roomy
from optimizer.solve.diagram.reduce import Reduced


@dataclass(frozen=True)
class Runs:
    """The nodes of each root on their own, as ``Diagrams`` has them; ``term`` holds terms of the batch."""

    node_start: Int64
    low: Ints
    high: Ints
    low_term: Ints
    high_term: Ints
    low_worth: Floats
    high_worth: Floats
    term_start: Int64
    term: Int64


def runs(nodes: Reduced, root: Int64) -> Runs:
    """Extract the nodes below each root; a root of -1 has the end alone."""
    keys, number = np.unique(nodes.term[1:], return_inverse=True)
    of_node = np.concatenate([[-1], number]).astype(np.int64)
    node_start, term_start, order, terms = _collected(nodes.low, nodes.high, of_node, root, len(keys))
    low, high, high_term = _renumbered(nodes.low, nodes.high, of_node, node_start, order, term_start, terms, len(keys))
    return Runs(
        node_start, low, high, np.full(len(low), -1, np.int32), high_term, nodes.low_worth[order],
        nodes.high_worth[order], term_start, keys[terms] if len(keys) else np.empty(0, np.int64),
    )  # fmt: skip


@compiled
def _collected(low: Int64, high: Int64, term: Int64, root: Int64, kinds: int) -> tuple[Int64, Int64, Int64, Int64]:
    """The nodes below each root, children first, and their terms in order."""
    seen, told = np.full(len(low), -1, np.int64), np.full(kinds + 1, -1, np.int64)
    node_start, term_start = np.zeros(len(root) + 1, np.int64), np.zeros(len(root) + 1, np.int64)
    order, terms = np.empty(max(64, len(low)), np.int64), np.empty(max(64, len(low)), np.int64)
    stack = np.empty(len(low) + 1, np.int64)
    nodes, said = 0, 0
    for c in range(len(root)):
        top = 0
        if root[c] > 0:
            stack[0] = root[c]
            seen[root[c]] = c
            top = 1
        begun, spoken = nodes, said
        while True:
            order, terms = roomy(order, nodes + 2), roomy(terms, said + 2)
            if top == 0:
                break
            top -= 1
            node = stack[top]
            order[nodes] = node
            nodes += 1
            if told[term[node]] != c:
                told[term[node]] = c
                terms[said] = term[node]
                said += 1
            for side in range(2):
                child = low[node] if side == 0 else high[node]
                if child > 0 and seen[child] != c:
                    seen[child] = c
                    stack[top] = child
                    top += 1
        order[nodes] = 0
        nodes += 1
        order[begun:nodes].sort()
        terms[spoken:said].sort()
        node_start[c + 1], term_start[c + 1] = nodes, said
    return node_start, term_start, order[:nodes].copy(), terms[:said].copy()


@compiled
def _renumbered(
    low: Int64,
    high: Int64,
    term: Int64,
    node_start: Int64,
    order: Int64,
    term_start: Int64,
    terms: Int64,
    kinds: int,
) -> tuple[Ints, Ints, Ints]:
    """Children and terms of the collected nodes by their place in the class."""
    place, told = np.zeros(len(low), np.int64), np.zeros(kinds + 1, np.int64)
    lows, highs = np.full(len(order), -1, np.int32), np.full(len(order), -1, np.int32)
    high_terms = np.full(len(order), -1, np.int32)
    for c in range(len(node_start) - 1):
        for k in range(term_start[c], term_start[c + 1]):
            told[terms[k]] = k - term_start[c]
        for k in range(node_start[c], node_start[c + 1]):
            node = order[k]
            place[node] = k - node_start[c]
            if node == 0:
                continue
            if low[node] >= 0:
                lows[k] = place[low[node]]
            highs[k] = place[high[node]]
            high_terms[k] = told[term[node]]
    return lows, highs, high_terms


def gathered(parts: list[Runs], wanted: Int64) -> Runs:
    """Some runs of several parts, numbered through, in the order wanted."""
    nodes = _counts(parts, "node_start")
    said = _counts(parts, "term_start")
    node_start, node = _spread(nodes, wanted)
    term_start, term = _spread(said, wanted)

    def taken(name: str, at: Int64) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])[at]

    return Runs(
        node_start, taken("low", node), taken("high", node), taken("low_term", node), taken("high_term", node),
        taken("low_worth", node), taken("high_worth", node), term_start, taken("term", term),
    )  # fmt: skip


def _counts(parts: list[Runs], name: str) -> Int64:
    return np.concatenate([np.diff(getattr(part, name)) for part in parts])


def _spread(count: Int64, wanted: Int64) -> tuple[Int64, Int64]:
    """Where the wanted runs begin, and the places of their entries."""
    begins = np.cumsum(count) - count
    start = np.concatenate([[0], np.cumsum(count[wanted])]).astype(np.int64)
    at = np.arange(start[-1]) + np.repeat(begins[wanted] - start[:-1], count[wanted])
    return start, at


def distinct_rows(*columns: NDArray[Any]) -> tuple[Int64, Int64]:
    """The first row of each kind, in order of appearance, and the kind of every row."""
    order = np.lexsort(columns)
    differs = np.zeros(len(order), bool)
    differs[:1] = True
    for column in columns:
        differs[1:] |= column[order[1:]] != column[order[:-1]]
    kind = np.empty(len(order), np.int64)
    kind[order] = np.cumsum(differs) - 1
    first = order[differs]
    by_place = np.argsort(first)
    number = np.empty(len(first), np.int64)
    number[by_place] = np.arange(len(first))
    return first[by_place].astype(np.int64), number[kind]
