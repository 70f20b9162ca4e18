"""``fit_curves``: from a table of spend and response to response curves a scenario reads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.response.adstock import ADSTOCKS
from optimizer.learn.response.baseline import Baseline, baseline_of, no_baseline
from optimizer.learn.response.bootstrap import draws_of, with_pool
from optimizer.learn.response.choice import (
    STRONG_EVIDENCE,
    Forms,
    Settings,
    choose,
    default_holdout,
    evaluate,
    folds_of,
    without_spend,
)
from optimizer.learn.response.fitted import FittedCurves, FittedPanel, whole_number
from optimizer.learn.response.panel import Panel, choose_region, read_observed, read_series, read_table
from optimizer.learn.response.saturation import CONCAVE, SHAPES
from optimizer.scenario.messages import did_you_mean

Floats = NDArray[np.float64]
#: A shape needs at least so many periods with spend, and so many different heights of it.
SHAPE_PERIODS, SHAPE_HEIGHTS = 10, 6
AUTO = "auto"
#: Tried in this order; of two that the data do not tell apart the first is taken.
_ADSTOCKS = ("geometric", "none", "delayed", "weibull_cdf", "weibull_pdf")
Progress = Callable[[str], None]


def fit_curves(
    spend: str | Path | pd.DataFrame,
    *,
    response: str = "response",
    date: str = "date",
    channels: str | Sequence[str] | None = None,
    region: str | None = None,
    controls: str | Sequence[str] = (),
    size: str | None = None,
    costs: Mapping[str, str] | None = None,
    volumes: str | Sequence[str] = (),
    date_format: str | None = None,
    adstock: str | Mapping[str, str] = AUTO,
    saturation: str | Mapping[str, str] = AUTO,
    max_lag: int = 8,
    trend: int = 1,
    seasonality: int = 2,
    holdout: int | None = None,
    draws: int = 200,
    level: float = 0.8,
    starts: int = 6,
    seed: int = 0,
    progress: Progress | None = None,
) -> FittedCurves:
    """Fit response curves to spend (or volume) and response.

    Two inputs are told apart by their columns. A *series* has a row a period (and region), a column of spend for each
    channel, and the whole response: baseline, carry-over and saturation are fitted together. An *observed* table is
    long, with a column ``channel``: the response attributed to that channel at that ``spend``; it has no baseline.

    Parameters
    ----------
    spend : path or DataFrame
        CSV or Parquet, or a frame. Series: date, [region], a column a channel, the response, controls. Observed:
        channel, [date], [region], spend (or volume), response.
    response : str
        Column of the response: orders, revenue, gross margin …
    date : str
        Column of the period's date. Periods are equally long, or months; in an observed table they may be absent.
    channels : str or sequence of str, optional
        Columns of spend or volume, or one. Default: every numeric column with no other part, which is told.
    region : str, optional
        Column of regions; ``region`` where the table has one. Regions share shapes; each has its own strength, pulled
        towards the common one as far as its data are thin.
    controls : str or sequence of str
        Columns that explain the response apart from spend: prices, events. Words become indicators.
    size : str, optional
        Column of a region's size (population). Default: its mean response.
    costs : mapping, optional
        Channel's volume column -> column of what it cost: its curve is then in money, at the mean cost of a unit.
    volumes : str or sequence of str
        Channels whose column counts contacts or impressions and shall stay so: their files state ``volume_ref``.
    date_format : str, optional
        ``%m/%d/%Y`` where dates are not written YYYY-MM-DD.
    adstock : str or mapping
        ``auto``, or a name of ``adstock.ADSTOCKS``, for all channels or by channel.
    saturation : str or mapping
        ``auto``, a name of ``saturation.SHAPES`` or ``concave``: for all channels with spend enough for a shape, or by
        channel, whatever its spend.
    max_lag : int
        Periods after the spend in which it is still felt; 0 for no carry-over.
    trend : int
        Straight pieces of the baseline's trend; 0 none.
    seasonality : int
        Harmonics of the year; 0 none.
    holdout : int, optional
        Last periods that choose the forms. Default: a sixth, at most 26; 0 for none (BIC alone).
    draws : int
        Bootstrap draws for intervals; 0 for none.
    level : float
        What an interval holds: 0.8 is P10 to P90.
    starts : int
        Descents of each fit, from the best of ten times as many random points.
    seed : int
        Same input and seed, same answer, whatever the order of rows and columns.
    progress : callable, optional
        Told in words what is being done.

    Returns
    -------
    FittedCurves
        ``curves`` (scenario curves by cell), ``parameters``, ``contributions``, ``diagnostics``, ``intervals``,
        ``choice``, ``notes``, ``over(periods)``, ``carry_over(…)``, ``save(…)``.

    Raises
    ------
    ScenarioError
        For bad input: file, place, value, what was expected.

    Notes
    -----
    A channel with fewer than ten periods of spend or six different heights of it gets no shape but a concave line (and
    no carry-over), which is told. One without spend, or whose spend never varies, gets no curve, which is told.

    Examples
    --------
    >>> fitted = fit_curves("weeks.csv", response="orders", controls=["price"])  # doctest: +SKIP
    >>> fitted.save("curves/", periods=13)  # doctest: +SKIP
    """
    table, file = read_table(spend)
    if costs is not None and not isinstance(costs, Mapping):
        raise ScenarioError("fit_curves", "costs", costs, "expected a mapping, as {volume column: column of its cost}")
    whole = {"max_lag": max_lag, "trend": trend, "seasonality": seasonality, "draws": draws, "seed": seed}
    _check(level, {**whole, "holdout": 0 if holdout is None else holdout}, starts)
    # As whole numbers: 3.0 is taken for 3.
    max_lag, trend, seasonality, draws, seed = (int(value) for value in whole.values())
    holdout, starts = None if holdout is None else int(holdout), int(starts)
    tell = progress or (lambda words: None)
    region = choose_region(table, file, region)
    observed = "channel" in table.columns and channels is None
    if observed:
        if "kpi" in table.columns and (kpis := sorted({str(one) for one in table["kpi"].dropna()}))[1:]:
            words = f"holds {len(kpis)} of them ({', '.join(kpis[:5])}); keep the rows of one (learn attribution --kpi)"
            raise ScenarioError(file, "column kpi", None, words)
        dated = date if date in table.columns else None
        panels = read_observed(
            table,
            file,
            response=response,
            spend="volume" if "volume" in table.columns and "spend" not in table.columns else "spend",
            date=dated,
            region=region,
            size=size,
            date_format=date_format,
        )
        left_out = {name: reason for panel in panels for name, reason in panel.left_out.items()}
        notes = [note for panel in panels for note in panel.notes]
        if {"spend", "volume"} <= {*table.columns}:
            notes.append("the curves are of spend; the column volume is not read")
        panels = [panel for panel in panels if not panel.left_out]
    else:
        panel = read_series(
            table,
            file,
            response=response,
            date=date,
            region=region,
            channels=None if channels is None else _names(channels),
            controls=_names(controls),
            size=size,
            costs=costs or {},
            volumes=_names(volumes),
            date_format=date_format,
        )
        panels, left_out, notes = [panel], panel.left_out, list(panel.notes)
    if any(panel.days is None for panel in panels):
        _no_carry_over(adstock, file)
    known = [channel for panel in panels for channel in panel.channels] + list(left_out)
    adstocks = _by_channel(adstock, known, [*ADSTOCKS], "adstock")
    saturations = _by_channel(saturation, known, [*SHAPES, CONCAVE], "saturation")
    forced = () if isinstance(saturation, str) else [name for name, form in saturation.items() if form != AUTO]
    parts = []
    for panel in panels:
        baseline, told = (no_baseline(panel), []) if observed else _fitting_baseline(panel, trend, seasonality)
        notes += told
        settings = Settings(max_lag, starts, seed, default_holdout(panel) if holdout is None else holdout)
        _check_holdout(panel, settings.holdout)
        parts.append(
            _fit(
                panel,
                baseline,
                adstocks,
                saturations,
                settings,
                forced=forced,
                draws=draws,
                level=level,
                tell=tell,
                notes=notes,
            )
        )
    return FittedCurves(parts=tuple(parts), level=level, notes=tuple(dict.fromkeys(notes)), left_out=dict(left_out))


def _fit(
    panel: Panel,
    baseline: Baseline,
    adstocks: Mapping[str, str],
    saturations: Mapping[str, str],
    settings: Settings,
    *,
    forced: Collection[str],
    draws: int,
    level: float,
    tell: Progress,
    notes: list[str],
) -> FittedPanel:
    """Choose forms for a panel, fit them, draw again."""
    sized = panel.response / panel.row_size
    spread = float(np.std(sized))
    # One height of response alone: its own size is the unit.
    unit = spread if spread > 0 else float(np.abs(sized).max())
    response = sized / unit
    observed = not baseline.columns.shape[1]
    thin = [channel for at, channel in enumerate(panel.channels) if channel not in forced and _thin(panel, at)]
    for channel in thin:
        live = panel.spend[:, panel.channels.index(channel)]
        live = live[live > 0]
        notes.append(
            f"{channel}: {len(live)} rows with spend at {len(np.unique(live))} different heights are too few for a "
            "shape; a concave line without carry-over stands in"
        )
    folds = folds_of(panel, settings.holdout)

    def forms(adstock: str, saturation: str) -> Forms:
        found = {}
        for channel in panel.channels:
            own, shape = adstocks[channel] if settings.max_lag else "none", saturations[channel]
            if channel in thin:
                found[channel] = ("none", CONCAVE)
            else:
                found[channel] = (adstock if own == AUTO else own, saturation if shape == AUTO else shape)
        return found

    others = [] if panel.days is None or settings.max_lag == 0 else list(_ADSTOCKS)
    if observed:
        # Attribution has already brought a response back to its spend: little is left to carry over.
        others = others[:1]
    tried: dict[tuple[tuple[str, str], ...], Any] = {}

    def attempt(adstock: str, saturation: str) -> None:
        one = forms(adstock, saturation)
        key = tuple(one.values())
        if key not in tried:
            tell(f"fitting {panel.channels[0] if observed else 'curves'}: {adstock} carry-over, {saturation}")
            tried[key] = evaluate(panel, one, baseline.columns, response, folds, settings)

    start = "geometric" if panel.days is not None and settings.max_lag and not observed else "none"
    for shape in SHAPES:
        attempt(start, shape)
    leading = choose(list(tried.values()), panel)[0]
    shape = next((s for c, (_, s) in leading.forms.items() if saturations[c] == AUTO and c not in thin), "logistic")
    for adstock in others:
        attempt(adstock, shape)
    chosen, table = choose(list(tried.values()), panel)
    answer = with_pool(panel, chosen.model, chosen.estimate, response, levels=not observed)
    if draws:
        tell(f"drawing {draws} times for intervals")
    again = draws_of(
        panel, chosen.model, answer, response, levels=not observed, number=draws, seed=settings.seed
    )  # fmt: skip
    return FittedPanel(
        panel=panel,
        baseline=baseline,
        model=chosen.model,
        forms=chosen.forms,
        answer=answer,
        draws=tuple(again),
        unit=unit,
        choice=table,
        alternatives=tuple(
            one.model.contributions(one.estimate) * (panel.row_size * unit)[:, None]
            for one, near in zip(tried.values(), table["in_reach"], strict=True)
            if near and one.bic <= chosen.bic + STRONG_EVIDENCE
        ),
        heldout=chosen.error * unit * panel.row_size,
        heldout_without=without_spend(baseline.columns, response, folds) * unit * panel.row_size,
        level=level,
    )


def _thin(panel: Panel, at: int) -> bool:
    spend = panel.spend[:, at] / panel.row_size
    live = spend[spend > 0]
    return len(live) < SHAPE_PERIODS or len(np.unique(live)) < SHAPE_HEIGHTS


def _fitting_baseline(panel: Panel, trend: int, seasonality: int) -> tuple[Baseline, list[str]]:
    """The baseline asked for, or less of it where the periods are few.

    Raises
    ------
    ScenarioError
        When even a level and straight lines cannot be told.
    """
    notes: list[str] = []
    asked = [(trend, seasonality), (trend, 0), (0, 0)]
    for pieces, harmonics in asked:
        found = baseline_of(panel, trend=pieces, seasonality=harmonics)
        if panel.rows >= 3 * (found.columns.shape[1] + len(panel.channels)):
            break
        if (pieces, harmonics) != (0, 0):
            what = "seasons" if harmonics else "trend"
            note = f"no {what}: {panel.rows} rows are too few to tell them from spend"
            notes = [*notes, note] if (harmonics or pieces) and note not in notes else notes
    least = found.columns.shape[1] + len(panel.channels) + 2
    if panel.rows < least:
        raise ScenarioError(
            panel.file,
            "rows",
            panel.rows,
            f"too few for {len(panel.channels)} channels and a baseline of {found.columns.shape[1]} terms; "
            f"expected at least {least} periods (or fewer controls)",
        )
    return found, [*notes, *found.notes]


def _by_channel(
    asked: str | Mapping[str, str], channels: Sequence[str], known: list[str], place: str
) -> dict[str, str]:
    """A form for every channel."""
    if not isinstance(asked, str | Mapping):
        raise ScenarioError("fit_curves", place, asked, "expected a form, or a mapping of channels to forms")
    given = dict.fromkeys(channels, asked) if isinstance(asked, str) else {**dict.fromkeys(channels, AUTO), **asked}
    for channel, form in given.items():
        if channel not in channels:
            raise ScenarioError(
                "fit_curves", f"{place}.{channel}", None, f"unknown channel; {did_you_mean(channel, channels)}"
            )
        if form not in (AUTO, *known):
            raise ScenarioError("fit_curves", place, form, f"unknown form; {did_you_mean(form, [AUTO, *known])}")
    return given


def _no_carry_over(adstock: str | Mapping[str, str], file: str) -> None:
    """Refuse a carry-over between rows that have no order in time."""
    asked = {adstock} if isinstance(adstock, str) else {*adstock.values()}
    if timed := sorted(asked - {AUTO, "none"}):
        raise ScenarioError(file, "column date", None, f"is missing; a {timed[0]} carry-over needs it")


def _names(asked: str | Sequence[str]) -> Sequence[str]:
    """The names asked for; a string is one."""
    return [asked] if isinstance(asked, str) else asked


def _check(level: object, counts: Mapping[str, object], starts: object) -> None:
    """Refuse settings that mean nothing, of whatever type."""
    if not (isinstance(level, Real) and 0.0 < float(level) < 1.0):
        raise ScenarioError("fit_curves", "level", level, "expected a share between 0 and 1")
    for name, value in {**counts, "starts": starts}.items():
        low = int(name == "starts")
        if not (whole_number(value) and value >= low):
            raise ScenarioError("fit_curves", name, value, f"expected a whole number of at least {low}")


def _check_holdout(panel: Panel, holdout: int) -> None:
    periods = panel.rows if panel.days is None else len(np.unique(panel.days))
    if holdout > periods // 2:
        raise ScenarioError("fit_curves", "holdout", holdout, f"expected at most half of the {periods} periods")


