"""Journeys, read and checked: what every attribution model works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.learn.journeys.grouped import is_grouped, read_grouped
from optimizer.learn.journeys.paths import Paths
from optimizer.learn.journeys.table import Source, read_table, source_name
from optimizer.learn.journeys.transforms import transformed
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
    """

    source: str
    paths: dict[str, Paths]
    units: pd.DataFrame
    notes: tuple[str, ...] = ()
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

        Raises
        ------
        ScenarioError
            For an unknown KPI, level or transform.
        """
        asked = () if transforms is None else (transforms,) if isinstance(transforms, str) else tuple(transforms)
        key = (kpi, by, asked, direct, single and self.timed(kpi))
        if key not in self._made:
            if kpi not in self.paths:
                raise ScenarioError(self.source, "kpi", kpi, did_you_mean(kpi, self.kpis))
            if by not in ("channel", "campaign"):
                raise ScenarioError("attribution", "by", by, "expected channel or campaign")
            if by == "campaign" and not self.has_campaigns:
                raise ScenarioError(self.source, "by", by, "the journeys name no campaigns; add a column campaign")
            paths = self.paths[kpi]
            paths = paths if by == "campaign" else _by_channel(paths, self.units)
            made = transformed(paths if key[-1] else paths.distinct(), asked, direct)
            self._made[key] = made if key[-1] else made.distinct()
        return self._made[key]

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


def read_journeys(source: Source | Journeys, *, separator: str = ">") -> Journeys:
    """Read journeys.

    Parameters
    ----------
    source : path or DataFrame
        CSV or Parquet. With a column ``path`` these are grouped paths: ``path`` ("a > b > c"), ``total_conversions``
        and, where known, ``total_conversion_value`` and ``total_null``; several KPIs stand side by side as
        ``total_conversions_<kpi>`` and so on.
    separator : str
        What stands between the touches of a path.

    Returns
    -------
    Journeys

    Raises
    ------
    ScenarioError
        For input that cannot be read, with file, row, column, value and what was expected.
    """
    if isinstance(source, Journeys):
        return source
    name = source_name(source, "journeys")
    table = read_table(source, "journeys")
    if not is_grouped(table):
        raise ScenarioError(name, "column path", None, f"is missing; {did_you_mean('path', table.columns)}")
    paths, notes = read_grouped(table, name, separator)
    return Journeys(name, paths, units_of(paths), tuple(notes))


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
