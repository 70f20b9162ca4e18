"""Activities: offers × channels × waves but some, or the planner's own table; dated, described and in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.scenario.columns import dates, known_codes, numbers, refuse, require, row_fault, texts
from optimizer.scenario.messages import did_you_mean
from optimizer.scenario.schema import Activities, Declared, ScenarioFile, Wave
from optimizer.scenario.tables import Money, Tables, typed
from optimizer.scenario.where import parse

#: The one offer of a scenario that names none.
ONE_OFFER = "offer"
#: What a date gives beside itself.
DATE_PARTS = ("day", "week", "month", "quarter")
#: Columns every activity has.
CORE = ("activity", "offer", "offers", "channel", "wave", "date", *DATE_PARTS)
#: Money an activities table may state in place of its channel's or offer's.
MONEY = ("unit_cost", "gross_margin", "revenue", "response_cost")


def build_activities(spec: ScenarioFile, tables: Tables, money: Money, file: str) -> pd.DataFrame:
    """The activities of a scenario, as ``Facts.activities`` documents.

    Raises
    ------
    ScenarioError
        For unknown channels, offers, waves or columns, a name that stands twice, and activities of which only some are
        dated.
    """
    source, section = _source(spec)
    if not spec.channels:
        frame = pd.DataFrame({column: pd.Series(dtype="str") for column in ("activity", "offer", "channel", "wave")})
        frame["offers"], frame["date"] = pd.Series(dtype=object), pd.Series(dtype="datetime64[s]")
        return _complete(spec, frame, file)
    if source is not None:
        frame = _complete(spec, _written(spec, tables, money, source), tables.name(source, "activities"))
        return _ordered(spec, frame)
    frame = _complete(spec, _crossed(spec), file)
    for number, one in enumerate(section.except_ if section else [], start=1):
        place = f"activities.except[{number}]"
        condition = parse(one, place=place, file=file)
        known = [column for column in frame.columns if column not in ("offers",)]
        if unknown := sorted({column.removeprefix("activity.") for column in condition.columns} - set(known)):
            raise ScenarioError(
                file, place, unknown[0], f"unknown column of activities; {did_you_mean(unknown[0], known)}"
            )
        frame = frame[~condition.holds(frame)].reset_index(drop=True)
    if not len(frame):
        raise ScenarioError(file, "activities.except", None, "excepts every activity; none is left")
    return _ordered(spec, frame)


def split_offers(labels: Sequence[str | float]) -> list[tuple[str, ...]]:
    """The offers of each label: ``a;b`` is two; an empty one none."""
    known: dict[object, tuple[str, ...]] = {}
    for label in labels:
        if label not in known:
            words = label.split(";") if isinstance(label, str) else []
            known[label] = tuple(dict.fromkeys(word.strip() for word in words if word.strip()))
    return [known[label] for label in labels]


def tuple_column(values: Sequence[tuple[str, ...]], index: pd.Index | None = None) -> pd.Series:
    """An object column of tuples."""
    made = np.empty(len(values), dtype=object)
    made[:] = list(values)
    return pd.Series(made, index=index, dtype=object)


def date_columns(days: pd.Series) -> dict[str, pd.Series]:
    """``day``, ISO ``week``, ``month`` and ``quarter`` of dates, as text; '' where there is none."""
    # Distinct dates are few beside rows.
    codes, distinct = pd.factorize(days, use_na_sentinel=True)
    parts: dict[str, list[str]] = {name: [] for name in DATE_PARTS}
    for stamp in pd.DatetimeIndex(distinct):
        year, week, _ = stamp.isocalendar()
        parts["day"].append(stamp.strftime("%Y-%m-%d"))
        parts["week"].append(f"{year}-W{week:02d}")
        parts["month"].append(stamp.strftime("%Y-%m"))
        parts["quarter"].append(f"{stamp.year}-Q{stamp.quarter}")
    rows = np.where(codes < 0, len(distinct), codes)
    found = {name: pd.array([*words, ""], dtype="str").take(rows) for name, words in parts.items()}
    return {name: pd.Series(words, index=days.index) for name, words in found.items()}


def declared_columns(spec: ScenarioFile, channels: Sequence[str], offers: Sequence[tuple[str, ...]]) -> pd.DataFrame:
    """The columns declared on the channel and the offers of each row; empty where they are not declared.

    A row of several offers whose values differ holds them all, as a tuple.
    """
    columns: dict[str, pd.Series] = {}
    for name in _declared_names(spec.channels):
        columns[name] = pd.Series([_declared(spec.channels, channel, name) for channel in channels], dtype=object)
    for name in _declared_names(spec.offers):
        several = [_several([_declared(spec.offers, offer, name) for offer in own]) for own in offers]
        if any(isinstance(value, tuple) for value in several):
            several = [
                value if isinstance(value, tuple) else () if value is None else (str(value),) for value in several
            ]
        columns[name] = pd.Series(several, dtype=object)
    return typed(pd.DataFrame(columns, index=pd.RangeIndex(len(channels))), "declared columns")


def _several(values: list[Any]) -> Any:
    distinct = list(dict.fromkeys(value for value in values if value is not None))
    return None if not distinct else distinct[0] if len(distinct) == 1 else tuple(str(value) for value in distinct)


def _declared(things: Mapping[str, Declared], name: str, column: str) -> Any:
    return things[name].columns.get(column) if name in things else None


def _declared_names(things: Mapping[str, Declared]) -> list[str]:
    return list(dict.fromkeys(column for thing in things.values() for column in thing.columns))


def _source(spec: ScenarioFile) -> tuple[Any, Activities | None]:
    if isinstance(spec.activities, Activities):
        return spec.activities.table, spec.activities
    return spec.activities, None


def _waves(spec: ScenarioFile) -> list[Wave]:
    return spec.waves or [Wave.model_construct(name="", date=None)]


def _crossed(spec: ScenarioFile) -> pd.DataFrame:
    """Every offer through every channel in every wave."""
    rows = []
    for offer in list(spec.offers) or [ONE_OFFER]:
        for channel, body in spec.channels.items():
            for wave in _waves(spec):
                name = " ".join(part for part in (offer if spec.offers else "", channel, wave.name) if part)
                day = pd.NaT if wave.date is None else pd.Timestamp(wave.date) + pd.Timedelta(days=body.days)
                rows.append((name, offer, channel, wave.name, day))
    frame = pd.DataFrame(rows, columns=["activity", "offer", "channel", "wave", "date"])
    frame = frame.astype(dict.fromkeys(("activity", "offer", "channel", "wave"), "str"))
    frame["date"] = frame["date"].astype("datetime64[s]")
    frame["offers"] = tuple_column([(offer,) for offer in frame["offer"]])
    return frame


def _written(spec: ScenarioFile, tables: Tables, money: Money, source: Any) -> pd.DataFrame:
    """The planner's own activities."""
    file = tables.name(source, "activities")
    table = tables.read(source, "activities")
    require(table, file, "activity")
    if "cost" in table.columns:
        raise ScenarioError(file, "column cost", None, "is what the engine computes; did you mean unit_cost?")
    table = money.converted(table, file, list(MONEY))
    names = texts(table, file, "activity")
    refuse(names.duplicated().to_numpy(bool), table, file, "activity", "stands twice; names tell activities apart")
    frame = pd.DataFrame({"activity": names})
    frame["offers"] = tuple_column(_written_offers(spec, table, file))
    frame["offer"] = pd.Series([";".join(offers) for offers in frame["offers"]], dtype="str")
    frame["channel"] = _written_channels(spec, table, file)
    frame["wave"], frame["date"] = _written_waves(spec, table, frame["channel"], file)
    own = [
        column for column in table.columns if column not in ("offer", "offers", "products", "currency", *frame.columns)
    ]
    for column in own:
        if column in CORE:
            raise ScenarioError(file, f"column {column}", None, "comes from date; leave it out")
        low = 0 if column in ("unit_cost", "response_cost") else -np.inf
        frame[column] = numbers(table, file, column, low=low) if column in MONEY else table[column].array
    return frame


def _written_offers(spec: ScenarioFile, table: pd.DataFrame, file: str) -> list[tuple[str, ...]]:
    column = next((name for name in ("offer", "products", "offers") if name in table.columns), None)
    if column is None:
        if len(spec.offers) > 1:
            require(table, file, "offer")
        return [(next(iter(spec.offers), ONE_OFFER),)] * len(table)
    if table[column].dtype == object:
        offers = [tuple(value) if isinstance(value, tuple) else () for value in table[column]]
    else:
        offers = split_offers(texts(table, file, column).tolist())
    refuse(np.array([not own for own in offers], bool), table, file, column, "expected an offer")
    if spec.offers:
        for row, own in enumerate(offers):
            for offer in own:
                if offer not in spec.offers:
                    raise row_fault(file, row, column, offer, f"unknown offer; {did_you_mean(offer, spec.offers)}")
    return offers


def _written_channels(spec: ScenarioFile, table: pd.DataFrame, file: str) -> pd.Series:
    if "channel" not in table.columns:
        if len(spec.channels) > 1:
            require(table, file, "channel")
        return pd.Series([next(iter(spec.channels))] * len(table), dtype="str")
    channels = texts(table, file, "channel")
    known_codes(channels, table, file, "channel", spec.channels)
    return channels


def _written_waves(
    spec: ScenarioFile, table: pd.DataFrame, channels: pd.Series, file: str
) -> tuple[pd.Series, pd.Series]:
    """Wave labels and dates: a date of the table's own, else the wave's plus the channel's days."""
    waves = pd.Series([""] * len(table), dtype="str")
    found = pd.Series(pd.NaT, index=table.index, dtype="datetime64[s]")
    if "wave" in table.columns:
        waves = texts(table, file, "wave", required=False)
        if spec.waves:
            filled = waves.notna()
            known_codes(waves[filled], table[filled], file, "wave", [wave.name for wave in spec.waves])
        waves = waves.fillna("")
        dated = {wave.name: pd.Timestamp(wave.date) for wave in spec.waves if wave.date is not None}
        shift = pd.to_timedelta([spec.channels[channel].days for channel in channels], unit="D")
        found = (pd.to_datetime(waves.map(dated)) + shift).astype("datetime64[s]")
    if "date" in table.columns:
        own = dates(table, file, "date", required=False)
        found = own.where(own.notna(), found)
    return waves, found


def _complete(spec: ScenarioFile, frame: pd.DataFrame, file: str) -> pd.DataFrame:
    """Add what the date gives and what is declared on channel, offers and wave."""
    missing = frame["date"].isna()
    if missing.any() and not missing.all():
        name = frame["activity"].iloc[int(missing.to_numpy().argmax())]
        raise ScenarioError(file, f"activity {name}", None, "has no date, others have; date all of them or none")
    if (twice := frame["activity"].duplicated()).any():
        name = frame["activity"].iloc[int(twice.to_numpy().argmax())]
        raise ScenarioError(file, f"activity {name}", None, "stands twice; rename a channel, an offer or a wave")
    for column, values in date_columns(frame["date"]).items():
        frame[column] = values
    declared = declared_columns(spec, frame["channel"].tolist(), frame["offers"].tolist())
    for column in _declared_names({wave.name: wave for wave in spec.waves}):
        by_wave = {wave.name: wave.columns.get(column) for wave in spec.waves}
        if column in declared.columns:
            raise ScenarioError(
                file, f"waves, column {column}", None, "is declared on channels or offers too; rename one"
            )
        declared[column] = typed(pd.DataFrame({column: frame["wave"].map(by_wave).astype(object)}), file)[column]
    if both := sorted(set(_declared_names(spec.channels)) & set(_declared_names(spec.offers))):
        raise ScenarioError(file, f"offers, column {both[0]}", None, "is declared on channels too; rename one")
    for column in declared.columns:
        if column in frame.columns:
            own = frame[column]
            # The table's own cell stands before what is declared.
            merged = own.astype(object).where(own.notna(), declared[column].astype(object))
            frame[column] = typed(pd.DataFrame({column: merged}), file)[column]
        else:
            frame[column] = declared[column].array
    rest = [column for column in frame.columns if column not in CORE]
    return frame[[*CORE, *rest]]


def _ordered(spec: ScenarioFile, frame: pd.DataFrame) -> pd.DataFrame:
    """By date, then channel, offer and wave as declared, then name."""
    channel = {name: position for position, name in enumerate(spec.channels)}
    offer = {name: position for position, name in enumerate(spec.offers)}
    wave = {one.name: position for position, one in enumerate(spec.waves)}
    far = len(offer)

    def key(row: int) -> tuple[Any, ...]:
        day, name, label = frame["date"].iloc[row], frame["activity"].iloc[row], frame["wave"].iloc[row]
        offers = [(offer.get(one, far), one) for one in frame["offers"].iloc[row]]
        return (
            0 if pd.isna(day) else int(day.timestamp()),
            channel[frame["channel"].iloc[row]],
            offers,
            (wave.get(label, len(wave)), label),
            name,
        )

    return frame.iloc[sorted(range(len(frame)), key=key)].reset_index(drop=True)
