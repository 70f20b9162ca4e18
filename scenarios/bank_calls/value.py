"""Did those the plan calls first subscribe: ``python scenarios/bank_calls/value.py [PLAN] [DATA]``.

The planned clients were called by the bank, too, and none of them taught. For those whose first call was recorded, the
score of the plan's contacts is held against what came, beside everybody.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from build import DATA, FOLDER, read

from optimizer.learn.appetence.intervals import wilson


def main() -> None:
    """Print expected and observed rates."""
    parser = argparse.ArgumentParser(description="Hold a plan's scores against what came.")
    parser.add_argument("plan", type=Path, nargs="?", default=FOLDER / "plan", help="a folder that solve wrote")
    parser.add_argument("data", type=Path, nargs="?", default=DATA, help="folder of bank-additional-full.csv(.gz)")
    asked = parser.parse_args()
    scored = pd.read_parquet(asked.plan.parent / "tables" / "appetence.parquet")
    table = observed(pd.read_parquet(asked.plan / "plan.parquet"), scored, read(asked.data))
    print(table.to_string(index=False, float_format=lambda value: f"{value:.4f}"))


def observed(contacts: pd.DataFrame, scored: pd.DataFrame, calls: pd.DataFrame) -> pd.DataFrame:
    """A row a group: clients, expected (mean score), observed (share who subscribed), and its 95 % interval."""
    score = scored.set_index("customer_id").max(axis=1)
    first = calls[(calls["call"] == 1) & calls["customer_id"].isin(score.index)].set_index("customer_id")
    planned = first.index.isin(contacts["customer_id"])
    rows = []
    for name, group in (("called by the plan", first[planned]), ("not called", first[~planned]), ("everybody", first)):
        came = (group["y"] == "yes").to_numpy(float)
        low, high = wilson(came.sum(keepdims=True), came[:1] * 0 + len(came), level=0.95)
        expected = float(score.loc[group.index].mean())
        rows.append((name, len(group), expected, float(came.mean()), float(low[0]), float(high[0])))
    return pd.DataFrame(rows, columns=["clients", "recorded", "expected", "observed", "low", "high"])


if __name__ == "__main__":
    main()
