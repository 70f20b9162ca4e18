"""The scenario folder of each row, generated or converted once and kept while the generator is the same."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from tests.benchmarks.scale.generate import generate
from tests.benchmarks.scale.rows import Row

#: The published instances.
DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
SEED = 7
_MARK = "made-by.txt"


def scenario_of(row: Row, place: Path) -> Path:
    """The scenario.yaml of a row, below ``place``."""
    folder = place / (row.after or row.key)
    mark = folder / _MARK
    if not mark.is_file() or mark.read_text(encoding="utf-8") != _version():
        shutil.rmtree(folder, ignore_errors=True)
        if row.kind == "published":
            _published(row.key, folder)
        else:
            generate(folder, row.customers, row.activities, SEED, row.kind)
        mark.write_text(_version(), encoding="utf-8")
    return folder / "scenario.yaml"


def _published(key: str, folder: Path) -> None:
    from tests.published import customer_assignment, targeted_offers
    from tests.published.folder import save

    if key.startswith("L-"):
        keys = targeted_offers.read(DATA / "targeted_offers" / f"{key}.txt.gz")
    else:
        keys = customer_assignment.read(DATA / "customer_assignment" / key)
    save(keys, folder)


def _version() -> str:
    """Hash of the files that decide what is written."""
    here = Path(__file__).parent
    known = hashlib.sha256()
    for file in sorted([*here.glob("*.py"), *(here.parent.parent / "published").glob("*.py")]):
        if not file.name.startswith(("test_", "run", "measure", "report", "rows", "hardness", "baseline", "__")):
            known.update(file.read_bytes())
    return known.hexdigest()
