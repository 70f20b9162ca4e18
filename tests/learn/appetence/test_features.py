"""Features against a plain loop over events, and no bit of them from the future."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.learn.appetence.contacts import read_contacts
from optimizer.learn.appetence.features import FEATURES, Past
from optimizer.learn.appetence.history import DAY, History, read_history
from optimizer.learn.appetence.kinds import RESPONSES

CUSTOMERS = pd.Series(["a", "b", "c"], dtype="str")
KINDS = ["sent", "open", "click", "purchase", "basket", "bounce_soft", "return", "unsubscribe", "bounce_hard"]
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["email", "sms", None]),
        st.sampled_from(KINDS),
        st.integers(0, 40 * 24),
        st.sampled_from([0.0, 10.5, 99.99]),
    ),
    min_size=1,
    max_size=40,
)


def _table(events: list[tuple[str, str | None, str, int, float]]) -> pd.DataFrame:
    # One contact of each channel on the first day: a log has to hold one.
    first = [("a", channel, "sent", 0, 0.0) for channel in ("email", "sms")]
    rows = [*first, *((c, None if k != "sent" and ch is None else ch or "email", k, h, v) for c, ch, k, h, v in events)]
    table = pd.DataFrame(rows, columns=["customer_id", "channel", "event", "hour", "value"])
    table["time"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(table.pop("hour"), unit="h")
    return table


def _past(table: pd.DataFrame, as_of: str = "2026-01-01") -> tuple[History, Past]:
    history = read_history(table, CUSTOMERS, as_of=as_of)
    found = read_contacts(history, responses=RESPONSES, response_days=5)
    return history, Past(found.events, ("email", "sms"), outcomes=history.outcomes)


def _ask(past: Past, moment: int) -> pd.DataFrame:
    customer, channel = np.repeat(np.arange(3), 2), np.tile(np.arange(2), 3)
    return past.features(customer, channel, np.full(6, moment))


@settings(max_examples=20)
@given(EVENTS, st.integers(1, 40 * 24))
def test_events_at_or_after_the_moment_change_no_feature(events, hour: int) -> None:
    moment = int(pd.Timestamp("2025-01-01").timestamp()) + hour * 3_600
    table = _table(events)
    earlier = table[table["time"] < pd.Timestamp(moment, unit="s")]
    _, whole = _past(table)
    _, cut = _past(earlier)
    pd.testing.assert_frame_equal(_ask(whole, moment), _ask(cut, moment), check_exact=True)


@settings(max_examples=20)
@given(EVENTS, st.integers(1, 45))
def test_features_are_what_a_loop_over_events_counts(events, day: int) -> None:
    table = _table(events)
    history, past = _past(table)
    moment = int(pd.Timestamp("2025-01-01").timestamp()) + day * DAY
    found = _ask(past, moment)
    log = read_contacts(history, responses=RESPONSES, response_days=5).events
    weight = {"open": 0.1, "click": 1.0, "basket": 1.0, "return": 2.0, "purchase": 2.0}
    for row in range(6):
        customer, channel = row // 2, ("email", "sms")[row % 2]
        seen = [one for one in log.to_dict("records") if one["customer"] == customer and one["seconds"] < moment]
        own = [one for one in seen if one["channel"] == channel]
        sent = [one for one in own if one["kind"] == "sent"]
        reactions = sum(weight.get(one["kind"], 0.0) for one in own)
        others = [one for one in seen if one["channel"] != channel]
        sent_by_others = [one for one in others if one["kind"] == "sent"]
        real = [one for one in own if weight.get(one["kind"], 0.0) >= 1]
        bought = [one for one in seen if one["kind"] == "purchase"]
        recent = [one for one in seen if one["kind"] == "sent" and one["seconds"] >= moment - 30 * DAY]
        last = min((moment - one["seconds"]) / DAY for one in real) if real else 730.0
        expected = {
            "own_rate": reactions / (len(sent) + 5),
            "own_known": len(sent) / (len(sent) + 5),
            "other_rate": sum(weight.get(one["kind"], 0.0) for one in others) / (len(sent_by_others) + 5),
            "other_known": len(sent_by_others) / (len(sent_by_others) + 5),
            "own_reaction_recency": math.log1p(last),
            "contacts_30": math.log1p(len(recent)),
            "purchases_365": math.log1p(len(bought)),
            "spent_365": math.log1p(sum(one["value"] for one in bought)),
            "baskets_30": math.log1p(sum(o["kind"] == "basket" and o["seconds"] >= moment - 30 * DAY for o in seen)),
            "soft_bounces_90": math.log1p(sum(one["kind"] == "bounce_soft" for one in own)),
        }
        for name, value in expected.items():
            assert math.isclose(found[name][row], value, abs_tol=1e-12), name


def test_every_feature_is_told() -> None:
    _, past = _past(_table([]))
    assert list(_ask(past, 2_000_000_000).columns) == list(FEATURES)


def test_an_open_says_little_beside_a_click() -> None:
    opens = _table([("b", "email", "open", hour, 0.0) for hour in range(1, 6)])
    click = _table([("b", "email", "click", 1, 0.0)])
    moment = int(pd.Timestamp("2025-02-01").timestamp())
    rates = [_ask(_past(table)[1], moment)["own_rate"][2] for table in (opens, click)]
    assert 0 < rates[0] < rates[1]
