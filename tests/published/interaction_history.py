"""An industrial interaction history with its warts: two spellings of one outcome, rows without a channel.

127,123 rows of Pega's sample (Apache-2.0): what was shown to 10,000 customers by SMS and on the web, and what came of
it. ``Accept`` and ``Accepted`` are one outcome; 10,000 rows without a channel (Churned, Loyal) are no contacts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

import optimizer as opt
from optimizer.errors import ScenarioError

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "interaction_history"
NAMES = {
    "customer_id": "CustomerID",
    "channel": "pyChannel",
    "event": "pyOutcome",
    "offer": "pyName",
    "contact_id": "pxFactID",
    "time": "pxOutcomeTime",
    "treatment": "pyTreatment",
    "logged_propensity": "pyPropensity",
}
#: Verdicts on a customer, not outcomes of a contact.
LEFT_OUT: dict[str, str | None] = {"Churned": None, "Loyal": None}


def learn(data: Path = DATA, *, offers: bool = True, **asked: Any) -> opt.Appetence:
    """Appetence by channel (and offer); treatment and logged propensity are known before the contact."""
    file = next(
        (data / name for name in ("interaction_history.csv.gz", "interaction_history.csv") if (data / name).is_file()),
        None,
    )
    if file is None:
        raise ScenarioError(str(data), "folder", None, "holds no interaction_history.csv")
    customers = (
        pd.read_csv(file, usecols=["CustomerID"]).drop_duplicates().rename(columns={"CustomerID": "customer_id"})
    )
    context = {"treatment": None, "logged_propensity": None}
    names = {ours: theirs for ours, theirs in NAMES.items() if offers or ours != "offer"}
    return opt.fit_appetence(file, customers, names=names, events=LEFT_OUT, context=context, **asked)


def report(data: Path = DATA) -> dict[str, Any]:
    """Learn, and tell the warts and the calibration of each channel.

    Returns
    -------
    dict
        instance, counts (what was left out or read otherwise), models, reliability (of the channels' own models).
    """
    learnt = learn(data)
    tables = learnt.reports
    told = tables.models[
        ["channel", "offer", "contacts", "responses", "rate", "cut", "calibration", "auc", "brier", "p_value", "miss"]
    ]
    pooled = tables.reliability[tables.reliability["offer"] == "(all)"]
    made = {"counts": tables.counts, "models": told, "reliability": pooled}
    return {
        "instance": "interaction_history",
        **{name: json.loads(table.to_json(orient="records")) for name, table in made.items()},
    }
