"""Maximal cliques of small conflict graphs: one row a clique in place of one row a clashing pair.

Bron–Kerbosch with pivoting (Tomita, Tanaka, Takahashi, TCS 363 (2006)); where a graph has too many maximal cliques, a
greedy cover of its edges by maximal cliques, which is as valid and nearly as tight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Maximal cliques listed for one unit before the cover takes over.
CLIQUE_LIMIT = 300


def maximal_cliques(adjacency: NDArray[np.bool_]) -> list[list[int]]:
    """Maximal cliques of at least two nodes that cover every edge of a symmetric graph, in a fixed order."""
    neighbours = [set(np.flatnonzero(row).tolist()) - {node} for node, row in enumerate(adjacency)]
    found: list[list[int]] = []
    if _grow([], {node for node, near in enumerate(neighbours) if near}, set(), neighbours, found):
        return sorted(found)
    return _cover(neighbours)


def _grow(
    clique: list[int], candidates: set[int], excluded: set[int], neighbours: list[set[int]], found: list[list[int]]
) -> bool:
    """Extend a clique in every way; False when the limit is passed."""
    if not candidates and not excluded:
        found.append(sorted(clique))
        return len(found) <= CLIQUE_LIMIT
    pivot = min(candidates | excluded, key=lambda node: (-len(candidates & neighbours[node]), node))
    for node in sorted(candidates - neighbours[pivot]):
        near = neighbours[node]
        if not _grow([*clique, node], candidates & near, excluded & near, neighbours, found):
            return False
        candidates = candidates - {node}
        excluded = excluded | {node}
    return True


def _cover(neighbours: list[set[int]]) -> list[list[int]]:
    """Maximal cliques grown greedily until every edge lies in one."""
    uncovered = {(a, b) for a, near in enumerate(neighbours) for b in near if a < b}
    cliques = []
    while uncovered:
        clique = list(min(uncovered))
        common = neighbours[clique[0]] & neighbours[clique[1]]
        while common:
            node = min(common, key=lambda n: (-len(neighbours[n] & common), n))
            clique.append(node)
            common = common & neighbours[node]
        clique.sort()
        uncovered -= {(a, b) for k, a in enumerate(clique) for b in clique[k + 1 :]}
        cliques.append(clique)
    return sorted(cliques)
