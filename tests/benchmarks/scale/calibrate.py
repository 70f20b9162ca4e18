"""From prices to bounds: every customer of the weekly scenario solved by enumeration, what they do together counted.

python -m tests.benchmarks.scale.calibrate [--customers 20000] prints the amounts of ``bounds``.

The rules of ``weekly`` are written here once more, as masks over every set of at most four contacts; nothing of the
engine takes part.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.scale import weekly
from tests.benchmarks.scale.bounds import ROWS, Row
from tests.benchmarks.scale.distributions import COSTS
from tests.benchmarks.scale.writing import Columns

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

#: Activities by day, then offer: offer, channel, wave and day of each, day 0 the first wave's.
ACTIVITIES = sorted(
    (
        (7 * wave + weekly.LANDS[channel], offer, channel, wave)
        for offer in weekly.OFFERS
        for channel in weekly.CHANNELS
        for wave in range(4)
    ),
)
DAY = np.array([day for day, *_ in ACTIVITIES])
OFFER = np.array([weekly.OFFERS.index(offer) for _, offer, _, _ in ACTIVITIES])
CHANNEL = np.array([weekly.CHANNELS.index(channel) for _, _, channel, _ in ACTIVITIES])
WAVE = np.array([wave for *_, wave in ACTIVITIES])
EMAIL, PRINT, PHONE = range(3)
PRESSURE = np.where(CHANNEL == PHONE, 2, 1)
COST = np.array([COSTS[weekly.CHANNELS[channel]] for channel in CHANNEL])
SEASON = np.array(list(weekly.SEASON.values()))[WAVE]
FATIGUE = np.array([1.0, 0.85, 0.70, 0.70])
DATES = np.unique(DAY)
CHUNK = 2_000


@dataclass(frozen=True)
class People:
    """A block of customers: columns by pair are (n, 24) in the order of ``ACTIVITIES``."""

    country: Ints
    gold: Bools
    standard: Bools
    wished: Ints
    basket: Floats
    chance: Floats  # response without fatigue, 0 where not eligible
    margin: Floats
    eligible: Bools
    past_day: Ints  # (h,) days before the first wave are negative
    past_channel: Ints
    past_owner: Ints

    def part(self, rows: slice) -> People:
        """Some of the customers."""
        first, last, _ = rows.indices(len(self.country))
        kept = (self.past_owner >= first) & (self.past_owner < last)
        by_row = ("country", "gold", "standard", "wished", "basket", "chance", "margin", "eligible")
        return replace(
            self,
            **{name: getattr(self, name)[rows] for name in by_row},
            past_day=self.past_day[kept],
            past_channel=self.past_channel[kept],
            past_owner=self.past_owner[kept] - first,
        )


def people(tables: dict[str, Columns], first: int) -> People:
    """The customers of the tables of one block whose first identifier is ``first``."""
    who, pairs, past = tables["customers"], tables["appetence"], tables["history"]
    count = len(who["customer_id"])
    scores = np.stack([pairs[name] for name in weekly.CHANNELS], axis=1).reshape(count, 2, 3).astype(float)
    chance = scores[:, OFFER, CHANNEL] * SEASON
    worth = np.stack([who["value"], who["basket"]], axis=1)
    start = np.datetime64(weekly.WAVES["w1"])
    return People(
        country=who["country"][0].astype(np.int64),
        gold=who["segment"][0] == 2,
        standard=who["segment"][0] == 0,
        wished=who["wished_max"],
        basket=who["basket"],
        chance=np.nan_to_num(np.minimum(chance, 1.0)),
        margin=worth[:, OFFER],
        eligible=~np.isnan(chance),
        past_day=(past["date"] - start).astype(np.int64),
        past_channel=past["channel"][0].astype(np.int64),
        past_owner=past["customer_id"] - first,
    )


def sets() -> Bools:
    """Every set of at most four contacts that the rules allow some customer, (S, 24)."""
    clash = np.zeros((24, 24), bool)
    for a, b in itertools.combinations(range(24), 2):
        apart = DAY[b] - DAY[a]
        pair = CHANNEL[a], CHANNEL[b]
        clash[a, b] = (
            0 < apart < 3
            or (pair == (EMAIL, EMAIL) and apart <= 7)
            or (pair == (PHONE, PHONE) and apart <= 20)
            or (pair == (PHONE, PRINT) and apart <= 10)
            or (pair == (PRINT, PHONE) and apart == 0)
        )
    found: list[tuple[int, ...]] = [()]
    ends: list[tuple[int, ...]] = [()]
    for _ in range(4):
        ends = [
            (*one, b) for one in ends for b in range(one[-1] + 1 if one else 0, 24) if not clash[list(one), b].any()
        ]
        found += ends
    made = np.zeros((len(found), 24), bool)
    for row, one in enumerate(found):
        made[row, list(one)] = True
    per_wave = np.stack([made[:, WAVE == wave].sum(axis=1) for wave in range(4)])
    return made[(per_wave <= 2).all(axis=0)]


class Menu:
    """The sets with what the rules look at, and the best set of customers at given prices."""

    def __init__(self) -> None:
        self.made = sets()
        earlier = np.zeros(self.made.shape)
        for a in range(24):
            earlier[:, a] = self.made[:, DAY < DAY[a]].sum(axis=1)
        self.factor = self.made * FATIGUE[np.minimum(earlier.astype(int), 3)]
        self.number = self.made.astype(float)
        within = (DAY[None, :] <= DATES[:, None]) & (DAY[None, :] > DATES[:, None] - 28)
        self.in_month = self.made.astype(np.int8) @ within.T.astype(np.int8)
        within = (DAY[None, :] <= DATES[:, None]) & (DAY[None, :] > DATES[:, None] - 14)
        self.in_fortnight = self.made.astype(np.int8) @ (within * PRESSURE).T.astype(np.int8)
        self.offers = np.stack([self.made[:, OFFER == offer].any(axis=1) for offer in range(2)])
        enables = (CHANNEL == PRINT)[None, :] & (DAY[:, None] - DAY[None, :] >= 2) & (DAY[:, None] - DAY[None, :] <= 12)
        after = self.made @ enables.T.astype(np.int8) > 0
        self.calls_alone = np.stack(
            [(self.made & (CHANNEL == PHONE) & (WAVE == wave) & ~after).any(axis=1) for wave in range(4)]
        )

    def best(self, who: People, gain: Floats, charge: Floats) -> Ints:
        """The best allowed set of each customer: ``gain`` (n, 24) a unit of fatigue, less ``charge`` (n, 24)."""
        value = self.factor @ gain.T - self.number @ charge.T
        value[~self.allowed(who)] = -np.inf
        return value.argmax(axis=0)

    def allowed(self, who: People) -> Bools:
        """Which sets each customer may receive, (S, n)."""
        count = len(who.country)
        open_pairs = who.eligible.copy()
        for day, channel, owner in zip(who.past_day, who.past_channel, who.past_owner, strict=True):
            blocked = (channel == EMAIL) & (CHANNEL == EMAIL) & (DAY - day <= 7)
            blocked |= (channel == PHONE) & (CHANNEL == PHONE) & (DAY - day <= 20)
            blocked |= (channel == PHONE) & (CHANNEL == PRINT) & (DAY - day <= 10)
            blocked |= DAY - day < 3
            open_pairs[owner, blocked] = False
        fits: Bools = np.asarray(self.number @ (~open_pairs).T.astype(float) == 0)
        for place, date in enumerate(DATES):
            for in_window, bound, days, weight in (
                (self.in_month, who.wished, 28, np.ones(len(who.past_day))),
                (self.in_fortnight, np.full(count, 5), 14, np.where(who.past_channel == PHONE, 2.0, 1.0)),
            ):
                inside = who.past_day > date - days
                past = np.bincount(who.past_owner[inside], weight[inside], minlength=count)
                fits &= in_window[:, place, None] <= np.maximum(bound - past, 0)
        for wave in range(4):
            call = 7 * wave + weekly.LANDS["phone"]
            lettered = (who.past_channel == PRINT) & (call - who.past_day >= 2) & (call - who.past_day <= 12)
            enabled = np.bincount(who.past_owner[lettered], minlength=count) > 0
            fits &= ~(self.calls_alone[wave][:, None] & ~enabled)
        offers = self.offers.sum(axis=0)[:, None]
        both = np.stack([open_pairs_of(who, offer) for offer in range(2)]).all(axis=0)
        fits &= ~(who.standard & (offers == 2))
        fits &= ~(who.gold & both & (offers == 1))
        return fits


def open_pairs_of(who: People, offer: int) -> Bools:
    """Which customers are eligible for some contact of the offer."""
    return np.asarray(who.eligible[:, offer == OFFER].any(axis=1))


def inside(row: Row, who: People) -> Bools:
    """Which pairs the row's filter keeps, (n, 24)."""
    kept = np.ones((len(who.country), 24), bool)
    for column, value in row.where.items():
        if column == "country":
            kept &= (who.country == list(weekly.COUNTRIES).index(value))[:, None]
        elif column == "segment":
            kept &= who.gold[:, None]
        else:
            names = {"offer": weekly.OFFERS, "channel": weekly.CHANNELS, "wave": tuple(weekly.WAVES)}[column]
            kept &= {"offer": OFFER, "channel": CHANNEL, "wave": WAVE}[column] == names.index(value)
    return kept


def coefficients(row: Row, who: People, bound: float) -> tuple[Floats, Floats]:
    """What a contact and what a unit of response adds to the row: (contacts, responses), both (n, 24)."""
    kept, none = inside(row, who).astype(float), np.zeros((len(who.country), 24))
    if row.verb == "budget":
        return kept * COST, none
    if row.verb == "volume":
        return kept, none
    if row.verb == "sum":
        return none, kept
    if row.verb == "share":
        return kept - bound, none
    if row.verb == "ratio":
        return none + COST, none - bound
    return kept * (who.basket[:, None] - bound), none


def totals(menu: Menu, who: People, bounds: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Of every row, the sum (or numerator) and the base, over the customers' best sets at the rows' prices."""
    sums = {row.name: np.zeros(2) for row in ROWS}
    for start in range(0, len(who.country), CHUNK):
        part = who.part(slice(start, start + CHUNK))
        gain, charge = part.chance * part.margin, np.zeros_like(part.chance) + COST
        for row in ROWS:
            contact, response = coefficients(row, part, bounds.get(row.name, 0.0))
            price = row.price if row.side == "max" else -row.price
            charge += price * contact
            gain -= price * response * part.chance
        choice = menu.best(part, gain, charge)
        made, responses = menu.made[choice], menu.factor[choice] * part.chance
        for row in ROWS:
            kept = inside(row, part)
            base = {"share": made.sum(), "ratio": responses.sum(), "average": (made & kept).sum()}.get(row.verb, 1.0)
            value = {
                "budget": (made * COST * kept).sum(),
                "volume": (made & kept).sum(),
                "sum": (responses * kept).sum(),
                "share": (made & kept).sum(),
                "ratio": (made * COST).sum(),
                "average": (made * kept * part.basket[:, None]).sum(),
            }[row.verb]
            sums[row.name] += value, base
    return {name: (float(value), float(base)) for name, (value, base) in sums.items()}


def amounts(customers: int, seed: int = 0, rounds: int = 4) -> dict[str, float]:
    """Bounds a customer; rows with a base are found in a few rounds, for their price needs their bound."""
    ids = np.arange(1, customers + 1, dtype=np.int64)
    who, menu = people(weekly.tables(seed, 0, ids), 1), Menu()
    bounds: dict[str, float] = {"share of calls": 0.1, "cost per response": 30.0, "average basket": 400.0}
    for _ in range(rounds):
        found = totals(menu, who, bounds)
        bounds = {
            row.name: found[row.name][0]
            / (customers if row.verb in ("budget", "volume", "sum") else found[row.name][1])
            for row in ROWS
        }
    room = {"max": 1.15, "min": 0.85}
    return {row.name: bounds[row.name] * (1.0 if row.price else room[row.side]) for row in ROWS}


def main() -> None:
    """Print the amounts as they stand in ``bounds``."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale.calibrate")
    parser.add_argument("--customers", type=int, default=20_000)
    for name, amount in amounts(parser.parse_args().customers).items():
        print(f'    "{name}": {amount:.5g},')


if __name__ == "__main__":
    main()
