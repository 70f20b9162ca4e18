"""Solve one scenario folder in this process and print what it took, as one JSON line (two with another budget).

python -m tests.benchmarks.scale.measure scenario.yaml --gap 1e-5 --time-limit 300 [--out DIR] [--another-budget 0.9]

Stages are told apart by the first word of what ``progress`` is told; whatever is not known is put under ``other``.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import resource
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optimizer as opt

#: First word of a stage -> column of the table.
COLUMNS = {
    "reading": "read",
    "compiling": "compile",
    "classes": "compile",
    "pricing": "price",
    "prices": "price",
    "core": "finish",
    "finish": "finish",
    "finishing": "finish",
    "solve": "finish",
    "plan": "finish",
    "checking": "verify",
    "writing": "write",
}
STAGES = ("read", "compile", "price", "finish", "verify", "write", "other")
GIB = 1024**3


class Clock:
    """Seconds by column, from the stages a solve tells."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.classes: int | None = None
        self.stages: list[str] = []
        self._column, self._since = "read", time.perf_counter()

    def to(self, column: str) -> None:
        """From now on time belongs to this column."""
        now = time.perf_counter()
        self.seconds[self._column] += now - self._since
        self._column, self._since = column, now

    def __call__(self, stage: str, objective: float, bound: float) -> None:
        """Take note of a stage; what ``opt.solve`` calls."""
        word = re.split(r"\W", stage, maxsplit=1)[0].lower()
        column = COLUMNS.get(word, "other")
        self.to(column)
        if found := re.match(r"classes: ([\d,]+)", stage):
            self.classes = int(found.group(1).replace(",", ""))
        if not self.stages or self.stages[-1] != word:
            self.stages.append(word)
        if sys.stderr.isatty():
            print(f"{stage}: {objective:,.2f} of {bound:,.2f}", file=sys.stderr)


def solved(scenario: opt.Scenario, gap: float, limit: float, clock: Clock, start: opt.Plan | None = None) -> opt.Plan:
    """Solve, from an earlier plan where the library takes one."""
    import optimizer as opt

    more: dict[str, Any] = {}
    if start is not None and "start" in inspect.signature(opt.solve).parameters:
        more["start"] = start
    return opt.solve(scenario, gap=gap, time_limit=limit, progress=clock, **more)


def with_budget(scenario: opt.Scenario, factor: float) -> opt.Scenario:
    """The scenario with its total budget times a factor; tables that were read stay read."""
    budget = next(rule.budget for rule in scenario.rules if rule.name == "total budget")
    assert budget is not None
    return scenario.with_rule("total budget", budget={"max": factor * budget.max})  # type: ignore[operator, union-attr]


def peak_gib() -> float:
    """Most memory this process held, and the largest of its children: an upper bound of both together."""
    own = next(
        int(line.split()[1])
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        if line.startswith("VmHWM")
    )
    return (own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1024 / GIB


def fallback_share(plan: opt.Plan, clock: Clock) -> float | None:
    """Share of customers answered by a fallback, as a note says it; None where no path by prices was taken."""
    for note in plan.notes:
        if found := re.search(r"([\d,]+) of ([\d,]+) customers by a fallback", note):
            some, everyone = (int(number.replace(",", "")) for number in found.groups())
            return some / everyone
        if "relaxed" in note or "fallback" in note:
            return None
    return None if clock.classes is None else 0.0


def line_of(plan: opt.Plan, clock: Clock, started: float) -> dict[str, Any]:
    """What a solve took and found."""
    proved = plan.certificate
    total = time.time() - started
    clock.to("other")
    return {
        "total_seconds": round(total, 3),
        "peak_gib": round(peak_gib(), 3),
        "objective": proved.objective,
        "bound": proved.bound,
        "gap": proved.gap,
        "status": proved.status,
        "bound_by": proved.bound_by,
        "seconds": {name: round(clock.seconds[name], 3) for name in STAGES},
        "contacts": len(plan.contacts),
        "classes": clock.classes,
        "fallback_share": fallback_share(plan, clock),
        "stages": clock.stages,
        "notes": list(plan.notes),
    }


def measure(file: Path, gap: float, limit: float, out: Path | None, budget: float | None, started: float) -> None:
    """Read, solve, write and print; then the same with another budget."""
    clock = Clock()
    import optimizer as opt

    scenario = opt.load(file)
    try:
        plan = solved(scenario, gap, limit, clock)
        if out is not None:
            clock.to("write")
            plan.save(out)
    except (opt.Infeasible, opt.NoPlan, opt.OptimizerError) as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"[:500], "peak_gib": round(peak_gib(), 3)}))
        return
    line = line_of(plan, clock, started)
    from tests.benchmarks.scale.hardness import hardness

    print(json.dumps(line | {"hardness": hardness(scenario, plan, file)}), flush=True)
    if budget is not None:
        other, again, clock = with_budget(scenario, budget), time.time(), Clock()
        second = solved(other, gap, limit, clock, start=plan)
        print(json.dumps(line_of(second, clock, again)), flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Measure one folder."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale.measure", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--gap", type=float, default=1e-5)
    parser.add_argument("--time-limit", type=float, default=600.0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--another-budget", type=float, metavar="FACTOR")
    parser.add_argument("--started", type=float, help="when the process was asked for, seconds since 1970")
    asked = parser.parse_args(arguments)
    started = time.time() if asked.started is None else asked.started
    measure(asked.file, asked.gap, asked.time_limit, asked.out, asked.another_budget, started)
    return 0


if __name__ == "__main__":
    sys.exit(main())
