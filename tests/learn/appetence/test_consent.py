"""Consent against a plain reading of who refused what, and never a low score in its place."""

from __future__ import annotations

import pandas as pd
import pytest

from optimizer.errors import ScenarioError
from optimizer.learn.appetence.consent import consent_table
from optimizer.learn.appetence.history import History, read_history

CUSTOMERS = pd.Series(["a", "b", "c"], dtype="str")


def _history(*rows: tuple[str, str | None, str, str | None]) -> History:
    sent = [(who, channel, "sent", "2025-01-01") for who in "abc" for channel in ("email", "sms", "post")]
    table = pd.DataFrame([*sent, *rows], columns=["customer_id", "channel", "event", "date"])
    return read_history(table, CUSTOMERS, as_of="2025-12-31")


def _closed(*rows: tuple[str, str | None, str, str | None], **asked) -> set[tuple[str, str]]:
    table, _, _ = consent_table(_history(*rows), **asked)
    assert table["customer_id"].tolist() == ["a", "b", "c"]
    return {
        (row["customer_id"], channel)
        for row in table.to_dict("records")
        for channel in ("email", "sms", "post")
        if not row[channel]
    }


@pytest.mark.parametrize(
    ("rows", "closed"),
    [
        ([("a", "email", "unsubscribe", "2025-02-01")], {("a", "email")}),
        ([("a", "sms", "STOP", "2025-02-01")], {("a", "sms")}),
        ([("a", "post", "NPAI", "2025-02-01")], {("a", "post")}),
        ([("a", "email", "hard bounce", "2025-02-01")], {("a", "email")}),
        # Without a channel: the one the kind means, else all.
        ([("a", None, "STOP", "2025-02-01")], {("a", "sms")}),
        ([("b", None, "refused", "2025-02-01")], {("b", "email"), ("b", "sms"), ("b", "post")}),
        # Given again, or shown to arrive.
        ([("a", "email", "unsubscribe", "2025-02-01"), ("a", "email", "opt-in", "2025-03-01")], set()),
        ([("a", "email", "opt-in", "2025-02-01"), ("a", "email", "unsubscribe", "2025-03-01")], {("a", "email")}),
        ([("a", "email", "unsubscribe", "2025-02-01"), ("a", "email", "click", "2025-03-01")], {("a", "email")}),
        ([("a", "email", "hard bounce", "2025-02-01"), ("a", "email", "click", "2025-03-01")], set()),
        ([("a", "email", "hard bounce", "2025-02-01"), ("a", "email", "open", "2025-03-01")], {("a", "email")}),
        ([("a", "email", "unsubscribe", "2025-02-01"), ("a", None, "opt-in", "2025-03-01")], {("a", "email")}),
        # Undated: from the start, so that later consent opens.
        ([("a", "email", "unsubscribe", None)], {("a", "email")}),
        ([("a", "email", "unsubscribe", None), ("a", "email", "opt-in", "2025-03-01")], set()),
        # Soft bounces in a row.
        ([("c", "email", "soft bounce", f"2025-02-0{day}") for day in (1, 2)], set()),
        ([("c", "email", "soft bounce", f"2025-02-0{day}") for day in (1, 2, 3)], {("c", "email")}),
        (
            [("c", "email", "soft bounce", f"2025-02-0{day}") for day in (1, 2, 4)]
            + [("c", "email", "click", "2025-02-03")],
            set(),
        ),
    ],
)
def test_who_may_not_be_reached(rows, closed: set[tuple[str, str]]) -> None:
    assert _closed(*rows) == closed


def test_soft_bounces_may_be_let_pass() -> None:
    bounces = [("c", "email", "soft bounce", f"2025-02-0{day}") for day in (1, 2, 3)]
    assert _closed(*bounces, soft_bounces=None) == set()


def test_the_history_only_takes_from_consent_given() -> None:
    given = pd.DataFrame({"customer_id": ["a", "b"], "email": [True, False], "sms": [True, True], "post": [True, True]})
    refused = ("a", "sms", "STOP", "2025-02-01")
    assert _closed(refused, given=given) == {("a", "sms"), ("b", "email"), ("c", "email"), ("c", "sms"), ("c", "post")}
    with pytest.raises(ScenarioError, match="column post: is missing"):
        consent_table(_history(refused), given=given.drop(columns="post"))


def test_every_closing_is_counted_by_its_reason() -> None:
    history = _history(
        ("a", "email", "unsubscribe", "2025-02-01"),
        ("b", "email", "hard bounce", "2025-02-01"),
        ("b", None, "STOP", "2025-02-01"),
    )
    _, reasons, notes = consent_table(history)
    told = {(row["channel"], row["reason"]): row["customers"] for row in reasons.to_dict("records")}
    assert told == {("email", "unsubscribe"): 1, ("email", "bounce_hard"): 1, ("sms", "stop"): 1}
    assert [note.count for note in notes] == [1]
