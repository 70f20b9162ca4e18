"""Credit against the peers on a thousand random path sets, where conventions agree.

The channels of a set carry its number, so that many sets share one table without touching each other: credit by place
and per-journey Markov credit of a set are the same alone or in a table of twenty.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from optimizer.learn.attribution import attribution
from optimizer.learn.journeys import read_journeys
from tests.learn import peers

SETS, TOGETHER = 1000, 20
NOT_THERE = "is not installed (see tests/learn/peers.py)"


def random_set(random: np.random.Generator, number: int) -> pd.DataFrame:
    """Two to eight paths of one to six touches on four channels; at least one converts."""
    size = int(random.integers(2, 9))
    paths = [
        " > ".join(f"{number}{channel}" for channel in random.choice(list("abcd"), random.integers(1, 7)))
        for _ in range(size)
    ]
    conversions = random.integers(0, 5, size)
    conversions[0] += 1
    return pd.DataFrame(
        {
            "path": paths,
            "total_conversions": conversions,
            "total_conversion_value": np.where(conversions > 0, random.integers(0, 90, size), 0).astype(float),
            "total_null": random.integers(0, 6, size),
        }
    )


@pytest.fixture(scope="module")
def sets() -> list[pd.DataFrame]:
    random = np.random.default_rng(20260301)
    return [random_set(random, number) for number in range(SETS)]


def test_first_last_and_linear_are_those_of_channel_attribution(sets: list[pd.DataFrame]) -> None:
    try:
        peers.channel_attribution()
    except ImportError:
        pytest.skip(f"ChannelAttribution {NOT_THERE}")
    table = pd.concat(sets, ignore_index=True)
    theirs = peers.heuristics_of_channel_attribution(table).set_index("channel_name").sort_index()
    journeys = read_journeys(table)
    for model, name in (("first", "first_touch"), ("last", "last_touch"), ("linear", "linear_touch")):
        ours = attribution(journeys, model).credit.set_index("channel")
        assert ours.index.tolist() == theirs.index.tolist()
        np.testing.assert_allclose(ours["conversions"], theirs[f"{name}_conversions"], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(ours["value"], theirs[f"{name}_value"], rtol=1e-9, atol=1e-9)


def test_exact_markov_and_places_are_those_of_dp6(sets: list[pd.DataFrame]) -> None:
    try:
        peers.dp6()
    except ImportError:
        pytest.skip(f"marketing_attribution_models {NOT_THERE}")
    for begin in range(0, SETS, TOGETHER):
        table = pd.concat(sets[begin : begin + TOGETHER], ignore_index=True)
        theirs, journeys = peers.in_dp6(table), read_journeys(table)
        with peers.quiet():
            markov = theirs.run_markov()
        ours = attribution(journeys, "markov", credit="journey").credit.set_index("channel")
        effects = markov.metadata["removal_effect"]["removal_effect"]
        np.testing.assert_allclose(
            ours["removal_effect"], effects.reindex(ours.index, fill_value=0.0), rtol=1e-8, atol=1e-10
        )
        found = {"markov_journey": (ours["conversions"], peers.credit_of_dp6(markov))}
        for model, run in (("linear", theirs.run_linear), ("position_based", theirs.run_position_based)):
            with peers.quiet():
                ran = run()
            credit = attribution(journeys, model).credit.set_index("channel")["conversions"]
            found[model] = credit, peers.credit_of_dp6(ran)
        for model, (mine, yours) in found.items():
            expected = [yours.get(str(channel), 0.0) for channel in mine.index]
            np.testing.assert_allclose(mine, expected, rtol=1e-8, atol=1e-9, err_msg=model)


def test_time_decay_on_events_is_that_of_dp6() -> None:
    try:
        mam = peers.dp6()
    except ImportError:
        pytest.skip(f"marketing_attribution_models {NOT_THERE}")
    random = np.random.default_rng(7)
    size = 3000
    events = pd.DataFrame(
        {
            "customer_id": random.integers(0, 400, size).astype(str),
            # No two at one moment: what is first is no matter of names.
            "timestamp": pd.Timestamp("2026-01-01") + pd.to_timedelta(random.permutation(size) * 47, unit="min"),
            "channel": random.choice(["search", "social", "email", "display"], size),
            "conversion": random.random(size) < 0.2,
        }
    )
    with peers.quiet():
        theirs = mam(
            events,
            format_type="session",
            channels_colname="channel",
            journey_with_conv_colname="conversion",
            datetime_colname="timestamp",
            user_id_colname="customer_id",
            create_journey_id_based_on_conversion=True,
        ).run_time_decay(half_life_hours=36.0)
    ours = attribution(events, "time_decay", half_life=1.5).credit
    yours = peers.credit_of_dp6(theirs)
    np.testing.assert_allclose(ours["conversions"], [yours[channel] for channel in ours["channel"]], rtol=1e-9)
