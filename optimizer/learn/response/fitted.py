"""What a fit of response curves hands out: curves, parameters, contributions, intervals, diagnostics, files."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.given_numbers import is_number
from optimizer.learn.response.baseline import Baseline
from optimizer.learn.response.bootstrap import Draw, fitted_of
from optimizer.learn.response.choice import Forms
from optimizer.learn.response.model import Model
from optimizer.learn.response.panel import Panel
from optimizer.learn.response.saturation import curve_of
from optimizer.scenario.curves import Curve

if TYPE_CHECKING:
    from collections.abc import Mapping

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FittedPanel:
    """One panel and its fit: all channels of a series, or one channel of an observed table.

    ``unit`` is the response, a unit of size, that is 1 in the fit; ``heldout`` the errors on held-out rows (NaN on the
    others), in the response's own unit, and ``heldout_without`` those of the baseline alone. ``alternatives`` are the
    contributions by row and channel of every choice of forms that the data leave open.
    """

    panel: Panel
    baseline: Baseline
    model: Model
    forms: Forms
    answer: Draw
    draws: tuple[Draw, ...]
    unit: float
    choice: pd.DataFrame
    alternatives: tuple[Floats, ...]
    heldout: Floats
    heldout_without: Floats
    level: float

    def curve(self, channel: int, region: int, periods: float = 1.0, draw: Draw | None = None) -> Curve:
        """The scenario's curve of one channel in one region: response to spend spread evenly over some periods."""
        draw = draw or self.answer
        term, estimate = self.model.terms[channel], draw.estimate
        fitted = estimate.parameters[channel]
        size = float(self.panel.size[region]) * periods
        return curve_of(
            term.saturation,
            term.natural(fitted)[term.carried :],
            estimate.heights[channel] * float(draw.pool.strength[region, channel]),
            term.knots,
            term.unit * size * float(self.panel.price[channel]),
            self.unit * size,
        )

    def contributions(self, draw: Draw | None = None) -> Floats:
        """What each channel added to each row, in the response's unit, shape (rows, channels)."""
        draw = draw or self.answer
        panel = self.panel
        shares = self.model.contributions(draw.estimate) * draw.pool.strength[panel.region]
        return shares * (panel.row_size * self.unit)[:, None]

    @cached_property
    def fitted(self) -> Floats:
        """The fitted response of every row."""
        return fitted_of(self.panel, self.model, self.answer) * self.unit * self.panel.row_size

    def money(self) -> Floats:
        """Spend of each row and channel, volumes at their mean cost where it is known."""
        return self.panel.spend * self.panel.price


def check_periods(place: str, periods: object) -> None:
    """Refuse a horizon that is no finite number of periods above 0."""
    if not (isinstance(periods, Real) and np.isfinite(float(periods)) and float(periods) > 0):
        raise ScenarioError(place, "periods", periods, "expected a finite number above 0")


def whole_number(value: object) -> TypeGuard[float]:
    """Whether a setting is a whole number, such as 3 or 3.0."""
    return is_number(value) and float(value).is_integer()


def between(values: list[float], level: float) -> tuple[float, float]:
    """The middle share of some draws; NaN where there are none."""
    if not values:
        return float("nan"), float("nan")
    low, high = ends(np.asarray(values, float), level)
    return float(low), float(high)


def ends(values: Floats, level: float) -> Floats:
    """Both ends of the middle share of some draws, along the first axis.

    The k-th of n draws stands at k / (n + 1), the share of further draws expected below it. NumPy's default puts the
    least draw at 0 and the largest at 1: of 40 draws its P10 to P90 would hold 76 % of further ones.
    """
    return np.quantile(values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0, method="weibull")


@dataclass(frozen=True)
class FittedCurves:
    """Response curves fitted to spend; see ``fit_curves``.

    Attributes
    ----------
    parts : tuple of FittedPanel
    level : float
        What intervals hold.
    notes : tuple of str
        What was assumed, changed or left out.
    left_out : dict
        Channel -> why it has no curve.
    """

    parts: tuple[FittedPanel, ...] = field(repr=False)
    level: float
    notes: tuple[str, ...]
    left_out: dict[str, str]

    def __str__(self) -> str:
        lines = []
        for part in self.parts:
            for at, channel in enumerate(part.panel.channels):
                curves = [
                    f"{cell_name(channel, region)}: {part.curve(at, code)}"
                    for code, region in enumerate(part.panel.regions)
                ]
                lines += [f"{curve}, carry-over {part.forms[channel][0]}" for curve in curves]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    @property
    def cells(self) -> list[tuple[str, str]]:
        """(channel, region) of every curve; the region is empty where there are none."""
        panels = [part.panel for part in self.parts]
        return [(channel, region) for panel in panels for channel in panel.channels for region in panel.regions]

    @cached_property
    def curves(self) -> dict[str, Curve]:
        """Curve of each cell (``tv``, ``tv[FR]``): response a period to steady spend a period."""
        return self.over(1)

    def over(self, periods: float, *, draw: int | None = None) -> dict[str, Curve]:
        """Curve of each cell: all that a spend spread evenly over so many periods brings, then and later.

        R_H(S) = H · R(S / H): the form stays, its height and its scale grow H-fold.

        Parameters
        ----------
        periods : float
            H, the periods of the horizon.
        draw : int, optional
            A bootstrap draw in place of the estimate, from 0.

        Raises
        ------
        ScenarioError
            When ``periods`` is not a finite number above 0, and for a draw that there is not.
        """
        check_periods("over", periods)
        if draw is not None and not (whole_number(draw) and 0 <= draw < self.draws):
            known = f"a whole number from 0 to {self.draws - 1}" if self.draws else "none: the fit was not drawn again"
            raise ScenarioError("over", "draw", draw, f"expected {known}")
        found = {}
        for part in self.parts:
            one = None if draw is None else part.draws[int(draw)]
            for at, channel in enumerate(part.panel.channels):
                for k, region in enumerate(part.panel.regions):
                    found[cell_name(channel, region)] = part.curve(at, k, periods, one)
        return found

    @property
    def draws(self) -> int:
        """Number of bootstrap draws."""
        return min(len(part.draws) for part in self.parts)

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """channel, region, part (adstock, saturation), form, parameter, value, low, high, at_bound.

        Saturation parameters are those a scenario file takes, for spend and response a period. Carry-over is common to
        the regions, and its region empty. A concave line has its points as parameters ``kink 1`` …
        """
        from optimizer.learn.response.tables import parameters_table

        return parameters_table(self)

    @cached_property
    def contributions(self) -> pd.DataFrame:
        """A row a channel and part of the baseline (and region).

        name, kind (channel, baseline, control, unexplained), region, spend, response, share, per_spend, low, high,
        forms_low, forms_high. ``response`` sums to the whole response, ``share`` to 1 a region. ``low`` and ``high``
        hold the response of a channel given the forms chosen; ``forms_low`` and ``forms_high`` are the least and the
        largest estimate over the forms that foretell about as well and fit nearly as well (BIC within 10).
        """
        from optimizer.learn.response.tables import contributions_table

        return contributions_table(self)

    @cached_property
    def intervals(self) -> pd.DataFrame:
        """The curve a period: channel, region, spend, response, low, high, marginal, extrapolated.

        ``spend`` is 0, 0.25 … 2 times the mean spend of the periods with spend; ``extrapolated`` marks what lies above
        the largest spend seen.
        """
        from optimizer.learn.response.tables import intervals_table

        return intervals_table(self)

    @cached_property
    def diagnostics(self) -> pd.DataFrame:
        """Columns scope (``fit``, or a channel), measure, value: errors in and out of the sample, and what to doubt."""
        from optimizer.learn.response.diagnostics import diagnostics_table

        return diagnostics_table(self)

    @cached_property
    def choice(self) -> pd.DataFrame:
        """scope, adstock, saturation, coefficients, heldout_error, bic, in_reach, chosen: a row a candidate."""
        return pd.concat(
            [part.choice.assign(scope=scope_of(self, part)) for part in self.parts], ignore_index=True
        )[["scope", *self.parts[0].choice.columns]]  # fmt: skip

    @cached_property
    def fit(self) -> pd.DataFrame:
        """scope, region, date, response, fitted, heldout_error: a row a period, as read."""
        from optimizer.learn.response.tables import fit_table

        return fit_table(self)

    def carry_over(self, periods: int, spend: Mapping[str, float] | None = None) -> pd.DataFrame:
        """What crosses the edges of a horizon that begins after the last period.

        Parameters
        ----------
        periods : int
            Periods of the horizon.
        spend : mapping, optional
            Cell -> money over the horizon, spread evenly; the mean of the past elsewhere.

        Returns
        -------
        DataFrame
            channel, region, spend, carried_in (what past spend still brings within the horizon), inside (what the
            horizon's spend adds within it), carried_out (what it adds after it).
        """
        from optimizer.learn.response.carry import carry_over

        return carry_over(self, periods, spend or {})

    def after_past(self, periods: int, *, points: int = 33) -> dict[str, Curve]:
        """Curve of each cell given what past spend still brings: only what the horizon's spend adds, then and later."""
        from optimizer.learn.response.carry import curves_after_past

        return curves_after_past(self, periods, points=points)

    def save(self, folder: str | Path, *, periods: float = 1.0) -> Path:
        """Write curve files that a scenario reads, and the tables; whole or not at all.

        Parameters
        ----------
        folder : path
            Made if absent; an older fit in it is replaced.
        periods : float
            Periods of the scenario's horizon: curves are written for spend over so many.

        Raises
        ------
        ScenarioError
            When the folder holds other files, or cannot be written.
        """
        from optimizer.learn.response.curves_file import save_curves

        return save_curves(self, Path(folder), periods=periods)


def cell_name(channel: str, region: str) -> str:
    """``tv``, or ``tv[FR]``: what a scenario calls a cell."""
    return f"{channel}[{region}]" if region else channel


def scope_of(fitted: FittedCurves, part: FittedPanel) -> str:
    """``fit``, or the channel whose fit of its own it is."""
    return "fit" if part.baseline.columns.shape[1] else part.panel.channels[0]
