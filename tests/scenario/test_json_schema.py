"""The shipped JSON schema is that of the models, and accepts what they accept."""

# A case a line, however long: the tables of cases read better so.
# ruff: noqa: E501

from __future__ import annotations

import json

import jsonschema
import pytest

from optimizer.scenario.json_schema import SHIPPED, json_schema, schema_text
from tests.scenario.small import KEYS

VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def test_the_shipped_schema_is_current():
    assert SHIPPED.read_text(encoding="utf-8") == schema_text(), (
        "run: optimizer schema > optimizer/scenario.schema.json"
    )


def test_it_is_a_schema_and_takes_a_scenario():
    jsonschema.Draft202012Validator.check_schema(json_schema())
    VALIDATOR.validate(json.loads(json.dumps(KEYS)))


@pytest.mark.parametrize(
    "keys",
    [
        {"objectiv": "x"},
        {"rules": [{"name": "x", "volume": {"maxi": 3}}]},
        {"channels": {"email": {"unit_cost": -1}}},
        {"responses": {"combine": "worst"}},
    ],
)
def test_it_refuses_what_the_models_refuse(keys):
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate({**KEYS, **keys})


@pytest.mark.parametrize(
    "keys",
    [
        {"currency": {"report": "EUR", "rates": "fx.csv"}},
        {"objective": {"minimize": "cost"}},
        {"customers": {"table": "crm.parquet", "join": ["insee.csv"]}},
        {"customers": {"sql": "select 1", "url": "sqlite://"}},
        {"rules": [{"name": "x", "volume": {"table": "volumes.csv", "days": 7}, "each": "wave"}]},
        {"rules": [{"name": "x", "sum": {"of": "lead", "max": {"table": "d.csv", "column": "slots"}}, "each": ["dealer", "week"]}]},
        {"channels": {"email": {"unit_cost": {"tiers": [[0, 1]]}, "line": "digital"}}},
        {"activities": {"except": ["channel == 'email'"]}},
        {"activities": "activities.csv"},
    ],
)  # fmt: skip
def test_it_takes_every_form(keys):
    VALIDATOR.validate({**KEYS, **keys})
