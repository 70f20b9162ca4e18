"""``optimizer schema``: the JSON schema of scenario files."""

from __future__ import annotations

import json
import sys

from optimizer.scenario.schema import json_schema


def run_schema() -> None:
    """Print the schema on stdout."""
    sys.stdout.write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
