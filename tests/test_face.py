"""The public face: what is there, what is not, and that nothing heavy is imported before it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import optimizer as opt

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", opt.__all__)
def test_every_name_of_the_face_is_there(name: str) -> None:
    assert callable(getattr(opt, name))
    assert name in dir(opt)


@pytest.mark.parametrize("name", ["what_if", "compare", "explain", "replan", "no_such_thing"])
def test_a_name_that_is_not_built_is_absent(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(opt, name)


@pytest.mark.parametrize(
    "before",
    ["import optimizer", "import optimizer.engine", "from optimizer.solve.linear_model import LinearModel"],
)
def test_solve_is_the_function_whatever_was_imported_before(before: str) -> None:
    script = f"{before}\nimport optimizer\nassert optimizer.solve.__module__ == 'optimizer.engine', optimizer.solve"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


def test_importing_the_face_imports_nothing_heavy() -> None:
    script = "import sys, optimizer\nassert not {'numpy', 'pandas', 'pyomo', 'highspy', 'pydantic'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
