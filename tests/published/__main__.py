"""Command line of the published instances; see the package."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.published import (
    bank_marketing,
    complete_journey,
    curves,
    customer_assignment,
    docplex,
    hillstrom,
    interaction_history,
    targeted_offers,
)
from tests.published.folder import save
from tests.published.run import show, solve

#: Histories to learn from: each has its default folder and its report.
LEARNING = {
    "hillstrom": hillstrom,
    "bank_marketing": bank_marketing,
    "interaction_history": interaction_history,
    "complete_journey": complete_journey,
}


def main(arguments: list[str] | None = None) -> int:
    """Read, optionally save, solve and print one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m tests.published", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind, place, gap in (
        ("customer_assignment", "folder of table1 to table4", 1e-4),
        # Values are whole numbers up to about 10,000: a plan this near to its bound is the optimum.
        ("targeted_offers", "instance file", 5e-5),
        ("docplex", "folder of bank_behaviors", 1e-6),
    ):
        one = kinds.add_parser(kind)
        one.add_argument("path", type=Path, help=place)
        one.add_argument("--gap", type=float, default=gap)
        one.add_argument("--time-limit", type=float, default=300.0)
        one.add_argument("--out", type=Path, help="write the contacts as CSV")
        one.add_argument("--save", type=Path, metavar="DIR", help="write the scenario folder, too")
        one.add_argument("--quiet", action="store_true", help="no progress on stderr")
        if kind == "customer_assignment":
            one.add_argument("--hard", action="store_true", help="make every soft rule hard")
    one = kinds.add_parser("curves", help="response curves on pymc_mmm, robyn and meridian")
    one.add_argument("path", type=Path, help="folder that holds pymc_mmm, robyn and meridian")
    one.add_argument("--only", choices=[*curves.CALLS], help="one of the tables")
    one.add_argument("--draws", type=int, default=200, help="bootstrap draws")
    for kind, module in LEARNING.items():
        one = kinds.add_parser(kind)
        one.add_argument("path", type=Path, nargs="?", default=module.DATA, help="folder of the published files")
    asked = parser.parse_args(arguments)
    if asked.kind == "curves":
        for name in [asked.only] if asked.only else [*curves.CALLS]:
            print(json.dumps(curves.line(asked.path, name, draws=asked.draws)), flush=True)
        return 0
    if asked.kind in LEARNING:
        print(json.dumps(LEARNING[asked.kind].report(asked.path)), flush=True)
        return 0
    if asked.kind == "customer_assignment":
        keys = customer_assignment.read(asked.path, hard=asked.hard)
    else:
        keys = (targeted_offers if asked.kind == "targeted_offers" else docplex).read(asked.path)
    if asked.save is not None:
        save(keys, asked.save)
    line = solve(
        keys,
        gap=asked.gap,
        time_limit=asked.time_limit,
        out=asked.out,
        as_published=customer_assignment.plan if asked.kind == "customer_assignment" else None,
        log=None if asked.quiet else sys.stderr,
    )
    return show(line)


if __name__ == "__main__":
    sys.exit(main())
