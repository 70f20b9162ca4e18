"""Past contacts: history, and the contacts others have booked, of the customers that the scenario knows."""

from __future__ import annotations

import difflib

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.scenario.activities import DATE_PARTS, date_columns, declared_columns, split_offers, tuple_column
from optimizer.scenario.columns import dates, numbers, positions, require, texts
from optimizer.scenario.facts import LeftOut
from optimizer.scenario.schema import NEAR, ScenarioFile
from optimizer.scenario.tables import Money, Tables, typed

#: Names the engine gives to columns of its own.
_RESERVED = ("customer", "days", "offers", "committed", "pressure", *DATE_PARTS)
_EPOCH = np.datetime64("1970-01-01", "D")


def build_past(
    spec: ScenarioFile, tables: Tables, money: Money, customers: pd.DataFrame, *, dated: bool
) -> tuple[pd.DataFrame, list[LeftOut]]:
    """History and committed contacts, as ``Facts.past`` documents, and what of them was left out.

    The columns declared on their channel and offer, and day, week, month and quarter, stand beside their own.
    """
    parts, left_out = [], []
    for key, source in (("history", spec.history), ("committed", spec.committed)):
        if source is not None:
            part, missing = _part(spec, tables, money, customers, key, source, dated=dated)
            parts.append(part)
            left_out += missing
    if not parts:
        empty = {
            "customer": pd.Series(dtype="int64"),
            "date": pd.Series(dtype="datetime64[s]"),
            "days": pd.Series(dtype="int64"),
        }
        empty |= {"channel": pd.Series(dtype="str"), "offer": pd.Series(dtype="str"), "offers": pd.Series(dtype=object)}
        empty |= {
            "committed": pd.Series(dtype=bool),
            "cost": pd.Series(dtype=float),
            "pressure": pd.Series(dtype=float),
        }
        return pd.DataFrame(empty | {part: pd.Series(dtype="str") for part in DATE_PARTS}), left_out
    past = parts[0] if len(parts) == 1 else _stacked(parts)
    return past.take(_order(past)).reset_index(drop=True), left_out


def _order(past: pd.DataFrame) -> NDArray[np.int64]:
    """By customer, days, channel and offer; contacts alike in these by the rest, whatever the tables' rows order."""
    if not len(past):
        return np.zeros(0, np.int64)
    key = np.zeros(len(past), np.int64)  # customers, days, channels and offers multiply to far less than it holds
    for codes in (
        past["customer"].to_numpy(),
        past["days"].to_numpy() - past["days"].min(),
        *(pd.factorize(past[column], sort=True)[0] for column in ("channel", "offer")),
    ):
        key = key * (int(codes.max(initial=0)) + 1) + codes
    order = np.argsort(key, kind="stable")
    same = np.append(False, np.diff(key[order]) == 0)
    alike = np.flatnonzero(same | np.append(same[1:], False))
    if len(alike):
        known = ("customer", "days", "channel", "offer", "offers", "date")
        rows = past.take(order[alike])
        texts = pd.DataFrame({name: rows[name].astype("str") for name in rows.columns if name not in known})
        texts.insert(0, "", key[order[alike]])
        order[alike] = texts.sort_values(list(texts.columns), kind="stable").index.to_numpy()
    return order


def _stacked(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """History above committed; a column only one of them has is empty in the other."""
    columns = list(dict.fromkeys(column for part in parts for column in part.columns))
    made = {}
    for column in columns:
        pieces = [
            part[column] if column in part.columns else pd.Series([None] * len(part), dtype=object) for part in parts
        ]
        if all(column in part.columns for part in parts) and len({piece.dtype for piece in pieces}) == 1:
            made[column] = pd.concat(pieces, ignore_index=True)
        else:
            loose = pd.concat([piece.astype(object).where(piece.notna(), None) for piece in pieces], ignore_index=True)
            made[column] = typed(pd.DataFrame({column: loose}), "history and committed")[column]
    return pd.DataFrame(made)


def _part(
    spec: ScenarioFile, tables: Tables, money: Money, customers: pd.DataFrame, key: str, source: object, *, dated: bool
) -> tuple[pd.DataFrame, list[LeftOut]]:
    file = tables.name(source, key)
    table = tables.read(source, key)
    require(table, file, "customer_id", "channel")
    committed = key == "committed"
    if not committed or dated:
        require(table, file, "date")
    for column in _RESERVED:
        if column in table.columns:
            raise ScenarioError(file, f"column {column}", None, "is a name the engine needs; rename it")
    table = money.converted(table, file, ["cost"])
    named = texts(table, file, "customer_id")
    owner = positions(named, customers["customer_id"])
    known = owner >= 0
    left_out = []
    if not known.all():
        strangers = named[~known].drop_duplicates()
        reason = f"{key}: contacts of customers who are not in the customers table"
        left_out.append(LeftOut(reason, int((~known).sum()), sorted(strangers.tolist())[:3]))
    channel = texts(table, file, "channel")
    left_out += _foreign_channels(spec, channel, file, key)
    if "offer" in table.columns:
        offer = texts(table, file, "offer", required=False)
    else:
        offer = pd.Series(pd.array([None], dtype="str").take(np.zeros(len(table), np.int64)), index=table.index)
    if "date" in table.columns:
        day = dates(table, file, "date", required=not committed or dated)
    else:
        day = pd.Series(pd.NaT, index=table.index, dtype="datetime64[s]")
    # A scenario without dates has one day, -1, and what is past lies on it too.
    unknown = day.isna() if dated else np.True_
    days = np.where(unknown, -1, (day.to_numpy("datetime64[D]") - _EPOCH).astype(np.int64))
    kind, kinds = _kinds(spec, channel, offer)
    cost = numbers(table, file, "cost", low=0) if "cost" in table.columns else np.full(len(table), np.nan)
    default = kinds["cost"].to_numpy()[kind] if committed else 0.0
    part = pd.DataFrame({"customer": owner, "date": day, "days": days})
    for name in ("channel", "offer", "offers"):
        part[name] = kinds[name].array.take(kind)
    part["committed"], part["cost"] = committed, np.where(np.isnan(cost), default, cost)
    part["pressure"] = kinds["pressure"].to_numpy()[kind]
    for name, values in date_columns(day).items():
        part[name] = values
    own = [column for column in table.columns if column not in ("customer_id", "currency", *part.columns)]
    for column in own:
        part[column] = table[column].array
    declared = declared_columns(spec, kinds["channel"].tolist(), kinds["offers"].tolist())
    for column in declared.columns:
        if column not in own:
            part[column] = declared[column].array.take(kind)
    return (part if known.all() else part[known].reset_index(drop=True)), left_out


def _kinds(spec: ScenarioFile, channel: pd.Series, offer: pd.Series) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """The kind of each contact (channel and offer), and of each kind its offers, pressure and cost when booked."""
    (via, channels), (of, offers) = pd.factorize(channel), pd.factorize(offer)
    kind, distinct = pd.factorize(via * (len(offers) + 1) + of + 1)
    names = pd.Series(channels, dtype="str").take(distinct // (len(offers) + 1)).reset_index(drop=True)
    labels = pd.Series([*offers, ""], dtype="str").take(distinct % (len(offers) + 1) - 1).reset_index(drop=True)
    price = {name: body.unit_cost for name, body in spec.channels.items() if isinstance(body.unit_cost, float | int)}
    weight = {name: body.pressure for name, body in spec.channels.items()}
    kinds = {
        "channel": names,
        "offer": labels,
        "offers": tuple_column(split_offers(labels.tolist())),
        "pressure": names.map(weight).astype(float).fillna(1.0),
        "cost": names.map(price).astype(float).fillna(0.0),
    }
    return kind.astype(np.int64), pd.DataFrame(kinds)


def _foreign_channels(spec: ScenarioFile, channel: pd.Series, file: str, key: str) -> list[LeftOut]:
    """Channels that the scenario does not name: counted with pressure 1, unless a slip of the pen."""
    foreign = channel[~channel.isin(list(spec.channels))]
    for name in foreign.drop_duplicates():
        if near := difflib.get_close_matches(name, list(spec.channels), n=1, cutoff=NEAR):
            row = int((channel == name).to_numpy(bool).argmax())
            raise ScenarioError(
                file, f"row {row + 1}, column channel", name, f"unknown channel; did you mean {near[0]}?"
            )
    if not len(foreign):
        return []
    reason = f"{key}: contacts through channels the scenario does not name (they count, with pressure 1)"
    return [LeftOut(reason, len(foreign), sorted(foreign.drop_duplicates().tolist())[:3])]
