"""The 50 coupling rows of the weekly scenario: what they hold, their price and their bound as an amount a customer.

The prices were written first. ``calibrate`` then lets every customer choose best at these prices and takes what they do
together as the bounds, so that every row with a price binds and has about that shadow price; a row without a price is
left 15 % of room. 31 of the 50 have a price.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from tests.benchmarks.scale.distributions import COSTS


@dataclass(frozen=True)
class Row:
    """One coupling row.

    ``price`` is the worth of one unit more of its maximum or less of its minimum; 0 where it shall not bind.
    """

    name: str
    verb: Literal["budget", "volume", "sum", "share", "ratio", "average"]
    side: Literal["min", "max"]
    price: float
    where: dict[str, str]


#: Prices by wave: negative where customers must be pushed to a minimum, positive where a maximum holds them back.
_CHANNEL_WAVE = {
    "email": (0.6, -0.4, 0.0, 0.9),
    "print": (0.0, -0.7, 0.0, 0.9),
    "phone": (2.5, -1.0, -5.0, 2.0),
}
_OFFER_WAVE = {"privilege": (0.0, 0.4, -0.3, 0.0), "newcomer": (-0.6, 0.0, 0.0, -0.4)}
_COUNTRY_CHANNEL = {
    "FR": (0.0, 0.3, 0.0),
    "DE": (-0.4, 0.0, 1.2),
    "IT": (0.5, 0.0, -1.5),
    "ES": (0.0, -0.6, 0.0),
    "BE": (-0.3, 0.0, 0.8),
}
_COUNTRY_BUDGET = {"FR": 0.15, "DE": 0.0, "IT": 0.30, "ES": 0.10, "BE": 0.0}
_GOLD_WAVE = (-0.8, 0.0, -0.5, -0.3)
_WAVES = ("w1", "w2", "w3", "w4")
_CHANNELS = ("email", "print", "phone")


def _volume(name: str, price: float, where: dict[str, str], *, slack_side: Literal["min", "max"] = "max") -> Row:
    side: Literal["min", "max"] = "min" if price < 0 else "max" if price > 0 else slack_side
    return Row(name, "volume", side, abs(price), where)


ROWS: tuple[Row, ...] = (
    Row("total budget", "budget", "max", 0.25, {}),
    *(Row(f"budget of {name}", "budget", "max", price, {"country": name}) for name, price in _COUNTRY_BUDGET.items()),
    *(
        _volume(f"{channel} in {wave}", price, {"channel": channel, "wave": wave})
        for channel, prices in _CHANNEL_WAVE.items()
        for wave, price in zip(_WAVES, prices, strict=True)
    ),
    *(
        _volume(f"{offer} in {wave}", price, {"offer": offer, "wave": wave})
        for offer, prices in _OFFER_WAVE.items()
        for wave, price in zip(_WAVES, prices, strict=True)
    ),
    *(
        _volume(f"{channel} in {country}", price, {"country": country, "channel": channel}, slack_side="min")
        for country, prices in _COUNTRY_CHANNEL.items()
        for channel, price in zip(_CHANNELS, prices, strict=True)
    ),
    *(
        _volume(f"gold in {wave}", price, {"segment": "gold", "wave": wave}, slack_side="min")
        for wave, price in zip(_WAVES, _GOLD_WAVE, strict=True)
    ),
    Row("responses to newcomer", "sum", "min", 12.0, {"offer": "newcomer"}),
    Row("responses to privilege", "sum", "min", 0.0, {"offer": "privilege"}),
    Row("share of calls", "share", "max", 0.0, {"channel": "phone"}),
    Row("cost per response", "ratio", "max", 0.20, {}),
    Row("average basket", "average", "min", 0.002, {"offer": "newcomer"}),
)

#: Bound of each row: money, contacts or responses a customer; a share, a ratio or an average as it stands.
#: Five maxima are 0.5 to 5 per cent smaller than ``calibrate`` says: of what people drawn at random do together, some
#: falls short of them.
AMOUNTS: dict[str, float] = {
    "total budget": 4.442,
    "budget of FR": 1.5358,
    "budget of DE": 1.2934,
    "budget of IT": 0.80055,
    "budget of ES": 0.58062,
    "budget of BE": 0.46395,
    "email in w1": 0.13237,
    "email in w2": 0.073675,
    "email in w3": 0.12614,
    "email in w4": 0.18109,
    "print in w1": 0.75825,
    "print in w2": 0.52277,
    "print in w3": 0.30071,
    "print in w4": 0.58615,
    "phone in w1": 0.0094625,
    "phone in w2": 0.060237,
    "phone in w3": 0.057587,
    "phone in w4": 0.051025,
    "privilege in w1": 0.57171,
    "privilege in w2": 0.41136,
    "privilege in w3": 0.31014,
    "privilege in w4": 0.5608,
    "newcomer in w1": 0.30405,
    "newcomer in w2": 0.28212,
    "newcomer in w3": 0.13642,
    "newcomer in w4": 0.33061,
    "email in FR": 0.15246,
    "print in FR": 0.69564,
    "phone in FR": 0.052487,
    "email in DE": 0.13037,
    "print in DE": 0.43659,
    "phone in DE": 0.043683,
    "email in IT": 0.083663,
    "print in IT": 0.31432,
    "phone in IT": 0.03215,
    "email in ES": 0.049215,
    "print in ES": 0.27181,
    "phone in ES": 0.019571,
    "email in BE": 0.045525,
    "print in BE": 0.15205,
    "phone in BE": 0.015972,
    "gold in w1": 0.13374,
    "gold in w2": 0.069721,
    "gold in w3": 0.0689,
    "gold in w4": 0.12039,
    "responses to newcomer": 0.046382,
    "responses to privilege": 0.063447,
    "share of calls": 0.07581,
    "cost per response": 36.887,
    "average basket": 473.26,
}


def rules(customers: int, *, amounts: dict[str, float] | None = None) -> list[dict[str, Any]]:
    """The rules of the rows.

    A draw of n strays by about √n from what is expected: so much is left beside each bound, for small scenarios to stay
    feasible; beside many customers it is little.
    """
    known = AMOUNTS if amounts is None else amounts
    return [_rule(row, known[row.name], customers) for row in ROWS if row.name in known]


def _rule(row: Row, amount: float, customers: int) -> dict[str, Any]:
    where = {"where": dict(row.where)} if row.where and row.verb != "share" else {}
    sign, total = (1 if row.side == "max" else -1), amount * customers
    apart = 1 + sign / math.sqrt(customers)
    match row.verb:
        case "volume":
            whole = math.ceil(total + math.sqrt(total)) if row.side == "max" else int(max(total - math.sqrt(total), 0))
            return {"name": row.name, "volume": {row.side: whole}, **where}
        case "budget":
            # As many draws as there are calls, most of the money.
            room = math.sqrt(COSTS["phone"] * total)
            return {"name": row.name, "budget": {row.side: round(total + sign * room, 2)}, **where}
        case "sum":
            room = math.sqrt(total)
            bound = round(max(total + sign * room, 0.0), 3)
            return {"name": row.name, "sum": {"of": "responses", row.side: bound}, **where}
        case "share":
            bound = round(amount * apart, 6)
            return {"name": row.name, "share": {"of": dict(row.where), "in": "contacts", row.side: bound}}
        case "ratio":
            bound = round(amount * apart, 6)
            return {"name": row.name, "ratio": {"of": "cost", "to": "responses", row.side: bound}}
        case "average":
            return {"name": row.name, "average": {"of": "basket", row.side: round(amount * apart, 4)}, **where}
