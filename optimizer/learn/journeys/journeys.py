"""Journeys, read and checked: what every attribution model works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.learn.journeys.cut import cut
from optimizer.learn.journeys.events import named, read_events, unit_labels
from optimizer.learn.journeys.grouped import is_grouped, read_grouped
from optimizer.learn.journeys.leads import Reached, with_lead
from optimizer.learn.journeys.nomenclature import UNMAPPED, Nomenclature, read_nomenclature
from optimizer.learn.journeys.paths import Paths
from optimizer.learn.journeys.table import Source, read_table, source_name
from optimizer.learn.journeys.transforms import asked_transforms, transformed
from optimizer.scenario.messages import did_you_mean


@dataclass(frozen=True)
class Journeys:
    """Journeys toward one or several KPIs.

    Parameters
    ----------
    source : str
        What messages call them.
    paths : dict of str to Paths
        By KPI; their names are the rows of ``units``.
    units : DataFrame
        What is touched, a row each: channel, campaign (empty where the input tells none), touches, cost (NaN where the
        input tells none).
    notes : tuple of str
        What was met and done while reading, each with its count.
    unattributed : DataFrame
        kpi, conversions, value: conversions without a touch before them, credited to no one.
    spent : DataFrame
        unit (a row of ``units``), day, touches, cost; empty for grouped paths, which have no times.
    unmapped : DataFrame
        Raw names that no line of the nomenclature fits: name, the columns it looks at, events, conversions, cost; most
        events first.
    reached : dict of str to Reached
        When each KPI was reached; empty for grouped paths.
    """

    source: str
    paths: dict[str, Paths]
    units: pd.DataFrame
    notes: tuple[str, ...] = ()
    unattributed: pd.DataFrame = field(default_factory=pd.DataFrame)
    spent: pd.DataFrame = field(default_factory=pd.DataFrame)
    unmapped: pd.DataFrame = field(default_factory=pd.DataFrame)
    reached: dict[str, Reached] = field(default_factory=dict, repr=False)
    _made: dict[tuple[object, ...], Paths] = field(default_factory=dict, repr=False, compare=False)

    @property
    def kpis(self) -> tuple[str, ...]:
        """The KPIs, in the order of the input."""
        return tuple(self.paths)

    def toward(
        self,
        kpi: str,
        by: str = "channel",
        transforms: str | Sequence[str] | None = None,
        direct: str | None = None,
        *,
        single: bool = False,
        lead: str | None = None,
    ) -> Paths:
        """Paths toward a KPI.

        Parameters
        ----------
        kpi : str
            One of ``kpis``.
        by : str
            ``channel``, or ``campaign`` for campaigns within channels (names are rows of ``units`` then).
        transforms : str or sequence of str, optional
            See ``optimizer.learn.journeys.transforms``.
        direct : str, optional
            The channel without a source, for ``drop_direct``.
        single : bool
            Keep single journeys with their times where the input has them, else count equal paths together.
        lead : str, optional
            A KPI on the way to this one: single journeys say when it was reached in them (``Paths.lead``).

        Raises
        ------
        ScenarioError
            For an unknown KPI, level, transform or lead, and a lead without times.
        """
        asked = asked_transforms(transforms)
        if lead is not None:
            self.check_lead(lead)
        key = (kpi, by, asked, direct, (single or lead is not None) and self.timed(kpi), lead)
        if key not in self._made:
            if kpi not in self.paths:
                raise ScenarioError(self.source, "kpi", kpi, did_you_mean(kpi, self.kpis))
            if by not in ("channel", "campaign"):
                raise ScenarioError("attribution", "by", by, "expected channel or campaign")
            if by == "campaign" and not self.has_campaigns:
                raise ScenarioError(self.source, "by", by, "the journeys name no campaigns; add a column campaign")
            paths = self.paths[kpi]
            paths = paths if by == "campaign" else _by_channel(paths, self.units)
            paths = paths if lead is None or lead == kpi else with_lead(paths, self.reached[lead])
            made = transformed(paths if key[-2] else paths.distinct(), asked, direct)
            self._made[key] = made if key[-2] else made.distinct()
        return self._made[key]

    def check_lead(self, lead: str) -> None:
        """Refuse a lead that is no KPI, or has no times."""
        if lead not in self.paths:
            raise ScenarioError(self.source, "lead", lead, f"is no KPI; {did_you_mean(str(lead), self.kpis)}")
        if lead not in self.reached:
            raise ScenarioError(self.source, "lead", lead, "needs events; grouped paths do not tell when it was made")

    def timed(self, kpi: str) -> bool:
        """Whether the times of touches are known."""
        return kpi in self.paths and self.paths[kpi].age is not None

    @property
    def has_campaigns(self) -> bool:
        """Whether the input names campaigns."""
        return bool((self.units["campaign"] != "").any())

    def __str__(self) -> str:
        lines = [self.source]
        for kpi, paths in self.paths.items():
            conversions, value, lost = paths.totals
            worth = f" worth {value:,.2f}" if paths.valued else ""
            lines.append(f"  {kpi}: {conversions:,.10g} conversions{worth}, {lost:,.10g} journeys without")
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def read_journeys(
    source: Source | Journeys,
    *,
    nomenclature: Any = None,
    identities: Source | None = None,
    lookback: float | Mapping[str, float] | None = None,
    session: float | None = None,
    time_zone: str = "UTC",
    as_of: object = None,
    columns: Mapping[str, str] | None = None,
    separator: str = ">",
    ignore: str | Sequence[str] = (),
) -> Journeys:
    """Read journeys: events, or grouped paths.

    Parameters
    ----------
    source : path or DataFrame
        CSV or Parquet. With a column ``path`` these are grouped paths: ``path`` ("a > b > c"), ``total_conversions``
        and, where known, ``total_conversion_value`` and ``total_null``; several KPIs stand side by side as
        ``total_conversions_<kpi>`` and so on. Else they are events: ``customer_id``, ``timestamp``, ``channel`` and,
        where known, ``campaign``, ``cost``, ``conversion`` (the KPI's name, true/false, or a count with the name in
        ``kpi``), ``value``, ``time_zone``. A row without a channel is a conversion alone.
    nomenclature : path, DataFrame or mapping, optional
        Brings raw names to channels and campaigns, see ``optimizer.learn.journeys.nomenclature``. Raw names stand in
        ``campaign``, else in ``channel`` (or in the path); those it does not know are in ``Journeys.unmapped``.
    identities : path or DataFrame, optional
        A key table whose rows join the identifiers in them, so that online and offline events meet in one person.
    lookback : float or mapping, optional
        Days before a conversion in which a touch counts; by channel where it is a mapping (``*``: all others).
    session : float, optional
        Minutes within which touches of one channel and campaign that follow each other are one.
    time_zone : str
        The zone of moments that are written without one.
    as_of : date or text, optional
        Later events are left out, with a count.
    columns : mapping, optional
        Our name of a column to the table's own.
    separator : str
        What stands between the touches of a path.
    ignore : str or sequence of str
        Columns that do not tell one event from another, such as the time at which a row was loaded: rows that differ
        in them alone are one event. Without them, only rows that repeat another in every column are left out.

    Returns
    -------
    Journeys
        With ``notes``: what was met and done, each with its count.

    Raises
    ------
    ScenarioError
        For input that cannot be read, with file, row, column, value and what was expected.
    """
    if isinstance(source, Journeys):
        return source
    name = source_name(source, "journeys")
    table = read_table(source, "journeys")
    known = None if nomenclature is None else read_nomenclature(nomenclature)
    if is_grouped(table):
        for asked, value in (
            ("identities", identities), ("lookback", lookback), ("session", session), ("as_of", as_of),
            ("ignore", ignore or None),
        ):  # fmt: skip
            if value is not None:
                raise ScenarioError(name, asked, None, "needs events; grouped paths have no customers and no times")
        paths, notes = read_grouped(named(table, columns, name), name, separator)
        return _grouped(name, paths, known, notes)
    events = read_events(
        named(table, columns, name),
        name,
        nomenclature=known,
        identities=identities,
        time_zone=time_zone,
        as_of=as_of,
        ignore=ignore,
    )
    found = cut(events, lookback, session)
    return Journeys(
        name,
        found.paths,
        events.units,
        events.notes + found.notes,
        unattributed=found.unattributed,
        spent=events.spent,
        unmapped=events.unmapped,
        reached=found.reached,
    )


def _grouped(name: str, paths: dict[str, Paths], known: Nomenclature | None, notes: list[str]) -> Journeys:
    """Grouped paths, their names through the nomenclature where there is one."""
    units = units_of(paths)
    unattributed = pd.DataFrame({"kpi": list(paths), "conversions": 0.0, "value": 0.0})
    if known is None:
        return Journeys(name, paths, units, tuple(notes), unattributed=unattributed)
    if known.columns:
        raise ScenarioError(known.file, "names", known.columns[0], "is no column of grouped paths; use patterns alone")
    found, said = known.apply(pd.DataFrame({"name": units["channel"]}))
    missing = found["channel"].isna()
    unmapped = pd.DataFrame(
        {"name": units["channel"], "events": units["touches"], "conversions": np.nan, "cost": np.nan}
    )[missing].sort_values("events", ascending=False, kind="stable", ignore_index=True)
    if len(unmapped):
        shown = ", ".join(f"{row.name} ({row.events:,.10g})" for row in unmapped.head(5).itertuples(index=False))
        said.append(f"{known.file}: {len(unmapped):,} names fit no line: {shown}")
    raw = units.assign(
        channel=found["channel"].fillna(UNMAPPED).astype("str"), campaign=found["campaign"].astype("str")
    )
    # Several raw names may be one campaign.
    group = raw.groupby(["channel", "campaign"], sort=True)
    units = group.agg(touches=("touches", "sum"), cost=("cost", "first")).reset_index()
    code = group.ngroup().to_numpy().astype(np.int32)
    labels = unit_labels(units)
    paths = {kpi: replace(one, names=labels, step=code[one.step]).distinct() for kpi, one in paths.items()}
    return Journeys(name, paths, units, (*notes, *said), unattributed=unattributed, unmapped=unmapped)


def units_of(paths: dict[str, Paths]) -> pd.DataFrame:
    """What grouped paths touch: channels alone, without a cost."""
    names = next(iter(paths.values())).names
    touches = np.zeros(len(names))
    for one in paths.values():
        weight = (one.conversions + one.lost)[one.path]
        touches = np.maximum(touches, np.bincount(one.step, weights=weight, minlength=len(names)))
    return pd.DataFrame(
        {"channel": list(names), "campaign": [""] * len(names), "touches": touches, "cost": np.full(len(names), np.nan)}
    )


def _by_channel(paths: Paths, units: pd.DataFrame) -> Paths:
    """The same journeys with the channels of their units as names."""
    channel = units["channel"].tolist()
    names = tuple(sorted(set(channel)))
    if names == paths.names:
        return paths
    rank = {one: at for at, one in enumerate(names)}
    code = np.array([rank[one] for one in channel], np.int32)
    return replace(paths, names=names, step=code[paths.step])
