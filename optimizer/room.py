"""Whether memory suffices for what is about to be done: asked before it is taken, as the system asks nobody after."""

from __future__ import annotations

from pathlib import Path

from optimizer.errors import ShortOfMemory

_GIB = 1024**3
_MEMINFO = Path("/proc/meminfo")
#: Limits that a container or a job may have been given, of its group: what it may use, and what it uses.
_GROUP = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)


def free_bytes() -> float:
    """Bytes that may still be taken; infinite where the system does not say."""
    free = float("inf")
    if _MEMINFO.exists():
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                free = float(line.split()[1]) * 1024
    for limit, used in _GROUP:
        if limit.exists() and used.exists():
            most = limit.read_text(encoding="ascii").strip()
            if most != "max":
                free = min(free, float(most) - float(used.read_text(encoding="ascii")))
    return free


def need(size: float, doing: str) -> None:
    """Say so, where ``size`` bytes are more than there are.

    Parameters
    ----------
    size : bytes that will be taken at least.
    doing : what for, as in a sentence: "reading 10,000,000 rows of appetence".

    Raises
    ------
    ShortOfMemory
        When less is free.
    """
    free = free_bytes()
    if size > free:
        raise ShortOfMemory(
            f"{doing} takes about {size / _GIB:,.1f} GiB, and {max(free, 0.0) / _GIB:,.1f} GiB are free: "
            "close other programs, take a larger machine, or split the scenario by country or by customer"
        )
