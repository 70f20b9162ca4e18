"""The models by name: what each is called, here and elsewhere, and the weights it gives to touches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from optimizer.errors import ScenarioError
from optimizer.learn.attribution import positional
from optimizer.learn.attribution.shapley import participation, shapley
from optimizer.learn.given_numbers import is_number, is_positive, is_whole
from optimizer.learn.journeys.paths import Floats, Paths
from optimizer.scenario.messages import did_you_mean

#: Every model, in the order of tables.
MODELS = (
    "first",
    "last",
    "last_non_direct",
    "linear",
    "position_based",
    "w_shaped",
    "j_shaped",
    "inverse_j",
    "time_decay",
    "markov",
    "markov_journey",
    "shapley",
    "ordered_shapley",
    "shapley_markov",
    "participation",
)
#: Models that credit channels and weigh no touches.
BY_CHANNEL = frozenset({"markov", "shapley_markov"})
#: Models whose credit does not add up to the conversions.
NOT_ADDITIVE = frozenset({"participation"})

_ALIASES = {
    "first_touch": "first", "first_click": "first", "last_touch": "last", "last_click": "last",
    "last_non_direct_click": "last_non_direct", "last_nondirect": "last_non_direct", "even": "linear",
    "position": "position_based", "u_shaped": "position_based", "w": "w_shaped", "w_shape": "w_shaped",
    "j": "j_shaped", "j_shape": "j_shaped", "inverse_j_shaped": "inverse_j", "inverted_j": "inverse_j",
    "decay": "time_decay", "markov_channel": "markov", "markov_per_journey": "markov_journey",
    "shapley_exact": "shapley", "shapley_ordered": "ordered_shapley",
}  # fmt: skip

#: Default shares: first / between / last, and first / middle / last / all others.
WEIGHTS: dict[str, tuple[float, ...]] = {
    "position_based": (0.4, 0.2, 0.4),
    "j_shaped": (0.2, 0.2, 0.6),
    "inverse_j": (0.6, 0.2, 0.2),
    "w_shaped": (0.3, 0.3, 0.3, 0.1),
}


@dataclass(frozen=True)
class Settings:
    """What a model may be told.

    Parameters
    ----------
    order : int
        Touches a Markov state remembers.
    half_life : float, optional
        Of time decay: days where times are known (7), else touches (1).
    weights : tuple of float, optional
        Of models by position, see ``WEIGHTS``; brought to a sum of one.
    direct : str, optional
        The channel that stands for no source.
    samples, seed : int
        Of ``shapley_markov``: orders to draw (None: exact where channels are few), and the seed of the drawing.
    lead : str, optional
        Of ``w_shaped``: the KPI whose touch takes the share of the middle.
    """

    order: int = 1
    half_life: float | None = None
    weights: tuple[float, ...] | None = None
    direct: str | None = None
    samples: int | None = None
    seed: int = 0
    lead: str | None = None


def model_name(asked: str) -> str:
    """The model's name here.

    Raises
    ------
    ScenarioError
        For a model that is not known.
    """
    plain = "_".join(str(asked).strip().lower().replace("-", " ").replace("_", " ").split())
    name = _ALIASES.get(plain, plain)
    if name not in MODELS:
        raise ScenarioError("attribution", "model", asked, f"unknown model; {did_you_mean(name, MODELS)}")
    return name


def settings(
    order: int = 1,
    half_life: float | None = None,
    weights: Sequence[float] | None = None,
    direct: str | None = None,
    samples: int | None = None,
    seed: int = 0,
    lead: str | None = None,
) -> Settings:
    """Check what a model is told.

    Raises
    ------
    ScenarioError
        For an order below 1, a half-life that is not above 0, weights that are none, less than 2 samples, and a seed
        that is none.
    """
    if not is_whole(order, 1):
        raise ScenarioError("attribution", "order", order, "expected a whole number of at least 1")
    if half_life is not None and not is_positive(half_life):
        raise ScenarioError("attribution", "half_life", half_life, "expected days (or touches) above 0")
    if weights is not None and (isinstance(weights, str) or not all(is_number(one) for one in weights)):
        raise ScenarioError("attribution", "weights", weights, "expected numbers, as [40, 20, 40]")
    shares = None if weights is None else tuple(float(one) for one in weights)
    if shares is not None and (not all(0 <= one < np.inf for one in shares) or not sum(shares) > 0):
        raise ScenarioError("attribution", "weights", list(shares), "expected shares of at least 0, not all 0")
    if samples is not None and not is_whole(samples, 2):
        raise ScenarioError("attribution", "samples", samples, "expected a whole number of at least 2")
    if not is_whole(seed, 0):
        raise ScenarioError("attribution", "seed", seed, "expected a whole number of at least 0")
    return Settings(
        int(order), half_life, shares, direct, None if samples is None else int(samples), int(seed), lead
    )


def touch_weights(model: str, told: Settings) -> Callable[[Paths], Floats]:
    """The function that weighs the touches of journeys under a model by position or by set.

    Raises
    ------
    ScenarioError
        When weights are given to a model that takes none, or too few or many of them.
    """
    if model in WEIGHTS:
        shares = WEIGHTS[model] if told.weights is None else told.weights
        if len(shares) != len(WEIGHTS[model]):
            words = "first, middle, last, others" if model == "w_shaped" else "first, between, last"
            raise ScenarioError(
                "attribution", "weights", list(shares), f"expected {len(WEIGHTS[model])} shares: {words}"
            )
        if model == "w_shaped":
            first, middle, last, others = shares
        else:
            (first, others, last), middle = shares, 0.0
        return partial(positional.anchored, first=first, middle=middle, last=last, others=others)
    if model == "time_decay":
        return partial(positional.time_decay, half_life=told.half_life)
    if model == "last_non_direct":
        return partial(positional.last_non_direct, direct=told.direct)
    plain: dict[str, Callable[[Paths], Floats]] = {
        "first": positional.first,
        "last": positional.last,
        "linear": positional.linear,
        "shapley": shapley,
        "ordered_shapley": shapley,
        "participation": participation,
    }
    return plain[model]
