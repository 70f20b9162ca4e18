"""Tables handed to a forecast: anything that is neither a table nor a path is refused before it is read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.scenario.tables import Tables


def given_table(given: object, key: str, tables: Tables, or_else: str = "") -> tuple[str, pd.DataFrame]:
    """What messages call the table, and the table.

    Raises
    ------
    ScenarioError
        When it is no DataFrame and no path (``or_else`` names what else is taken), or cannot be read.
    """
    if not isinstance(given, str | Path | pd.DataFrame):
        raise ScenarioError("forecast", key, given, f"expected {or_else}a table or its file")
    return tables.name(given, key), tables.read(given, key)
