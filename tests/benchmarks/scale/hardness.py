"""How hard a solved scenario was: rows that bind, distinct score vectors, and which kinds of local rules take part."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

if TYPE_CHECKING:
    import optimizer as opt

COUPLING = frozenset({"volume", "budget", "sum", "average", "ratio", "share", "open"})
#: A row binds when what is left is less than one more contact (or its cost, or a response), or this part of the bound.
NEAR = 1e-4
#: Verb -> what the issue calls it.
KINDS = {"never": "lags", "targets": "k-of-n", "only_after": "follow-up", "requires": "follow-up", "effect": "fatigue"}


def hardness(scenario: opt.Scenario, plan: opt.Plan, file: Path) -> dict[str, Any]:
    """The criteria of a row that counts, but for what greedy loses and the number of classes."""
    binding, rows = binding_rows(scenario, plan)
    return {
        "rows": rows,
        "binding": binding,
        "binding_share": round(binding / rows, 3) if rows else None,
        "distinct_share": distinct_share(scenario, file),
        "active": active(scenario),
    }


def binding_rows(scenario: opt.Scenario, plan: opt.Plan) -> tuple[int, int]:
    """How many coupling rows bind, and how many there are."""
    verbs = {rule.name: rule.verb for rule in scenario.rules if rule.mode == "enforce"}
    table = plan.rules[plan.rules["rule"].map(verbs).isin(COUPLING)]
    table = table[table["min"].notna() | table["max"].notna()]
    step = table["rule"].map(verbs).map({"budget": _dearest(plan)}).fillna(1.0)
    counted = table["rule"].map(verbs).isin(["volume", "budget", "sum"])
    bounds = table[["min", "max"]].abs().max(axis=1)
    room = np.maximum(NEAR * bounds, np.where(counted, step, 0.0))
    binds = (table["slack"] <= room) | (table["shadow_price"].abs() > 0)
    return int(binds.sum()), len(table)


def active(scenario: opt.Scenario) -> list[str]:
    """Kinds of local rules that take part, in the issue's words."""
    found = {KINDS[rule.verb] for rule in scenario.rules if rule.verb in KINDS and rule.mode == "enforce"}
    if scenario.spec.history is not None:
        found.add("history")
    return sorted(found)


def distinct_share(scenario: opt.Scenario, file: Path) -> float | None:
    """Distinct score vectors (as they stand in the table) a customer in it, counted by hashes."""
    table = scenario.spec.appetence
    if not isinstance(table, str) or not table.endswith(".parquet"):
        return None
    stored = pq.read_table(file.parent / table)
    owner, customers = pd.factorize(stored.column("customer_id").to_numpy())
    total = np.zeros(len(stored), np.uint64)
    for place, name in enumerate(stored.column_names):
        if name != "customer_id":
            column = stored.column(name)
            known = pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
            values = column.to_numpy() if known else pd.factorize(column.to_numpy())[0]
            total ^= _mixed(np.asarray(values, np.float64).view(np.uint64) + np.uint64(place * 7919 + 1))
    # A sum over the customer's rows does not depend on their order.
    total = _mixed(total)
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(len(customers)))
    vectors = np.add.reduceat(total[order], starts)
    return round(len(np.unique(vectors)) / len(vectors), 6)


def _dearest(plan: opt.Plan) -> float:
    """The dearest contact, in money."""
    dearest = float(plan.contacts["cost"].max()) if len(plan.contacts) else 1.0
    return dearest if math.isfinite(dearest) and dearest > 0 else 1.0


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Bits stirred well (splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
