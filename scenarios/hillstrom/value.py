"""What the plan would have brought, told by the experiment: ``python scenarios/hillstrom/value.py [PLAN] [DATA]``.

The planned half was drawn into the three arms, too. Customers who by chance were drawn into the arm the plan gives them
stand for all (inverse-propensity weighting): the value of the plan has no model in it, and an interval.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from build import ARMS, CONTROL, DATA, FOLDER, read

from optimizer.learn.appetence.policy import Estimate, Experiment

OUTCOMES = ("visit", "conversion", "spend")


def main() -> None:
    """Print the value of the plan beside simpler ones."""
    parser = argparse.ArgumentParser(description="Value a plan by inverse-propensity weighting.")
    parser.add_argument("plan", type=Path, nargs="?", default=FOLDER / "plan", help="a folder that solve wrote")
    parser.add_argument("data", type=Path, nargs="?", default=DATA, help="folder of hillstrom.csv or hillstrom.csv.gz")
    asked = parser.parse_args()
    table = values(pd.read_parquet(asked.plan / "plan.parquet"), read(asked.data))
    print(table.to_string(index=False, float_format=lambda value: f"{value:.5f}"))


def chosen_arms(contacts: pd.DataFrame, planned: pd.DataFrame) -> pd.Series:
    """The arm a plan gives each customer, in the order of ``planned``."""
    offer = contacts.set_index("customer_id")["offer"].astype("str")
    return planned["customer_id"].map(offer).fillna(CONTROL).reset_index(drop=True)


def values(contacts: pd.DataFrame, experiment: pd.DataFrame) -> pd.DataFrame:
    """A row an outcome and choice: mean per customer of the planned half, and its 95 % interval.

    The best single arm is the one with most visits among those who teach. ``as many, best arm, at random`` sends it to
    as many customers as the plan e-mails, drawn at random.
    """
    planned = experiment[~experiment["teaches"]].reset_index(drop=True)
    taught = experiment[experiment["teaches"]]
    best = str(taught[taught["arm"].isin(ARMS)].groupby("arm")["visit"].mean().idxmax())
    plan = chosen_arms(contacts, planned)
    everyone = {arm: pd.Series([arm] * len(planned)) for arm in (*ARMS, CONTROL)}
    share, rows = float((plan != CONTROL).mean()), []
    for outcome in OUTCOMES:
        told = Experiment(planned["arm"], planned[outcome].to_numpy(float))

        def row(name: str, found: Estimate, outcome: str = outcome) -> None:
            rows.append({"outcome": outcome, "choice": name, "mean": found.mean, "low": found.low, "high": found.high})

        row("the plan", told.value(plan))
        row("no one", told.value(everyone[CONTROL]))
        for arm in ARMS:
            row(f"everyone, {arm}" + (" (best single arm)" if arm == best else ""), told.value(everyone[arm]))
        row("as many, best arm, at random", told.random_part(everyone[best], everyone[CONTROL], share))
        row("plan − no one", told.difference(plan, everyone[CONTROL]))
        row("plan − everyone, best single arm", told.difference(plan, everyone[best]))
        row("plan − as many at random", told.against_random_part(plan, everyone[best], everyone[CONTROL], share))
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
