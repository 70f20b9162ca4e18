"""Marketing campaign of the IBM docplex examples (Apache-2.0) as a scenario.

Each customer has two products with a confidence; an offer of product k through channel c returns
confidence × factor_c × value_k. At most one offer a customer, at most 500 in all, product shares at most 20, 50 and
30 % of the offers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

VALUES = {"Savings": 200.0, "Mortgage": 300.0, "Pension": 400.0}
SHARES = {"Savings": 0.2, "Mortgage": 0.5, "Pension": 0.3}
#: Channel -> cost of a contact, factor on the confidence.
CHANNELS = {"gift": (20.0, 0.20), "newsletter": (15.0, 0.05), "seminar": (23.0, 0.30)}
BUDGET = 500.0


def read(folder: Path) -> dict[str, Any]:
    """Read ``bank_behaviors.csv`` (or ``.csv.gz``) as the keys of a scenario file."""
    file = next((f for f in (folder / "bank_behaviors.csv", folder / "bank_behaviors.csv.gz") if f.exists()), None)
    if file is None:
        raise FileNotFoundError(f"{folder}: no bank_behaviors.csv or bank_behaviors.csv.gz")
    columns = ["customer_id", "offer1", "confidence1", "offer2", "confidence2"]
    table = pd.read_csv(file, names=columns, dtype={"customer_id": str})
    confidence = pd.concat(
        [
            table[["customer_id", f"offer{k}", f"confidence{k}"]].set_axis(
                ["customer_id", "offer", "confidence"], axis=1
            )
            for k in (1, 2)
        ]
    )
    pairs = confidence.merge(
        pd.DataFrame({"channel": list(CHANNELS), "factor": [factor for _, factor in CHANNELS.values()]}), how="cross"
    )
    return {
        "name": "docplex marketing campaign",
        "objective": "revenue",
        "customers": table[["customer_id"]],
        "appetence": pairs.assign(score=pairs["confidence"] * pairs["factor"])[
            ["customer_id", "channel", "offer", "score"]
        ],
        "channels": {channel: {"unit_cost": cost} for channel, (cost, _) in CHANNELS.items()},
        "offers": {offer: {"revenue": value} for offer, value in VALUES.items()},
        "rules": [
            {"name": "one offer a customer", "contacts": {"max": 1}},
            {"name": "budget", "budget": {"max": BUDGET}},
            *(
                {"name": f"share of {offer}", "share": {"of": {"offer": offer}, "in": "contacts", "max": share}}
                for offer, share in SHARES.items()
            ),
        ],
    }
