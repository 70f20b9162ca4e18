"""Customers × 24 with 1,000 dealers: a minimum and a maximum of letters each, and five countries with budgets.

Offers, waves, scores, history and local rules are those of ``weekly``. Under the budgets alone customers receive 2.06
letters each, and at most 2.58 whatever it costs; a dealer wants 6 % more than that of its customers (two in five
dealers), 6 % less (two in five), or has room on both sides.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from tests.benchmarks.scale import weekly
from tests.benchmarks.scale.writing import Columns, blocks, generator, write_scenario, write_tables

#: Dealers at most, and customers a dealer on average.
DEALERS, CUSTOMERS = 1_000, 100
#: Money a customer (of all countries) and letters a customer, as ``calibrate.totals`` finds them at the prices of
#: the budgets without those of volumes.
BUDGETS = {"FR": 1.533, "DE": 1.184, "IT": 0.789, "ES": 0.603, "BE": 0.415}
LETTERS = 2.06
#: Share of a dealer's expected letters it must and may have, and how many dealers have which.
TIGHT = ((1.06, 1.40), (0.65, 0.94), (0.75, 1.25))
SHARES = (0.4, 0.4, 0.2)
_TABLE = 3


def write(folder: Path, customers: int, seed: int) -> Path:
    """Write the scenario folder and return its scenario.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    dealers = min(DEALERS, max(customers // CUSTOMERS, 2 * len(weekly.COUNTRIES)))
    write_tables(folder, customers, partial(_tables, seed, dealers))
    size = np.zeros(dealers)
    for block, ids in blocks(customers):
        country = weekly.tables(seed, block, ids)["customers"]["country"][0]
        size += np.bincount(of_customers(seed, block, country, dealers), minlength=dealers)
    random = generator(seed, _TABLE, 10**6)
    kind = random.choice(len(TIGHT), dealers, p=SHARES)
    least, most = (np.array([pair[side] for pair in TIGHT])[kind] * LETTERS * size for side in (0, 1))
    table = {"dealer": _names(dealers), "least": np.floor(least).astype(int), "most": np.ceil(most).astype(int)}
    pa.csv.write_csv(pa.table(table), folder / "dealers.csv")
    document = weekly.document(customers)
    document["name"] += f", {dealers} dealers"
    document["rules"] = [*weekly.local_rules(), *coupling_rules(customers)]
    return write_scenario(folder, document)


def coupling_rules(customers: int) -> list[dict[str, Any]]:
    """The budgets of countries, and the dealers."""
    budgets = [
        {
            "name": f"budget of {country}",
            "budget": {"max": round(money * customers, 2)},
            "where": {"country": country},
        }
        for country, money in BUDGETS.items()
    ]
    of = {side: {"table": "dealers.csv", "column": column} for side, column in (("min", "least"), ("max", "most"))}
    return [*budgets, {"name": "dealers", "volume": of, "where": {"channel": "print"}, "each": "dealer"}]


def of_customers(seed: int, block: int, country: NDArray[np.integer], dealers: int) -> NDArray[np.int64]:
    """The dealer of each customer of a block: one of the country's, some dealers with many customers."""
    random = generator(seed, _TABLE, block)
    edges = np.rint(np.cumsum([0.0, *weekly.COUNTRIES.values()]) * dealers).astype(int)
    chosen, place = np.zeros(len(country), np.int64), random.random(len(country))
    for code, (first, last) in enumerate(pairwise(edges.tolist())):
        weight = (np.arange(last - first) + 10.0) ** -0.4
        share = np.cumsum(weight / weight.sum())
        mine = country == code
        chosen[mine] = first + np.minimum(np.searchsorted(share, place[mine], side="right"), last - first - 1)
    return chosen


def _tables(seed: int, dealers: int, block: int, ids: NDArray[np.int64]) -> dict[str, Columns]:
    made = weekly.tables(seed, block, ids)
    made["customers"]["dealer"] = of_customers(seed, block, made["customers"]["country"][0], dealers), _names(dealers)
    return made


def _names(dealers: int) -> list[str]:
    return [f"d{number:04d}" for number in range(dealers)]
