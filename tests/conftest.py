"""Settings shared by all tests: examples are the same on every machine, workers keep out of each other's way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "suite",
    deadline=None,  # a loaded machine is no failure
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("suite")

#: Whether this is one of several workers of pytest-xdist.
WORKER = "PYTEST_XDIST_WORKER" in os.environ


@contextmanager
def _alone_in(folder: str) -> Iterator[None]:
    """No other worker is in here for the same folder."""
    import fcntl

    os.makedirs(folder, exist_ok=True)
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _share_kernels() -> None:
    """Let workers take the kernels that others compiled.

    numba numbers the files of a kernel by an index that it reads, changes and writes back: of two processes that
    compile it for different arguments at once, each may end up with the other's code. One at a time they may not.
    """
    from numba.core.caching import IndexDataCacheFile

    cache: Any = IndexDataCacheFile
    load, save = cache.load, cache.save

    def load_alone(self: Any, key: Any) -> Any:
        with _alone_in(self._cache_path):
            return load(self, key)

    def save_alone(self: Any, key: Any, data: Any) -> None:
        with _alone_in(self._cache_path):
            save(self, key, data)

    cache.load, cache.save = load_alone, save_alone


@pytest.fixture(scope="session", autouse=True)
def _workers_keep_apart() -> None:
    """Kernels of a worker run on one thread, for there is a worker a core; who compares threads asks for two."""
    if WORKER:
        import numba

        numba.set_num_threads(1)
        _share_kernels()
