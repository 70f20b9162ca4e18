"""A nomenclature: the raw campaign names of each tool and country brought to channels and campaigns.

A YAML file with a list ``names``, or a CSV table with the same columns. The first line that fits a row is taken:

    names:
      - {tool: google_ads, country: FR, glob: "SEA_*_MARQUE*", channel: search, campaign: brand}
      - {regex: "eml-(?P<season>[a-z]+)-[0-9]+", channel: email, campaign: "{season} mailing"}
      - {glob: ["(direct)", "(none)"], channel: direct}

``glob`` (``*`` any text, ``?`` a sign, ``[ab]`` one of) or ``regex`` must fit the whole raw name, capitals or not. Any
further key is a column of the journeys (tool, country …) whose value it must be, or one of a list. ``campaign`` may use
the groups of the regex; where it is left out the raw name stays. A row without a raw name fits no line.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.learn.journeys.table import read_table
from optimizer.scenario.columns import as_text
from optimizer.scenario.messages import did_you_mean
from optimizer.scenario.reading import read_document

#: The channel of a name that no line fits.
UNMAPPED = "(unmapped)"
_KEYS = ("glob", "regex", "channel", "campaign")


@dataclass(frozen=True)
class Line:
    """One line: what it fits and what it says."""

    place: str
    pattern: re.Pattern[str]
    columns: dict[str, tuple[str, ...]]
    channel: str
    campaign: str | None


@dataclass(frozen=True)
class Nomenclature:
    """Lines in the order in which they are tried."""

    file: str
    lines: tuple[Line, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the journeys that lines look at, beside the raw name."""
        return tuple(sorted({column for line in self.lines for column in line.columns}))

    def apply(self, names: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
        """Channel and campaign of raw names.

        Parameters
        ----------
        names : DataFrame
            A row a distinct combination of ``name`` and ``columns``, as text.

        Returns
        -------
        DataFrame
            channel (missing where no line fits) and campaign, a row each.
        list of str
            Lines that fit nothing.
        """
        # Spaces around a name are no part of it.
        raw = names["name"].fillna("").str.strip().tolist()
        cells = {column: names[column].str.strip().str.casefold() for column in self.columns}
        channel = np.full(len(names), None, dtype=object)
        campaign = np.array(raw, dtype=object)
        open_ = np.array([bool(one) for one in raw], bool)
        notes = []
        for line in self.lines:
            fits = open_.copy()
            for column, wanted in line.columns.items():
                fits &= cells[column].isin([one.casefold() for one in wanted]).to_numpy(bool)
            fitted = 0
            for row in np.flatnonzero(fits).tolist():
                match = line.pattern.fullmatch(raw[row])
                if match is None:
                    continue
                fitted += 1
                open_[row] = False
                channel[row] = line.channel
                if line.campaign is not None:
                    campaign[row] = line.campaign.format_map(_Filled(match.groupdict()))
            if not fitted:
                notes.append(f"{self.file}: {line.place} fits no name that earlier lines left")
        return pd.DataFrame({"channel": channel, "campaign": campaign}), notes


class _Filled(dict[str, str | None]):
    """Groups of a match by name; one that took no part is empty."""

    def __getitem__(self, key: str) -> str:
        return super().__getitem__(key) or ""


def read_nomenclature(source: str | Path | pd.DataFrame | Mapping[str, Any] | Nomenclature) -> Nomenclature:
    """Read a nomenclature.

    Parameters
    ----------
    source : path, DataFrame or mapping
        ``.yaml``, ``.yml`` or ``.json`` with a key ``names``, or a table of lines.

    Raises
    ------
    ScenarioError
        For a line without a pattern or a channel, a pattern that is none, and a campaign that uses no group of it.
    """
    if isinstance(source, Nomenclature):
        return source
    if isinstance(source, Mapping):
        return _from_lines("nomenclature", source.get("names"), lambda at: f"names[{at + 1}]")
    if isinstance(source, str | Path) and Path(source).suffix.lower() in (".yaml", ".yml", ".json"):
        document = read_document(Path(source))
        content = document.content
        lines = content.get("names") if isinstance(content, Mapping) else content
        return _from_lines(document.file, lines, lambda at: document.where(("names", at)))
    file = "nomenclature (DataFrame)" if isinstance(source, pd.DataFrame) else str(source)
    table = read_table(source, "nomenclature")
    words = pd.DataFrame({column: as_text(table[column]).astype(object) for column in table.columns})
    rows = [{key: value for key, value in row.items() if isinstance(value, str)} for row in words.to_dict("records")]
    return _from_lines(file, rows, lambda at: f"row {at + 1}")


def _from_lines(file: str, lines: Any, where: Any) -> Nomenclature:
    if not isinstance(lines, list) or not lines:
        raise ScenarioError(file, "names", None, "expected a list of {glob or regex, channel, campaign, …}")
    return Nomenclature(file, tuple(_line(file, where(at), line) for at, line in enumerate(lines)))


def _line(file: str, place: str, line: Any) -> Line:
    if not isinstance(line, Mapping):
        raise ScenarioError(file, place, line, "expected {glob or regex, channel, campaign, …}")
    if ("glob" in line) == ("regex" in line):
        raise ScenarioError(file, place, dict(line), f"expected glob or regex, one of both; {_hint(line)}")
    if not isinstance(line.get("channel"), str) or not line["channel"]:
        raise ScenarioError(file, f"{place}.channel", line.get("channel"), f"expected a channel's name; {_hint(line)}")
    globs = line.get("glob")
    patterns = [globs] if isinstance(globs, str) else globs if globs is not None else [line["regex"]]
    if not isinstance(patterns, list) or not patterns or not all(isinstance(one, str) for one in patterns):
        raise ScenarioError(file, f"{place}.glob", globs, "expected a pattern or a list of them")
    try:
        spelled = patterns if globs is None else [fnmatch.translate(one) for one in patterns]
        pattern = re.compile("|".join(f"(?:{one})" for one in spelled), re.IGNORECASE)
    except re.error as error:
        raise ScenarioError(file, f"{place}.regex", line["regex"], f"is no regular expression: {error}") from error
    campaign = line.get("campaign")
    if campaign is not None:
        campaign = str(campaign)
        try:
            campaign.format_map(_Filled(dict.fromkeys(pattern.groupindex, "")))
        except (KeyError, ValueError, IndexError) as error:
            known = ", ".join(pattern.groupindex) or "none"
            raise ScenarioError(
                file, f"{place}.campaign", campaign, f"expected groups of the regex in braces (it has: {known})"
            ) from error
    columns = {
        str(key): _wanted(file, f"{place}.{key}", value)
        for key, value in line.items()
        if key not in _KEYS and value is not None
    }
    return Line(place, pattern, columns, line["channel"], campaign)


def _wanted(file: str, place: str, value: Any) -> tuple[str, ...]:
    """The values of a column that a line is for: one, or a list."""
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in values):
        raise ScenarioError(file, place, value, "expected a value of that column, or a list of them")
    return tuple(str(one).strip() for one in values)


def _hint(line: Mapping[str, Any]) -> str:
    unknown = [str(key) for key in line if key not in _KEYS]
    return did_you_mean(unknown[0], _KEYS) if unknown else "known: glob, regex, channel, campaign, and columns"
