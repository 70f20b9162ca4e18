"""Every form of table gives the same typed frame, and broken ones say what is wrong."""

from __future__ import annotations

import datetime as dt
import gzip
import sqlite3

import numpy as np
import pandas as pd
import pytest

from optimizer.errors import ScenarioError
from optimizer.scenario.columns import as_text, dates, flags, numbers, texts
from optimizer.scenario.schema import Currency
from optimizer.scenario.tables import Money, Tables, typed

CSV = "customer_id,department,age,value,vip,since,note\n07,01,60,1.5,true,2026-01-01,NA\n8,75,,2,false,,\n"
EXPECTED = {
    "customer_id": ["07", "8"],
    "department": ["01", "75"],
    "age": [60.0, None],
    "value": [1.5, 2.0],
    "vip": [True, False],
    "since": [pd.Timestamp("2026-01-01"), None],
    "note": ["NA", None],
}
KINDS = {"customer_id": "O", "department": "O", "age": "f", "value": "f", "vip": "b", "since": "M", "note": "O"}


def same(table: pd.DataFrame, expected=EXPECTED, kinds=KINDS) -> None:
    assert list(table.columns) == list(expected)
    for column, values in expected.items():
        found = [None if pd.isna(value) else value for value in table[column]]
        assert found == values, column
        assert (table[column].dtype.kind if table[column].dtype != "str" else "O") == kinds[column], column


@pytest.fixture
def tables(tmp_path):
    return Tables(tmp_path)


def test_csv_is_typed_by_what_it_holds(tmp_path, tables):
    (tmp_path / "t.csv").write_text(CSV)
    same(tables.read("t.csv"))


def test_csv_compressed_with_another_separator_and_a_mark(tmp_path, tables):
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(CSV.replace(",", ";").encode("utf-8-sig")))
    same(tables.read("t.csv.gz"))


def test_parquet_and_frames(tmp_path, tables):
    (tmp_path / "t.csv").write_text(CSV)
    frame = tables.read("t.csv")
    frame.to_parquet(tmp_path / "t.parquet")
    same(tables.read("t.parquet"))
    same(tables.read(frame))
    same(tables.read(frame.astype(object)))


def test_sql_on_sqlite(tmp_path, tables):
    pytest.importorskip("sqlalchemy")
    base = sqlite3.connect(tmp_path / "crm.db")
    base.execute("create table crm (customer_id integer, country text, age real)")
    base.executemany("insert into crm values (?, ?, ?)", [(1, "FR", 3.5), (2, "01", None)])
    base.commit()
    base.close()
    table = tables.read({"sql": "select * from crm where customer_id < 9 order by 1", "url": "sqlite:///crm.db"})
    same(
        table,
        {"customer_id": ["1", "2"], "country": ["FR", "01"], "age": [3.5, None]},
        {"customer_id": "O", "country": "O", "age": "f"},
    )
    for sql, url, said in [
        ("select * from nowhere", "sqlite:///crm.db", "no such table: nowhere"),
        ("select 1", "sqlite:///none.db", "no SQLite file"),
        ("select 1", "what is this", "the query failed"),
        ("select 1", "nodialect:///x", "the query failed"),
        ("select * from crm where 0", "sqlite:///crm.db", "is empty"),
    ]:
        with pytest.raises(ScenarioError, match=said):
            tables.read({"sql": sql, "url": url})
    assert not (tmp_path / "none.db").exists()


def test_join_follows_the_customer(tmp_path, tables):
    left = pd.DataFrame({"customer_id": [1, 2, 3], "zip": ["01", "02", "01"]})
    right = pd.DataFrame({"customer_id": ["3", "1", "9"], "income": [30, 10, 90], "rich": [True, False, True]})
    (tmp_path / "zip.csv").write_text("zip,region\n01,south\n02,north\n")
    joined = tables.read({"table": left, "join": [right, "zip.csv"]})
    assert joined["customer_id"].tolist() == ["1", "2", "3"]
    assert joined["income"].fillna(-1).tolist() == [10, -1, 30]
    assert joined["region"].tolist() == ["south", "north", "south"]
    assert joined["rich"].fillna(False).tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("right", "said"),
    [
        (pd.DataFrame({"customer_id": [1, 1], "x": [1, 2]}), "row 2, column customer_id is '1': stands twice"),
        (pd.DataFrame({"other": [1]}), "shares no column"),
        (pd.DataFrame({"customer_id": [1], "zip": ["01"]}), "column zip: stands in .* too"),
    ],
)
def test_joins_that_cannot_be(tables, right, said):
    left = pd.DataFrame({"customer_id": [1, 2], "zip": ["01", "02"]})
    with pytest.raises(ScenarioError, match=said):
        tables.read({"table": left, "join": [right]})


def test_identifiers_are_text_whatever_holds_them(tmp_path, tables):
    assert tables.read(pd.DataFrame({"customer_id": [1.0, 2.0]}))["customer_id"].tolist() == ["1", "2"]
    assert tables.read(pd.DataFrame({"customer_id": ["1.0", "a"]}))["customer_id"].tolist() == ["1.0", "a"]
    assert tables.read(pd.DataFrame({"household_id": [1, None]}))["household_id"].tolist()[0] == "1"
    big = 2**60 + 1
    pd.DataFrame({"customer_id": pd.array([big, None], dtype="Int64")}).to_parquet(tmp_path / "big.parquet")
    assert tables.read("big.parquet")["customer_id"].tolist()[0] == str(big)
    (tmp_path / "gap.csv").write_text("customer_id,x\n1.0,12345678901234567890\n02,3\n")
    table = tables.read("gap.csv")
    assert table["customer_id"].tolist() == ["1", "02"]
    assert table["x"].tolist() == ["12345678901234567890", "3"]


def test_timestamps_become_the_day_of_the_time_zone(tmp_path):
    (tmp_path / "t.csv").write_text("at\n2026-03-01T23:30:00Z\n2026-03-02T10:00:00Z\n")
    late = pd.DataFrame({"at": pd.to_datetime(["2026-03-01T23:30:00+00:00"])})
    for zone, day in (("UTC", "2026-03-01"), ("Europe/Paris", "2026-03-02"), ("America/New_York", "2026-03-01")):
        tables = Tables(tmp_path, zone)
        assert as_text(tables.read("t.csv")["at"]).iloc[0] == day
        assert as_text(tables.read(late)["at"]).iloc[0] == day
    # A time without a zone is of the place.
    assert (
        as_text(Tables(tmp_path, "Asia/Tokyo").read(pd.DataFrame({"at": [dt.datetime(2026, 3, 1, 23)]}))["at"])[0]
        == "2026-03-01"
    )


def test_lists_become_tuples(tmp_path, tables):
    frame = pd.DataFrame({"tags": [["a", "b"], [], None], "n": [1, 2, 3]})
    frame.to_parquet(tmp_path / "l.parquet")
    for table in (tables.read("l.parquet"), tables.read(frame)):
        assert table["tags"].tolist() == [("a", "b"), (), ()]


def test_types_of_frames():
    table = typed(
        pd.DataFrame(
            {
                "category": pd.Categorical(["x", None]),
                "small": pd.array([1, 2], dtype="int8"),
                "gap": pd.array([1, None], dtype="Int64"),
                "flag": pd.array([True, None], dtype="boolean"),
                "mixed": [1, "a"],
                "day": [dt.date(2026, 3, 1), None],
                "nothing": [None, None],
                "arrow": pd.array(["x", ""], dtype="string"),
            }
        ),
        "t",
    )
    assert {column: str(table[column].dtype) for column in table} == {
        "category": "str",
        "small": "int64",
        "gap": "float64",
        "flag": "boolean",
        "mixed": "str",
        "day": "datetime64[s]",
        "nothing": "float64",
        "arrow": "str",
    }
    assert table["mixed"].tolist() == ["1", "a"]
    assert table["arrow"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("bad.parquet", b"not parquet at all", "cannot be read as Parquet"),
        ("ragged.csv", b"a,b\n1\n2,3,4\n", "Expected 2 columns, got 1"),
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b"\n\n", "is empty"),
        ("header.csv", b"a,b\n", "expected at least one row"),
        ("latin.csv", "a,b\né,2\n".encode("latin-1"), "UTF-8"),
        ("twice.csv", b"a,a\n1,2\n", "column a: stands twice"),
        ("unnamed.csv", b"a,,b\n1,2,3\n", "column 2: has no name"),
        ("broken.csv.gz", b"not gzip", "cannot be read as CSV"),
        ("table.xlsx", b"PK", "expected .csv"),
    ],
)
def test_files_that_are_no_table(tmp_path, tables, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ScenarioError) as caught:
        tables.read(name, "customers")
    assert said in str(caught.value)
    assert caught.value.file == name


def test_a_missing_file_names_its_neighbours(tmp_path, tables):
    (tmp_path / "customers.csv").write_text(CSV)
    with pytest.raises(ScenarioError, match=r"not found in .*did you mean customers.csv"):
        tables.read("custmers.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ScenarioError, match="is a folder"):
        tables.read("folder.csv")


def test_each_table_is_read_once_and_hashed(tmp_path, tables):
    (tmp_path / "t.csv").write_text(CSV)
    assert tables.read("t.csv") is tables.read("t.csv")
    before = dict(tables.hashes)
    again = Tables(tmp_path)
    again.read("t.csv")
    assert again.hashes == before
    (tmp_path / "t.csv").write_text(CSV.replace("60", "61"))
    changed = Tables(tmp_path)
    changed.read("t.csv")
    assert changed.hashes["t.csv"] != before["t.csv"]


# --- columns with a meaning -----------------------------------------------------------------------------------------


def one(column) -> pd.DataFrame:
    return typed(pd.DataFrame({"x": column}), "t")


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ([0.5, 1.5], "row 2, column x is 1.5: expected a number from 0 to 1"),
        ([0.5, -0.1, 7], "row 2, column x is -0.1: .*1 further row"),
        ([0.5, np.inf], "finite"),
        (["0.5", "abc"], "row 2, column x is 'abc'"),
        (["0,5", "0.7"], "decimal point"),
        ([True, False], "row 1, column x is True"),
        ([pd.Timestamp("2026-01-01")], "expected a number"),
    ],
)
def test_numbers_that_are_none(column, said):
    with pytest.raises(ScenarioError, match=said):
        numbers(one(column), "t", "x", low=0, high=1)


def test_numbers_written_as_text_are_read():
    assert numbers(one(["0.5", None, "1e-1"]), "t", "x").tolist()[::2] == [0.5, 0.1]


def test_empty_where_a_value_must_be():
    with pytest.raises(ScenarioError, match="row 2, column x is 'empty'"):
        numbers(one([1.0, None]), "t", "x", required=True)
    with pytest.raises(ScenarioError, match="row 1, column x is 'empty'"):
        texts(one(["", "a"]), "t", "x")
    with pytest.raises(ScenarioError, match="row 2, column x is 'empty'"):
        dates(one(["2026-01-01", None]), "t", "x")


def test_dates_and_flags_from_text():
    assert dates(one(["2026-01-01", "2026-01-02T10:00:00Z"]), "t", "x").tolist() == [
        pd.Timestamp("2026-01-01"),
        pd.Timestamp("2026-01-02"),
    ]
    with pytest.raises(ScenarioError, match="row 2, column x is '2026-02-30': expected a date"):
        dates(one(["2026-01-01", "2026-02-30"]), "t", "x")
    with pytest.raises(ScenarioError, match="expected a date"):
        dates(one([45, 46]), "t", "x")
    assert flags(one(["yes", "No", "TRUE", None]), "t", "x").tolist() == [True, False, True, False]
    assert flags(one([1, 0]), "t", "x").tolist() == [True, False]
    with pytest.raises(ScenarioError, match="row 2, column x is 'perhaps'"):
        flags(one(["yes", "perhaps"]), "t", "x")


# --- currencies -----------------------------------------------------------------------------------------------------


def test_amounts_come_to_the_reporting_currency(tmp_path, tables):
    (tmp_path / "fx.csv").write_text("currency,rate\nUSD,0.9\nGBP,1.2\n")
    money = Money(Currency(report="EUR", rates="fx.csv"), tables)
    table = typed(pd.DataFrame({"currency": ["EUR", "USD", "GBP"], "value": [10, 10, 10], "age": [1, 2, 3]}), "t")
    converted = money.converted(table, "t", ["value", "other"])
    assert converted["value"].tolist() == [10.0, 9.0, 12.0]
    assert converted["age"].tolist() == [1, 2, 3]
    with pytest.raises(ScenarioError, match="row 1, column currency is 'CHF': unknown currency"):
        money.converted(typed(pd.DataFrame({"currency": ["CHF"], "value": [1]}), "t"), "t", ["value"])


def test_another_currency_needs_rates(tables):
    money = Money("EUR", tables)
    assert money.converted(typed(pd.DataFrame({"currency": ["EUR"], "v": [1]}), "t"), "t", ["v"])["v"].tolist() == [1]
    with pytest.raises(ScenarioError, match="unknown currency"):
        money.converted(typed(pd.DataFrame({"currency": ["USD"], "v": [1]}), "t"), "t", ["v"])


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ("currency,rate\nUSD,0\n", "above 0"),
        ("currency,rate\nUSD,-1\n", "at least 0"),
        ("currency,rate\nUSD,1\nUSD,2\n", "stands twice"),
        ("currency,value\nUSD,1\n", "column rate: is missing"),
    ],
)
def test_rates_that_are_none(tmp_path, tables, rates, said):
    (tmp_path / "fx.csv").write_text(rates)
    with pytest.raises(ScenarioError, match=said):
        Money(Currency(report="EUR", rates="fx.csv"), tables)
