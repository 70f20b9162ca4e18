"""What the large path needs besides tables, loaded on a thread of its own while these are read and rules compiled.

Importing the path and waking numba take a second in which little else would run, and reading leaves a core free. None
waits for the thread but who comes to import what is being imported. What fails here fails again where it is asked for,
and is told there.
"""

from __future__ import annotations

import sys
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from optimizer.solve.choice import DECOMPOSED_PAIRS

if TYPE_CHECKING:
    from optimizer.scenario import Scenario

#: The path, and the loops that its first steps come to.
PATH, LOOPS = "optimizer.solve.decomposed.decomposed", "optimizer.solve.diagram.compiled"
#: Bytes of an appetence file from which it surely holds more pairs than the exact path takes.
LARGE_FILE = 2_000_000


def load_ahead(scenario: Scenario) -> Future[None] | None:
    """Begin to load what a solve will need, where it is sure to need it and it is not loaded yet."""
    if PATH in sys.modules or not is_large(scenario):
        return None
    pool = ThreadPoolExecutor(1, thread_name_prefix="load ahead")
    loading = pool.submit(_load)
    pool.shutdown(wait=False)
    return loading


def is_large(scenario: Scenario) -> bool:
    """Whether the decomposed path will be taken, as far as is known before any table is read."""
    if "facts" in vars(scenario):
        return len(scenario.facts.pairs) >= DECOMPOSED_PAIRS
    source = scenario.spec.appetence
    if not isinstance(source, str | Path):
        return False
    file = (scenario.folder or Path.cwd()) / source  # the source itself where that begins at the root
    return file.is_file() and file.stat().st_size >= LARGE_FILE


def _load() -> None:
    import_module(PATH)
    # The first loop of any wakes the compiler, which takes longer than all others kept on disk together.
    import_module(LOOPS).wake()
