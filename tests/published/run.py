"""Solve a published instance and report it as one JSON line."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

import optimizer as opt


def solve(
    keys: dict[str, Any],
    *,
    gap: float,
    time_limit: float,
    out: Path | None = None,
    as_published: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
    log: TextIO | None = None,
) -> dict[str, Any]:
    """Solve the scenario of these keys.

    Parameters
    ----------
    keys : dict
        The keys of a scenario file.
    gap, time_limit : float
    out : Path, optional
        Where to write the contacts as ``as_published`` names them.
    log : file, optional
        Where progress goes.

    Returns
    -------
    dict
        instance, status, objective, bound, gap, seconds, contacts; and the bill where no plan satisfies the rules.
    """
    started = time.perf_counter()

    def progress(stage: str, objective: float, bound: float) -> None:
        if log is not None:
            shown = " of ".join("none yet" if not isfinite(value) else f"{value:,.4f}" for value in (objective, bound))
            print(f"{time.perf_counter() - started:7.1f} s  {stage}: {shown}", file=log, flush=True)

    line: dict[str, Any] = {"instance": keys["name"], "status": None, "objective": None, "bound": None, "gap": None}
    try:
        plan = opt.solve(opt.Scenario(**keys), gap=gap, time_limit=time_limit, progress=progress)
    except opt.Infeasible as infeasible:
        line |= {"status": "infeasible", "seconds": _seconds(started), "contacts": 0, "bill": infeasible.bill.as_dict()}
        return line
    except opt.NoPlan as no_plan:
        line |= {"status": "no_plan", "seconds": _seconds(started), "contacts": 0, "note": str(no_plan)}
        return line
    proved = plan.certificate
    line |= {"status": proved.status, "objective": proved.objective, "bound": proved.bound, "gap": proved.gap}
    line |= {"seconds": _seconds(started), "contacts": len(plan.contacts)}
    if out is not None:
        contacts = as_published(plan.contacts) if as_published else plan.contacts[["customer_id", "activity"]]
        contacts.to_csv(out, index=False)
    return line


def show(line: dict[str, Any]) -> int:
    """Print the line, and return the exit code: 0 with a plan, 3 infeasible, 4 without a plan."""
    print(json.dumps(line), file=sys.stdout, flush=True)
    return {"infeasible": 3, "no_plan": 4}.get(line["status"], 0)


def _seconds(started: float) -> float:
    return round(time.perf_counter() - started, 2)
