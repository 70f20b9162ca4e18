"""Credit of one KPI under one model: an amount a channel, from the weights of touches or from removal effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.errors import ScenarioError
from optimizer.learn.attribution.markov import Removal, chain, removal
from optimizer.learn.attribution.models import Settings, touch_weights
from optimizer.learn.attribution.shapley_markov import shapley_of_chain
from optimizer.learn.journeys.exact_sums import sums_by
from optimizer.learn.journeys.paths import Floats, Paths


@dataclass(frozen=True)
class Credit:
    """What each name is credited with.

    Parameters
    ----------
    conversions, value : array, one a name
        Credited conversions and money.
    removal : Removal, optional
        Of Markov models.
    error : array, names × 2, optional
        Standard errors of conversions and value, where the model draws; 0 where it needed not.
    drawn : int
        How many orders of entry were drawn.
    paths, weights : Paths and array, optional
        The journeys that convert and the weight of each of their touches, where the model weighs touches.
    """

    conversions: Floats
    value: Floats
    removal: Removal | None = None
    error: Floats | None = None
    drawn: int = 0
    paths: Paths | None = None
    weights: Floats | None = None


def removals(paths: Paths, order: int) -> Removal:
    """Removal effects of every name; see ``optimizer.learn.attribution.markov``."""
    return removal(chain(paths, order), len(paths.names))


def credit(paths: Paths, model: str, told: Settings, removed: Removal | None = None) -> Credit:
    """Credit conversions and value.

    Parameters
    ----------
    paths : Paths
        Journeys, those without conversion included; single ones with their times for ``time_decay`` where known.
    model : str
        A name of ``optimizer.learn.attribution.models.MODELS``.
    told : Settings
        What the model is told.
    removed : Removal, optional
        Removal effects, where they are known already.

    Raises
    ------
    ScenarioError
        When nothing converts.
    """
    conversions, value, _ = paths.totals
    if not conversions > 0:
        raise ScenarioError("attribution", "conversions", 0, "no journey converts; there is nothing to attribute")
    if model == "shapley_markov":
        found = shapley_of_chain(chain(paths, told.order), len(paths.names), told.samples, told.seed)
        journeys = conversions + paths.totals[2]
        worth = found.worth * journeys
        return Credit(worth[:, 0], worth[:, 1], error=found.error * journeys, drawn=found.drawn)
    if model in ("markov", "markov_journey"):
        removed = removed or removals(paths, told.order)
    if model == "markov" and removed is not None:
        on_value = removed.effect_on_value
        return Credit(_shared(removed.effect, conversions), _shared(on_value, value) if value else on_value, removed)
    return credit_of_touches(paths, model, told, removed)


def credit_of_touches(paths: Paths, model: str, told: Settings, removed: Removal | None) -> Credit:
    """Credit under a model that weighs touches; ``markov_journey`` by the removal effects given."""
    converting = paths.converting()
    if model == "markov_journey":
        assert removed is not None
        weight = removed.effect[converting.channel]
        whole = np.bincount(converting.path, weights=weight, minlength=len(converting))
        weights = weight / whole[converting.path]
    else:
        weights = touch_weights(model, told)(converting)
    size = len(paths.names)
    return Credit(
        sums_by(converting.channel, weights * converting.conversions[converting.path], size),
        sums_by(converting.channel, weights * converting.value[converting.path], size),
        removed if model == "markov_journey" else None,
        paths=converting,
        weights=weights,
    )


def _shared(effect: Floats, amount: float) -> Floats:
    return effect / effect.sum() * amount
