"""200 campaigns to owners, each forecast from what its history shows and then drawn from a truth it never saw.

Each history has a truth of its own: the level of every channel is tilted at random. Scores are learnt from it, closing
rates too; five campaigns a history, each to a fifth of the owners, take the contacts that the learnt scores find worth
their cost. What comes is drawn from the truth. The forecast knows the scores, and either ``counted``: the contacts and
responses of each channel, or ``told``: what the learner says of its own uncertainty, which knows whom it scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from learn import learn_scores
from owners import CHANNELS, CLOSING, draw_history, draw_owners, true_scores
from world import MARGIN

import optimizer as opt

FIFTHS = 5
MEASURES = ("response", "sale", "net_margin")
COSTS = {"email": 0.05, "letter": 2.10, "phone": 14.00}
#: How far the level of a channel's truth may lie from what it usually is (logit).
TILT = 0.3


@dataclass(frozen=True)
class Coverage:
    """How often what came lay inside P10 to P90."""

    table: pd.DataFrame

    @property
    def rates(self) -> pd.DataFrame:
        """Share inside, below and above, by what the forecast knows and by measure."""
        inside = self.table["inside"]
        below = ~inside & (self.table["actual"] < self.table["p10"])
        frame = self.table.assign(inside=inside, below=below, above=~inside & ~below)
        return frame.groupby(["knows", "measure"], sort=False)[["inside", "below", "above"]].mean()


def covered(histories: int, owners: int, each: int, seed: int, draws: int = 300) -> Coverage:
    """Forecast and draw ``histories`` × 5 campaigns."""
    rows = []
    for number in range(histories):
        rng = np.random.default_rng([seed, number])
        people = draw_owners(rng, owners)
        truth = true_scores(people, {channel: float(rng.normal(0.0, TILT)) for channel in CHANNELS})
        history = draw_history(rng, people, truth, each)
        scores, _, told = learn_scores(history, people)
        known = {"counted": counted(history), "told": told}
        for fifth in range(FIFTHS):
            part = people.iloc[fifth::FIFTHS]
            found = campaign(rng, part, truth, scores, known, draws=draws, seed=number * FIFTHS + fifth)
            rows.append(found.assign(history=number, campaign=fifth))
    return Coverage(pd.concat(rows, ignore_index=True))


def counted(history: pd.DataFrame) -> pd.DataFrame:
    """channel, contacts, responses of a history."""
    came = history.assign(responses=history["event"] == "response").groupby("channel")["responses"]
    return came.agg(contacts="size", responses="sum").reset_index()


def campaign(
    rng: np.random.Generator,
    people: pd.DataFrame,
    truth: pd.DataFrame,
    scores: pd.DataFrame,
    known: dict[str, pd.DataFrame],
    *,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """One campaign's totals: knows, measure, p10, p90, actual, inside."""
    own = scores[scores["customer_id"].isin(people["customer_id"])]
    scenario = opt.Scenario(
        customers=people,
        appetence=own,
        kpis={"sale": {"score": "p_sale", "gross_margin": MARGIN}},
        channels={channel: {"unit_cost": cost} for channel, cost in COSTS.items()},
        rules=[{"name": "one contact", "contacts": {"max": 1}}],
    )
    # one contact a customer, the one that earns most: no rule ties customers together, so this is the best plan
    earned = own["p_sale"] * MARGIN - own["channel"].map(COSTS)
    best = own.assign(earned=earned).sort_values(["customer_id", "earned", "channel"]).groupby("customer_id").tail(1)
    contacts = best.loc[best["earned"] > 0, ["customer_id", "channel"]]
    planned = opt.evaluate(scenario, contacts)
    chance = contacts.merge(truth.melt("customer_id", list(CHANNELS), "channel", "p"), on=["customer_id", "channel"])
    drives = rng.random(len(chance)) < chance["p"].to_numpy()
    closing = chance["customer_id"].map(people.set_index("customer_id")["segment"]).map(CLOSING).to_numpy()
    sales = drives & (rng.random(len(chance)) < closing)
    results = chance[["customer_id", "channel"]].assign(response=drives, sale=sales)
    parts = []
    for knows, table in known.items():
        found = planned.forecast(scores=table, draws=draws, seed=seed, by=[]).against(results).table
        parts.append(found[found["measure"].isin(MEASURES)].assign(knows=knows))
    return pd.concat(parts)[["knows", "measure", "p10", "p90", "actual", "inside"]]
