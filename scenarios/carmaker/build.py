"""Simulate the carmaker's year, learn from what is on record, and write what ``carmaker.yaml`` reads.

    python scenarios/carmaker/build.py

``built/seen`` holds what a real carmaker would have; ``built`` what was learnt from it. The truth stays in world.py
and owners.py; learn.py never reads it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from learn import FOLDER, fit_media, learn_scores, weekly_credit
from owners import draw_history, draw_owners, true_scores
from world import HORIZON, MEDIA, SEED, WEEKS, Seen, simulate, weekly_spend

import optimizer as opt

#: The credit that the plan is made on, and two that it is held against.
MODELS = {"markov_journey": "curves", "last_non_direct": "curves_last_non_direct", "last": "curves_last"}
OWNERS, CONTACTS_EACH = 3_000, 12


def main() -> None:
    """Simulate, learn, write, and say what was credited."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FOLDER / "built")
    parser.add_argument("--weeks", type=int, default=WEEKS)
    parser.add_argument("--owners", type=int, default=OWNERS)
    parser.add_argument("--draws", type=int, default=40)
    arguments = parser.parse_args()
    build(arguments.out, weeks=arguments.weeks, owners=arguments.owners, draws=arguments.draws)


def build(out: Path, *, weeks: int, owners: int, draws: int, quiet: bool = False) -> None:
    """Write everything into ``out``."""
    started = time.perf_counter()

    def say(words: str) -> None:
        if not quiet:
            print(f"{time.perf_counter() - started:6.1f} s  {words}", flush=True)

    rng = np.random.default_rng(SEED)
    spend = weekly_spend(rng, weeks)
    seen = simulate(rng, spend)
    people = draw_owners(rng, owners)
    history = draw_history(rng, people, true_scores(people), CONTACTS_EACH)
    record = out / "seen"
    record.mkdir(parents=True, exist_ok=True)
    seen.events.to_parquet(record / "events.parquet", index=False)
    for name, table in (("keys", seen.keys), ("spend", spend), ("owners", people), ("history", history)):
        table.to_csv(record / f"{name}.csv", index=False, lineterminator="\n")
    say(f"{len(seen.events):,} events of {weeks} weeks, {len(history):,} contacts of {owners:,} owners")

    if not quiet:
        print(credit_by_kpi(seen, spend).to_string(float_format=lambda value: f"{value:,.0f}"))
    credit = weekly_credit(seen.events, seen.keys, tuple(MODELS))
    credit.to_csv(out / "credit.csv", index=False, lineterminator="\n")
    say("credit of every country and week")
    for model, folder in MODELS.items():
        # draws are for the forecast of the plan alone
        fitted = fit_media(credit, spend, model, draws=draws if folder == "curves" else 0)
        fitted.save(out / folder, periods=HORIZON)
    say("curves from each credit")
    # a curve is known as far as the money went
    largest = spend.groupby(["medium", "country"])["spend"].max().mul(HORIZON).rename("max").reset_index()
    for medium in MEDIA:
        bounds = largest[largest["medium"] == medium][["country", "max"]]
        bounds.to_csv(out / f"spend_{medium}.csv", index=False, lineterminator="\n")

    scores, consent, uncertainty = learn_scores(history, people)
    people.to_csv(out / "owners.csv", index=False, lineterminator="\n")
    scores.to_parquet(out / "appetence.parquet", index=False)
    consent.to_parquet(out / "consent.parquet", index=False)
    uncertainty.to_csv(out / "uncertainty.csv", index=False, lineterminator="\n")
    say("scores")


def credit_by_kpi(seen: Seen, spend: pd.DataFrame) -> pd.DataFrame:
    """What each channel cost and is credited with, by KPI and model."""
    journeys = opt.read_journeys(
        seen.events, nomenclature=FOLDER / "nomenclature.yaml", identities=seen.keys, lookback=30
    )
    found = pd.DataFrame({"cost": spend.groupby("medium")["spend"].sum()})
    for model in MODELS:
        table = opt.attribution(journeys, model=model).credit.pivot(
            index="channel", columns="kpi", values="conversions"
        )
        found = found.join(table[["lead", "test_drive", "sale"]].add_prefix(f"{model} "), how="outer")
        value = opt.attribution(journeys, model=model, kpi="sale").credit.set_index("channel")["value"]
        found[f"{model} margin - cost"] = value - found["cost"].fillna(0.0)
    return found.rename_axis("channel")


if __name__ == "__main__":
    main()
