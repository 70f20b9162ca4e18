"""Draws that follow the published customer assignment instances (Bigler, Kammermann, Baumann 2023).

Measured on GS1 (10,000 customers, 50 activities, 29,476 eligible pairs); GS3 (34,394 pairs) in brackets.

- Response probability: mean 0.0361 (0.0358), 1 % 0.0125, 5 % 0.0162, median 0.0317, 95 % 0.0578, 99 % 0.0854,
  maximum 0.848: nearly log-normal below 99.5 % and a few who almost surely respond above. The four channels do not
  differ (medians 0.031 to 0.032), and the scores of one customer for two products are not correlated (|r| < 0.3).
  All activities of one channel and product have the same score.
- Gross margin a response, (ExpectedProfit + Cost) / ResponseProbability: 5 % 49.81, median 458.64, 95 % 720.72.
- Cost of a contact: call center 9.10, direct mail 1.40, text message 0.035, e-mail 0.
- Share of eligible pairs: 5.9 % (6.9 %), 1 to 8 activities a customer, in 50 (100) patterns of about 200 (100)
  customers each.
- Activities: 44 % direct mail, 20 % call center, 20 % e-mail, 16 % text message, on days 1 to 113.
- Bounds, as shares of 10,000 customers: minimum assignment 10.0 and 17.3 % (a channel, a month), maximum assignment
  1.1 and 6.2 %, budgets 0.95 money a customer for calls and 0.40 for all else, sales of one product 0.0056 at least
  and of another 0.0040 at most a customer, 3 contacts a customer at most; conflicts of 70 to 90 days.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Levels at which the quantiles below stand.
LEVELS = np.array([0, 0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99, 0.995, 0.998, 1.0])
#: Quantiles of ResponseProbability in GS1.
RESPONSES = np.array(
    [0.007, 0.01251, 0.01622, 0.0188, 0.02445, 0.03166, 0.04015, 0.0501, 0.0578, 0.08538, 0.11627, 0.75831, 0.84811]
)
#: Quantiles of the gross margin a response in GS1.
MARGINS = np.array([0.42, 11.76, 49.81, 84.0, 173.46, 458.64, 546.0, 720.72, 720.72, 720.72, 720.72, 720.72, 737.1])
#: Money a contact in GS1.
COSTS = {"email": 0.0, "text": 0.035, "print": 1.4, "phone": 9.1}
#: Share of the activities of GS1 by channel.
CHANNELS = {"print": 0.44, "phone": 0.20, "email": 0.20, "text": 0.16}
#: Steps of the tables from which probabilities are drawn; between two steps they are interpolated.
STEPS = 4096

_STEPS = np.linspace(0.0, 1.0, STEPS + 1)
#: The inverse distribution on even steps, log-linear between the published quantiles.
_RESPONSE_STEPS = np.exp(np.interp(_STEPS, LEVELS, np.log(RESPONSES)))
_MARGIN_STEPS = np.interp(_STEPS, LEVELS, MARGINS)


def responses(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Response probabilities, each drawn alone."""
    return _drawn(random, shape, _RESPONSE_STEPS)


def margins(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Gross margins a response, each drawn alone, in money."""
    return _drawn(random, shape, _MARGIN_STEPS)


def _drawn(random: np.random.Generator, shape: tuple[int, ...], steps: Floats) -> Floats:
    """Values whose distribution the even steps describe."""
    place = random.random(shape) * STEPS
    below = place.astype(np.intp)
    return steps[below] + (place - below) * (steps[below + 1] - steps[below])
