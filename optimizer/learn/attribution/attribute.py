"""``opt.attribution``: journeys in, credit out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.learn.attribution.credit import Credit, credit, removals
from optimizer.learn.attribution.models import NOT_ADDITIVE, Settings, model_name, settings
from optimizer.learn.journeys import Journeys, read_journeys
from optimizer.learn.journeys.exact_sums import sums_by, total
from optimizer.learn.journeys.leads import lead_touch
from optimizer.learn.journeys.paths import Paths
from optimizer.learn.journeys.table import Source
from optimizer.learn.journeys.transforms import direct_channels

#: Positions told apart by ``Attribution.positions``; all later ones are one.
POSITIONS = 10


@dataclass(frozen=True)
class Attribution:
    """What each channel is credited with.

    Parameters
    ----------
    model : str
        The model's name.
    credit : DataFrame
        A row a channel, in the order of their names: [kpi, where there are several], channel, [campaign], conversions,
        value (NaN where the input tells no values); for Markov models removal_effect and removal_effect_value: the
        share of conversions, and of value, that the chain loses without the channel; for shapley_markov
        conversions_error and value_error: the standard error of drawing, 0 where it is exact.
    additive : bool
        Whether conversions and value add up to what was attributed. Participation does not.
    totals : DataFrame
        A row a KPI: kpi, conversions, value, lost (journeys without conversion), conversion_rate.
    notes : tuple of str
        What to know before reading the figures.
    """

    model: str
    credit: pd.DataFrame
    additive: bool
    totals: pd.DataFrame
    notes: tuple[str, ...] = ()
    _found: tuple[tuple[dict[str, Any], Credit], ...] = field(default=(), repr=False, compare=False)

    @cached_property
    def positions(self) -> pd.DataFrame | None:
        """The same credit by place in the journey; None for ``markov`` and ``shapley_markov``, which weigh no touches.

        Columns: [kpi], channel, [campaign], position (1 is the first touch, 10 the tenth and all later ones),
        conversions, value.
        """
        frames = [_positions(labels, found) for labels, found in self._found if found.weights is not None]
        return pd.concat(frames, ignore_index=True) if frames else None

    def __str__(self) -> str:
        return "\n".join([self.model, self.credit.to_string(index=False), *self.notes])


def attribution(
    journeys: Source | Journeys,
    model: str = "markov",
    *,
    order: int = 1,
    credit: str | None = None,
    kpi: str | Sequence[str] | None = None,
    by: str = "channel",
    transforms: str | Sequence[str] | None = None,
    half_life: float | None = None,
    weights: Sequence[float] | None = None,
    direct: str | None = None,
    samples: int | None = None,
    seed: int = 0,
    lead: str | None = None,
) -> Attribution:
    """Credit channels with the conversions they brought.

    Parameters
    ----------
    journeys : Journeys, path or DataFrame
        What ``read_journeys`` gives or takes.
    model : str
        ``first``, ``last``, ``last_non_direct``, ``linear``, ``position_based``, ``w_shaped``, ``j_shaped``,
        ``inverse_j``, ``time_decay``, ``markov``, ``markov_journey``, ``shapley``, ``ordered_shapley``,
        ``shapley_markov``, ``participation``.
    order : int
        Touches a Markov state remembers.
    credit : str, optional
        Of ``markov``: ``channel`` (removal effect / Σ removal effects × total; the default) or ``journey`` (each
        conversion is shared over the touches of its own journey in proportion to their removal effects).
    kpi : str or sequence of str, optional
        One or several of the journeys' KPIs; all of them by default.
    by : str
        ``channel``, or ``campaign`` for campaigns within channels.
    transforms : str or sequence of str, optional
        ``exposure``, ``first``, ``unique``, ``frequency``, ``trim(n)``, ``drop_direct``, in the order given.
    half_life : float, optional
        Of ``time_decay``: days where times are known (7 by default), else touches (1 by default).
    weights : sequence of float, optional
        Shares of first, between, last; of ``w_shaped`` first, middle (the lead), last, others.
    direct : str, optional
        The channel without a source; by default the one called direct.
    samples, seed : int, optional
        Of ``shapley_markov``: orders of entry to draw, and the seed. By default it is exact up to 12 channels, and
        draws 400 beyond.
    lead : str, optional
        Of ``w_shaped``: the KPI whose touch takes the share of the middle, such as the lead on the way to the sale:
        the last touch at or before it. Journeys without one, and the KPI itself, keep the middle touch, with a count.

    Returns
    -------
    Attribution

    Raises
    ------
    ScenarioError
        For journeys that cannot be read or do not convert, and for what a model cannot be told.

    Examples
    --------
    >>> import pandas as pd
    >>> paths = pd.DataFrame(
    ...     {"path": ["a > b", "b"], "total_conversions": [2, 1], "total_null": [1, 2]}
    ... )
    >>> attribution(paths, model="linear").credit[["channel", "conversions"]]
      channel  conversions
    0       a          1.0
    1       b          2.0
    """
    read = read_journeys(journeys)
    name, told = _model(model, credit), settings(order, half_life, weights, direct, samples, seed, lead)
    frames, made, totals, notes = [], [], [], list(read.notes)
    asked = asked_kpis(read, kpi)
    for one in asked:
        paths = model_paths(read, name, told, one, by, transforms)
        found = credited(paths, name, told, read.source, one)
        labels = credit_labels(paths, read, by, one if len(asked) > 1 else None)
        frames.append(credit_frame(labels, found, paths.valued))
        made.append((labels, found))
        totals.append(total_row(paths, one))
        said = [*model_notes(paths, name, told), *lead_notes(read, paths, name, told, one)]
        if found.drawn:
            said.append(f"{name}: {found.drawn:,} orders of entry were drawn, seed {seed}; see conversions_error")
        notes += [f"{one}: {note}" if len(asked) > 1 else note for note in said]
    return Attribution(
        name,
        pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0],
        name not in NOT_ADDITIVE,
        pd.DataFrame(totals),
        tuple(dict.fromkeys(notes)),
        tuple(made),
    )


def asked_kpis(journeys: Journeys, kpi: str | Sequence[str] | None) -> tuple[str, ...]:
    """The KPIs asked for: all of them by default.

    Raises
    ------
    ScenarioError
        For what names none.
    """
    if kpi is None:
        return journeys.kpis
    if not isinstance(kpi, str | Iterable) or not (asked := (kpi,) if isinstance(kpi, str) else tuple(kpi)):
        raise ScenarioError(journeys.source, "kpi", kpi, f"expected one or more of {', '.join(journeys.kpis)}")
    return asked


def model_paths(
    journeys: Journeys, model: str, told: Settings, kpi: str, by: str, transforms: str | Sequence[str] | None
) -> Paths:
    """Paths as a model needs them: single journeys where it reads times."""
    if told.lead is not None:
        journeys.check_lead(told.lead)
    lead = told.lead if model == "w_shaped" else None
    return journeys.toward(kpi, by, transforms, told.direct, single=model == "time_decay", lead=lead)


def credited(paths: Paths, model: str, told: Settings, source: str, kpi: str) -> Credit:
    """Credit, with the journeys and the KPI in the message where nothing converts."""
    if not paths.totals[0] > 0:
        raise no_conversion(source, kpi, paths)
    return credit(paths, model, told, removals(paths, told.order) if model in ("markov", "markov_journey") else None)


def no_conversion(source: str, kpi: str, paths: Paths) -> ScenarioError:
    """There is nothing to attribute."""
    words = f"none of {paths.totals[2]:,.10g} journeys converts; there is nothing to attribute"
    return ScenarioError(source, f"kpi {kpi}", None, words)


def credit_labels(paths: Paths, journeys: Journeys, by: str, kpi: str | None) -> dict[str, Any]:
    """The columns that say whose credit a row is, one entry a name of ``paths``."""
    labels: dict[str, Any] = {} if kpi is None else {"kpi": np.full(len(paths.names), kpi, dtype=object)}
    if by == "campaign":
        return {
            **labels,
            "channel": journeys.units["channel"].to_numpy(object),
            "campaign": journeys.units["campaign"].to_numpy(object),
        }
    return {**labels, "channel": np.array(paths.names, dtype=object)}


def credit_frame(labels: dict[str, Any], found: Credit, valued: bool) -> pd.DataFrame:
    """Credit as a table, see ``Attribution``."""
    columns = {**labels, "conversions": found.conversions, "value": found.value if valued else np.nan}
    if found.removal is not None:
        columns["removal_effect"] = found.removal.effect
        columns["removal_effect_value"] = found.removal.effect_on_value if valued else np.nan
    if found.error is not None:
        columns["conversions_error"] = found.error[:, 0]
        columns["value_error"] = found.error[:, 1] if valued else np.nan
    return pd.DataFrame(columns)


def total_row(paths: Paths, kpi: str) -> dict[str, object]:
    """What there was to attribute."""
    conversions, value, lost = paths.totals
    return {
        "kpi": kpi,
        "conversions": conversions,
        "value": value if paths.valued else np.nan,
        "lost": lost,
        "conversion_rate": conversions / (conversions + lost),
    }


def model_notes(paths: Paths, model: str, told: Settings) -> list[str]:
    """What to know before reading the figures of a model."""
    notes = []
    if model in NOT_ADDITIVE:
        notes.append(f"{model} is not additive: every channel of a journey counts its whole conversion")
    if model == "time_decay" and paths.age is None:
        half = told.half_life or 1.0
        notes.append(f"time_decay: the journeys have no times; a touch loses half of its weight every {half:g} touches")
    if model == "last_non_direct" and not direct_channels(paths, told.direct).any():
        notes.append("last_non_direct: no channel is called direct, so it is the last touch; name it with direct")
    if model.startswith("markov") and not paths.totals[2] > 0:
        notes.append("markov: no journey is without conversion; removal effects are shares of converting journeys")
    return notes


def lead_notes(journeys: Journeys, paths: Paths, model: str, told: Settings, kpi: str) -> list[str]:
    """Which touch took the share of the middle, under ``w_shaped``."""
    if model != "w_shaped" or len(journeys.reached) < 2:
        return []
    if told.lead is None:
        return ["w_shaped: the middle touch has the share of the one that made the lead; name the lead's KPI in lead"]
    if paths.lead is None:
        return [f"w_shaped: toward {kpi} itself the middle touch has the share of the lead's"]
    without = total(paths.conversions[lead_touch(paths) < 0])
    if not without > 0:
        return []
    return [
        f"w_shaped: {without:,.10g} of {paths.totals[0]:,.10g} conversions have no touch up to a {told.lead} in their "
        "journey; its middle touch has that share"
    ]


def _model(model: str, credit: str | None) -> str:
    name = model_name(model)
    if credit is None:
        return name
    if name not in ("markov", "markov_journey") or credit not in ("channel", "journey"):
        raise ScenarioError("attribution", "credit", credit, "expected channel or journey, with model markov")
    return "markov_journey" if credit == "journey" else "markov"


def _positions(labels: dict[str, Any], found: Credit) -> pd.DataFrame:
    paths, weights = found.paths, found.weights
    assert paths is not None
    assert weights is not None
    place = np.minimum(paths.position, POSITIONS - 1)
    cells, cell = np.unique(paths.channel * POSITIONS + place, return_inverse=True)
    conversions = sums_by(cell, weights * paths.conversions[paths.path], len(cells))
    value = sums_by(cell, weights * paths.value[paths.path], len(cells)) if paths.valued else np.nan
    return pd.DataFrame(
        {
            **{column: words[cells // POSITIONS] for column, words in labels.items()},
            "position": cells % POSITIONS + 1,
            "conversions": conversions,
            "value": value,
        }
    )
