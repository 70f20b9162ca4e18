"""The files of a fit: curves as a scenario reads them, and the tables beside them.

- ``<channel>.csv``: a row a region (several for points), for a medium's ``curve: {table: curves/tv.csv}``
- ``<channel>.yaml``: the curve and its reference, for a channel's ``response_curve: curves/print.yaml``; with regions
  ``<channel>.<region>.yaml``
- ``media.yaml``: a ``media:`` section to copy into a scenario
- ``parameters.csv``, ``contributions.csv``, ``intervals.csv``, ``diagnostics.csv``, ``choice.csv``, ``fit.csv``: as the
  attributes of the fit
- ``draws.csv``: every curve of every bootstrap draw: draw, channel, region, form, parameters
- ``curves.html``: pictures of the curves with their intervals
- ``summary.json``: what was fitted, notes, and the list of these files
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from optimizer.errors import ScenarioError
from optimizer.learn.response.curve_keys import keys_of
from optimizer.learn.response.diagnostics import warnings_of
from optimizer.learn.response.fitted import FittedPanel, between, check_periods
from optimizer.learn.response.tables import mean_spend
from optimizer.plan.write import summary_text, whole_folder, write_csv
from optimizer.scenario.curves import Curve

if TYPE_CHECKING:
    from optimizer.learn.response.fitted import FittedCurves

SUMMARY = "summary.json"
TABLES = ("parameters", "contributions", "intervals", "diagnostics", "choice", "fit")
_RESERVED = frozenset({"summary", "media", "draws", "curves", *TABLES})


def save_curves(fitted: FittedCurves, folder: Path, *, periods: float) -> Path:
    """See ``FittedCurves.save``."""
    check_periods("save", periods)
    from optimizer.learn.response.page import curves_page

    names = file_names([channel for part in fitted.parts for channel in part.panel.channels])
    with whole_folder(folder, check=check_ours) as partial:
        for part in fitted.parts:
            for at, channel in enumerate(part.panel.channels):
                if part.panel.in_money[at]:
                    write_csv(curve_table(part, at, periods), partial / f"{names[channel]}.csv")
                for code, region in enumerate(part.panel.regions):
                    ending = f".{_plain(region)}" if region else ""
                    text = response_curve_text(fitted, part, at, code, periods)
                    (partial / f"{names[channel]}{ending}.yaml").write_text(text, encoding="utf-8")
        (partial / "media.yaml").write_text(media_text(fitted, names, periods), encoding="utf-8")
        for table in TABLES:
            write_csv(getattr(fitted, table), partial / f"{table}.csv")
        write_csv(draws_table(fitted, periods), partial / "draws.csv")
        (partial / "curves.html").write_text(curves_page(fitted), encoding="utf-8")
        files = sorted([*(file.name for file in partial.iterdir()), SUMMARY])
        (partial / SUMMARY).write_text(summary_text(summary_of(fitted, periods) | {"files": files}), encoding="utf-8")
    return folder


def save_tables(tables: dict[str, pd.DataFrame], folder: Path, *, periods: float) -> Path:
    """Write one table a channel, and the list of files."""
    names = file_names(list(tables))
    with whole_folder(folder, check=check_ours) as partial:
        for channel, table in tables.items():
            write_csv(table, partial / f"{names[channel]}.csv")
        files = sorted([*(file.name for file in partial.iterdir()), SUMMARY])
        (partial / SUMMARY).write_text(summary_text({"periods": periods, "files": files}), encoding="utf-8")
    return folder


def check_ours(folder: Path) -> None:
    """Refuse an output folder that holds files which no fit wrote: they would be lost."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ScenarioError(str(folder), "output folder", None, "is not a folder; name another")
    if not folder.exists():
        return
    try:
        ours = set(json.loads((folder / SUMMARY).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        ours = set()
    if strangers := sorted(entry.name for entry in folder.iterdir() if entry.name not in ours):
        raise ScenarioError(
            str(folder), "output folder", None, f"holds {strangers[0]!r}, which no fit wrote; name another"
        )


def file_names(channels: list[str]) -> dict[str, str]:
    """A file name, without its ending, for every channel: letters, digits and ._- as they are."""
    found: dict[str, str] = {}
    taken = set(_RESERVED)
    for channel in channels:
        name = _plain(channel)
        known = name
        number = 2
        while name.lower() in taken:
            name, number = f"{known}_{number}", number + 1
        taken.add(name.lower())
        found[channel] = name
    return found


def curve_table(part: FittedPanel, at: int, periods: float) -> pd.DataFrame:
    """The curves of one channel as a medium's ``curve: {table: …}`` reads them."""
    rows: list[dict[str, Any]] = []
    for code, region in enumerate(part.panel.regions):
        cell = {part.panel.by: region} if part.panel.by else {}
        rows += [cell | row for row in _rows(part.curve(at, code, periods))]
    return pd.DataFrame(rows)


def draws_table(fitted: FittedCurves, periods: float) -> pd.DataFrame:
    """Every curve of every draw, with the columns of ``curve_table`` after draw, channel and region."""
    rows = [
        {"draw": number, "channel": channel, "region": region, **row}
        for part in fitted.parts
        for at, channel in enumerate(part.panel.channels)
        for code, region in enumerate(part.panel.regions)
        for number, draw in enumerate(part.draws)
        for row in _rows(part.curve(at, code, periods, draw))
    ]
    return pd.DataFrame(rows, columns=None if rows else ["draw", "channel", "region", "form"])


def response_curve_text(fitted: FittedCurves, part: FittedPanel, at: int, code: int, periods: float) -> str:
    """A channel's ``response_curve`` file: the curve, and the reference at which scores are to be calibrated."""
    curve = part.curve(at, code, periods)
    form, keys = keys_of(curve)
    mean, largest = mean_spend(part, at, code)
    reference = "spend_ref" if part.panel.in_money[at] else "volume_ref"
    what = "spend" if part.panel.in_money[at] else "volume"
    where = f" in {part.panel.regions[code]}" if part.panel.by else ""
    comments = [
        f"{part.panel.channels[at]}{where}: response to {what} over {periods:g} period{'s' * (periods != 1)}, "
        "then and later",
        f"reference: the mean of the periods with {what}; the largest seen in a period is {largest:.6g}",
    ]
    if len(part.draws):
        drawn = [float(part.curve(at, code, periods, draw).value(mean * periods)) for draw in part.draws]
        low, high = between(drawn, fitted.level)
        value = float(curve.value(mean * periods))
        comments.append(f"response at the reference {value:.6g}, {fitted.level:.0%} interval {low:.6g} to {high:.6g}")
    if form == "points" and not keys[-1][1] > 0:
        comments.append("no effect was found: a channel cannot be calibrated on this curve")
    body = yaml.safe_dump({form: keys, reference: mean * periods}, sort_keys=False, default_flow_style=None)
    return "".join(f"# {line}\n" for line in comments) + body


def media_text(fitted: FittedCurves, names: dict[str, str], periods: float) -> str:
    """A ``media:`` section: spend up to the largest seen, the curve's table."""
    media: dict[str, Any] = {}
    for part in fitted.parts:
        for at, channel in enumerate(part.panel.channels):
            if not part.panel.in_money[at]:
                continue
            largest = max(mean_spend(part, at, code)[1] for code in range(len(part.panel.regions)))
            media[channel] = {
                **({"by": [part.panel.by]} if part.panel.by else {}),
                "spend": {"min": 0.0, "max": largest * periods},
                "curve": {"table": f"{names[channel]}.csv"},
                "in": "responses",
            }
    head = (
        f"# Media for a horizon of {periods:g} period{'s' * (periods != 1)}; paths are relative to this folder.\n"
        "# `in` says what the response was: responses (then state gross_margin), gross_margin, or a kpi.\n"
        "# Above the largest spend seen a curve is extrapolated; `max` stands there.\n"
    )
    return head + yaml.safe_dump({"media": media}, sort_keys=False, allow_unicode=True, width=120)


def summary_of(fitted: FittedCurves, periods: float) -> dict[str, Any]:
    """What was fitted, in a page of JSON."""
    measures: dict[str, dict[str, float]] = {}
    for row in fitted.diagnostics.to_dict("records"):
        measures.setdefault(str(row["scope"]), {})[str(row["measure"])] = float(row["value"])
    forms = {channel: list(pair) for part in fitted.parts for channel, pair in part.forms.items()}
    return {
        "periods": periods,
        "level": fitted.level,
        "draws": fitted.draws,
        "forms": forms,
        "measures": measures,
        "notes": list(fitted.notes),
        "warnings": warnings_of(fitted),
        "left_out": fitted.left_out,
    }


def _rows(curve: Curve) -> list[dict[str, Any]]:
    form, keys = keys_of(curve)
    if form == "points":
        return [{"form": form, "spend": spend, "response": response} for spend, response in keys]
    return [{"form": form, **keys}]


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip(".") or "_"
