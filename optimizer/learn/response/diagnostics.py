"""What to believe of a fit: errors in and out of the sample, and what makes a channel doubtful.

- r2: 1 − Σ e² / Σ (y − ȳ)²
- nrmse: √(mean e²) / (max y − min y), as Robyn reports it
- heldout_…: the same on periods that the fit had not seen (though the forms were chosen on them)
- heldout_nrmse_without_spend: of the baseline alone, to hold the fit against
- mape: mean |e / y| over rows with y ≠ 0
- autocorrelation, durbin_watson: of the residuals, one period apart, within regions
- vif, spend_vif: 1 / (1 − R²) of a channel's contribution, and of its spend, against the baseline and those of the
  other channels (collinearity)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.learn.response.bootstrap import coefficients
from optimizer.learn.response.fitted import FittedPanel, scope_of
from optimizer.learn.response.tables import at_bounds

if TYPE_CHECKING:
    from optimizer.learn.response.fitted import FittedCurves

Floats = NDArray[np.float64]
#: Above this a channel is hardly told apart from the others.
HIGH_VIF = 10.0
#: Forms that foretell about as well and differ by more than this factor do not agree.
FAR_APART = 1.5


def diagnostics_table(fitted: FittedCurves) -> pd.DataFrame:
    """See ``FittedCurves.diagnostics``."""
    rows: list[tuple[str, str, float]] = []
    for part in fitted.parts:
        scope = scope_of(fitted, part)
        error = part.panel.response - part.fitted
        held = ~np.isnan(part.heldout)
        rows += [
            (scope, "rows", part.panel.rows),
            (scope, "coefficients", coefficients(part.model, part.answer.estimate)),
            *((scope, name, value) for name, value in errors(part.panel.response, error).items()),
            (scope, "heldout_rows", int(held.sum())),
        ]
        if held.any():
            found = errors(part.panel.response[held], part.heldout[held])
            rows += [(scope, f"heldout_{name}", value) for name, value in found.items()]
            bare = errors(part.panel.response[held], part.heldout_without[held])
            rows.append((scope, "heldout_nrmse_without_spend", bare["nrmse"]))
        rows += [
            (scope, "autocorrelation", _autocorrelation(part, error)),
            (scope, "durbin_watson", _durbin_watson(part, error)),
            (scope, "starts_that_agree", part.answer.estimate.agreement),
        ]
        rows += _channel_rows(part)
    return pd.DataFrame(rows, columns=["scope", "measure", "value"])


def errors(response: Floats, error: Floats) -> dict[str, float]:
    """r2, nrmse and mape of some rows."""
    spread = float(np.sum((response - response.mean()) ** 2))
    width = float(np.ptp(response))
    live = response != 0
    return {
        "r2": 1.0 - float(error @ error) / spread if spread else np.nan,
        "nrmse": float(np.sqrt(np.mean(error**2))) / width if width else np.nan,
        "mape": float(np.mean(np.abs(error[live] / response[live]))) if live.any() else np.nan,
    }


def warnings_of(fitted: FittedCurves) -> list[str]:
    """What a planner should know before using the curves."""
    table = fitted.diagnostics.set_index(["scope", "measure"])["value"]
    found = []
    for part in fitted.parts:
        for at, channel in enumerate(part.panel.channels):
            if not part.answer.estimate.heights[at].any():
                found.append(f"{channel}: no effect found; its curve is flat at 0")
            if bounded := [name for name, there in at_bounds(part, at).items() if there]:
                names = ", ".join(bounded)
                found.append(f"{channel}: {names} ended at a bound; the spend seen does not tell the shape")
            vif = max(float(table[(channel, "vif")]), float(table[(channel, "spend_vif")]))
            if vif > HIGH_VIF:
                found.append(f"{channel}: hardly told apart from the other terms (variance inflation {vif:,.0f})")
            own = fitted.contributions.query("kind == 'channel' and name == @channel")
            least, most = float(own["forms_low"].sum()), float(own["forms_high"].sum())
            if most > FAR_APART * least:
                words = f"forms that foretell about as well give it {least:,.6g} to {most:,.6g}"
                found.append(f"{channel}: {words}; an experiment would tell")
        scope = scope_of(fitted, part)
        near = float(table[(scope, "autocorrelation")])
        if abs(near) > 0.4 and part.panel.rows >= 24:
            found.append(f"{scope}: residuals follow each other (autocorrelation {near:.2f}); a term may be missing")
    return found


def _channel_rows(part: FittedPanel) -> list[tuple[str, str, float]]:
    rows: list[tuple[str, str, float]] = []
    added = part.model.contributions(part.answer.estimate)
    spent = part.panel.spend / part.panel.row_size[:, None] / np.array([term.unit for term in part.model.terms])
    for at, channel in enumerate(part.panel.channels):
        inflation = [
            _inflation(columns[:, at], np.column_stack((part.baseline.columns, np.delete(columns, at, axis=1))))
            for columns in (added, spent)
        ]
        rows += [
            (channel, "rows_with_spend", int(np.count_nonzero(spent[:, at]))),
            (channel, "vif", inflation[0]),
            (channel, "spend_vif", inflation[1]),
            (channel, "parameters_at_bound", sum(at_bounds(part, at).values())),
        ]
        if len(part.panel.regions) > 1:
            rows.append((channel, "spread_of_regions", float(part.answer.pool.spread[at])))
    return rows


def _inflation(column: Floats, others: Floats) -> float:
    """Variance inflation; 1 for a column that nothing else explains."""
    centred = column - column.mean() if others.shape[1] else column
    whole = float(centred @ centred)
    if not whole or not others.shape[1]:
        return 1.0
    rest = column - others @ np.linalg.lstsq(others, column, rcond=None)[0]
    return whole / max(float(rest @ rest), 1e-12 * whole)


def _pairs(part: FittedPanel, error: Floats) -> tuple[Floats, Floats]:
    """Residuals a unit of size, of periods that follow each other within a region."""
    sized = error / part.panel.row_size
    follows = np.diff(part.panel.position) == 1
    same = part.panel.region[1:] == part.panel.region[:-1]
    return sized[:-1][follows & same], sized[1:][follows & same]


def _autocorrelation(part: FittedPanel, error: Floats) -> float:
    if part.panel.days is None:
        return float("nan")
    before, after = _pairs(part, error)
    whole = float(np.sum((error / part.panel.row_size) ** 2))
    return float(before @ after) / whole if whole and len(before) else float("nan")


def _durbin_watson(part: FittedPanel, error: Floats) -> float:
    if part.panel.days is None:
        return float("nan")
    before, after = _pairs(part, error)
    whole = float(np.sum((error / part.panel.row_size) ** 2))
    return float(np.sum((after - before) ** 2)) / whole if whole and len(before) else float("nan")
