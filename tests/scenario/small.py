"""A small scenario folder for tests of reading: every table is a CSV file, any key may be replaced."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

FILES = {
    "customers.csv": "customer_id,country,age,value,vip,since\n"
    "1,FR,70,20,true,2020-05-01\n2,BE,30,10,false,\n3,FR,45,30,true,2024-01-31\n",
    "appetence.csv": "customer_id,email,print\n1,0.1,0.3\n2,0.2,\n3,,0.05\n",
}
KEYS: dict[str, Any] = {
    "name": "small",
    "customers": "customers.csv",
    "appetence": "appetence.csv",
    "channels": {"email": {"unit_cost": 0.01}, "print": {"unit_cost": 0.6, "days": -2}},
    "offers": {"a": {"gross_margin": "value"}, "b": {"gross_margin": 12.0}},
    "waves": [{"name": "w1", "date": "2026-03-05"}, {"name": "w2", "date": "2026-03-12"}],
    "rules": [{"name": "cap", "volume": {"max": 3}}],
}


def write(folder: Path, files: dict[str, str] | None = None, **keys: Any) -> Path:
    """Write the scenario into a folder; keys and files replace the small one's, None leaves a key out."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {**FILES, **(files or {})}.items():
        (folder / name).write_text(text, encoding="utf-8")
    found = {key: value for key, value in {**copy.deepcopy(KEYS), **keys}.items() if value is not None}
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(found, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path
