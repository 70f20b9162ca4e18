"""Command line of the benchmarks; see the package."""

from __future__ import annotations

import argparse
import sys

from tests.benchmarks import appetence, attribution, joint, media, sweep
from tests.benchmarks.scale import run as scale


def main(arguments: list[str] | None = None) -> int:
    """Run one benchmark; 0 where its targets are met, 1 otherwise."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["scale"]:
        return 0 if scale.main(given[1:]) else 1
    if given[:1] == ["attribution"]:
        return 0 if attribution.main(given[1:]) else 1
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    kinds = ["media", "joint", "sweep", "scale", "attribution", "appetence"]
    parser.add_argument("kind", choices=kinds, help="scale, attribution: see their --help")
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--gap", type=float, default=None)
    parser.add_argument("--customers", type=int, default=100_000, help="of the sweep, of appetence")
    asked = parser.parse_args(given)
    if asked.kind == "media":
        met = media.main(asked.seeds, 1e-4 if asked.gap is None else asked.gap)
    elif asked.kind == "appetence":
        met = appetence.main(asked.customers)
    elif asked.kind == "sweep":
        met = sweep.main(asked.customers)
    else:
        met = joint.main(asked.seeds, 2e-5 if asked.gap is None else asked.gap)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
