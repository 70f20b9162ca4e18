"""The JSON schema of scenario files, for editors: generated from the models and shipped beside the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from optimizer.scenario.schema import ScenarioFile

#: The shipped copy; ``optimizer schema > optimizer/scenario.schema.json`` renews it.
SHIPPED = Path(__file__).parent.parent / "scenario.schema.json"


def json_schema() -> dict[str, Any]:
    """The JSON schema of a scenario file.

    >>> json_schema()["title"]
    'optimizer scenario'
    """
    schema = ScenarioFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "optimizer scenario"}


def schema_text() -> str:
    """The schema as the shipped file holds it."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"
