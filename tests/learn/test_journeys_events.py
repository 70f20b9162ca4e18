"""Events become journeys: held against a clerk's way of cutting them, and against the warts of real tables."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.errors import ScenarioError
from optimizer.learn.attribution import attribution
from optimizer.learn.journeys import Journeys, read_journeys
from tests.learn import journeys_brute as brute
from tests.learn.journeys_brute import Event

DAY_ONE = pd.Timestamp("2026-03-01T00:00:00Z")

some_events = st.lists(
    st.builds(
        lambda customer, hours, channel, kpi, value: Event(
            customer, hours / 24, channel, kpi if channel or kpi else "sale", value if kpi or not channel else 0
        ),
        st.sampled_from(["x", "y"]),
        st.integers(0, 30 * 24).map(lambda hours: hours - hours % 12),
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from([None, None, "lead", "sale"]),
        st.integers(0, 9),
    ),
    min_size=1,
    max_size=14,
).filter(lambda events: any(event.channel for event in events))


def table_of(events: list[Event]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [event.customer for event in events],
            "timestamp": [(DAY_ONE + pd.Timedelta(hours=round(event.day * 24))).isoformat() for event in events],
            "channel": [event.channel for event in events],
            "conversion": [event.kpi for event in events],
            "value": [float(event.value) for event in events],
        }
    )


def single(journeys: Journeys, kpi: str) -> Counter[tuple]:
    """Journeys one by one, as the clerk counts them."""
    paths = journeys.toward(kpi, single=True)
    return Counter(
        (tuple(text.split(" > ")), int(conversions), int(value))
        for text, conversions, value in zip(paths.texts(), paths.conversions, paths.value, strict=True)
    )


@given(some_events, st.sampled_from([None, 0.5, 1.0, 3.0, 10.0]))
@settings(max_examples=150)
def test_journeys_are_those_that_a_clerk_would_cut(events: list[Event], lookback: float | None) -> None:
    journeys = read_journeys(table_of(events), lookback=lookback)
    for kpi in journeys.kpis:
        if kpi == "conversion":
            continue  # nothing was reached
        found, missed = brute.cut(events, kpi, lookback)
        assert single(journeys, kpi) == found
        row = journeys.unattributed.set_index("kpi").loc[kpi]
        assert (row["conversions"], row["value"]) == missed


@given(some_events, st.randoms(use_true_random=False), st.sampled_from(["markov", "time_decay", "j_shaped"]))
@settings(max_examples=60)
def test_the_order_of_rows_and_repeats_change_nothing(events: list[Event], random: Any, model: str) -> None:
    table = table_of(events).assign(value=lambda one: one["value"] * 0.1, cost=0.1)
    order = list(range(len(table)))
    random.shuffle(order)
    shuffled = pd.concat([table.iloc[order], table.sample(frac=0.5, random_state=1)])
    kept, other = read_journeys(table, lookback=5), read_journeys(shuffled, lookback=5)
    pd.testing.assert_frame_equal(other.units, kept.units, check_exact=True)
    assert other.kpis == kept.kpis
    for kpi in kept.kpis:
        if kept.toward(kpi).totals[0] > 0:
            pd.testing.assert_frame_equal(
                attribution(other, model, kpi=kpi).credit, attribution(kept, model, kpi=kpi).credit, check_exact=True
            )


SHOP = [
    # customer, timestamp, channel, campaign, conversion, value
    ("x", "2026-03-01T10:00:00+01:00", "search", "SEA", None, None),
    ("x", "2026-03-01T10:20:00+01:00", "search", "SEA", None, None),
    ("x", "2026-03-05T10:00:00+01:00", "email", "EML", "lead", None),
    ("x", "2026-03-08T10:00:00+01:00", None, None, "sale", 100.0),
    ("y", "2026-03-02T10:00:00+01:00", "display", "DSP", None, None),
]
COLUMNS = ["customer_id", "timestamp", "channel", "campaign", "conversion", "value"]


def assigned(table: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    """The table with these columns, of whatever they hold."""
    return table.assign(**columns)


def shop(*more: tuple) -> pd.DataFrame:
    return pd.DataFrame([*SHOP, *more], columns=COLUMNS)


def paths_of(journeys: Journeys, kpi: str) -> dict[str, tuple[float, float]]:
    paths = journeys.toward(kpi)
    return dict(zip(paths.texts(), zip(paths.conversions, paths.lost, strict=True), strict=True))


def test_each_kpi_has_journeys_of_its_own() -> None:
    journeys = read_journeys(shop())
    assert paths_of(journeys, "lead") == {"display": (0, 1), "search > search > email": (1, 0)}
    assert paths_of(journeys, "sale") == {"display": (0, 1), "search > search > email": (1, 0)}
    assert attribution(journeys, "last", kpi="sale").credit.set_index("channel")["value"]["email"] == 100.0


def test_a_lookback_may_differ_by_channel_and_what_it_leaves_out_counts_as_lost() -> None:
    journeys = read_journeys(shop(), lookback={"email": 1, "*": 30})
    assert paths_of(journeys, "sale") == {"display": (0, 1), "email": (0, 1), "search > search": (1, 0)}


def test_touches_of_one_session_count_once() -> None:
    journeys = read_journeys(shop(), session=30)
    assert paths_of(journeys, "lead") == {"display": (0, 1), "search > email": (1, 0)}
    assert any("1 touches follow one of the same session" in note for note in journeys.notes)


def test_time_decay_reads_the_days() -> None:
    # Lead on day 4, with the e-mail itself; searches 4 days and 4 days less 20 minutes before.
    credit = attribution(read_journeys(shop()), "time_decay", kpi="lead", half_life=2.0).credit.set_index("channel")
    weights = [2 ** (-4 / 2), 2 ** (-(4 - 20 / 1440) / 2), 1.0]
    assert credit.loc["email", "conversions"] == pytest.approx(1 / sum(weights), abs=1e-12)


def test_online_and_offline_meet_by_the_key_table() -> None:
    till = ("card 7", "2026-03-06T18:00:00+01:00", None, None, "sale", 50.0)
    apart = read_journeys(shop(till))
    assert apart.unattributed.set_index("kpi").loc["sale", "conversions"] == 1
    assert any("sale: 1 conversions worth 50.00 have no touch" in note for note in apart.notes)
    keys = pd.DataFrame({"cookie": ["y", "q", None], "crm": ["c1", None, "c1"], "card": [None, "r", "card 7"]})
    together = read_journeys(shop(till), identities=keys)
    assert paths_of(together, "sale") == {"display": (1, 0), "search > search > email": (1, 0)}
    assert together.unattributed["conversions"].sum() == 0
    assert "identities (DataFrame): 3 identifiers of the events are 2 persons" in together.notes


def test_persons_are_the_connected_components_of_the_keys() -> None:
    # a–b, c–d, then b–c in one more row: one person of four; e stands alone.
    keys = pd.DataFrame({"left": ["a", "c", "b", "e"], "right": ["b", "d", "c", None]})
    rows = [(one, f"2026-03-0{day}", one, None, None, None) for day, one in enumerate("abcde", start=1)]
    journeys = read_journeys(pd.DataFrame(rows, columns=COLUMNS), identities=keys)
    assert sorted(paths_of(journeys, "conversion")) == ["a > b > c > d", "e"]


def test_a_row_of_keys_joins_across_its_empty_cells() -> None:
    keys = pd.DataFrame({"cookie": ["y"], "crm": [None], "card": ["card 7"]})
    till = ("card 7", "2026-03-06T18:00:00+01:00", None, None, "sale", 50.0)
    assert paths_of(read_journeys(shop(till), identities=keys), "sale")["display"] == (1, 0)


def test_a_filler_that_joins_strangers_is_told() -> None:
    keys = pd.DataFrame({"cookie": [f"c{n}" for n in range(30)], "crm": ["unknown"] * 30})
    notes = read_journeys(shop(), identities=keys).notes
    assert any("more than 20 identifiers, up to 31" in note for note in notes)


# --- clocks ---------------------------------------------------------------------------------


def test_two_time_zones_are_one_order() -> None:
    rows = [
        ("x", "2026-03-01T12:00:00+02:00", "second", None, None, None),  # 10:00 UTC
        ("x", "2026-03-01T09:30:00Z", "first", None, None, None),
        ("x", "2026-03-01 12:00", "third", None, None, None),  # in Paris: 11:00 UTC
        ("x", "2026-03-01T06:30:00-05:00", "fourth", None, "sale", 1.0),  # 11:30 UTC
    ]
    journeys = read_journeys(pd.DataFrame(rows, columns=COLUMNS), time_zone="Europe/Paris")
    assert list(paths_of(journeys, "sale")) == ["first > second > third > fourth"]
    assert any("3 by their own offset, 1 in Europe/Paris" in note for note in journeys.notes)
    assert any("1 rows stood before an earlier one" in note for note in journeys.notes)


def test_a_column_may_name_the_zone_of_each_row() -> None:
    rows = [("x", "2026-03-01 12:00", "later", "sale"), ("x", "2026-03-01 12:30", "sooner", None)]
    table = pd.DataFrame(rows, columns=["customer", "time", "channel", "conversion"])
    journeys = read_journeys(table.assign(time_zone=["America/New_York", "Europe/Paris"]))
    assert list(paths_of(journeys, "sale")) == ["sooner > later"]
    # Without one, the zone of the call.
    spaced = read_journeys(table.assign(time_zone=["America/New_York ", " "]), time_zone="Europe/Paris")
    assert list(paths_of(spaced, "sale")) == ["sooner > later"]


def test_the_hour_that_stands_twice_and_the_one_that_is_skipped_are_counted() -> None:
    rows = [
        ("x", "2026-10-25 02:30", "a", None),
        ("x", "2026-03-29 02:30", "b", None),
        ("x", "2026-10-25T00:45:00Z", "c", "sale"),
    ]
    table = pd.DataFrame(rows, columns=["customer_id", "timestamp", "channel", "conversion"])
    journeys = read_journeys(table, time_zone="Europe/Paris")
    assert list(paths_of(journeys, "sale")) == ["b > a > c"]  # a is 00:30 UTC
    assert any("1 moments stand twice" in note for note in journeys.notes)
    assert any("1 moments are skipped" in note for note in journeys.notes)


def test_timestamps_with_and_without_a_zone_agree_with_text() -> None:
    text = read_journeys(shop(), lookback=6)
    aware = assigned(shop(), timestamp=lambda one: pd.to_datetime(one["timestamp"], utc=True))
    local = assigned(shop(), timestamp=lambda one: pd.to_datetime(one["timestamp"].str.slice(0, 19)))
    mixed = assigned(shop(), timestamp=lambda one: [pd.Timestamp(word).to_pydatetime() for word in one["timestamp"]])
    mixed["timestamp"] = mixed["timestamp"].astype(object)
    for other, zone in ((aware, "UTC"), (local, "Europe/Paris"), (mixed, "UTC")):
        assert paths_of(read_journeys(other, lookback=6, time_zone=zone), "sale") == paths_of(text, "sale")


# --- nomenclature ---------------------------------------------------------------------------

NAMES = """
names:
  - {tool: ads, country: FR, glob: "SEA_*_BRAND*", channel: search, campaign: brand}
  - {tool: ads, regex: "sea_(?P<country>[a-z]{2})_.*", channel: search, campaign: "generic {country}"}
  - {glob: ["EML-*", "NL-*"], channel: email}
  - {glob: "never", channel: nothing}
"""
RAW = pd.DataFrame(
    [
        ("1", "2026-03-01", "ads", "FR", "SEA_FR_BRAND_X", None, 1.0),
        ("1", "2026-03-02", "ads", "DE", "SEA_DE_BRAND_X", None, 1.0),
        ("1", "2026-03-03", "crm", "FR", "EML-17", "sale", 0.1),
        ("2", "2026-03-01", "crm", "FR", "SEA_FR_BRAND_X", None, 0.2),
        ("2", "2026-03-02", "crm", "FR", "SEA_FR_BRAND_X", "sale", 0.2),
        ("2", "2026-03-03", "crm", "FR", "mystery", None, 0.2),
    ],
    columns=["customer", "timestamp", "tool", "country", "campaign", "conversion", "cost"],
)


def test_raw_names_of_each_tool_and_country_come_to_channels(tmp_path: Path) -> None:
    (tmp_path / "names.yaml").write_text(NAMES, encoding="utf-8")
    journeys = read_journeys(RAW, nomenclature=tmp_path / "names.yaml")
    assert paths_of(journeys, "sale") == {
        "(unmapped)": (0, 1), "(unmapped) > (unmapped)": (1, 0), "search > search > email": (1, 0),
    }  # fmt: skip
    assert list(zip(journeys.units["channel"], journeys.units["campaign"], strict=True)) == [
        ("(unmapped)", "SEA_FR_BRAND_X"), ("(unmapped)", "mystery"), ("email", "EML-17"), ("search", "brand"),
        ("search", "generic DE"),
    ]  # fmt: skip
    assert journeys.unmapped.to_dict("records") == [
        {"name": "SEA_FR_BRAND_X", "country": "FR", "tool": "crm", "events": 2, "conversions": 1.0, "cost": 0.4},
        {"name": "mystery", "country": "FR", "tool": "crm", "events": 1, "conversions": 0.0, "cost": 0.2},
    ]
    assert any("2 names in 3 rows fit no line: SEA_FR_BRAND_X (2), mystery (1)" in note for note in journeys.notes)
    assert any("names[4]" in note and "fits no name" in note for note in journeys.notes)


def test_a_pattern_fits_the_whole_name_or_not_at_all() -> None:
    names = {"names": [{"regex": "sea", "channel": "short"}, {"regex": "sea_fr|sea", "channel": "long"}]}
    table = pd.DataFrame({"path": ["SEA > SEA_FR > SEA_FR_2"], "total_conversions": [1]})
    assert paths_of(read_journeys(table, nomenclature=names), "conversion") == {"short > long > (unmapped)": (1, 0)}


def test_a_sale_without_a_name_is_no_touch_whatever_the_last_line_takes() -> None:
    rows = [("x", "2026-03-01", "SEA", None), ("x", "2026-03-03", None, "sale"), ("x", "2026-03-04", " ", "sale")]
    table = pd.DataFrame(rows, columns=["customer", "timestamp", "campaign", "conversion"])
    names = {"names": [{"glob": "SEA*", "channel": "search"}, {"glob": "*", "channel": "other"}]}
    journeys = read_journeys(table, nomenclature=names)
    assert paths_of(journeys, "sale") == {"search": (1, 0)}
    assert journeys.unattributed["conversions"].tolist() == [1.0]
    assert journeys.unmapped.empty
    plain = read_journeys(table.rename(columns={"campaign": "channel"}))
    assert paths_of(plain, "sale") == {"SEA": (1, 0)}


def test_a_line_may_be_for_several_values_of_a_column_and_spaces_do_not_count() -> None:
    names = {"names": [{"country": ["FR", "be"], "glob": "SEA", "channel": "search"}, {"glob": "*", "channel": "rest"}]}
    table = assigned(RAW, campaign="SEA ", country=["FR", "BE ", "DE", "FR", "FR", None])
    units = read_journeys(table, nomenclature=names).units.set_index("channel")
    assert units["touches"].to_dict() == {"rest": 2.0, "search": 4.0}


def test_names_that_fit_no_line_are_counted_in_the_rows_that_count() -> None:
    names = {"names": [{"glob": "EML*", "channel": "email"}]}
    twice = read_journeys(pd.concat([RAW, RAW]), nomenclature=names, as_of="2026-03-02T12:00")
    # Without the repeats and what lies after.
    assert twice.unmapped.to_dict("records") == [
        {"name": "SEA_FR_BRAND_X", "events": 3, "conversions": 1.0, "cost": pytest.approx(1.4)},
        {"name": "SEA_DE_BRAND_X", "events": 1, "conversions": 0.0, "cost": 1.0},
    ]
    assert any("2 names in 4 rows fit no line: SEA_FR_BRAND_X (3), SEA_DE_BRAND_X (1)" in note for note in twice.notes)


def test_a_nomenclature_may_be_a_table(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text(
        "tool,country,glob,regex,channel,campaign\n"
        "ads,FR,SEA_*_BRAND*,,search,brand\n"
        "ads,,,sea_(?P<country>[a-z]{2})_.*,search,generic {country}\n"
        ",,EML-*,,email,\n",
        encoding="utf-8",
    )
    from_table = read_journeys(RAW, nomenclature=tmp_path / "names.csv")
    (tmp_path / "names.yaml").write_text(NAMES, encoding="utf-8")
    pd.testing.assert_frame_equal(from_table.units, read_journeys(RAW, nomenclature=tmp_path / "names.yaml").units)


def test_a_name_that_is_not_known_keeps_the_channel_it_came_with() -> None:
    table = RAW.assign(channel=pd.Series(["s", "s", None, "s", None, "m"]))
    journeys = read_journeys(table, nomenclature={"names": [{"glob": "EML-*", "channel": "email"}]})
    assert set(journeys.units["channel"]) == {"email", "s", "m", "(unmapped)"}
    assert journeys.unmapped["events"].tolist() == [3, 1, 1]


def test_grouped_paths_pass_through_a_nomenclature_too() -> None:
    table = pd.DataFrame({"path": ["SEA_1 > EML-1", "SEA_2 > odd"], "total_conversions": [1, 2], "total_null": [0, 1]})
    names = {"names": [{"glob": "SEA_*", "channel": "search"}, {"glob": "EML-*", "channel": "email"}]}
    journeys = read_journeys(table, nomenclature=names)
    assert paths_of(journeys, "conversion") == {"search > (unmapped)": (2, 1), "search > email": (1, 0)}
    assert journeys.unmapped["name"].tolist() == ["odd"]
    by = attribution(journeys, "linear", by="campaign").credit
    assert by["campaign"].tolist() == ["odd", "EML-1", "SEA_1", "SEA_2"]  # in the order of their channels


# --- bad input ------------------------------------------------------------------------------


def test_touches_without_a_channel_are_counted_as_unknown() -> None:
    journeys = read_journeys(shop(("z", "2026-03-02", None, None, None, None)))
    assert "1 touches name no channel and count as (unknown)" in journeys.notes
    assert paths_of(journeys, "sale")["(unknown)"] == (0, 1)


def test_spaces_around_a_name_are_no_part_of_it() -> None:
    journeys = read_journeys(shop(("z", "2026-03-02", " search ", "SEA ", None, None)))
    assert journeys.units.set_index("channel")["touches"].to_dict() == {"display": 1.0, "email": 1.0, "search": 3.0}


def test_rows_that_repeat_are_left_out_with_a_count() -> None:
    once, twice = read_journeys(shop()), read_journeys(shop(*SHOP, *SHOP[:1]))
    assert paths_of(once, "sale") == paths_of(twice, "sale")
    assert "6 of 11 rows repeat another in every column and were left out" in twice.notes


def test_rows_that_differ_in_any_column_are_two() -> None:
    till = ("x", "2026-03-08T10:00:00+01:00", None, None, "sale", 100.0)
    orders = assigned(shop(till, till), order_id=[None, None, None, "o1", None, "o2", "o2 "])
    journeys = read_journeys(orders)
    assert journeys.paths["sale"].totals[:2] == (2.0, 200.0)  # both orders close the journey of their moment
    assert "1 of 7 rows repeat another in every column and were left out" in journeys.notes
    raw = shop(("y", "2026-03-02T09:00:00Z", "display", "DSP 2", None, None))
    names = {"names": [{"glob": "DSP*", "channel": "display", "campaign": "all"}]}
    touches = read_journeys(raw, nomenclature=names).units.set_index("channel")["touches"]
    assert touches["display"] == 2.0
    one_clock = shop(("y", "2026-03-02T09:00:00Z", "display", "DSP", None, None))
    assert "1 of 6 rows repeat another in every column and were left out" in read_journeys(one_clock).notes


def test_columns_that_tell_no_events_apart_do_not_count() -> None:
    loaded = pd.concat([assigned(shop(), loaded_at=f"2026-03-{day}", batch=day) for day in (10, 11)])
    kept = read_journeys(loaded)
    assert kept.paths["sale"].totals[:2] == (2.0, 200.0)
    assert any(
        note.startswith("5 rows differ from another in loaded_at, batch alone and count as events of their own; name")
        for note in kept.notes
    )
    once = read_journeys(loaded, ignore=["loaded_at", "batch"])
    assert once.paths["sale"].totals[:2] == (1.0, 100.0)
    assert once.units["touches"].tolist() == read_journeys(shop()).units["touches"].tolist()
    assert "5 of 10 rows repeat another in every column but loaded_at, batch and were left out" in once.notes
    # Orders still tell two sales apart, and are told.
    till = ("x", "2026-03-08T10:00:00+01:00", None, None, "sale", 100.0)
    orders = assigned(shop(till), order_id=[None, None, None, "o1", None, "o2"], loaded_at=range(6))
    found = read_journeys(orders, ignore="loaded_at")
    assert found.paths["sale"].totals[:2] == (2.0, 200.0)
    assert any(note.startswith("1 rows differ from another in order_id alone") for note in found.notes)


@pytest.mark.parametrize(
    ("ignore", "words"),
    [
        ("loadedat", "ignore is 'loadedat': is no column; did you mean loaded_at"),
        ("value", "ignore is 'value': is read: rows that differ in it are two events"),
    ],
)
def test_columns_that_do_not_count_are_there_and_unread(ignore: str, words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        read_journeys(assigned(shop(), loaded_at=1), ignore=ignore)


def test_a_kpi_may_begin_with_a_digit() -> None:
    names = [None, None, "3rd visit", "2nd_purchase", None]
    assert set(read_journeys(assigned(shop(), conversion=names)).kpis) == {"3rd visit", "2nd_purchase"}


def test_names_of_kpis_beside_a_column_kpi_are_told() -> None:
    notes = read_journeys(assigned(shop(), kpi="order")).notes
    assert "conversion holds the names of KPIs, so the column kpi is not read" in notes


def test_a_cost_that_no_channel_is_charged_with_is_told() -> None:
    notes = read_journeys(assigned(shop(), cost=[1.0, 1.0, 1.0, 7.5, 1.0])).notes
    assert any("1 conversions without a channel have a cost, 7.50 in all" in note for note in notes)


def test_spaces_around_a_kpi_or_a_customer_are_no_part_of_them() -> None:
    table = shop(("y ", "2026-03-03", None, None, "sale ", 7.0))
    journeys = read_journeys(table)
    assert journeys.kpis == ("sale", "lead")
    assert journeys.paths["sale"].totals == (2.0, 107.0, 0.0)
    keys = pd.DataFrame({"cookie": [" y"], "card": ["card 7 "]})
    till = ("card 7", "2026-03-06T18:00:00+01:00", None, None, "sale", 50.0)
    assert paths_of(read_journeys(shop(till), identities=keys), "sale")["display"] == (1, 0)
    with pytest.raises(ScenarioError, match="row 1, column customer_id is 'empty'"):
        read_journeys(assigned(shop(), customer_id="  "))


@pytest.mark.parametrize(("yes", "no"), [("Y", "N"), ("t", "f"), ("oui", "non"), ("Ja", "nein"), ("1", "-"), (1, 0)])
def test_conversions_may_be_said_by_yes_and_no(yes: object, no: object) -> None:
    journeys = read_journeys(assigned(shop(), conversion=[no, no, yes, yes, no], value=None))
    assert journeys.kpis == ("conversion",)
    assert journeys.paths["conversion"].totals[0] == 1.0
    assert journeys.unattributed["conversions"].sum() == 1.0


def test_kpis_that_differ_in_capitals_alone_are_told() -> None:
    notes = read_journeys(assigned(shop(), conversion=[None, None, "Sale", "sale", None])).notes
    assert "KPIs that differ in capitals alone stay apart: Sale, sale" in notes


def test_empty_amounts_are_counted() -> None:
    till = ("x", "2026-03-09T10:00:00+01:00", None, None, "sale", None)
    notes = read_journeys(assigned(shop(till), cost=[1.0, None, None, None, 2.0, None])).notes
    # The second sale has none; leads have none anywhere.
    assert "1 rows of conversions have an empty value, taken as 0" in notes
    assert "2 rows of touches have an empty cost, taken as 0" in notes
    kpi = assigned(shop(), conversion=[0, 0, None, 1, 0], kpi=[None, None, "lead", "sale", None])
    assert "1 rows name a kpi with an empty conversion, taken as 0" in read_journeys(kpi).notes
    grouped = pd.DataFrame({"path": ["a", "b"], "total_conversions": [1, None], "total_null": [None, 2]})
    found = read_journeys(grouped).notes
    assert "1 of 2 rows have an empty total_conversions, taken as 0" in found
    assert "1 of 2 rows have an empty total_null, taken as 0" in found


def test_a_kpi_of_which_no_value_is_told_is_worth_no_one_knows_what() -> None:
    journeys = read_journeys(shop())
    assert "sale: 1 conversions worth 100.00" in str(journeys)
    assert "lead: 1 conversions, " in str(journeys)
    credit = attribution(journeys, "linear").credit
    assert credit.loc[credit["kpi"] == "lead", "value"].isna().all()
    assert credit.loc[credit["kpi"] == "sale", "value"].sum() == pytest.approx(100.0)
    assert not any("empty value" in note for note in journeys.notes)
    assert attribution(read_journeys(assigned(shop(), value=None)), "linear").credit["value"].isna().all()


def test_later_events_are_left_out_as_of_a_date() -> None:
    journeys = read_journeys(shop(), as_of="2026-03-06")
    assert journeys.kpis == ("lead", "sale")
    assert paths_of(journeys, "sale") == {"display": (0, 1), "search > search > email": (0, 1)}
    assert any(note.startswith("1 of 5 rows lie after 2026-03-06") for note in journeys.notes)
    ahead = read_journeys(shop(("z", "2999-01-01", "search", None, None, None)))
    assert any("1 rows lie in the future" in note for note in ahead.notes)


def test_journeys_without_conversions_are_read_and_refused_by_attribution() -> None:
    table = assigned(shop(), conversion=None, value=None)
    journeys = read_journeys(table)
    with pytest.raises(ScenarioError, match=r"kpi conversion: none of 2 journeys converts"):
        attribution(journeys)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"timestamp": "1 March"}, r"row 1, column timestamp is '1 March': expected a moment .* 4 further rows"),
        ({"timestamp": None}, r"row 1, column timestamp is 'empty'"),
        ({"timestamp": 1_700_000_000}, r"column timestamp is 1700000000: .*a number says no moment"),
        ({"customer_id": None}, r"row 1, column customer_id is 'empty': expected who was touched"),
        ({"value": -1.0}, r"row 1, column value is -1.0: expected a number of at least 0"),
        ({"value": 5.0}, r"row 1, column value is 5.0: expected a conversion with it"),
        ({"conversion": [None, "2", "lead", None, None], "value": None}, r"row 2, column conversion is '2': expected"),
        ({"conversion": "1,5", "value": None}, r"row 1, column conversion is '1,5': expected a count with a decimal"),
        ({"conversion": "10 EUR", "value": None}, r"column conversion is '10 EUR': expected a count with a decimal"),
        ({"conversion": "2026-03-01", "value": None}, r"column conversion is '2026-03-01': expected a count"),
        ({"conversion": -3, "value": None}, r"row 1, column conversion is '-3': expected a count of at least 0"),
        ({"time_zone": "Mars"}, r"time_zone is 'Mars': expected an IANA time zone"),
    ],
)  # fmt: skip
def test_bad_events_are_refused_by_row_and_column(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        read_journeys(assigned(shop(), timestamp=lambda one: one["timestamp"].str.slice(0, 19)).assign(**change))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"path": ["a > > b"], "total_conversions": [1]}, r"row 1, column path is 'a > > b': expected a channel on"),
        ({"path": ["a", None], "total_conversions": [1, 1]}, r"row 2, column path is 'empty'"),
        ({"path": ["a"], "total_conversion": [1]}, r"column total_conversions: is missing; did you mean"),
        ({"path": ["a"], "total_conversions": [1], "total_conversions_value": [5]}, r"call the value total_conv"),
        ({"path": ["a"], "total_conversions": [-1]}, r"row 1, column total_conversions is -1: expected a number"),
        ({"path": ["a"], "total_conversions": ["x"]}, r"row 1, column total_conversions is 'x'"),
        ({"path": ["a"], "total_conversions": [0], "total_conversion_value": [5.0]}, r"expected 0 where"),
        ({"path": ["a"], "total_conversions": [0], "total_null": [3]}, r"none of 3 journeys converts"),
    ],
)  # fmt: skip
def test_bad_paths_are_refused_by_row_and_column(table: dict[str, list], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        attribution(pd.DataFrame(table))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"lookback": 0}, r"lookback is 0: expected days above 0"),
        ({"lookback": {"serch": 3, "*": 9}}, r"lookback is 'serch': is no channel; did you mean search"),
        ({"lookback": {"search": 3}}, r"lookback.display: is missing"),
        ({"session": -1}, r"session is -1: expected minutes above 0"),
        ({"session": "a"}, r"session is 'a': expected minutes above 0"),
        ({"time_zone": 5}, r"time_zone is 5: expected an IANA time zone"),
        ({"time_zone": None}, r"time_zone: expected an IANA time zone"),
        ({"columns": ["channel"]}, r"columns is \['channel'\]: expected our name"),
        ({"time_zone": "Pluto"}, r"time_zone is 'Pluto'"),
        ({"as_of": "soon"}, r"as_of: moment is 'soon'"),
        ({"as_of": "2020-01-01"}, r"as_of is '2020-01-01': expected a moment after the first event"),
        ({"columns": {"channel": "chanel"}}, r"column chanel: is missing; did you mean channel"),
        ({"identities": pd.DataFrame({"one": ["x"]})}, r"expected two columns of identifiers"),
        ({"nomenclature": {"names": [{"channel": "x"}]}}, r"names\[1\] .*expected glob or regex"),
        ({"nomenclature": {"names": [{"glob": "x"}]}}, r"names\[1\].channel"),
        ({"nomenclature": {"names": [{"glob": "*", "channel": "x", "campaign": "a", "tool": True}]}}, r"tool is True"),
        ({"nomenclature": {"names": [{"regex": "(", "channel": "x"}]}}, r"is no regular expression"),
        ({"nomenclature": {"names": [{"glob": "*", "channel": "x", "campaign": "{y}"}]}}, r"expected groups of"),
        ({"nomenclature": {"names": [{"glob": "*", "channel": "x", "tol": "y"}]}}, r"names is 'tol': is no column"),
    ],
)  # fmt: skip
def test_what_reading_cannot_be_told(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        read_journeys(shop(), **asked)


def test_files_are_read_as_frames_are(tmp_path: Path) -> None:
    table = shop()
    table.to_csv(tmp_path / "events.csv", index=False)
    table.to_csv(tmp_path / "semicolon.csv.gz", index=False, sep=";", encoding="utf-8-sig")
    table.to_parquet(tmp_path / "events.parquet")
    for file in ("events.csv", "semicolon.csv.gz", "events.parquet"):
        journeys = read_journeys(tmp_path / file)
        assert paths_of(journeys, "sale") == paths_of(read_journeys(table), "sale")
        assert journeys.paths["sale"].totals == (1.0, 100.0, 1.0)
    with pytest.raises(ScenarioError, match=r"did you mean events\.csv"):
        read_journeys(tmp_path / "event.csv")
    (tmp_path / "empty.csv").write_text("customer_id,timestamp,channel,conversion\n")
    with pytest.raises(ScenarioError, match="is empty; expected at least one row"):
        read_journeys(tmp_path / "empty.csv")


@given(
    st.lists(st.tuples(st.integers(-5, 5), st.integers(-(2**55), 2**55), st.integers(0, 3)), min_size=1, max_size=20)
)
def test_a_joint_key_sorts_as_its_columns_do(rows: list[tuple[int, int, int]]) -> None:
    from optimizer.learn.journeys.order import joint_key

    columns = np.array(rows, np.int64).T
    key = joint_key(*columns)
    assert [rows[at] for at in np.argsort(key, kind="stable")] == sorted(rows)
    assert len(set(key.tolist())) == len(set(rows))
