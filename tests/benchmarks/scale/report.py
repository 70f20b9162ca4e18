"""The lines of a run as text, as a table and as the page RESULTS.md."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.scale.rows import ROWS

Line = dict[str, Any]

STAGES = ("read", "compile", "price", "finish", "verify", "write")
HEAD = (
    "work", *(f"{stage} s" for stage in STAGES), "total s", "reach (aim) s", "peak GiB", "objective", "bound", "gap",
    "gap wanted",
)  # fmt: skip
HARD = ("work", "rows that bind", "greedy loses", "distinct scores", "classes", "active", "by fallback", "counts")
BESIDE = ("work", "way", "objective", "loses", "seconds", "remarks")
#: What a row must show to count.
BINDING, LOSS, DISTINCT, CLASSES = 0.5, 0.01, 0.99, 200
NEEDED = ("fatigue", "follow-up", "history", "k-of-n", "lags")
_TITLES = {row.key: row.title for row in ROWS}


def within(line: Line) -> bool:
    """Whether the row reached its gap in its time and memory."""
    if line.get("error") is not None or line["gap"] is None:
        return False
    fits = line["memory"] is None or line["peak_gib"] <= line["memory"]
    return bool(line["gap"] <= line["gap_wanted"] and line["total_seconds"] <= line["reach"] and fits)


def counts(line: Line) -> bool | None:
    """Whether the work was hard enough to count; None where a figure was not measured."""
    hard = line.get("hardness")
    loss = _greedy(line)
    if hard is None or loss is None or line.get("classes") is None:
        return None
    enough_classes = line["classes"] >= CLASSES or line["row"].endswith("-dealers")
    return bool(
        hard["binding_share"] >= BINDING
        and loss >= LOSS
        and (hard["distinct_share"] or 0.0) >= DISTINCT
        and enough_classes
        and set(NEEDED) <= set(hard["active"])
    )


def text(line: Line) -> str:
    """One line a person can read."""
    title = _TITLES[line["row"]]
    if line.get("error"):
        return f"{title}: {line['error']}"
    return (
        f"{title}: {line['total_seconds']:.1f} s (reach {line['reach']:g}), {line['peak_gib']:.2f} GiB, objective "
        f"{line['objective']:,.2f}, bound {line['bound']:,.2f}, gap {line['gap']:.1e}"
    )


def table(found: list[Line], start: dict[str, float] | None) -> str:
    """The figures, what makes them hard, and what stands beside, as Markdown."""
    parts = [_markdown(HEAD, [_figures(line) for line in found])]
    parts.append(_markdown(HARD, [_hard(line) for line in found if line.get("hardness")]))
    beside = [cells for line in found for cells in _beside(line)]
    if beside:
        parts.append(_markdown(BESIDE, beside))
    if start is not None:
        parts.append(
            f"Cold start, told once: 1,000 customers in {start['cold']:.1f} s with nothing compiled yet, "
            f"{start['warm']:.1f} s after."
        )
    return "\n\n".join(parts)


def page(found: list[Line], start: dict[str, float] | None) -> str:
    """RESULTS.md."""
    names = ("numpy", "pandas", "pyarrow", "scipy", "numba", "highspy", "pyomo")
    versions = ", ".join(f"{name} {_version(name)}" for name in names)
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return "\n".join(
        [
            "# Scale",
            "",
            f"`python -m tests.benchmarks scale --write`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
            "",
            f"- Machine: {_machine()}; load at the end {load}.",
            f"- Python {platform.python_version()}, {versions}.",
            "- Seconds from process start to plan written and verified, compiled code cached. Peak memory is that of",
            "  the process and of its largest child together. Bounds are the certificate's.",
            "- A coupling row binds when less than one more contact (or its cost, or a response), or 1e-4 of its",
            "  bound, is left, or its shadow price is not zero. What is lost is against the plan's objective.",
            "",
            table(found, start),
            "",
        ]
    )


def _figures(line: Line) -> list[str]:
    title = _TITLES[line["row"]]
    wanted = [f"{line['reach']:g} ({line['aim']:g})"]
    if line.get("error"):
        return [title, *["–"] * len(STAGES), "–", *wanted, "–", line["error"][:80], "–", "–", f"{line['gap_wanted']:g}"]
    return [
        title,
        *(f"{line['seconds'].get(stage, 0.0):.1f}" for stage in STAGES),
        f"{line['total_seconds']:.1f}",
        *wanted,
        f"{line['peak_gib']:.2f}" + (f" (of {line['memory']:g})" if line["memory"] else ""),
        f"{line['objective']:,.2f}",
        f"{line['bound']:,.2f}",
        f"{line['gap']:.1e}",
        f"{line['gap_wanted']:g}",
    ]


def _hard(line: Line) -> list[str]:
    hard, loss, verdict = line["hardness"], _greedy(line), counts(line)
    return [
        _TITLES[line["row"]],
        f"{hard['binding']} of {hard['rows']}",
        "–" if loss is None else f"{100 * loss:.2f} %",
        "–" if hard["distinct_share"] is None else f"{100 * hard['distinct_share']:.2f} %",
        "–" if line.get("classes") is None else f"{line['classes']:,}",
        ", ".join(hard["active"]) or "–",
        "–" if line.get("fallback_share") is None else f"{100 * line['fallback_share']:.2f} %",
        "–" if verdict is None else "yes" if verdict else "no",
    ]


def _beside(line: Line) -> list[list[str]]:
    return [
        [
            _TITLES[line["row"]],
            name,
            "–" if found.get("objective") is None else f"{found['objective']:,.2f}",
            "–" if found.get("loses") is None else f"{100 * found['loses']:.3f} %",
            "–" if found.get("seconds") is None else f"{found['seconds']:.1f}",
            str(found.get("error") or found.get("remark") or "")[:200],
        ]
        for name, found in (line.get("beside") or {}).items()
    ]


def _greedy(line: Line) -> float | None:
    return (line.get("beside") or {}).get("greedy", {}).get("loses")


def _markdown(head: tuple[str, ...], rows: list[list[str]]) -> str:
    body = [list(head), ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in body)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _machine() -> str:
    """Processor, cores and memory."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release().split('-')[0]}"
