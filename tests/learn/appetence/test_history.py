"""Bad and odd histories: each a message that says how to mend it, or a fallback that is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.errors import ScenarioError
from optimizer.learn.appetence.contacts import last_before, read_contacts
from optimizer.learn.appetence.history import read_history
from optimizer.learn.appetence.kinds import RESPONSES

CUSTOMERS = pd.Series(["1", "2", "3"], dtype="str")


def _log(*rows: tuple[object, ...], **columns: Any) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "channel", "event", "date"])
    return table.assign(**columns)


def _notes(notes) -> dict[str, int]:
    return {note.reason: note.count for note in notes}


def test_accept_and_accepted_are_one_kind_and_both_spellings_are_counted() -> None:
    table = _log(
        (1, "web", "Accept", "2025-01-01"), (2, "web", "Accepted", "2025-01-01"), (3, "web", "NoResponse", "2025-01-02")
    )
    history = read_history(table, CUSTOMERS)
    assert history.events["kind"].tolist() == ["response", "response", "no_response"]
    assert history.outcomes
    notes = _notes(history.notes)
    assert notes["events 'Accept' read as response"] == 1
    assert notes["events 'Accepted' read as response"] == 1


def test_an_unknown_event_is_refused_with_its_neighbours_and_the_mend() -> None:
    table = _log((1, "web", "sent", "2025-01-01"), (2, "web", "clik", "2025-01-02"))
    with pytest.raises(ScenarioError, match=r"row 2, column event is 'clik'.*did you mean click\?.*events"):
        read_history(table, CUSTOMERS)
    history = read_history(table, CUSTOMERS, events={"clik": "click"})
    assert set(history.events["kind"]) == {"sent", "click"}
    left_out = read_history(table, CUSTOMERS, events={"clik": None})
    assert len(left_out.events) == 1
    assert _notes(left_out.notes)["events 'clik': left out as asked"] == 1


def test_events_after_as_of_are_left_out_and_counted() -> None:
    table = _log((1, "sms", "sent", "2025-01-01"), (1, "sms", "click", "2025-03-02"), (2, "sms", "sent", "2025-03-01"))
    history = read_history(table, CUSTOMERS, as_of="2025-03-01")
    assert len(history.events) == 1
    assert _notes(history.notes)["events dated 2025-03-01 or later (after as_of): left out"] == 2


def test_a_moment_far_beyond_all_others_is_refused_without_as_of() -> None:
    rows = [(1, "sms", "sent", f"2025-01-{day:02d}") for day in range(1, 29)] * 5
    table = _log(*rows, (2, "sms", "sent", "2062-01-01"))
    with pytest.raises(ScenarioError, match=r"row 141, column date is '2062-01-01.*correct it, or say with as_of"):
        read_history(table, CUSTOMERS)
    assert read_history(table, CUSTOMERS, as_of="2025-02-01").events["seconds"].max() < 1.8e9


def test_without_as_of_it_is_the_midnight_after_the_last_event() -> None:
    table = _log((1, "sms", "sent", "2025-01-01 10:00"), (1, "sms", "click", "2025-01-03 23:59"))
    assert read_history(table, CUSTOMERS).as_of == pd.Timestamp("2025-01-04")


def test_strangers_copies_and_contacts_without_a_channel_are_counted() -> None:
    table = _log(
        (1, "sms", "sent", "2025-01-01"), (1, "sms", "sent", "2025-01-01"),
        (9, "sms", "sent", "2025-01-01"), (2, None, "sent", "2025-01-02"), (3, "sms", "sent", None),
    )  # fmt: skip
    history = read_history(table, CUSTOMERS)
    assert len(history.events) == 1
    notes = _notes(history.notes)
    assert notes["events of customers who are not in the customers table: left out"] == 1
    assert notes["events that stand twice: left out"] == 1
    assert notes["contacts without a channel: left out"] == 1
    assert notes["events without a date: left out"] == 1


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("date", "01/02/2025", r"row 1, column date is '01/02/2025': expected a date or a moment"),
        ("event", None, r"row 1, column event is 'empty': expected what happened"),
        ("customer_id", None, r"row 1, column customer_id is 'empty'"),
    ],
)
def test_a_wrong_cell_is_named(column: str, value: Any, words: str) -> None:
    table = _log(("1", "sms", "sent", "2025-01-01"), ("2", "sms", "sent", "2025-01-01"))
    table[column] = [value, table[column][1]]
    with pytest.raises(ScenarioError, match=words):
        read_history(table, CUSTOMERS)


def test_a_missing_column_names_its_neighbours() -> None:
    table = _log((1, "sms", "sent", "2025-01-01")).rename(columns={"customer_id": "CustomerID"})
    with pytest.raises(ScenarioError, match="column customer_id: is missing; did you mean CustomerID"):
        read_history(table, CUSTOMERS)
    assert len(read_history(table, CUSTOMERS, names={"customer_id": "CustomerID"}).events) == 1


def test_a_file_keeps_leading_zeros_and_brings_zones_to_one_clock(tmp_path: Path) -> None:
    file = tmp_path / "history.csv"
    file.write_text(
        "customer_id;channel;event;time\n"
        "007;sms;sent;20250101T220000.000 GMT\n007;sms;click;2025-01-02T00:30:00+01:00\n",
        encoding="utf-8",
    )
    history = read_history(file, pd.Series(["007"], dtype="str"), time_zone="Europe/Paris")
    assert (history.events["seconds"] - 1_735_686_000).tolist() == [23 * 3_600 + 3_600, 24 * 3_600 + 1_800 + 3_600]


def test_no_event_before_as_of_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"holds no event before as_of 2020-01-01; check as_of"):
        read_history(_log((1, "sms", "sent", "2025-01-01")), CUSTOMERS, as_of="2020-01-01")


def _contacts(*rows: tuple[object, ...], days: float = 5, **columns: Any):
    history = read_history(_log(*rows, **columns), CUSTOMERS, as_of="2025-12-31")
    return read_contacts(history, responses=RESPONSES, response_days=days)


def test_a_response_goes_to_the_last_contact_of_its_channel_in_its_days() -> None:
    found = _contacts(
        (1, "sms", "sent", "2025-01-01"), (1, "sms", "sent", "2025-01-03"), (1, "email", "sent", "2025-01-04"),
        (1, "sms", "click", "2025-01-05"), (1, "sms", "click", "2025-02-05"),
    )  # fmt: skip
    assert found.table.set_index("seconds")["responded"].tolist() == [False, True, False]
    assert _notes(found.notes)["responses without a contact in the 5 days before (organic)"] == 1


def test_a_purchase_in_a_shop_goes_to_the_last_contact_of_any_channel() -> None:
    found = _contacts(
        (1, "sms", "sent", "2025-01-01"), (1, "email", "sent", "2025-01-04"),
        (1, "shop", "purchase", "2025-01-05"), (1, None, "purchase", "2025-01-06"), value=[0, 0, 30.5, 10],
    )  # fmt: skip
    told = found.table.set_index("channel")
    assert told["responded"].to_dict() == {"sms": False, "email": True}
    assert told["value"].to_dict() == {"sms": 0.0, "email": 40.5}


def test_a_campaign_named_by_the_response_decides() -> None:
    found = _contacts(
        (1, "sms", "sent", "2025-01-01"), (1, "sms", "sent", "2025-01-03"), (1, "sms", "click", "2025-01-04"),
        campaign=["spring", "summer", "spring"],
    )  # fmt: skip
    assert found.table.set_index("campaign")["responded"].to_dict() == {"spring": True, "summer": False}


def test_what_never_arrived_and_what_may_still_be_answered_teaches_nothing() -> None:
    history = read_history(
        _log((1, "email", "sent", "2025-01-01"), (1, "email", "hard bounce", "2025-01-01"),
             (2, "email", "sent", "2025-01-02"), (3, "email", "sent", "2025-01-09")),
        CUSTOMERS, as_of="2025-01-11",
    )  # fmt: skip
    found = read_contacts(history, responses=RESPONSES, response_days=5)
    assert found.table["customer"].tolist() == [1, 2]
    assert found.table["matured"].tolist() == [True, False]
    assert len(found.notes) == 2


_ROWS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["x", "y", None]), st.integers(0, 12)), max_size=8)


@given(_ROWS, _ROWS, st.integers(1, 6))
def test_the_last_contact_before_is_what_a_loop_finds(sent, later, window: int) -> None:
    columns = ["customer", "channel", "seconds"]
    contacts = pd.DataFrame(sent, columns=columns).sort_values("seconds", kind="stable", ignore_index=True)
    asked = pd.DataFrame(later, columns=columns)
    found = last_before(contacts, asked, ["customer", "channel"], window)
    for row, (customer, channel, moment) in enumerate(later):
        fits = [
            place
            for place, one in enumerate(contacts.to_dict("records"))
            if one["customer"] == customer and one["channel"] == channel and channel is not None
            and moment - window < one["seconds"] <= moment
        ]  # fmt: skip
        assert found[row] == (fits[-1] if fits else -1)


def test_a_response_on_the_last_of_its_days_counts_and_one_after_does_not() -> None:
    for hour, came in (("2025-01-05 23:59", True), ("2025-01-06 00:00", False)):
        found = _contacts((1, "sms", "sent", "2025-01-01"), (1, "sms", "click", hour))
        assert found.table["responded"].tolist() == [came]
