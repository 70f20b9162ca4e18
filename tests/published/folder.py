"""Write scenario keys that hold DataFrames as a folder a planner would keep: scenario.yaml and its tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

#: Tables longer than this become Parquet, which reads faster and keeps every digit.
LONG = 1_000


def save(keys: dict[str, Any], folder: Path) -> Path:
    """Write ``scenario.yaml`` and its tables, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    document = _written(keys, (), folder)
    file = folder / "scenario.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")
    return file


def _written(value: Any, place: tuple[str, ...], folder: Path) -> Any:
    """The value with every DataFrame written to a file and replaced by the file's name."""
    if isinstance(value, pd.DataFrame):
        name = place[0].replace(" ", "_")
        if len(value) > LONG:
            value.to_parquet(folder / f"{name}.parquet", index=False)
            return f"{name}.parquet"
        value.to_csv(folder / f"{name}.csv", index=False)
        return f"{name}.csv"
    if isinstance(value, dict):
        # The tables of a rule are called as the rule is; no rule of the published instances has two.
        here = (str(value["name"]),) if place == ("rules",) else place
        return {key: _written(part, (*here, str(key)), folder) for key, part in value.items()}
    if isinstance(value, list):
        return [_written(part, place, folder) for part in value]
    return value
