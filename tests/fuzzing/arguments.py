"""A plain scenario as arguments of the library, and as a file one can read."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

import pandas as pd
import yaml

from tests.bruteforce.filters import Row
from tests.bruteforce.world import expanded

TABLES = ("customers", "appetence", "baseline", "history", "committed", "consent", "activities")


def frame(rows: list[Row]) -> pd.DataFrame:
    """Records as a frame."""
    return pd.DataFrame(rows)


def arguments(spec: Row) -> Row:
    """The keyword arguments of ``optimizer.Scenario``: frames in place of tables."""
    found: Row = {}
    for key, part in spec.items():
        found[key] = frame(part) if key in TABLES and isinstance(part, list) else tabled(part)
    return found


def tabled(part: Any) -> Any:
    """A part of the scenario with every ``{table: records}`` inside it as a frame."""
    if isinstance(part, list):
        return [tabled(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {key: frame(one) if key == "table" and isinstance(one, list) else tabled(one) for key, one in part.items()}


def dump(spec: Row) -> str:
    """The scenario as YAML."""
    return yaml.safe_dump(copy.deepcopy(spec), sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)


def rows_shuffled(spec: Row, rng: Random) -> Row:
    """The same scenario with every table's rows in another order."""
    return {
        key: rng.sample(part, len(part)) if key in TABLES and isinstance(part, list) else part
        for key, part in spec.items()
    }


def renamed(spec: Row, names: dict[str, str]) -> Row:
    """The same scenario with customers called otherwise."""
    found = copy.deepcopy(spec)
    for key in TABLES:
        for row in found.get(key) or [] if isinstance(found.get(key), list) else []:
            if "customer_id" in row:
                row["customer_id"] = names[row["customer_id"]]
    return found


MONEY_OF_CUSTOMERS = ("value", "postage")
MONEY_OF_PAIRS = ("cost", "gross_margin")
MONEY_RULES = ("budget", "cost_per_customer")


def in_other_money(spec: Row, factor: float) -> Row | None:
    """The same scenario with all money counted in another unit; None where a rule mixes money with something else."""
    if spec.get("objective") != "net_margin" or "media" in spec or "activities" in spec:
        return None
    if any(not money_rule(rule) for rule in expanded(spec.get("rules") or [])):
        return None
    found = copy.deepcopy(spec)
    for row in found["customers"]:
        row.update({key: row[key] * factor for key in (*MONEY_OF_CUSTOMERS, "basket")})
    for row in found["appetence"]:
        row.update({key: row[key] * factor for key in MONEY_OF_PAIRS if key in row})
    for row in found.get("committed") or []:
        row.update({"cost": row["cost"] * factor} if "cost" in row else {})
    for body in found["channels"].values():
        scale(body, ("unit_cost", "fixed_cost"), factor)
    for body in found.get("offers", {}).values():
        scale(body, ("gross_margin", "revenue", "response_cost", "fixed_cost"), factor)
    for body in (found.get("kpis") or {}).values():
        scale(body, ("gross_margin",), factor)
    for rule in found["rules"]:
        if any(verb in rule for verb in MONEY_RULES):
            body = rule[next(verb for verb in MONEY_RULES if verb in rule)]
            for bounds in body["table"] if isinstance(body.get("table"), list) else [body]:
                scale(bounds, ("min", "max"), factor)
    return found


def scale(body: Row, keys: tuple[str, ...], factor: float) -> None:
    """Multiply the amounts under some keys, whatever form they take."""
    for key in keys:
        written = body.get(key)
        if isinstance(written, (int, float)):
            body[key] = written * factor
        elif isinstance(written, dict) and "tiers" in written:
            written["tiers"] = [[start, price * factor] for start, price in written["tiers"]]
        elif isinstance(written, dict) and "amount" in written:
            written["amount"] *= factor
        elif isinstance(written, dict) and "table" in written:
            for row in written["table"]:
                if written["column"] in row:
                    row[written["column"]] *= factor


def money_rule(rule: Row) -> bool:
    """Whether a rule still means the same when money is counted otherwise and its own amounts with it."""
    filters = repr([rule.get("where"), *(rule.get(key) for key in rule if key not in ("name", "where"))])
    if any(name in filters for name in ("value", "basket", "postage")) or "soft" in rule:
        return False
    return not any(verb in rule for verb in ("sum", "average", "ratio"))
