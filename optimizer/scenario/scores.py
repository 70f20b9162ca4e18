"""What stands beside the scores of pairs: consent, the baseline that is subtracted, and the kpis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.scenario.columns import flags, known_codes, numbers, positions, refuse, require, texts
from optimizer.scenario.facts import LeftOut
from optimizer.scenario.messages import did_you_mean
from optimizer.scenario.pairs import Scored
from optimizer.scenario.schema import ScenarioFile
from optimizer.scenario.tables import Tables

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.integer[Any]]


def consented(
    spec: ScenarioFile, tables: Tables, scored: Scored, customers: pd.DataFrame, activities: pd.DataFrame
) -> tuple[Bools, list[LeftOut]]:
    """Which scored pairs consent leaves; customers absent from the table have consented to nothing."""
    if spec.consent is None:
        return np.ones(len(scored), bool), []
    file, table = tables.name(spec.consent, "consent"), tables.read(spec.consent, "consent")
    require(table, file, "customer_id")
    for column in table.columns:
        if column != "customer_id" and column not in spec.channels:
            raise ScenarioError(
                file, f"column {column}", None, f"unknown channel; {did_you_mean(column, spec.channels)}"
            )
    for channel in spec.channels:
        if channel not in table.columns:
            hint = "is missing; one true/false column a channel (true where no consent is needed)"
            raise ScenarioError(file, f"column {channel}", None, hint)
    named = texts(table, file, "customer_id")
    refuse(named.duplicated().to_numpy(bool), table, file, "customer_id", "stands twice; one row a customer")
    owner = positions(named, customers["customer_id"])
    known, left_out = owner >= 0, _strangers("consent", named, owner)
    granted = np.zeros((len(customers), len(spec.channels)), bool)
    for code, channel in enumerate(spec.channels):
        granted[owner[known], code] = flags(table, file, channel)[known]
    absent = np.ones(len(customers), bool)
    absent[owner[known]] = False
    if absent.any():
        examples = customers["customer_id"][absent].head(3).tolist()
        left_out.append(
            LeftOut("customers absent from consent: no channel may reach them", int(absent.sum()), examples)
        )
    codes = pd.Index(list(spec.channels)).get_indexer(pd.Index(activities["channel"]))
    allowed = granted[scored.customer, codes[scored.activity]]
    if refused := int((~allowed).sum()):
        left_out.append(LeftOut("scored pairs that consent refuses", refused, []))
    return allowed, left_out


def _strangers(key: str, named: pd.Series, owner: NDArray[Any]) -> list[LeftOut]:
    if (owner >= 0).all():
        return []
    strangers = named[owner < 0].drop_duplicates()
    return [
        LeftOut(f"{key}: customers who are not in the customers table", len(strangers), sorted(strangers.tolist())[:3])
    ]


def baseline(
    spec: ScenarioFile,
    tables: Tables,
    customer: Ints,
    activity: Ints,
    customers: pd.DataFrame,
    activities: pd.DataFrame,
) -> tuple[Floats | None, list[LeftOut]]:
    """The probability of responding without contact, on every pair; 0, and counted, where the table says nothing."""
    if spec.baseline is None:
        return None, []
    file, table = tables.name(spec.baseline, "baseline"), tables.read(spec.baseline, "baseline")
    require(table, file, "customer_id")
    column = "score" if "score" in table.columns else "baseline"
    require(table, file, column)
    if unknown := [one for one in table.columns if one not in ("customer_id", "offer", "channel", column)]:
        hint = did_you_mean(unknown[0], ["customer_id", "offer", "channel", "baseline"])
        raise ScenarioError(file, f"column {unknown[0]}", None, f"unknown column; {hint}")
    values = numbers(table, file, column, low=0, high=1, what="a probability")
    named = texts(table, file, "customer_id")
    owner = positions(named, customers["customer_id"])
    left_out = _strangers("baseline", named, owner)
    left, right = customer.astype(np.int64), owner
    declared = {"offer": list(spec.offers), "channel": list(spec.channels)}
    for key in ("offer", "channel"):
        if key in table.columns:
            names = list(dict.fromkeys([*activities[key].tolist(), *declared[key]]))
            codes = pd.Index(names).get_indexer(pd.Index(activities[key]))[activity]
            own = known_codes(texts(table, file, key), table, file, key, names)
            left, right = left * len(names) + codes, np.where(owner < 0, -1, right * len(names) + own)
    twice = pd.Series(right).duplicated().to_numpy(bool) & (owner >= 0)
    refuse(twice, table, file, "customer_id", "stands twice; one baseline a customer (and offer, channel)")
    known = np.flatnonzero((owner >= 0) & ~np.isnan(values))
    if not len(known):
        return None, [*left_out, LeftOut("pairs without a baseline: nothing subtracted", len(customer), [])]
    order = known[np.argsort(right[known], kind="stable")]
    at = np.minimum(np.searchsorted(right[order], left), len(order) - 1)
    found = right[order][at] == left
    if missing := int((~found).sum()):
        left_out.append(LeftOut("pairs without a baseline: nothing subtracted", missing, []))
    return np.where(found, values[order][at], 0.0), left_out


def kpi_scores(
    spec: ScenarioFile, scored: Scored, customers: pd.DataFrame, activities: pd.DataFrame, file: str
) -> dict[str, Floats]:
    """Each kpi's probability: a column of the appetence table, else of customers or activities; 0 where empty."""
    found = {}
    for name, kpi in spec.kpis.items():
        if kpi.score in scored.measures:
            values = scored.measures[kpi.score]
        elif kpi.score in customers.columns:
            values = numbers(customers, "customers", kpi.score, low=0, high=1, what="a probability")[scored.customer]
        elif kpi.score in activities.columns:
            values = numbers(activities, "activities", kpi.score, low=0, high=1, what="a probability")[scored.activity]
        else:
            known = [
                *scored.measures,
                *(column for column in customers.columns if customers[column].dtype.kind in "if"),
            ]
            hint = did_you_mean(kpi.score, known)
            raise ScenarioError(
                file, f"kpis.{name}.score", kpi.score, f"expected a column of the appetence table; {hint}"
            )
        found[name] = np.nan_to_num(values, nan=0.0)
    return found
