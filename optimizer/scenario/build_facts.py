"""From a scenario's tables to its facts: checked, typed, in canonical order, vectorised over pairs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.scenario.activities import build_activities
from optimizer.scenario.columns import as_text, refuse, require, text_order, texts
from optimizer.scenario.costs import fixed_costs, minimum_volumes, price_tiers
from optimizer.scenario.facts import Facts, LeftOut, Pairs, Saturation
from optimizer.scenario.media import build_media
from optimizer.scenario.messages import did_you_mean
from optimizer.scenario.pairs import score_pairs
from optimizer.scenario.past import build_past
from optimizer.scenario.saturation import build_saturations, calibrated, curve_sections
from optimizer.scenario.schema import ScenarioFile
from optimizer.scenario.scores import baseline, consented, kpi_scores
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
    tables.release(spec.customers)
    activities = build_activities(spec, tables, money, file)
    day = activities["date"].to_numpy("datetime64[D]")
    days = np.where(np.isnat(day), -1, (day - _EPOCH).astype(np.int64)).astype(np.int32)
    if len(days) and days.min() < 0 and not np.isnat(day).any():
        raise ScenarioError(file, "waves", str(day.min()), "expected dates from 1970 on")
    columns = CustomerColumns(customers, customers_file, file)
    for name, kpi in spec.kpis.items():
        if isinstance(kpi.gross_margin, str):
            columns.get(kpi.gross_margin, f"kpis.{name}.gross_margin")
    dated = bool(len(days)) and int(days.min()) >= 0
    # The two largest tables are read at the same time; of faults in both the first one's is told.
    tables.need(spec.appetence, spec.history)
    with ThreadPoolExecutor(2) as pool:
        of_pairs = pool.submit(_pairs, spec, tables, money, file, customers, activities, columns, needs)
        of_past = pool.submit(build_past, spec, tables, money, customers, dated=dated)
    pairs, cells, left_out = of_pairs.result()
    past, past_left = of_past.result()
    for source in (spec.history, spec.committed):
        tables.release(source)
    group = _groups(spec, pairs, activities, file)
    return Facts(
        customers=customers,
        activities=activities,
        days=days,
        pairs=pairs,
        past=past,
        media=build_media(spec, tables, money, file),
        saturations=cells,
        tiers=price_tiers(spec),
        fixed_costs=fixed_costs(spec, activities),
        minimum_volumes=minimum_volumes(spec, activities),
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
    order = text_order(named)
    if order is not None:
        refuse(named.duplicated().to_numpy(bool), table, file, "customer_id", "stands twice; one row a customer")
    for column in table.columns:
        if table[column].dtype.kind == "f":
            refuse(np.isinf(table[column].to_numpy()), table, file, column, "expected a finite number")
    table = money.converted(table, file, _money_columns(spec, table))
    gathered = {rule.per for rule in spec.rules if rule.per is not None} & set(table.columns)
    households = {column: as_text(table[column]) for column in sorted(gathered)}
    table = table.assign(**{"customer_id": named, **households})
    return table if order is None else table.take(order).reset_index(drop=True), file


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
    if spec.appetence is None:
        return _no_pairs(), [], []
    name = tables.name(spec.appetence, "appetence")
    scored = score_pairs(spec, _appetence(spec, tables, money, name), name, customers, activities)
    tables.release(spec.appetence)
    allowed, left_out = consented(spec, tables, scored, customers, activities)
    left_out = scored.left_out + left_out
    if not allowed.all():
        scored = scored.kept(allowed)
    organic, uncovered = baseline(spec, tables, scored.customer, scored.activity, customers, activities)
    worth = response_worth(spec, scored, activities, columns, needs=needs)
    sections = curve_sections(spec, tables, file)
    score = scored.score if organic is None else scored.score - organic
    kpis = kpi_scores(spec, scored, customers, activities, file)
    pairs = Pairs(
        customer=scored.customer,
        activity=scored.activity,
        score=calibrated(score, sections, scored.activity, activities),
        gross_margin=worth["gross_margin"],
        revenue=worth["revenue"],
        response_cost=worth["response_cost"],
        unit_cost=unit_costs(spec, scored, activities, columns),
        kpis={kpi: calibrated(values, sections, scored.activity, activities) for kpi, values in kpis.items()},
        measures=scored.measures,
    )
    for column in scored.measures:
        if column in customers.columns:
            raise ScenarioError(name, f"column {column}", None, "is a column of customers too; rename one")
    reached = np.zeros(len(customers), bool)
    reached[scored.customer] = True
    if not reached.all():
        examples = customers["customer_id"][~reached].head(3).tolist()
        left_out.append(LeftOut("customers without an eligible activity", int((~reached).sum()), examples))
    return pairs, build_saturations(sections, pairs, customers, activities, file), left_out + uncovered


def _appetence(spec: ScenarioFile, tables: Tables, money: Money, name: str) -> pd.DataFrame:
    """The appetence table, amounts converted."""
    table = tables.read(spec.appetence, "appetence")
    table = money.converted(table, name, ["cost", "gross_margin", "revenue", "response_cost"])
    return table.drop(columns="currency", errors="ignore")


def _groups(spec: ScenarioFile, pairs: Pairs, activities: pd.DataFrame, file: str) -> Ints:
    """The group in which each pair's response is combined: its customer and the ``per`` columns of its activity."""
    if spec.responses.combine == "additive":
        return np.broadcast_to(np.int32(-1), len(pairs))
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
        example = ", ".join(names[:3])
        words = f"would combine {len(names)} activities for one customer ({example} …); at most {LARGEST_GROUP}"
        raise ScenarioError(file, "responses.per", list(spec.responses.per), words)
    return group.astype(np.int32)
