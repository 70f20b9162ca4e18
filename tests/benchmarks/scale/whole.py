"""HiGHS on the whole model: the formulation's arrays as they stand, presolve off, ipx for the relaxation."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import highspy
import numpy as np

import optimizer as opt
from optimizer.rules import compile_problem
from optimizer.solve.formulation import Formulation

GAP = 1e-4


def solve(file: Path, limit: float) -> dict[str, Any]:
    """Objective and bound within the limit; the relaxation alone first, for its seconds and its bound."""
    started = time.perf_counter()
    problem = compile_problem(opt.load(file))
    form = Formulation(problem, "relaxation").model.form()
    built = time.perf_counter() - started
    remark = f"{len(form.objective):,} columns, {len(form.row_lower):,} rows, built in {built:.1f} s"
    relaxed = _passed(form, integer=False)
    relaxed.setOptionValue("solver", "ipx")
    relaxed.setOptionValue("time_limit", limit / 2)
    begun = time.perf_counter()
    relaxed.run()
    seconds = time.perf_counter() - begun
    done = relaxed.getModelStatus() == highspy.HighsModelStatus.kOptimal
    bound = -relaxed.getInfo().objective_function_value if done else None
    remark += f"; LP by ipx {'' if done else 'not done '}after {seconds:.1f} s" + (f": {bound:,.2f}" if done else "")
    solver = _passed(form, integer=True)
    solver.setOptionValue("mip_rel_gap", GAP)
    solver.setOptionValue("time_limit", limit)
    # The options' names have changed between versions; where one is unknown HiGHS keeps its own choice.
    for option in ("mip_lp_solver", "mip_ipm_solver"):
        solver.setOptionValue(option, "ipx")
    begun = time.perf_counter()
    solver.run()
    seconds, info = time.perf_counter() - begun, solver.getInfo()
    has_plan = info.primal_solution_status == int(highspy.SolutionStatus.kSolutionStatusFeasible)
    bounded = np.isfinite(info.mip_dual_bound)
    return {
        "objective": -float(info.objective_function_value) if has_plan else None,
        "bound": -float(info.mip_dual_bound) if bounded else bound,
        "seconds": round(seconds, 2),
        "gap": float(info.mip_gap) if has_plan and np.isfinite(info.mip_gap) else None,
        "remark": f"{solver.modelStatusToString(solver.getModelStatus())}, gap "
        + (f"{info.mip_gap:.1e}; {remark}" if has_plan else f"none, no plan; {remark}"),
    }


def _passed(form: Any, *, integer: bool) -> Any:
    """A solver that holds the model as a minimisation."""
    solver = highspy._core._Highs()
    for option, value in (("output_flag", False), ("threads", 1), ("presolve", "off"), ("small_matrix_value", 1e-12)):
        solver.setOptionValue(option, value)
    matrix = form.matrix
    solver.passModel(
        len(form.objective), len(form.row_lower), matrix.nnz, 2, 1, -form.offset, -form.objective,
        form.lower, form.upper, form.row_lower, form.row_upper,
        matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data,
        form.integer.astype(np.int32) * integer,
    )  # fmt: skip
    return solver
