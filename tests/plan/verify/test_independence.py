"""The check reads the scenario alone: nothing of the compiled problem, the rules' code or a solver."""

from __future__ import annotations

import ast
from pathlib import Path

import optimizer.plan.verify

FORBIDDEN = ("optimizer.problem", "optimizer.rules", "optimizer.solve", "optimizer.engine", "optimizer.reuse")

BESIDE = ("valuation", "responses", "records", "bundles", "columns", "kept", "order")


def test_imports_nothing_it_checks() -> None:
    folder = Path(optimizer.plan.verify.__file__).parent
    files = [
        *folder.glob("*.py"),
        *(folder.parent / f"{name}.py" for name in BESIDE),
    ]
    assert len(files) > 8
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.startswith(FORBIDDEN) for name in names), (file.name, names)
