"""How long loops were compiled: it happens once for a machine and may take a minute, which no limit counts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from numba.core.event import Event, Listener, install_listener

#: What numba calls the compiling of one loop; one read from disk is none.
COMPILE = "numba:compile"
#: What is told while it lasts, and the seconds from which a plan's notes say what it took.
STAGE, WORTH_SAYING = "compiling once, for the first solve", 1.0


class Compiling(Listener):
    """Listens to numba, and adds up the seconds between a loop's start and its end; loops inside it are part of it."""

    def __init__(self) -> None:
        self._tell: Callable[[str], None] | None = None
        self._thread, self._lock = threading.get_ident(), threading.Lock()
        self._depth, self._since, self._before = 0, 0.0, 0.0

    @contextmanager
    def listening(self, tell: Callable[[str], None] | None = None) -> Iterator[Compiling]:
        """Count what is compiled inside, and tell of it; who is told is let go of at the end, with all it holds."""
        self._tell = tell
        try:
            with install_listener(COMPILE, self):
                yield self
        finally:
            self._tell = None

    @property
    def seconds(self) -> float:
        """Seconds so far, those of a loop that is being compiled included."""
        with self._lock:
            return self._before + (time.monotonic() - self._since if self._depth else 0.0)

    @property
    def notes(self) -> list[str]:
        """What a plan's notes say of it, if it took long."""
        seconds = self.seconds
        return [f"kernels were compiled once: {seconds:,.0f} s beyond the limit"] if seconds >= WORTH_SAYING else []

    def on_start(self, event: Event) -> None:
        """A loop begins to be compiled; those who wait are told by their own thread alone."""
        with self._lock:
            self._depth += 1
            outermost = self._depth == 1
            if outermost:
                self._since = time.monotonic()
        if outermost and self._tell is not None and threading.get_ident() == self._thread:
            self._tell(STAGE)

    def on_end(self, event: Event) -> None:
        """It is compiled; one that began before anybody listened is not counted."""
        with self._lock:
            if self._depth == 1:
                self._before += time.monotonic() - self._since
            self._depth = max(self._depth - 1, 0)
