"""Command line of the generator: a seeded scenario folder for any number of customers.

python -m tests.benchmarks.scale.generate DIR --customers 100000 --activities 24 --seed 7
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.scale import assignment, dealers, kinds, weekly

#: Share of eligible pairs of the instances with patterns, and of those drawn pair by pair.
BY_PATTERN, BY_PAIR = 0.15, 0.05
#: Kind -> writes a folder for so many customers, activities and a seed.
KINDS: dict[str, Callable[[Path, int, int, int], Path]] = {
    "weekly": lambda folder, customers, activities, seed: weekly.write(folder, customers, seed),
    "dealers": lambda folder, customers, activities, seed: dealers.write(folder, customers, seed),
    "kinds": lambda folder, customers, activities, seed: kinds.write(folder, customers, seed),
    "patterns300": lambda folder, customers, activities, seed: assignment.write(
        folder, customers, activities, seed, 300, BY_PATTERN
    ),
    "patterns800": lambda folder, customers, activities, seed: assignment.write(
        folder, customers, activities, seed, 800, BY_PATTERN
    ),
    "pairs": lambda folder, customers, activities, seed: assignment.write(
        folder, customers, activities, seed, None, BY_PAIR
    ),
}
#: The kind of a number of activities; those of ``weekly`` and its relatives are always 24.
BY_ACTIVITIES = {24: "weekly", 125: "patterns300", 175: "pairs"}


def generate(folder: Path, customers: int, activities: int = 24, seed: int = 7, kind: str | None = None) -> Path:
    """Write a scenario folder and return its scenario.yaml; without a kind, the one of so many activities."""
    kind = kind or BY_ACTIVITIES.get(activities, "pairs")
    if kind in ("weekly", "dealers", "kinds") and activities != 24:
        raise ValueError(f"{kind} has 24 activities, not {activities}")
    return KINDS[kind](folder, customers, activities, seed)


def main(arguments: list[str] | None = None) -> int:
    """Write a folder and say how long it took."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale.generate", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--customers", type=int, required=True)
    parser.add_argument("--activities", type=int, default=24)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--kind", choices=sorted(KINDS))
    asked = parser.parse_args(arguments)
    started = time.perf_counter()
    file = generate(asked.folder, asked.customers, asked.activities, asked.seed, asked.kind)
    print(f"{file} ({time.perf_counter() - started:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
