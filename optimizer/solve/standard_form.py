"""From a Pyomo model to the matrix: so that the model an expert edits is the model that is solved.

Pyomo's ``LinearStandardFormCompiler(mixed_form=True)`` gives rows of one side each; the two sides of a range are
put together again. Columns and rows stand in the order in which the model declares them, unused and fixed
variables included, so a model made by ``to_pyomo_model`` comes back as the matrix it was made from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from optimizer.solve.linear_model import MatrixForm

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel


def standard_form(model: ConcreteModel) -> MatrixForm:
    """Compile a linear Pyomo model.

    Parameters
    ----------
    model : ConcreteModel
        Linear, with one active objective. Minimised objectives are negated.

    Returns
    -------
    MatrixForm
        A maximisation; columns in the order of ``model.component_data_objects(Var)``.
    """
    import pyomo.environ as pyo
    from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

    compiled = LinearStandardFormCompiler().write(model, mixed_form=True, set_sense=pyo.maximize)
    declared = list(model.component_data_objects(pyo.Var, active=True, descend_into=True))
    place = {id(variable): number for number, variable in enumerate(declared)}
    columns = np.array([place[id(variable)] for variable in compiled.columns], np.int64)

    objective = np.zeros(len(declared))
    objective[columns] = np.asarray(compiled.c.todense(), float)[0]
    lower = np.array([_bound(variable, "lb", -np.inf) for variable in declared], float)
    upper = np.array([_bound(variable, "ub", np.inf) for variable in declared], float)
    integer = np.array([not variable.is_continuous() for variable in declared], bool)

    # One number for each constraint, whichever sides it has.
    numbers: dict[int, int] = {}
    row = np.array([numbers.setdefault(id(entry.constraint), len(numbers)) for entry in compiled.rows], np.int64)
    side = np.array([entry.bound_type for entry in compiled.rows], np.int64)
    rhs = np.asarray(compiled.rhs, float)
    row_lower, row_upper = np.full(len(numbers), -np.inf), np.full(len(numbers), np.inf)
    row_lower[row[side <= 0]] = rhs[side <= 0]
    row_upper[row[side >= 0]] = rhs[side >= 0]
    first = np.unique(row, return_index=True)[1]
    part = sp.csr_array(compiled.A)[first].tocoo()
    matrix = sp.csr_array(sp.coo_array((part.data, (part.row, columns[part.col])), shape=(len(numbers), len(declared))))
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return MatrixForm(objective, float(compiled.c_offset[0]), matrix, row_lower, row_upper, lower, upper, integer)


def _bound(variable: object, side: str, default: float) -> float:
    if variable.fixed:  # type: ignore[attr-defined]
        return float(variable.value)  # type: ignore[attr-defined]
    bound = getattr(variable, side)
    return default if bound is None else float(bound)
