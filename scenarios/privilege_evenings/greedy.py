"""A plan as most tools make it: contacts taken one after another from a ranked list, each kept when it breaks no limit.

The limits are those of scenario.yaml, kept by counters written for them here. The floors (every store, the gold
customers) are served first, from the same list; what is soft is left to chance, as such tools leave it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import optimizer as opt

CAPS = {"print": "print run", "sms": "text gateway", "email": "mail reputation"}


def ranked_plan(scenario: opt.Scenario, keys: dict[str, Any], ranking: str) -> pd.DataFrame:
    """Contacts taken in the order of a ranking.

    Parameters
    ----------
    scenario : Scenario
    keys : dict
        The keys of scenario.yaml.
    ranking : {"score", "margin"}
        The probability of a response, or the expected margin less what the contact costs.

    Returns
    -------
    DataFrame
        customer_id, activity.
    """
    pairs = scenario.facts.pairs
    margin = pairs.score * (pairs.gross_margin - pairs.response_cost) - pairs.unit_cost
    value = pairs.score if ranking == "score" else margin
    order = [int(pair) for pair in np.argsort(-value, kind="stable") if margin[pair] > 0]
    ledger = Ledger(scenario, keys)
    for pair in order:
        if ledger.serves_a_floor(pair):
            ledger.take(pair)
    for pair in order:
        ledger.take(pair)
    chosen = np.array(sorted(ledger.taken), dtype=int)
    return pd.DataFrame(
        {
            "customer_id": scenario.facts.customers["customer_id"].to_numpy()[pairs.customer[chosen]],
            "activity": scenario.facts.activities["activity"].to_numpy()[pairs.activity[chosen]],
        }
    )


class Ledger:
    """What has been taken so far, and whether one contact more would still keep every limit."""

    def __init__(self, scenario: opt.Scenario, keys: dict[str, Any]) -> None:
        facts, pairs = scenario.facts, scenario.facts.pairs
        customers, activities = facts.customers.iloc[pairs.customer], facts.activities.iloc[pairs.activity]
        self.rules = {rule["name"]: rule for rule in keys["rules"]}
        self.channels = keys["channels"]
        self.customer = pairs.customer.tolist()
        self.channel, self.wave = activities["channel"].tolist(), activities["wave"].tolist()
        self.day = facts.days[pairs.activity].tolist()
        self.ends = sorted(set(facts.days.tolist()))
        self.store, self.gold = customers["store"].tolist(), (customers["segment"] == "gold").tolist()
        self.young = (customers["age"] < 40).tolist()
        self.wished = pd.to_numeric(customers["wished_max"], errors="coerce").fillna(np.inf).tolist()
        self.score, self.response_cost = pairs.score.tolist(), pairs.response_cost.tolist()
        self.unit_cost = pairs.unit_cost.tolist()
        just_been_here = (customers["months_since_visit"] < 1).to_numpy() & (
            activities["channel"] == "print"
        ).to_numpy()
        self.barred = just_been_here | self._control(customers["customer_id"])
        self.past: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for customer, day, channel in zip(
            facts.past["customer"], facts.past["days"], facts.past["channel"], strict=True
        ):
            self.past[customer].append((day, channel))
        self.seats = pd.read_csv(Path(scenario.folder or ".") / "stores.csv").set_index("store")["seats"].to_dict()
        self.taken: set[int] = set()
        self.of: dict[int, list[int]] = defaultdict(list)
        self.count: Counter[tuple[str, ...]] = Counter()
        self.guests: Counter[tuple[str, str]] = Counter()
        self.spent = 0.0

    def _control(self, names: pd.Series) -> np.ndarray:
        """The hold-out group: a hash of seed and identifier below the share."""
        rule = self.rules["control group"]["control"]
        draws = {name: sha256(f"{rule['seed']}:{name}".encode()).digest()[:8] for name in names.unique()}
        inside = {name: int.from_bytes(draw, "big") / 2**64 < rule["share"] for name, draw in draws.items()}
        return names.map(inside).to_numpy(bool)

    def serves_a_floor(self, pair: int) -> bool:
        """Whether a floor that this contact counts in is not reached yet."""
        store, wave = self.store[pair], self.wave[pair]
        short = self.count["store", store, wave] < self.rules["every store counts"]["volume"]["min"]
        return short or (self.gold[pair] and self.count["gold", wave] < self.rules["gold is invited"]["volume"]["min"])

    def take(self, pair: int) -> None:
        """Take a contact if every limit still holds with it."""
        channel, wave, store = self.channel[pair], self.wave[pair], self.store[pair]
        together = [other for other in self.of[self.customer[pair]] if self.wave[other] == wave]
        # Responses to one evening combine as 1 − Π(1 − p): one invitation more adds its score times what is left.
        guests = self.score[pair] * float(np.prod([1 - self.score[other] for other in together]))
        cost = self.unit_cost[pair] + guests * self.response_cost[pair]
        if channel == "print" and not self.count["channel", "print"]:
            cost += self.channels["print"]["fixed_cost"]
        young_printed = self.count["young", "print"] + 1
        young = 1 + sum(self.count["young", name] for name in CAPS)
        if (
            pair in self.taken
            or self.barred[pair]
            or self.count["wave", channel, wave] >= self.rules[CAPS[channel]]["volume"]["max"]
            or (
                self.young[pair]
                and channel == "print"
                and young_printed > self.rules["paper for the young"]["share"]["max"] * young
            )
            or self.guests[store, wave] + guests > self.seats[store]
            or self.spent + cost > self.rules["total budget"]["budget"]["max"]
            or not self._customer_allows(pair)
        ):
            return
        self.taken.add(pair)
        self.of[self.customer[pair]].append(pair)
        keys = [("channel", channel), ("wave", channel, wave), ("store", store, wave)]
        keys += [("gold", wave)] * self.gold[pair] + [("young", channel)] * self.young[pair]
        self.count.update(keys)
        self.guests[store, wave] += guests
        self.spent += cost

    def _customer_allows(self, pair: int) -> bool:
        """Pressure, wish, rest, one letter and no second text, the past counted."""
        day, channel, customer = self.day[pair], self.channel[pair], self.customer[pair]
        past = self.past.get(customer, [])
        ours = [(self.day[other], self.channel[other]) for other in self.of[customer]]
        for other_day, other in [*ours, *past]:
            lag = abs(day - other_day)
            if 0 < lag < self.rules["rest"]["rest"]["days"]:
                return False
            if other == channel == "sms" and lag <= self.rules["no second text"]["never"]["days"]:
                return False
        ours.append((day, channel))
        pressure, wish, letters = (self.rules[name] for name in ("pressure", "their own wish", "one letter"))
        weigh = {name: spec.get("pressure", 1) for name, spec in self.channels.items()}
        return (
            self._fits(ours, past, pressure["pressure"]["max"], pressure["pressure"]["days"], weigh)
            and self._fits(ours, past, self.wished[pair], wish["contacts"]["days"], dict.fromkeys(CAPS, 1))
            and self._fits(ours, past, letters["contacts"]["max"], letters["contacts"]["days"], {"print": 1})
        )

    def _fits(
        self, ours: list[tuple[int, str]], past: list[tuple[int, str]], limit: float, days: int, weigh: dict[str, int]
    ) -> bool:
        """Whether our contacts fit into what the past leaves, in every window that ends on an activity date."""
        for end in self.ends:
            held = sum(weigh.get(channel, 0) for day, channel in past if end - days < day <= end)
            new = sum(weigh.get(channel, 0) for day, channel in ours if end - days < day <= end)
            if new > max(0.0, limit - held):
                return False
        return True
