"""What compiled code is worth: one sweep of all customers by numba, on one core and on two, and by numpy alone.

numpy solves the customers of a class together, a node of its diagram after the other; both give the same D.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numba as nb
import numpy as np

import optimizer as opt
from optimizer.problem import Floats
from optimizer.rules import compile_problem
from optimizer.solve.decomposed.columns import Columns
from optimizer.solve.decomposed.prepared import prepare
from optimizer.solve.decomposed.structure import read_structure
from optimizer.solve.decomposed.sweep import plan_sweep, sweep
from tests.benchmarks.scale.folders import SEED
from tests.benchmarks.scale.generate import generate

T = TypeVar("T")
#: Runs of each; the fastest counts.
RUNS = 3
BLOCKS = 24


def by_numpy(columns: Columns, prices: Floats) -> float:
    """Σ over all units of the best path of their diagram, vectorised over the units of a class."""
    diagrams, cost = columns.diagrams, prices[0, columns.code]
    for b, base in enumerate(columns.base, start=1):
        cost = cost + prices[b, columns.code] * base
    worth, total = columns.worth - cost, 0.0
    order = np.argsort(columns.class_of, kind="stable").astype(np.int32)
    edges = np.flatnonzero(np.diff(columns.class_of[order], prepend=-1, append=-1))
    for first, last in pairwise(edges):
        units = order[first:last]
        k = int(columns.class_of[units[0]])
        position, owner = columns.of(units)
        terms = int(diagrams.term_start[k + 1] - diagrams.term_start[k])
        priced = np.full((terms + 1, len(units)), -np.inf)
        priced[columns.term[position], owner] = worth[position]
        priced[terms] = 0.0  # of an arc without a contact
        begin, end = int(diagrams.node_start[k]), int(diagrams.node_start[k + 1])
        best = np.full((end - begin, len(units)), -np.inf)
        best[0] = 0.0
        for n in range(1, end - begin):
            at = begin + n
            if diagrams.low[at] >= 0:
                best[n] = diagrams.low_worth[at] + best[diagrams.low[at]] + priced[diagrams.low_term[at]]
            if diagrams.high[at] >= 0:
                other = diagrams.high_worth[at] + best[diagrams.high[at]] + priced[diagrams.high_term[at]]
                np.maximum(best[n], other, out=best[n])
        total += float(best[-1].sum()) + diagrams.root_worth[k] * len(units)
    return total


def fastest(run: Callable[[], T]) -> tuple[T, float]:
    """What it gives, and the least seconds of a few runs."""
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        given = run()
        seconds.append(time.perf_counter() - started)
    return given, min(seconds)


def main(customers: int) -> bool:
    """Sweep both ways and print; True where they agree and compiled code on one core is faster."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), customers, 24, SEED)
        problem = compile_problem(opt.load(Path(folder) / "scenario.yaml"))
    stated = prepare(problem, read_structure(problem), None, lambda stage: None).whole
    assert stated is not None
    columns, links = stated.columns, stated.links
    # Prices that keep about half of the contacts.
    prices = links.prices(np.random.default_rng(SEED).uniform(0.0, 0.3, links.tables[0].shape[1]))
    plan = plan_sweep(columns, np.arange(columns.units, dtype=np.int32), BLOCKS)
    sweep(columns, plan, prices)  # compiled, or loaded from the disk
    most, seconds, value = nb.get_num_threads(), {}, 0.0
    for threads in (1, 2):
        nb.set_num_threads(min(threads, most))
        swept, seconds[threads] = fastest(lambda: sweep(columns, plan, prices))
        value = float(swept.value.sum())
    plain, slow = fastest(lambda: by_numpy(columns, prices))
    same = abs(plain - value) <= 1e-9 * abs(value)
    classes, nodes = len(columns.diagrams.feasible), len(columns.diagrams.low)
    print(f"{customers:,} customers, {len(columns.worth):,} columns, {classes:,} classes, {nodes:,} nodes")
    print(f"numpy alone        {slow:9.3f} s")
    for threads, taken in seconds.items():
        print(f"numba, {threads} thread{'s' * (threads > 1)}  {taken:12.3f} s   {slow / taken:,.0f} times faster")
    print(f"both give {value:,.2f}" if same else f"they differ: {value!r} and {plain!r}")
    return same and seconds[1] < slow
