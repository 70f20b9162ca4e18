"""What happens when the solver's process dies, hangs, is told to stop, or is left alone."""

from __future__ import annotations

import _thread
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from optimizer.errors import SolverFailure
from optimizer.solve import child as child_module
from optimizer.solve.child import SolverChild, run_in_child, solver_child
from optimizer.solve.highs import Job, Settings
from optimizer.solve.linear_model import LinearModel, MatrixForm
from optimizer.solve.mip import solve_mip
from optimizer.solve.scaling import scale

DIES_AT_ONCE = [sys.executable, "-c", "import sys; sys.exit(3)"]
TALKS_NONSENSE = [sys.executable, "-c", "print('hello, this is not a message', flush=True); input()"]
NEVER_ANSWERS = [sys.executable, "-c", "import time; time.sleep(600)"]


def hard() -> MatrixForm:
    """A market split: HiGHS finds plans at once and proves nothing for hours."""
    rng = np.random.default_rng(0)
    rows, width = 12, 150
    model = LinearModel()
    x = model.add_variables("x", width, upper=1, integer=True, objective=rng.integers(1, 100, width))
    weight = rng.integers(1, 100, (rows, width)).astype(float)
    place = np.repeat(np.arange(rows), width)
    model.add_rows(
        "room", place, np.tile(x, rows), weight.ravel(), lower=-np.inf, upper=weight.sum(axis=1) // 2, size=rows
    )
    return model.form()


def easy() -> MatrixForm:
    model = LinearModel()
    x = model.add_variables("x", 2, upper=1, integer=True, objective=[2, 3])
    model.add_rows("one", [0, 0], x, 1, lower=-np.inf, upper=1, size=1)
    return model.form()


def is_a_plan(form: MatrixForm, result) -> None:
    assert result.x is not None
    assert (form.matrix @ result.x <= form.row_upper).all()
    assert result.objective > 0
    assert np.isfinite(result.bound)
    assert result.bound >= result.objective


def later(seconds: float, action) -> threading.Timer:
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()
    return timer


def test_a_limit_of_one_second_is_kept():
    form = hard()
    solve_mip(easy())  # the process is up
    began = time.monotonic()
    result = solve_mip(form, gap=0.0, time_limit=1.0)
    assert time.monotonic() - began < 1.0 + child_module.GRACE + 2.0
    assert result.status == "feasible"
    is_a_plan(form, result)


def test_killed_once_it_goes_on_with_another():
    form = hard()
    mine = SolverChild()
    killed = []

    def kill() -> None:
        process = mine.process
        assert process is not None
        killed.append(process.pid)
        process.kill()

    later(1.5, kill)
    result = solve_mip(form, gap=0.0, time_limit=5.0, child=mine)
    assert killed
    assert result.status == "feasible"
    is_a_plan(form, result)
    mine.close()


def test_killed_every_time_the_best_plan_so_far_comes_back():
    form = hard()
    mine = SolverChild()
    done = threading.Event()
    deaths = []

    def reap() -> None:
        seen, since = None, time.monotonic()
        while not done.is_set():
            process = mine.process
            if process is not seen:
                seen, since = process, time.monotonic()
            elif process is not None and time.monotonic() - since > 2.0:
                deaths.append(process.pid)
                process.kill()
                seen = None
                done.wait(0.2)
            done.wait(0.02)

    threading.Thread(target=reap, daemon=True).start()
    result = solve_mip(form, gap=0.0, time_limit=60.0, child=mine)
    done.set()
    assert len(deaths) == 3  # the ladder has three rungs
    assert result.status == "feasible"
    is_a_plan(form, result)
    assert any("died" in note for note in result.notes)
    mine.close()


@pytest.mark.parametrize("command", [DIES_AT_ONCE, TALKS_NONSENSE])
def test_a_process_that_never_works_fails_without_raising_and_keeps_the_start(command):
    mine = SolverChild(command)
    assert solve_mip(easy(), child=mine).status == "failed"
    result = solve_mip(easy(), start=np.array([1.0, 0.0]), child=mine)
    assert result.status == "feasible"
    assert result.objective == 2
    assert result.bound == pytest.approx(3)  # the relaxation was solved here
    mine.close()


def test_a_process_that_hangs_is_killed_at_the_deadline():
    mine = SolverChild(NEVER_ANSWERS)
    began = time.monotonic()
    result = solve_mip(easy(), time_limit=0.5, child=mine)
    assert time.monotonic() - began < 0.5 + child_module.GRACE + 2.0
    assert result.status == "no_plan"
    assert mine.process is None


@pytest.mark.parametrize("kind", ["event", "callable"])
def test_stop_ends_the_search_with_the_best_plan(kind):
    form = hard()
    event = threading.Event()
    later(1.5, event.set)
    result = solve_mip(form, gap=0.0, time_limit=60.0, stop=event if kind == "event" else event.is_set)
    assert result.status == "feasible"
    assert not result.interrupted
    assert result.seconds < 60.0  # before its limit
    is_a_plan(form, result)


def test_ctrl_c_returns_the_best_plan():
    # Started in the background, Python leaves Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    form = hard()
    solve_mip(easy())
    later(1.5, _thread.interrupt_main)
    try:
        result = solve_mip(form, gap=0.0, time_limit=60.0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.interrupted
    assert result.status == "feasible"
    is_a_plan(form, result)
    assert solve_mip(easy()).objective == 3  # and the service goes on


@pytest.mark.skipif(os.name != "posix", reason="signals of a terminal")
def test_the_process_ignores_ctrl_c():
    solve_mip(easy())
    process = solver_child().process
    assert process is not None
    os.kill(process.pid, signal.SIGINT)
    assert solve_mip(easy()).objective == 3
    assert solver_child().process is process


def test_one_process_serves_many_solves_and_threads_take_turns():
    solve_mip(easy())
    process = solver_child().process
    found: list[float] = []
    threads = [threading.Thread(target=lambda: found.append(solve_mip(easy()).objective)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [3.0] * 4
    assert solver_child().process is process


def test_progress_comes_in_units_of_the_objective_and_its_errors_pass_through():
    form = hard()
    seen: list[tuple[str, float, float]] = []
    result = solve_mip(form, gap=0.0, time_limit=3.0, progress=lambda *told: seen.append(told))
    assert seen
    assert all(objective <= bound for _, objective, bound in seen)
    assert seen[-1][1] <= result.objective + 1e-9 * abs(result.objective)

    def broken(*_told: object) -> None:
        raise ArithmeticError("the caller's own")

    with pytest.raises(ArithmeticError):
        solve_mip(form, gap=0.0, time_limit=20.0, progress=broken)

    def nested(*_told: object) -> None:
        solve_mip(easy())

    with pytest.raises(SolverFailure):
        solve_mip(form, gap=0.0, time_limit=20.0, progress=nested)
    assert solve_mip(easy()).objective == 3


def test_the_process_ends_with_its_parent():
    script = (
        "import os, sys\n"
        "from tests.solve.test_child import easy\n"
        "from optimizer.solve.child import solver_child\n"
        "from optimizer.solve.mip import solve_mip\n"
        "solve_mip(easy())\n"
        "print(solver_child().process.pid, flush=True)\n"
        "os._exit(0)\n"  # no farewell: as if killed
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed.strip().isdigit(), "stdout is clean"
    pid = int(printed)
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            break
        with open(f"/proc/{pid}/stat") as status:
            if status.read().split()[2] == "Z":
                break
        time.sleep(0.05)
    else:
        pytest.fail("the solver's process outlived its parent")


def test_the_process_imports_neither_pandas_nor_pyomo():
    script = (
        "import sys, optimizer.solve.worker\n"
        "print(sorted({'pandas', 'pyomo', 'scipy', 'pydantic'} & {name.split('.')[0] for name in sys.modules}))"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_a_job_that_the_solver_refuses_is_an_answer_not_a_crash():
    mine = SolverChild()
    job = Job("lp", None, Settings(), token=99)  # a model that was never sent
    outcome = mine.run(job)
    assert outcome.ended == "died"
    assert "99" in outcome.detail
    program = scale(easy()).program
    assert run_in_child(Job("mip", program, Settings()), child=mine).ended == "answered"
    mine.close()
