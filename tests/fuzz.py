"""Random tiny scenarios over every rule, the engine and its check against the brute force.

    python -m tests.fuzz --cases 20000 [--seed 0] [--only verb] [--jobs 1] [--deep 0.1] [--stage all|brute|verify]

Prints how often each verb was there and how often it bound, and every disagreement with a small scenario that
shows it. Exit code 1 when there was one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
import traceback
from collections.abc import Iterator
from random import Random

from tests.bruteforce.filters import Row
from tests.bruteforce.search import best
from tests.bruteforce.world import VERBS
from tests.fuzzing.arguments import dump
from tests.fuzzing.case import case
from tests.fuzzing.properties import check_all, check_verify, trial
from tests.fuzzing.shrink import shrink
from tests.fuzzing.tally import Tally


def faults_of(spec: Row, seed: int, stage: str, deep: float) -> list[str]:
    """What is wrong with one scenario; an unexpected error is a fault too."""
    try:
        if stage == "brute":
            return []
        if stage == "verify":
            return check_verify(trial(spec), Random(f"properties {seed}"))
        return check_all(spec, seed, deep=Random(f"deep {seed}").random() < deep)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return [f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"]


def kind(fault: str) -> str:
    """What a fault calls itself, by which a smaller scenario fails alike."""
    name = fault.split(":")[0]
    return "".join(c for c in fault[:90] if not c.isdigit()) if name.endswith("Error") else name


def minimal(spec: Row, seed: int, stage: str, deep: float, fault: str) -> Row:
    """A smaller scenario with the same kind of fault."""

    def fails(candidate: Row) -> bool:
        found = faults_of(candidate, seed, stage, deep)
        return any(kind(one) == kind(fault) for one in found)

    return shrink(spec, fails, tries=150)


def run(seeds: list[int], options: argparse.Namespace) -> tuple[Tally, list[str]]:
    """Check a list of seeds."""
    tally, reports = Tally(), []
    start, said = time.perf_counter(), time.perf_counter()
    for done, seed in enumerate(seeds, 1):
        spec = case(seed, options.only)
        tally.add(spec, best(spec), binding=options.binding)
        if faults := faults_of(spec, seed, options.stage, options.deep):
            small = minimal(spec, seed, options.stage, options.deep, faults[0]) if options.shrink else spec
            again = faults_of(small, seed, options.stage, options.deep) or faults
            reports.append("\n".join([f"--- seed {seed}", *again, dump(small)]))
            print(reports[-1], flush=True)
        if time.perf_counter() - said > 60:
            said = time.perf_counter()
            print(f"{done} of {len(seeds)}, {len(reports)} failed, {said - start:.0f} s", file=sys.stderr, flush=True)
    return tally, reports


def shares(seeds: list[int], jobs: int) -> Iterator[list[int]]:
    """Seeds dealt to processes."""
    return (seeds[k::jobs] for k in range(jobs))


def merged(parts: list[tuple[Tally, list[str]]]) -> tuple[Tally, list[str]]:
    """The tallies and reports of all processes."""
    whole, reports = Tally(), []
    for tally, found in parts:
        whole.scenarios += tally.scenarios
        whole.infeasible += tally.infeasible
        for name in ("parts", "there", "bound", "crossed"):
            getattr(whole, name).update(getattr(tally, name))
        reports += found
    return whole, reports


def main() -> int:
    """Run the fuzz from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--only", choices=VERBS, help="a verb that every scenario holds")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument(
        "--deep", type=float, default=0.1, help="share of scenarios solved again for order, names, units"
    )
    parser.add_argument("--stage", choices=("all", "verify", "brute"), default="all")
    parser.add_argument("--no-binding", dest="binding", action="store_false", help="do not count which rules bind")
    parser.add_argument("--no-shrink", dest="shrink", action="store_false")
    options = parser.parse_args()
    seeds = list(range(options.seed, options.seed + options.cases))
    start = time.perf_counter()
    if options.jobs == 1:
        tally, reports = run(seeds, options)
    else:
        with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
            tally, reports = merged(pool.starmap(run, [(part, options) for part in shares(seeds, options.jobs)]))
    print(tally.table())
    print(f"{len(reports)} failed, {time.perf_counter() - start:.0f} s")
    return 1 if reports else 0


if __name__ == "__main__":
    sys.exit(main())
