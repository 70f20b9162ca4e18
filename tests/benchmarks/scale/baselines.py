"""What stands beside the engine, each in a process of its own: greedy, random chunks, HiGHS on the whole model.

python -m tests.benchmarks.scale.baselines greedy | chunks | highs scenario.yaml [--time-limit 300]

One JSON line: objective (of the plan found, valued and checked by ``evaluate``), seconds, remark.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import optimizer as opt
from optimizer.problem import Problem
from optimizer.rules import compile_problem
from tests.benchmarks.scale import chunks, whole
from tests.benchmarks.scale.greedy import greedy

Line = dict[str, Any]


def by_greedy(file: Path, limit: float) -> Line:
    """Greedy by priority."""
    del limit
    scenario = opt.load(file)
    problem = compile_problem(scenario)
    started = time.perf_counter()
    chosen = greedy(problem)
    seconds = time.perf_counter() - started
    return valued(scenario, contacts_of(problem, chosen)) | {"seconds": round(seconds, 2)}


def by_chunks(file: Path, limit: float) -> Line:
    """Random chunks of 1,000 customers, each with its share of every capacity."""
    return chunks.solve(file, limit)


def by_highs(file: Path, limit: float) -> Line:
    """HiGHS on the whole model."""
    return whole.solve(file, limit)


def contacts_of(problem: Problem, chosen: np.ndarray) -> pd.DataFrame:
    """Pairs by the names of their customer and activity."""
    customers, activities = np.asarray(problem.customer_names, object), np.asarray(problem.activity_names, object)
    return pd.DataFrame(
        {"customer_id": customers[problem.customer[chosen]], "activity": activities[problem.activity[chosen]]},
        dtype=str,
    )


def valued(scenario: opt.Scenario, contacts: pd.DataFrame) -> Line:
    """What a plan is worth, and what of the rules it breaks."""
    found = opt.evaluate(scenario, contacts)
    rules = found.rules[~found.rules["passed"].astype(bool)]
    remark = (
        "all rules hold" if found.passed else f"{len(rules)} scopes broken: {', '.join(rules['rule'].unique()[:5])}"
    )
    return {"objective": float(found.objective), "contacts": len(contacts), "remark": remark, "feasible": found.passed}


WAYS: dict[str, Callable[[Path, float], Line]] = {"greedy": by_greedy, "chunks": by_chunks, "highs": by_highs}


def main(arguments: list[str] | None = None) -> int:
    """Print the line of one way."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale.baselines", description=__doc__)
    parser.add_argument("way", choices=list(WAYS))
    parser.add_argument("file", type=Path)
    parser.add_argument("--time-limit", type=float, default=300.0)
    asked = parser.parse_args(arguments)
    try:
        line = WAYS[asked.way](asked.file, asked.time_limit)
    except (opt.OptimizerError, MemoryError) as error:
        line = {"objective": None, "error": f"{type(error).__name__}: {error}"[:300]}
    print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
