"""The model as an expert reads it: a Pyomo ``ConcreteModel`` with one named component a block.

A block of variables becomes a ``Var``, a block of rows a ``Constraint``, indexed by the block's labels. Component
names are the blocks' names made legal for Pyomo and unique, so a rule called ``sms gateway`` is the component
``sms_gateway``; the planner's own spelling stands in ``doc``. Pyomo is imported when first used: it costs 0.8 s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.errors import ScenarioError
from optimizer.solve.linear_model import Block, LinearModel

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

OBJECTIVE = "objective"
_ENDINGS = (".lp", ".mps")


def to_pyomo_model(model: LinearModel, name: str = "plan") -> ConcreteModel:
    """Build the Pyomo model of a ``LinearModel``.

    Parameters
    ----------
    model : LinearModel
        Blocks of variables and rows.
    name : str
        Of the Pyomo model.

    Returns
    -------
    ConcreteModel
        Maximises ``objective``. Rows without bounds and empty rows that hold are left out.
    """
    import pyomo.environ as pyo
    from pyomo.core.expr import LinearExpression

    form = model.form()
    result = pyo.ConcreteModel(name=name)
    taken = {OBJECTIVE, *(key for key in dir(result))}
    columns: list[Any] = []
    domains = np.where(
        form.integer & (form.lower >= 0) & (form.upper <= 1), "Binary", np.where(form.integer, "Integers", "Reals")
    )
    for block in model.variables:
        index = _labels(block)
        here = slice(block.start, block.start + block.size)
        component = pyo.Var(index, doc=block.name)
        result.add_component(_component_name(block.name, taken), component)
        for label, domain, lower, upper in zip(
            index, domains[here], form.lower[here].tolist(), form.upper[here].tolist(), strict=True
        ):
            variable = component[label]
            variable.domain = getattr(pyo, domain)
            variable.setlb(lower if np.isfinite(lower) else None)
            variable.setub(upper if np.isfinite(upper) else None)
            columns.append(variable)

    def linear(places: Sequence[int], values: Sequence[float], constant: float = 0.0) -> Any:
        return LinearExpression(
            constant=constant, linear_coefs=list(values), linear_vars=[columns[place] for place in places]
        )

    used = np.flatnonzero(form.objective)
    result.add_component(
        OBJECTIVE,
        pyo.Objective(expr=linear(used.tolist(), form.objective[used].tolist(), form.offset), sense=pyo.maximize),
    )
    start, place, value = form.matrix.indptr.tolist(), form.matrix.indices.tolist(), form.matrix.data.tolist()
    for block in model.rows:
        index = _labels(block)
        component = pyo.Constraint(index, doc=block.name)
        result.add_component(_component_name(block.name, taken), component)
        for label, row in zip(index, range(block.start, block.start + block.size), strict=True):
            lower, upper = float(form.row_lower[row]), float(form.row_upper[row])
            if np.isneginf(lower) and np.isposinf(upper):
                continue
            entries = slice(start[row], start[row + 1])
            if start[row] == start[row + 1]:
                if lower <= 0 <= upper:
                    continue
                body = linear([_zero(result, columns, taken)], [1.0])
            else:
                body = linear(place[entries], value[entries])
            if lower == upper:
                component[label] = body == lower
            else:
                component[label] = (
                    lower if np.isfinite(lower) else None, body, upper if np.isfinite(upper) else None
                )  # fmt: skip
    return result


def write_model(model: LinearModel, path: str | Path, name: str = "plan") -> None:
    """Write the model as ``.lp`` or ``.mps`` with readable names.

    Raises
    ------
    ScenarioError
        The ending is neither ``.lp`` nor ``.mps``.
    """
    path = Path(path)
    if path.suffix not in _ENDINGS:
        raise ScenarioError(str(path), "file name", path.suffix, "a name that ends in .lp or .mps")
    to_pyomo_model(model, name).write(str(path), io_options={"symbolic_solver_labels": True})


def _component_name(name: str, taken: set[str]) -> str:
    """Return a legal, unique component name close to ``name``; remembers it in ``taken``."""
    legal = re.sub(r"\W+", "_", name).strip("_") or "block"
    if legal[0].isdigit():
        legal = f"rule_{legal}"
    unique, number = legal, 2
    while unique in taken:
        unique, number = f"{legal}_{number}", number + 1
    taken.add(unique)
    return unique


def _labels(block: Block) -> list[str] | list[int]:
    """Return the block's labels, made unique; numbers where it has none."""
    if block.labels is None:
        return list(range(block.size))
    seen: dict[str, int] = {}
    result = []
    for text in map(str, block.labels):
        seen[text] = seen.get(text, 0) + 1
        result.append(text if seen[text] == 1 else f"{text} #{seen[text]}")
    return result


def _zero(model: Any, columns: list[Any], taken: set[str]) -> int:
    """Place of a variable that is always 0, for rows without variables that cannot hold."""
    import pyomo.environ as pyo

    name = "always_zero"
    if name not in taken:
        taken.add(name)
        model.add_component(name, pyo.Var(bounds=(0, 0), doc="stands in rows without variables"))
        columns.append(getattr(model, name))
    return len(columns) - 1
