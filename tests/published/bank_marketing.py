"""The calls of a bank: appetence by kind of telephone without ``duration``, and the decline from call to call.

Reading and columns are those of scenarios/bank_calls; here all calls teach, and the last months judge, too.
"""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import optimizer as opt

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "scenarios" / "bank_calls"
DATA = ROOT.parent / "shared" / "data" / "bank_marketing"
_TOLD = [
    "channel",
    "contacts",
    "responses",
    "rate",
    "cut",
    "calibration",
    "auc",
    "brier",
    "brier_constant",
    "p_value",
    "miss",
]


def report(data: Path = DATA) -> dict[str, Any]:
    """Learn from all calls.

    Returns
    -------
    dict
        instance, by_customers and by_time (models judged on other clients, and on the last months), fatigue (channel,
        rank, contacts, rate, low, high, factor).
    """
    do = runpy.run_path(str(FOLDER / "build.py"))
    calls = do["read"](data).assign(teaches=True)
    found: dict[str, Any] = {"instance": "bank_marketing"}
    learnt: opt.Appetence | None = None
    for name, judge in (("by_time", "auto"), ("by_customers", "customers")):
        learnt = do["learn"](calls, judge=judge)
        assert learnt is not None
        found[name] = json.loads(learnt.reports.models[_TOLD].to_json(orient="records"))
    assert learnt is not None
    fatigue = learnt.fatigue("call")
    found["fatigue"] = json.loads(fatigue[fatigue["rank"] <= 5].drop(columns="responses").to_json(orient="records"))
    return found
