"""The Hillstrom experiment: learn on half, plan the other half, value the plan by inverse-propensity weighting.

The scenario and the functions are those of scenarios/hillstrom; here they run at several budgets.
"""

from __future__ import annotations

import json
import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

import optimizer as opt

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "scenarios" / "hillstrom"
DATA = ROOT.parent / "shared" / "data" / "hillstrom"
#: E-mails as shares of the planned half.
SHARES = (0.1, 0.25, 0.5, 1.0)


def scripts() -> dict[str, Any]:
    """The functions of the scenario's scripts."""
    sys.path.insert(0, str(FOLDER))
    try:
        return {**runpy.run_path(str(FOLDER / "build.py")), **runpy.run_path(str(FOLDER / "value.py"))}
    finally:
        sys.path.remove(str(FOLDER))
        sys.modules.pop("build", None)


def plan_at(folder: Path, emails: int, *, gap: float, time_limit: float) -> opt.Plan:
    """The scenario of a built folder with another budget of e-mails, solved."""
    keys = yaml.safe_load((folder / "scenario.yaml").read_text(encoding="utf-8"))
    keys["rules"][0]["volume"]["max"] = emails
    return opt.solve(opt.Scenario(**keys, folder=folder), gap=gap, time_limit=time_limit)


def report(data: Path = DATA, *, gap: float = 1e-4, time_limit: float = 300.0) -> dict[str, Any]:
    """Learn, plan at every budget, and value each plan.

    Returns
    -------
    dict
        instance, models (judged on customers no model saw), and a plan a budget: emails, status, gap, objective (visits
        expected to be added), and values (outcome, choice, mean, low, high: 95 %).
    """
    do = scripts()
    experiment = do["read"](data)
    planned = int((~experiment["teaches"]).sum())
    plans = []
    with tempfile.TemporaryDirectory() as made:
        learnt = do["build"](data, Path(made))
        for share in SHARES:
            plan = plan_at(Path(made), round(share * planned), gap=gap, time_limit=time_limit)
            table: pd.DataFrame = do["values"](plan.contacts, experiment)
            told: dict[str, Any] = {
                "emails": len(plan.contacts),
                "status": plan.certificate.status,
                "gap": plan.certificate.gap,
            }
            told |= {"objective": plan.objective, "values": table.round(6).to_dict("records")}
            plans.append(told)
    models = learnt.reports.models[
        ["channel", "offer", "responses", "rate", "auc", "brier", "brier_constant", "p_value"]
    ]
    return {
        "instance": "hillstrom",
        "planned": planned,
        "models": json.loads(models.to_json(orient="records")),
        "plans": plans,
    }
