"""``optimizer schema``: the JSON schema of scenario files."""

from __future__ import annotations

import sys

from optimizer.scenario.json_schema import schema_text


def run_schema() -> None:
    """Print the schema on stdout."""
    sys.stdout.write(schema_text())
