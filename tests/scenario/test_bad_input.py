"""Bad input: one message with file, place, value and what was expected; exit code 2; nothing dropped in silence."""

# A case a line, however long: the tables of cases read better so.
# ruff: noqa: E501

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from optimizer.errors import ScenarioError
from optimizer.scenario import Scenario, load
from optimizer.scenario.facts import Facts
from optimizer.scenario.rule_schema import Rule
from tests.scenario.small import FILES, KEYS, write

CHANNELS = KEYS["channels"]
LONG = "customer_id,channel,score\n1,email,0.1\n2,email,0.2\n"


def everything(path: Path) -> tuple[Facts, list[Rule]]:
    scenario = load(path)
    return scenario.facts, scenario.rules


def fault(path) -> ScenarioError:
    """The error of reading everything."""
    with pytest.raises(ScenarioError) as caught:
        everything(path)
    error = caught.value
    assert error.exit_code == 2
    assert error.file
    assert error.place
    assert error.expectation
    assert "\n" not in str(error)
    return error


#: Keys of the file -> what the message must hold.
WRONG_KEYS: list[tuple[str, dict[str, Any], str]] = [
    ("unknown key", {"custmers": "x"}, "custmers: unknown key; did you mean customers?"),
    ("unknown key deep", {"channels": {"email": {"unit_cots": 1}}}, "channels.email.unit_cots: unknown key; did you mean unit_cost?"),
    ("unknown verb", {"rules": [{"name": "x", "volumes": {"max": 1}}]}, "rules[1].volumes"),
    ("unknown bound", {"rules": [{"name": "x", "volume": {"maximum": 1}}]}, "did you mean max?"),
    ("two verbs", {"rules": [{"name": "x", "volume": {"max": 1}, "budget": {"max": 1}}]}, "needs exactly one verb"),
    ("no verb", {"rules": [{"name": "x"}]}, "needs exactly one verb"),
    ("no name", {"rules": [{"volume": {"max": 1}}]}, "rules[1].name"),
    ("no bound", {"rules": [{"name": "x", "volume": {}}]}, "needs a min, a max or both"),
    ("a list", {"channels": ["email"]}, "expected a mapping"),
    ("text for a number", {"channels": {"email": {"pressure": "high"}}}, "channels.email.pressure"),
    ("a flag for a number", {"rules": [{"name": "x", "volume": {"max": True}}]}, "is True: expected a number"),
    ("a fraction of a day", {"rules": [{"name": "x", "rest": {"days": 1.5}}]}, "expected a whole number"),
    ("negative cost", {"channels": {**CHANNELS, "email": {"unit_cost": -1}}}, "channels.email.unit_cost is -1: expected a number at least 0"),
    ("infinite", {"offers": {"a": {"gross_margin": float("inf")}}}, "expected a finite number"),
    ("bad date", {"waves": [{"name": "w", "date": "2026-02-30"}]}, "waves[1].date is '2026-02-30': expected a date written YYYY-MM-DD"),
    ("date as number", {"waves": [{"name": "w", "date": 20260305}]}, "expected a date written YYYY-MM-DD"),
    ("half dated", {"waves": [{"name": "a"}, {"name": "b", "date": "2026-03-01"}]}, "some have a date and some have none"),
    ("wave twice", {"waves": [{"name": "a"}, {"name": "a"}]}, "the name 'a' stands twice"),
    ("rule twice", {"rules": [{"name": "x", "volume": {"max": 1}}] * 2}, "the name 'x' stands twice"),
    ("tiers", {"channels": {**CHANNELS, "email": {"unit_cost": {"tiers": [[0, 1], [0, 2]]}}}}, "their volumes ascend"),
    ("tiers from 5", {"channels": {**CHANNELS, "email": {"unit_cost": {"tiers": [[5, 1]]}}}}, "the first starts at 0"),
    ("margin of 42", {"offers": {"a": {"revenue": 1, "margin_rate": 42}}}, "expected a number at most 1"),
    ("two margins", {"offers": {"a": {"gross_margin": 1, "margin_rate": 0.2}}}, "not both"),
    ("curve", {"media": {"tv": {"spend": {"max": 1}, "curve": {"hil": {}}}}}, "media.tv.curve.hil"),
    ("two curves", {"media": {"tv": {"spend": {"max": 1}, "curve": {"log": {"scale": 1, "half": 1}, "power": {"scale": 1, "exponent": 1}}}}}, "exactly one curve"),
    ("curve parameter", {"media": {"tv": {"spend": {"max": 1}, "curve": {"log": {"scale": 1}}}}}, "media.tv.curve.log.half"),
    ("curve falls", {"media": {"tv": {"spend": {"max": 1}, "curve": {"points": [[1, 2], [2, 1]]}}}}, "never falling"),
    ("spend bounds", {"media": {"tv": {"spend": {"min": 2, "max": 1}, "curve": {"log": {"scale": 1, "half": 1}}}}}, "min 2 exceeds max 1"),
    ("medium is a channel", {"media": {"email": {"spend": {"max": 1}, "curve": {"log": {"scale": 1, "half": 1}}}}}, "'email' is a channel too"),
    ("yield", {"media": {"tv": {"in": "leads", "spend": {"max": 1}, "curve": {"log": {"scale": 1, "half": 1}}}}}, "media.tv.in is 'leads': unknown yield"),
    ("no appetence", {"appetence": None}, "needs appetence"),
    ("nothing at all", {"customers": None, "appetence": None, "channels": None}, "needs customers and appetence and channels"),
    ("objective", {"objective": "net_margn"}, "objective is 'net_margn': unknown measure; did you mean net_margin?"),
    ("objective of text", {"objective": "country"}, "column of no numbers"),
    ("minimise", {"objective": {"minimize": "margin"}}, "expected 'cost'"),
    ("time zone", {"time_zone": "Europe/Pari"}, "time_zone is 'Europe/Pari': expected a time zone"),
    ("mode", {"rules": [{"name": "x", "volume": {"max": 1}, "mode": "reprot"}]}, "did you mean report?"),
    ("soft effect", {"rules": [{"name": "x", "effect": {"factor": 2}, "soft": {"penalty": 1}}]}, "effect cannot be soft"),
    ("no cost", {"channels": {"email": {}, "print": {"unit_cost": 1}}}, "needs a cost: unit_cost on its channel"),
    ("no margin", {"objective": "net_margin", "offers": {"a": {}}}, "needs a gross margin"),
    ("no revenue", {"objective": "revenue"}, "needs a revenue"),
    ("cost column", {"channels": {**CHANNELS, "print": {"unit_cost": "postge"}}}, "channels.print.unit_cost is 'postge': expected a number or a customer column"),
    ("margin column", {"offers": {"a": {"gross_margin": "vlue"}}}, "offers.a.gross_margin is 'vlue': expected a number or a customer column; did you mean value?"),
    ("margin of text", {"offers": {"a": {"gross_margin": "country"}}}, "row 1, column country is 'FR': expected a number"),
    ("kpi column", {"kpis": {"lead": {"score": "p_lead"}}}, "kpis.lead.score is 'p_lead'"),
    ("kpi margin", {"kpis": {"lead": {"score": "score", "gross_margin": "car_margin"}}}, "kpis.lead.gross_margin is 'car_margin': expected a number or a customer column"),
    ("responses per", {"responses": {"combine": "best", "per": ["offr"]}}, "responses.per is 'offr': unknown column of activities; did you mean offer"),
    ("except", {"activities": {"except": [{"chanel": "print"}]}}, "activities.except[1] is 'chanel': unknown column of activities; did you mean channel?"),
    ("except all", {"activities": {"except": [{"channel": ["email", "print"]}]}}, "excepts every activity"),
    ("declared twice", {"channels": {"email": {"unit_cost": 1, "line": "d"}, "print": {"unit_cost": 1}}, "offers": {"a": {"line": "x", "gross_margin": 1}}}, "offers, column line: is declared on channels too"),
    ("reserved", {"channels": {"email": {"unit_cost": 1, "wave": "x"}, "print": {"unit_cost": 1}}}, "channels.email.wave"),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "said"), [case[1:] for case in WRONG_KEYS], ids=[case[0] for case in WRONG_KEYS])
def test_a_wrong_key_or_value(tmp_path, keys, said):
    error = fault(write(tmp_path, **keys))
    assert said in re.sub(r" \(line \d+\)", "", str(error))
    assert "scenario.yaml" in str(error) or error.file in FILES


#: Files and keys -> what the message must hold, beginning with the file at fault.
WRONG_TABLES: list[tuple[str, dict[str, str], dict[str, Any], str]] = [
    ("score above 1", {"appetence.csv": "customer_id,email,print\n1,0.1,1.3\n"}, {}, "appetence.csv: row 1, column print is 1.3: expected a probability from 0 to 1"),
    ("score below 0", {"appetence.csv": LONG.replace("0.2", "-0.2")}, {}, "appetence.csv: row 2, column score is -0.2"),
    ("score infinite", {"appetence.csv": LONG.replace("0.2", "inf")}, {}, "appetence.csv: row 2, column score is inf"),
    ("score of text", {"appetence.csv": LONG.replace("0.2", "high")}, {}, "appetence.csv: row 2, column score is 'high': expected a probability"),
    ("no score at all", {"appetence.csv": "customer_id,email,print\n1,,\n"}, {}, "leave no pair"),
    ("scored twice", {"appetence.csv": LONG + "2,email,0.3\n"}, {}, "appetence.csv: rows 2 and 3 is 'customer 2, activity a email w1': scored twice"),
    ("unknown customer", {"appetence.csv": LONG + "9,email,0.3\n"}, {}, "appetence.csv: row 3, column customer_id is '9': unknown customer"),
    ("no customer", {"appetence.csv": LONG + ",email,0.3\n"}, {}, "appetence.csv: row 3, column customer_id is 'empty'"),
    ("unknown channel", {"appetence.csv": LONG.replace("2,email", "2,emial")}, {}, "appetence.csv: row 2, column channel is 'emial': unknown channel; did you mean email?"),
    ("unknown wide channel", {"appetence.csv": "customer_id,email,prnt\n1,0.1,0.2\n"}, {}, "appetence.csv: column prnt: unknown channel; did you mean print?"),
    ("unknown offer", {"appetence.csv": "customer_id,offer,email,print\n1,c,0.1,\n"}, {}, "appetence.csv: row 1, column offer is 'c': unknown offer; known: a, b"),
    ("unknown wave", {"appetence.csv": "customer_id,wave,email,print\n1,w3,0.1,\n"}, {}, "column wave is 'w3': unknown wave; known: w1, w2"),
    ("unknown activity", {"appetence.csv": "customer_id,activity,score\n1,a emial w1,0.1\n"}, {}, "unknown activity; did you mean a email w1"),
    ("no key", {"appetence.csv": "customer_id,score\n1,0.1\n"}, {}, "needs a column channel or activity"),
    ("no score column", {"appetence.csv": "customer_id,channel,p\n1,email,0.1\n"}, {}, "column score: is missing"),
    ("no customer column", {"appetence.csv": "customer,email\n1,0.1\n"}, {}, "column customer_id: is missing; did you mean customer?"),
    ("negative pair cost", {"appetence.csv": "customer_id,channel,score,cost\n1,email,0.1,-2\n"}, {}, "row 1, column cost is -2"),
    ("measure of text", {"appetence.csv": "customer_id,channel,score,mood\n1,email,0.1,good\n"}, {}, "column mood is 'good': expected a measure, a number"),
    ("measure twice", {"appetence.csv": "customer_id,channel,score,age\n1,email,0.1,3\n"}, {}, "column age: is a column of customers too"),
    ("kpi above 1", {"appetence.csv": "customer_id,channel,score,p_lead\n1,email,0.1,3\n"}, {"kpis": {"lead": {"score": "p_lead"}}}, "column p_lead is 3"),
    ("customer twice", {"customers.csv": FILES["customers.csv"] + "2,FR,1,1,true,\n"}, {}, "customers.csv: row 4, column customer_id is '2': stands twice"),
    ("customer without a name", {"customers.csv": FILES["customers.csv"] + ",FR,1,1,true,\n"}, {}, "customers.csv: row 4, column customer_id is 'empty'"),
    ("infinite age", {"customers.csv": FILES["customers.csv"].replace("45", "inf")}, {}, "row 3, column age is inf: expected a finite number"),
    ("empty table", {"customers.csv": "customer_id,country\n"}, {}, "customers.csv: the table: is empty"),
    ("empty file", {"customers.csv": ""}, {}, "customers.csv: file: is empty"),
    ("empty worth", {"customers.csv": FILES["customers.csv"].replace("70,20", "70,")}, {}, "customer 1: needs a gross margin"),
    ("negative postage", {"customers.csv": FILES["customers.csv"].replace("70,20", "70,-20")}, {"channels": {**CHANNELS, "print": {"unit_cost": "value"}}}, "customers.csv: row 1, column value is -20"),
    ("history date", {"h.csv": "customer_id,date,channel\n1,2026-02-30,email\n"}, {"history": "h.csv"}, "h.csv: row 1, column date is '2026-02-30': expected a date"),
    ("history channel", {"h.csv": "customer_id,date,channel\n1,2026-02-03,emial\n"}, {"history": "h.csv"}, "h.csv: row 1, column channel is 'emial': unknown channel; did you mean email?"),
    ("history without dates", {"h.csv": "customer_id,channel\n1,email\n"}, {"history": "h.csv"}, "h.csv: column date: is missing"),
    ("history cost", {"h.csv": "customer_id,date,channel,cost\n1,2026-02-03,email,-3\n"}, {"history": "h.csv"}, "h.csv: row 1, column cost is -3"),
    ("history name", {"h.csv": "customer_id,date,channel,days\n1,2026-02-03,email,3\n"}, {"history": "h.csv"}, "h.csv: column days: is a name the engine needs"),
    ("consent column", {"c.csv": "customer_id,email,prin\n1,true,true\n"}, {"consent": "c.csv"}, "c.csv: column prin: unknown channel; did you mean print?"),
    ("consent missing", {"c.csv": "customer_id,email\n1,true\n"}, {"consent": "c.csv"}, "c.csv: column print: is missing"),
    ("consent word", {"c.csv": "customer_id,email,print\n1,true,maybe\n"}, {"consent": "c.csv"}, "c.csv: row 1, column print is 'maybe': expected true or false"),
    ("consent twice", {"c.csv": "customer_id,email,print\n1,true,true\n1,true,true\n"}, {"consent": "c.csv"}, "c.csv: row 2, column customer_id is '1': stands twice"),
    ("baseline above 1", {"b.csv": "customer_id,baseline\n1,1.5\n"}, {"baseline": "b.csv"}, "b.csv: row 1, column baseline is 1.5"),
    ("baseline column", {"b.csv": "customer_id,baseline,ofer\n1,0.5,a\n"}, {"baseline": "b.csv"}, "b.csv: column ofer: unknown column; did you mean offer?"),
    ("activity channel", {"t.csv": "activity,offer,channel,wave\nx,a,emial,w1\n"}, {"activities": "t.csv"}, "t.csv: row 1, column channel is 'emial': unknown channel"),
    ("activity offer", {"t.csv": "activity,offer,channel,wave\nx,a;c,email,w1\n"}, {"activities": "t.csv"}, "t.csv: row 1, column offer is 'c': unknown offer"),
    ("activity wave", {"t.csv": "activity,offer,channel,wave\nx,a,email,w9\n"}, {"activities": "t.csv"}, "t.csv: row 1, column wave is 'w9': unknown wave"),
    ("activity date", {"t.csv": "activity,offer,channel,date\nx,a,email,2026-13-01\n"}, {"activities": "t.csv"}, "t.csv: row 1, column date is '2026-13-01'"),
    ("activity twice", {"t.csv": "activity,offer,channel,wave\nx,a,email,w1\nx,b,email,w1\n"}, {"activities": "t.csv"}, "t.csv: row 2, column activity is 'x': stands twice"),
    ("activity half dated", {"t.csv": "activity,offer,channel,date\nx,a,email,2026-03-01\ny,a,email,\n"}, {"activities": "t.csv"}, "activity y: has no date, others have"),
    ("activity cost", {"t.csv": "activity,offer,channel,wave,cost\nx,a,email,w1,3\n"}, {"activities": "t.csv"}, "did you mean unit_cost?"),
    ("negative activity cost", {"t.csv": "activity,offer,channel,wave,unit_cost\nx,a,email,w1,-3\n"}, {"activities": "t.csv"}, "column unit_cost is -3"),
    ("missing file", {}, {"history": "histry.csv"}, "histry.csv: file: not found"),
    ("curve file", {}, {"channels": {**CHANNELS, "print": {"unit_cost": 1, "response_curve": "print.yaml"}}}, "print.yaml: file: not found"),
    ("curve file key", {"print.yaml": "hill: {top: 1, half: 1, slope: 1}\nspend_reff: 3\n"}, {"channels": {**CHANNELS, "print": {"unit_cost": 1, "response_curve": "print.yaml"}}}, "print.yaml: spend_reff: unknown key; did you mean spend_ref?"),
    ("curve reference", {"print.yaml": "hill: {top: 1, half: 1, slope: 1}\n"}, {"channels": {**CHANNELS, "print": {"unit_cost": 1, "response_curve": "print.yaml"}}}, "needs either spend_ref or volume_ref"),
    ("saturation by", {}, {"channels": {**CHANNELS, "print": {"unit_cost": 1, "response_curve": {"log": {"scale": 1, "half": 1}, "volume_ref": 5, "by": "contry"}}}}, "channels.print.response_curve.by is 'contry': unknown column; did you mean country?"),
    ("media bounds", {"m.csv": "country,min,max\nFR,3,2\n"}, {"media": {"tv": {"by": "country", "spend": {"table": "m.csv"}, "curve": {"log": {"scale": 1, "half": 1}}}}}, "m.csv: row 1, column min is 3: exceeds max"),
    ("media cells", {"m.csv": "country,max\nFR,2\n", "k.csv": "country,scale,half\nBE,1,1\n"}, {"media": {"tv": {"by": "country", "spend": {"table": "m.csv"}, "curve": {"table": "k.csv"}}}}, "media.tv.spend is 'BE': is a cell of the table of curve and not of this one"),
    ("media cell twice", {"m.csv": "country,max\nFR,2\nFR,3\n"}, {"media": {"tv": {"by": "country", "spend": {"table": "m.csv"}, "curve": {"log": {"scale": 1, "half": 1}}}}}, "a cell stands twice"),
    ("media curve row", {"k.csv": "country,scale,half\nBE,1,\n"}, {"media": {"tv": {"by": "country", "spend": {"max": 1}, "curve": {"table": "k.csv"}}}}, "expected the parameters of one curve"),
    ("media by", {}, {"media": {"tv": {"by": "country", "spend": {"max": 1}, "curve": {"log": {"scale": 1, "half": 1}}}}}, "needs a table of spend or of curves"),
    ("media column", {"m.csv": "country,max,mini\nFR,2,1\n"}, {"media": {"tv": {"by": "country", "spend": {"table": "m.csv"}, "curve": {"log": {"scale": 1, "half": 1}}}}}, "m.csv: column mini: unknown column; did you mean min?"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "keys", "said"), [case[1:] for case in WRONG_TABLES], ids=[case[0] for case in WRONG_TABLES]
)
def test_a_wrong_table(tmp_path, files, keys, said):
    objective = {} if "objective" in keys else {"objective": "net_margin"}
    error = fault(write(tmp_path, files, **objective, **keys))
    assert said in re.sub(r" \(line \d+\)", "", str(error))


def test_broken_parquet_and_gzip(tmp_path):
    path = write(tmp_path, customers="customers.parquet")
    (tmp_path / "customers.parquet").write_bytes(b"PAR1 and then nothing PAR1")
    assert "cannot be read as Parquet" in str(fault(path))
    path = write(tmp_path, customers="customers.csv.gz")
    (tmp_path / "customers.csv.gz").write_bytes(gzip.compress(FILES["customers.csv"].encode())[:30])
    assert "cannot be read as CSV" in str(fault(path))


@pytest.mark.parametrize("text", ["", "- a", "just words", "42", "a: [", "a: 1\na: 2", "x: *nowhere", "\x00"])
def test_a_file_that_is_no_scenario(tmp_path, text):
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    assert fault(path).file == str(path)


def test_json_reads_as_yaml_does(tmp_path):
    write(tmp_path)
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps(KEYS))
    assert len(load(path).facts.pairs) == len(load(tmp_path / "scenario.yaml").facts.pairs)
    path.write_text(json.dumps({**KEYS, "objectiv": 1}))
    assert "objectiv: unknown key; did you mean objective?" in str(fault(path))


def test_the_library_says_the_same_of_frames():
    with pytest.raises(ScenarioError) as caught:
        Scenario(customer=pd.DataFrame({"customer_id": [1]}))
    assert "customer: unknown key; did you mean customers?" in str(caught.value)
    with pytest.raises(ScenarioError, match=r"appetence \(DataFrame\): row 1, column email is 3"):
        _ = Scenario(
            customers=pd.DataFrame({"customer_id": [1]}),
            appetence=pd.DataFrame({"customer_id": [1], "email": [3]}),
            channels={"email": {"unit_cost": 0}},
        ).facts


def test_the_line_is_that_of_the_key(tmp_path):
    path = write(tmp_path, rules=[{"name": "x", "volume": {"max": 1}}, {"name": "y", "volume": {"mx": 1}}])
    line = next(n for n, text in enumerate(path.read_text().splitlines(), start=1) if "mx:" in text)
    assert f"rules[2].volume.mx (line {line})" in str(fault(path))


def test_several_faults_are_counted(tmp_path):
    assert "1 further fault" in str(fault(write(tmp_path, objctive="x", curency="EUR")))


def test_nobody_is_dropped_in_silence(tmp_path):
    path = write(
        tmp_path,
        {
            "customers.csv": FILES["customers.csv"] + "4,FR,1,1,true,\n",
            "h.csv": "customer_id,date,channel\n77,2026-02-01,email\n",
        },
        history="h.csv",
    )
    facts = load(path).facts
    assert facts.customers["customer_id"].tolist() == ["1", "2", "3", "4"]
    assert {(one.reason, one.count, tuple(one.examples)) for one in facts.left_out} == {
        ("customers without an eligible activity", 1, ("4",)),
        ("history: contacts of customers who are not in the customers table", 1, ("77",)),
    }
