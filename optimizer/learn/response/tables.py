"""The tables of a fit: parameters, contributions, curve values with intervals, the fit itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optimizer.learn.response.adstock import ADSTOCKS
from optimizer.learn.response.curve_keys import keys_of
from optimizer.learn.response.fitted import FittedPanel, between, cell_name, ends, scope_of
from optimizer.learn.response.saturation import CONCAVE

if TYPE_CHECKING:
    from optimizer.learn.response.fitted import FittedCurves

#: Multiples of the mean spend at which a curve is told.
MULTIPLES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)


def parameters_table(fitted: FittedCurves) -> pd.DataFrame:
    """See ``FittedCurves.parameters``."""
    rows: list[dict[str, Any]] = []
    for part in fitted.parts:
        for at, term in enumerate(part.model.terms):
            bounds = at_bounds(part, at)
            for k, name in enumerate(ADSTOCKS[term.adstock].parameters):
                drawn = [float(draw.estimate.parameters[at][k]) for draw in part.draws]
                low, high = between(drawn, fitted.level)
                value = float(part.answer.estimate.parameters[at][k])
                rows.append(_parameter(term.channel, "", "adstock", term.adstock, name, value, low, high, bounds[name]))
            for code, region in enumerate(part.panel.regions):
                rows += _curve_rows(fitted, part, at, code, region, bounds)
    columns = ["channel", "region", "part", "form", "parameter", "value", "low", "high", "at_bound"]
    return pd.DataFrame(rows, columns=columns)


def _curve_rows(
    fitted: FittedCurves, part: FittedPanel, at: int, code: int, region: str, bounds: dict[str, bool]
) -> list[dict[str, Any]]:
    """Rows of one curve."""
    form, keys = keys_of(part.curve(at, code))
    channel = part.panel.channels[at]
    if form == "points":
        named = CONCAVE if part.model.terms[at].saturation == CONCAVE else "flat"
        return [
            _parameter(channel, region, "saturation", named, f"kink {k} {axis}", value, np.nan, np.nan, False)
            for k, point in enumerate(keys, start=1)
            for axis, value in zip(("spend", "response"), point, strict=True)
        ]
    drawn = [keys_of(part.curve(at, code, draw=draw)) for draw in part.draws]
    rows = []
    for name, value in keys.items():
        # A draw without any effect has no such parameter but a height of 0.
        tall = name in ("top", "scale")
        values = [found[name] if own == form else 0.0 for own, found in drawn if own == form or tall]
        low, high = between(values, fitted.level)
        rows.append(_parameter(channel, region, "saturation", form, name, value, low, high, bounds.get(name, False)))
    return rows


def _parameter(
    channel: str, region: str, part: str, form: str, name: str, value: float, low: float, high: float, bound: bool
) -> dict[str, Any]:
    return {
        "channel": channel,
        "region": region,
        "part": part,
        "form": form,
        "parameter": name,
        "value": value,
        "low": low,
        "high": high,
        "at_bound": bound,
    }


def at_bounds(part: FittedPanel, at: int) -> dict[str, bool]:
    """Which parameters of a channel ended at a bound; a carry-over of 0 is none, and no bound."""
    term = part.model.terms[at]
    low, high = term.bounds
    fitted = part.answer.estimate.parameters[at]
    if not part.answer.estimate.heights[at].any():
        return dict.fromkeys(term.parameters, False)
    width = np.maximum(high - low, 1e-12)
    near = (fitted - low <= 1e-3 * width) | (high - fitted <= 1e-3 * width)
    found = dict(zip(term.parameters, (bool(value) for value in near), strict=True))
    if term.adstock == "geometric" and term.max_lag:
        found["decay"] = bool(high[0] - fitted[0] <= 1e-3 * width[0])
    return found


def contributions_table(fitted: FittedCurves) -> pd.DataFrame:
    """See ``FittedCurves.contributions``."""
    rows: list[dict[str, Any]] = []
    for part in fitted.parts:
        panel = part.panel
        money, added = part.money(), part.contributions()
        drawn = [_by_region(part, part.contributions(draw)) for draw in part.draws]
        found = _by_region(part, added)
        others = np.array([found, *(_by_region(part, one) for one in part.alternatives)])
        spent = _by_region(part, money)
        whole = _by_region(part, panel.response[:, None])[:, 0]
        parts = _baseline_parts(part)
        other = _by_region(part, np.column_stack(list(parts.values()))) if parts else np.empty((len(whole), 0))
        for code, region in enumerate(panel.regions):
            total = float(whole[code])
            explained = 0.0
            for at, channel in enumerate(panel.channels):
                value, spend = float(found[code, at]), float(spent[code, at])
                low, high = between([float(one[code, at]) for one in drawn], fitted.level)
                explained += value
                row = _contribution(channel, "channel", region, spend, value, total, low, high)
                row["forms_low"], row["forms_high"] = (float(least(others[:, code, at])) for least in (np.min, np.max))
                rows.append(row)
            for k, name in enumerate(parts):
                value = float(other[code, k])
                explained += value
                kind = "baseline" if name in ("level", "trend", "season") else "control"
                rows.append(_contribution(name, kind, region, np.nan, value, total, np.nan, np.nan))
            rest = total - explained
            scope = "" if part.baseline.columns.shape[1] else f" {panel.channels[0]}"
            rows.append(_contribution(f"rest{scope}", "unexplained", region, np.nan, rest, total, np.nan, np.nan))
    return pd.DataFrame(rows)


def _contribution(
    name: str, kind: str, region: str, spend: float, response: float, total: float, low: float, high: float
) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "region": region,
        "spend": spend,
        "response": response,
        "share": response / total if total else np.nan,
        "per_spend": response / spend if spend > 0 else np.nan,
        "low": low,
        "high": high,
        "forms_low": np.nan,
        "forms_high": np.nan,
    }


def _by_region(part: FittedPanel, values: np.ndarray) -> np.ndarray:
    """Sums of the rows of each region, shape (regions, columns)."""
    found = np.zeros((len(part.panel.regions), values.shape[1]))
    np.add.at(found, part.panel.region, values)
    return found


def _baseline_parts(part: FittedPanel) -> dict[str, np.ndarray]:
    """What each part of the baseline adds to each row."""
    scale = part.unit * part.panel.row_size
    found: dict[str, np.ndarray] = {}
    for at, name in enumerate(part.baseline.group):
        added = part.baseline.columns[:, at] * part.answer.estimate.baseline[at] * scale
        found[name] = found.get(name, 0.0) + added
    if found:
        found["level"] = found["level"] + part.answer.pool.shift[part.panel.region] * scale
    return found


def mean_spend(part: FittedPanel, at: int, code: int) -> tuple[float, float]:
    """Mean over the periods with spend, and the largest, of a channel in a region (of all, where it has none)."""
    panel = part.panel
    money = part.money()[:, at]
    own = money[panel.region == code]
    if not own.any():
        sized = money / panel.row_size
        return float(sized[sized > 0].mean() * panel.size[code]), 0.0
    return float(own[own > 0].mean()), float(own.max())


def intervals_table(fitted: FittedCurves) -> pd.DataFrame:
    """See ``FittedCurves.intervals``."""
    frames = []
    for part in fitted.parts:
        for at, channel in enumerate(part.panel.channels):
            for code, region in enumerate(part.panel.regions):
                mean, largest = mean_spend(part, at, code)
                spend = np.array(MULTIPLES) * mean
                curve = part.curve(at, code)
                drawn = np.array([part.curve(at, code, draw=draw).value(spend) for draw in part.draws])
                low, high = ends(drawn, fitted.level) if len(drawn) else np.full((2, len(spend)), np.nan)
                frames.append(
                    pd.DataFrame(
                        {
                            "channel": channel,
                            "region": region,
                            "spend": spend,
                            "response": curve.value(spend),
                            "low": low,
                            "high": high,
                            "marginal": curve.slope(spend),
                            "extrapolated": spend > largest,
                        }
                    )
                )
    return pd.concat(frames, ignore_index=True)


def fit_table(fitted: FittedCurves) -> pd.DataFrame:
    """See ``FittedCurves.fit``."""
    frames = []
    for part in fitted.parts:
        panel = part.panel
        dates = pd.NaT if panel.days is None else pd.to_datetime(panel.days.astype("datetime64[D]"))
        frames.append(
            pd.DataFrame(
                {
                    "scope": scope_of(fitted, part),
                    "region": np.array(panel.regions, dtype=object)[panel.region],
                    "date": dates,
                    "response": panel.response,
                    "fitted": part.fitted,
                    "heldout_error": part.heldout,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


__all__ = [
    "at_bounds",
    "cell_name",
    "contributions_table",
    "fit_table",
    "intervals_table",
    "mean_spend",
    "parameters_table",
]
