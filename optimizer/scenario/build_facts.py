"""From a scenario's tables to its facts: checked, typed, in canonical order, vectorised over pairs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.scenario.activities import build_activities
from optimizer.scenario.columns import as_text, flags, known_codes, numbers, refuse, require, texts
from optimizer.scenario.facts import Facts, FixedCost, LeftOut, MinimumVolume, Pairs, Saturation, Tiers
from optimizer.scenario.media import build_curve, build_media
from optimizer.scenario.messages import did_you_mean, validated
from optimizer.scenario.pairs import Scored, score_pairs
from optimizer.scenario.past import build_past
from optimizer.scenario.reading import read_document
from optimizer.scenario.schema import Channel, FixedAmount, Offer, ResponseCurve, ScenarioFile, TierPrices
from optimizer.scenario.tables import Money, Tables
from optimizer.scenario.worth import CustomerColumns, response_worth, unit_costs

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

#: Contacts combined in one group at most: beyond, a subset a column is too many.
LARGEST_GROUP = 8
_EPOCH = np.datetime64("1970-01-01", "D")


def build_facts(spec: ScenarioFile, tables: Tables, file: str, *, needs: frozenset[str] = frozenset()) -> Facts:
    """Read every table of a scenario.

    Parameters
    ----------
    spec : ScenarioFile
    tables : Tables
    file : str
        What messages call the scenario.
    needs : frozenset of str
        ``gross_margin`` and ``revenue`` where they may not be missing.

    Raises
    ------
    ScenarioError
        For the first fault in any table.
    """
    money = Money(spec.currency, tables)
    customers, customers_file = _customers(spec, tables, money)
    activities = build_activities(spec, tables, money, file)
    day = activities["date"].to_numpy("datetime64[D]")
    days = np.where(np.isnat(day), -1, (day - _EPOCH).astype(np.int64)).astype(np.int32)
    if len(days) and days.min() < 0 and not np.isnat(day).any():
        raise ScenarioError(file, "waves", str(day.min()), "expected dates from 1970 on")
    columns = CustomerColumns(customers, customers_file, file)
    left_out: list[LeftOut] = []
    if spec.appetence is None:
        pairs, cells = _no_pairs(), []
    else:
        pairs, cells, left_out = _pairs(spec, tables, money, file, customers, activities, columns, needs)
    past, past_left = build_past(spec, tables, money, customers, dated=bool(len(days)) and int(days.min()) >= 0)
    group = _groups(spec, pairs, activities, file)
    return Facts(
        customers=customers,
        activities=activities,
        days=days,
        pairs=pairs,
        past=past,
        media=build_media(spec, tables, money, file),
        saturations=cells,
        tiers=_tiers(spec),
        fixed_costs=_fixed_costs(spec, activities),
        minimum_volumes=_minimum_volumes(spec, activities),
        pressure=np.array([spec.channels[channel].pressure for channel in activities["channel"]], float),
        combine=spec.responses.combine,
        group=group,
        left_out=left_out + past_left,
    )


def _customers(spec: ScenarioFile, tables: Tables, money: Money) -> tuple[pd.DataFrame, str]:
    """The customers table in byte order of identifiers, amounts converted."""
    if spec.customers is None:
        return pd.DataFrame({"customer_id": pd.Series(dtype="str")}), "customers"
    file = tables.name(spec.customers, "customers")
    table = tables.read(spec.customers, "customers")
    require(table, file, "customer_id")
    named = texts(table, file, "customer_id")
    refuse(named.duplicated().to_numpy(bool), table, file, "customer_id", "stands twice; one row a customer")
    for column in table.columns:
        if table[column].dtype.kind == "f":
            refuse(np.isinf(table[column].to_numpy()), table, file, column, "expected a finite number")
    table = money.converted(table, file, _money_columns(spec, table))
    households = {rule.per: as_text(table[rule.per]) for rule in spec.rules if rule.per in table.columns}
    table = table.assign(customer_id=named, **households)
    order = np.argsort(named.to_numpy(object).astype(str), kind="stable")
    return table.take(order).reset_index(drop=True), file


def _money_columns(spec: ScenarioFile, table: pd.DataFrame) -> list[str]:
    """Customer columns that stand for money somewhere in the scenario."""
    named: list[object] = [channel.unit_cost for channel in spec.channels.values()]
    for offer in spec.offers.values():
        named += [offer.gross_margin, offer.revenue, offer.response_cost]
    named += [kpi.gross_margin for kpi in spec.kpis.values()]
    return list(dict.fromkeys(one for one in named if isinstance(one, str) and one in table.columns))


def _no_pairs() -> Pairs:
    none, nothing = np.empty(0, np.int32), np.empty(0)
    return Pairs(none, none, nothing, nothing, nothing, nothing, nothing)


def _pairs(
    spec: ScenarioFile,
    tables: Tables,
    money: Money,
    file: str,
    customers: pd.DataFrame,
    activities: pd.DataFrame,
    columns: CustomerColumns,
    needs: frozenset[str],
) -> tuple[Pairs, list[Saturation], list[LeftOut]]:
    """Eligible pairs with their worth, the saturation cells, and what was left out."""
    name = tables.name(spec.appetence, "appetence")
    table = money.converted(
        tables.read(spec.appetence, "appetence"), name, ["cost", "gross_margin", "revenue", "response_cost"]
    )
    table = table.drop(columns="currency", errors="ignore")
    scored = score_pairs(spec, table, name, customers, activities)
    allowed, left_out = _consented(spec, tables, scored, customers, activities)
    left_out = scored.left_out + left_out
    if not allowed.all():
        scored = _kept(scored, allowed)
    baseline, uncovered = _baseline(spec, tables, scored, customers, activities)
    worth = response_worth(spec, scored, activities, columns, needs=needs)
    pairs = Pairs(
        customer=scored.customer,
        activity=scored.activity,
        score=scored.score if baseline is None else scored.score - baseline,
        gross_margin=worth["gross_margin"],
        revenue=worth["revenue"],
        response_cost=worth["response_cost"],
        unit_cost=unit_costs(spec, scored, activities, columns),
        kpis=_kpis(spec, scored, customers, activities, file),
        measures={column: values[scored.row] for column, values in scored.measures.items()},
    )
    for column in scored.measures:
        if column in customers.columns:
            raise ScenarioError(name, f"column {column}", None, "is a column of customers too; rename one")
    reached = np.zeros(len(customers), bool)
    reached[scored.customer] = True
    if not reached.all():
        examples = customers["customer_id"][~reached].head(3).tolist()
        left_out.append(LeftOut("customers without an eligible activity", int((~reached).sum()), examples))
    return pairs, _saturations(spec, tables, pairs, customers, activities, file), left_out + uncovered


def _kept(scored: Scored, mask: Bools) -> Scored:
    return Scored(
        scored.customer[mask],
        scored.activity[mask],
        scored.score[mask],
        scored.row[mask],
        scored.money,
        scored.measures,
        scored.left_out,
    )


def _consented(
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
    owner = pd.Index(customers["customer_id"]).get_indexer(pd.Index(named))
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


def _baseline(
    spec: ScenarioFile, tables: Tables, scored: Scored, customers: pd.DataFrame, activities: pd.DataFrame
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
    owner = pd.Index(customers["customer_id"]).get_indexer(pd.Index(named)).astype(np.int64)
    left_out = _strangers("baseline", named, owner)
    left, right = scored.customer.astype(np.int64), owner
    declared = {"offer": list(spec.offers), "channel": list(spec.channels)}
    for key in ("offer", "channel"):
        if key in table.columns:
            names = list(dict.fromkeys([*activities[key].tolist(), *declared[key]]))
            codes = pd.Index(names).get_indexer(pd.Index(activities[key]))[scored.activity]
            own = known_codes(texts(table, file, key), table, file, key, names)
            left, right = left * len(names) + codes, np.where(owner < 0, -1, right * len(names) + own)
    twice = pd.Series(right).duplicated().to_numpy(bool) & (owner >= 0)
    refuse(twice, table, file, "customer_id", "stands twice; one baseline a customer (and offer, channel)")
    known = np.flatnonzero((owner >= 0) & ~np.isnan(values))
    if not len(known):
        return None, [*left_out, LeftOut("pairs without a baseline: nothing subtracted", len(scored), [])]
    order = known[np.argsort(right[known], kind="stable")]
    at = np.minimum(np.searchsorted(right[order], left), len(order) - 1)
    found = right[order][at] == left
    if missing := int((~found).sum()):
        left_out.append(LeftOut("pairs without a baseline: nothing subtracted", missing, []))
    return np.where(found, values[order][at], 0.0), left_out


def _kpis(
    spec: ScenarioFile, scored: Scored, customers: pd.DataFrame, activities: pd.DataFrame, file: str
) -> dict[str, Floats]:
    """Each kpi's probability: a column of the appetence table, else of customers or activities; 0 where empty."""
    found = {}
    for name, kpi in spec.kpis.items():
        if kpi.score in scored.measures:
            values = scored.measures[kpi.score][scored.row]
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


def _saturations(
    spec: ScenarioFile, tables: Tables, pairs: Pairs, customers: pd.DataFrame, activities: pd.DataFrame, file: str
) -> list[Saturation]:
    found = []
    for name, channel in spec.channels.items():
        if channel.response_curve is None:
            continue
        place = f"channels.{name}.response_curve"
        section, source = _section(channel.response_curve, tables, place, file)
        rows = np.flatnonzero((activities["channel"] == name).to_numpy(bool)[pairs.activity])
        cell = np.full(len(pairs), -1, np.int32)
        labels = [name]
        cell[rows] = 0
        if section.by:
            values = [_values(column, pairs, rows, customers, activities, f"{place}.by", file) for column in section.by]
            keys = pd.MultiIndex.from_arrays([pd.Index(one) for one in values])
            codes, distinct = pd.factorize(keys, sort=True)
            labels = [f"{name}[{','.join(key)}]" for key in distinct]
            cell[rows] = codes
        curve = build_curve(section, place if source == file else "", source)
        found.append(Saturation(name, curve, section.reference, labels, cell))
    return found


def _section(written: ResponseCurve | str, tables: Tables, place: str, file: str) -> tuple[ResponseCurve, str]:
    """The curve's section, and the file that holds it."""
    if isinstance(written, ResponseCurve):
        return written, file
    path = Path(written) if Path(written).is_absolute() else tables.folder / written
    document = read_document(path, written)
    tables.remember(path, written)
    return validated(ResponseCurve, document), written


def _values(
    column: str,
    pairs: Pairs,
    rows: NDArray[np.int64],
    customers: pd.DataFrame,
    activities: pd.DataFrame,
    place: str,
    file: str,
) -> pd.Series:
    """A customer or activity column on some pairs, as text."""
    prefix, _, rest = column.partition(".")
    name = rest if rest and prefix in ("customer", "activity") else column
    if name in activities.columns and prefix != "customer":
        found = as_text(activities["offer" if name == "offers" else name]).fillna("")
        return found.take(pairs.activity[rows])
    if name in customers.columns and prefix != "activity":
        return as_text(customers[name]).fillna("").take(pairs.customer[rows])
    hint = did_you_mean(column, [*activities.columns, *customers.columns])
    raise ScenarioError(file, place, column, f"unknown column; {hint}")


def _tiers(spec: ScenarioFile) -> list[Tiers]:
    found = []
    for name, channel in spec.channels.items():
        if isinstance(cost := channel.unit_cost, TierPrices):
            starts, prices = np.array(cost.tiers, float).T
            found.append(Tiers(name, starts, prices, cost.kind))
    return found


def _own(kind: str, name: str, activities: pd.DataFrame) -> Bools:
    """The activities of a channel or an offer."""
    if kind == "channel":
        return (activities["channel"] == name).to_numpy(bool)
    return np.array([name in offers for offers in activities["offers"]], bool)


def _sections(spec: ScenarioFile) -> list[tuple[str, str, Channel | Offer]]:
    sections: list[tuple[str, Mapping[str, Channel] | Mapping[str, Offer]]] = [
        ("channel", spec.channels),
        ("offer", spec.offers),
    ]
    return [(kind, name, section) for kind, things in sections for name, section in things.items()]


def _fixed_costs(spec: ScenarioFile, activities: pd.DataFrame) -> list[FixedCost]:
    found = []
    declared = {wave.name: wave.columns for wave in spec.waves}
    for kind, name, section in _sections(spec):
        fixed, own = section.fixed_cost, _own(kind, name, activities)
        if fixed is None or not own.any():
            continue
        columns: dict[str, object] = {kind: name, **section.columns}
        if not isinstance(fixed, FixedAmount) or fixed.each is None:
            found.append(FixedCost(name, fixed.amount if isinstance(fixed, FixedAmount) else fixed, own, columns))
            continue
        for wave in dict.fromkeys(activities["wave"][own]):
            inside = own & (activities["wave"] == wave).to_numpy(bool)
            named = {**columns, "wave": wave, **declared.get(wave, {})}
            found.append(FixedCost(f"{name} {wave}".strip(), fixed.amount, inside, named))
    return found


def _minimum_volumes(spec: ScenarioFile, activities: pd.DataFrame) -> list[MinimumVolume]:
    return [
        MinimumVolume(name, section.min_volume_if_opened, _own(kind, name, activities))
        for kind, name, section in _sections(spec)
        if section.min_volume_if_opened
    ]


def _groups(spec: ScenarioFile, pairs: Pairs, activities: pd.DataFrame, file: str) -> Ints:
    """The group in which each pair's response is combined: its customer and the ``per`` columns of its activity."""
    if spec.responses.combine == "additive":
        return np.full(len(pairs), -1, np.int32)
    codes = np.zeros(len(activities), np.int64)
    for column in spec.responses.per:
        if column == "customer_id":
            continue
        if column not in activities.columns:
            hint = did_you_mean(column, ["customer_id", *activities.columns])
            raise ScenarioError(file, "responses.per", column, f"unknown column of activities; {hint}")
        if column == "offer":
            values = pd.Series([";".join(sorted(offers)) for offers in activities["offers"]], dtype="str")
        else:
            values = as_text(activities[column]).fillna("")
        own, distinct = pd.factorize(values, sort=True)
        codes = codes * len(distinct) + own
    _, codes = np.unique(codes, return_inverse=True)
    keys = pairs.customer.astype(np.int64) * (int(codes.max(initial=0)) + 1) + codes[pairs.activity]
    _, group, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    if len(sizes) and sizes.max() > LARGEST_GROUP:
        first = int(np.argmax(group == int(np.argmax(sizes))))
        names = activities["activity"].iloc[pairs.activity[group == group[first]]].tolist()
        words = f"{len(names)} activities would be combined for one customer ({', '.join(names[:3])} …); at most {LARGEST_GROUP}"
        raise ScenarioError(file, "responses.per", list(spec.responses.per), words)
    return group.astype(np.int32)
