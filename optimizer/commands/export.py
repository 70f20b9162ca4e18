"""``optimizer export model``: the mixed-integer program for other tools."""

from __future__ import annotations

from pathlib import Path

from optimizer.commands.console import say
from optimizer.errors import ScenarioError


def run_export_model(file: Path, out: Path) -> None:
    """Write the scenario's program to ``out``, with every rule's name."""
    if out.suffix not in (".lp", ".mps"):
        raise ScenarioError("--out", "ending", out.name, "expected .lp or .mps")
    if not out.absolute().parent.is_dir():
        raise ScenarioError("--out", "folder", str(out.parent), "not found")
    from optimizer.engine import to_pyomo
    from optimizer.scenario import load

    model = to_pyomo(load(file))
    partial = out.with_name(f".{out.stem}.partial{out.suffix}")
    try:
        model.write(str(partial), io_options={"symbolic_solver_labels": True})
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    say(f"model in {out}")
