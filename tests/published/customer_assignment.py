"""Customer assignment (Bigler, Kammermann, Baumann, EJOR 304, 2023) as a scenario.

Maximise Σ ExpectedProfit over eligible pairs. Minimum and maximum assignments are volumes, sales are sums of
responses, budgets are money, contacts are caps a customer, and conflicts are lags in days. Minimum assignment, minimum
and maximum sales and minimum contact are soft at the largest |ExpectedProfit| a unit, unless ``hard``.

Days become dates: day 1 is 1 January 2001 (any date would do).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

#: Day 0 of the instances.
ORIGIN = pd.Timestamp("2000-12-31")
#: Rule type -> verb, its other keys, bound, whether it is soft.
TYPES: dict[str, tuple[str, dict[str, str], str, bool]] = {
    "Minimum assignment": ("volume", {}, "min", True),
    "Maximum assignment": ("volume", {}, "max", False),
    "Budget": ("budget", {}, "max", False),
    "Minimum sales": ("sum", {"of": "responses"}, "min", True),
    "Maximum sales": ("sum", {"of": "responses"}, "max", True),
    "Minimum contact": ("contacts", {}, "min", True),
    "Maximum contact": ("contacts", {}, "max", False),
}


def read(folder: Path, *, hard: bool = False) -> dict[str, Any]:
    """Read an instance as the keys of a scenario file, with DataFrames where a file would name tables.

    Parameters
    ----------
    folder : Path
        Holds table1 to table4 as ``.csv`` or ``.csv.gz``.
    hard : bool
        Make every soft rule hard.
    """
    activities, pairs, rules, conflicts = (_table(folder, f"table{number}") for number in (1, 2, 3, 4))
    penalty = float(pairs["ExpectedProfit"].abs().max())
    products = sorted({product for cell in activities["TargetProducts"] for product in _listed(cell)}, key=_by_number)
    return {
        "name": folder.name,
        "objective": "expected_profit",
        "customers": pd.DataFrame({"customer_id": pairs["Customer"].drop_duplicates()}).reset_index(drop=True),
        "appetence": pd.DataFrame(
            {
                "customer_id": pairs["Customer"],
                "activity": pairs["Activity"],
                "score": pairs["ResponseProbability"],
                "expected_profit": pairs["ExpectedProfit"],
            }
        ),
        "channels": {channel: {} for channel in sorted(activities["Channel"].unique())},
        "offers": {product: {} for product in products},
        "activities": pd.DataFrame(
            {
                "activity": activities["Activity"],
                "products": [";".join(_listed(cell)) for cell in activities["TargetProducts"]],
                "channel": activities["Channel"],
                "date": _dates(activities["Day"]),
                "unit_cost": activities["Cost"],
            }
        ),
        "rules": [*_rules(rules, penalty, hard=hard), *_conflicts(conflicts)],
    }


def plan(contacts: pd.DataFrame) -> pd.DataFrame:
    """Name the contacts of a plan as the instances do: Customer, Activity."""
    return contacts[["customer_id", "activity"]].rename(columns={"customer_id": "Customer", "activity": "Activity"})


def _table(folder: Path, name: str) -> pd.DataFrame:
    for suffix in (".csv", ".csv.gz"):
        if (file := folder / f"{name}{suffix}").exists():
            text = {
                "Customer": str,
                "Activity": str,
                "TargetProducts": str,
                "TargetProduct1": str,
                "TargetProduct2": str,
            }
            return pd.read_csv(file, dtype=text)
    raise FileNotFoundError(f"{folder}: no {name}.csv or {name}.csv.gz")


def _rules(table: pd.DataFrame, penalty: float, *, hard: bool) -> list[dict[str, Any]]:
    """One rule table a verb and measure, a row a rule."""
    unknown = set(table["Type"]) - set(TYPES)
    if unknown:
        raise ValueError(f"table3 has rule types this reader does not know: {sorted(unknown)}")
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in table.to_dict("records"):
        verb, keys, side, soft = TYPES[row["Type"]]
        line: dict[str, Any] = {"name": f"{row['Type'].lower()} {row['Index']}", **keys}
        line |= {"channel": _filter(row["Channels"]), "offer": _filter(row["TargetProducts"])}
        line |= {"from": _dates(row["StartDay"]), "to": _dates(row["EndDay"]), "min": None, "max": None}
        line |= {side: float(row["Bound"]), "penalty": penalty if soft and not hard else None}
        rows.setdefault((verb, keys.get("of", "")), []).append(line)
    return [
        {"name": f"{verb} {of}".strip(), verb: {"table": pd.DataFrame(lines).dropna(axis=1, how="all")}}
        for (verb, of), lines in rows.items()
    ]


def _conflicts(table: pd.DataFrame) -> list[dict[str, Any]]:
    """All conflicts as one table."""
    if table.empty:
        return []
    lines = pd.DataFrame(
        {
            "name": [f"conflict {index}" for index in table["Index"]],
            "first.channel": [_filter(cell) for cell in table["Channel1"]],
            "first.offer": [_filter(cell) for cell in table["TargetProduct1"]],
            "then.channel": [_filter(cell) for cell in table["Channel2"]],
            "then.offer": [_filter(cell) for cell in table["TargetProduct2"]],
            "days": table["Lag"].astype(int),
        }
    )
    return [{"name": "conflicts", "never": {"table": lines}}]


def _listed(cell: str) -> list[str]:
    return [part.strip() for part in str(cell).split(";")]


def _filter(cell: str) -> str | None:
    """A cell of a filter column: values apart by ``;``, empty where all are meant."""
    return None if str(cell).strip() == "ALL" else ";".join(_listed(cell))


def _dates(days: Any) -> Any:
    return ORIGIN + pd.to_timedelta(days, unit="D")


def _by_number(product: str) -> tuple[int, str]:
    return (int(product), product) if product.isdigit() else (10**9, product)
