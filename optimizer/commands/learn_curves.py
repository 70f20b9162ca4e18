"""``optimizer learn curves``: fit response curves, write their files, say what each channel brought."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from optimizer.commands.console import messages, print_json, results, say, table
from optimizer.errors import ScenarioError
from optimizer.learn.response.curve_keys import keys_of
from optimizer.learn.response.curves_file import check_ours, summary_of
from optimizer.learn.response.diagnostics import warnings_of
from optimizer.learn.response.fit import fit_curves
from optimizer.learn.response.fitted import FittedCurves, cell_name
from optimizer.learn.response.importers import import_curves


def run_curves(
    file: Path,
    *,
    out: Path | None,
    periods: float,
    quiet: bool,
    as_json: bool,
    costs: Sequence[str],
    **asked: Any,
) -> None:
    """Fit ``file``, write the folder, print the summary."""
    folder = out if out is not None else file.parent / "curves"
    check_ours(folder)  # Before the fit, not after it.
    console = messages()
    tell = None if quiet or as_json else lambda words: console.print(words, soft_wrap=True, markup=False)
    fitted = fit_curves(file, costs=_pairs(costs), progress=tell, **asked)
    fitted.save(folder, periods=periods)
    if as_json:
        print_json(summary_of(fitted, periods))
        return
    _tell(fitted, folder)


def run_import(
    file: Path, *, kind: str, spans: float, periods: float, region: str | None, out: Path | None
) -> None:
    """Convert curves that were fitted elsewhere, write them, and say what each is."""
    folder = out if out is not None else file.parent / "curves"
    check_ours(folder)
    found = import_curves(file, kind, region=region, periods=spans)
    over = found.over(periods)
    found.save(folder, periods=periods)
    for name, curve in over.items():
        form, keys = keys_of(curve)
        words = f"{len(keys)} points" if form == "points" else ", ".join(f"{k} {v:,.6g}" for k, v in keys.items())
        say(f"{name}: {form}, {words}")
    say(f"curves over {periods:g} period{'s' * (periods != 1)} in {folder}")


def _tell(fitted: FittedCurves, folder: Path) -> None:
    """What each channel brought, how well the fit foretells, what to doubt, where the files are."""
    out = results()
    found = fitted.contributions[fitted.contributions["kind"] == "channel"]
    forms = {channel: " + ".join(pair) for part in fitted.parts for channel, pair in part.forms.items()}
    shown = pd.DataFrame(
        {
            "cell": [cell_name(*pair) for pair in zip(found["name"], found["region"], strict=True)],
            "form": [forms[name] for name in found["name"]],
            "spend": [_figure(value) for value in found["spend"]],
            "response": [_figure(value) for value in found["response"]],
            "between": [f"{_figure(a)} – {_figure(b)}" for a, b in zip(found["low"], found["high"], strict=True)],
            "share": [f"{100 * value:.1f} %" for value in found["share"]],
            "per_spend": [_figure(value) for value in found["per_spend"]],
        }
    )
    headers = {
        "cell": "channel",
        "form": "carry-over + saturation",
        "spend": "spend",
        "response": "response",
        "between": f"{fitted.level:.0%} interval",
        "share": "share",
        "per_spend": "per spend",
    }
    out.print(table("What each channel brought", shown, headers))
    measures = fitted.diagnostics.set_index(["scope", "measure"])["value"]
    for scope in dict.fromkeys(row for row, measure in measures.index if measure == "r2"):
        held = measures.get((scope, "heldout_nrmse"))
        words = "no periods held out" if held is None else f"held out: NRMSE {held:.3f}, R² " + (
            f"{measures[(scope, 'heldout_r2')]:.3f}, MAPE {100 * measures[(scope, 'heldout_mape')]:.1f} %"
        )  # fmt: skip
        say(f"{scope}: R² {measures[(scope, 'r2')]:.3f}, NRMSE {measures[(scope, 'nrmse')]:.3f}; {words}")
    for note in [*fitted.notes, *warnings_of(fitted)]:
        say(f"note: {note}")
    say(f"curves in {folder} (open {folder / 'curves.html'})")


def _figure(value: float) -> str:
    """Six digits, thousands apart; empty where there is none."""
    return "" if pd.isna(value) else f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"


def _pairs(costs: Sequence[str]) -> dict[str, str]:
    """``volume=spend`` as a mapping."""
    found = {}
    for pair in costs:
        volume, mark, spend = pair.partition("=")
        if not mark or not volume or not spend:
            raise ScenarioError("--cost", "value", pair, "expected VOLUME=SPEND, two columns of the table")
        found[volume] = spend
    return found
