"""Run the solver in a process of its own, and get something back whatever happens to it.

One child is kept alive and serves one solve at a time; it is started by ``subprocess`` (never forked: a forked
HiGHS hangs) with nothing but numpy and highspy, and started afresh after a death. The parent keeps the clock,
because HiGHS overshoots its limits: at the deadline, at ``stop`` or at Ctrl-C it asks the child to stop, waits a
moment, kills it, and answers with the best solution and the best bound streamed so far.

Retry ladder after a death: another seed, then presolve off, then what was streamed.
"""

from __future__ import annotations

import atexit
import math
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from optimizer.errors import SolverFailure
from optimizer.solve.highs import Answer, Floats, Job
from optimizer.solve.worker import receive, send

StopSignal = threading.Event | Callable[[], bool]
Progress = Callable[[float, float], None]

GRACE = 2.0  # seconds between asking and killing
_POLL = 0.05
_KEPT = 8  # incumbents kept: the last may fail the check where an earlier one passes
_BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]); import optimizer; sys.path.pop(0); "
    "from optimizer.solve.worker import main; main()"
)


@dataclass
class Outcome:
    """What came of a run: the final answer if there was one, and whatever was streamed before.

    Costs and bounds are the solver's (a minimisation). ``incumbents`` are (cost, x), the best last.
    """

    ended: Literal["answered", "stopped", "died"]
    answer: Answer | None = None
    incumbents: deque[tuple[float, Floats]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    bound: float = -math.inf
    detail: str = ""
    interrupted: bool = False


class SolverChild:
    """One solver process and the pipe to it.

    Parameters
    ----------
    command : list of str, optional
        What to start instead of the worker (for tests of what happens when it misbehaves).
    """

    def __init__(self, command: list[str] | None = None) -> None:
        root = str(Path(__file__).resolve().parents[2])
        self.command = command or [sys.executable, "-P", "-c", _BOOT, root]
        self.process: subprocess.Popen[bytes] | None = None
        self._messages: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._lock = threading.Lock()
        self._holder: int | None = None

    def run(
        self,
        job: Job,
        *,
        deadline: float = math.inf,
        stop: StopSignal | None = None,
        progress: Progress | None = None,
    ) -> Outcome:
        """Do one job; never raises for what the child does.

        Parameters
        ----------
        deadline : float
            On the clock of ``time.monotonic``.
        stop : threading.Event or callable, optional
            Asked twenty times a second.
        progress : callable (cost, bound), optional
            Called in this thread.
        """
        if self._holder == threading.get_ident():
            raise SolverFailure("a progress callback may not start another solve")
        with self._lock:
            self._holder = threading.get_ident()
            outcome = Outcome("died")
            try:
                self._converse(outcome, job, deadline, stop, progress)
            finally:
                if outcome.ended != "answered":
                    self.close()
                self._holder = None
        return outcome

    def close(self) -> None:
        """End the process; the next run starts another."""
        process, self.process = self.process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue  # unsent bytes of a broken pipe have nowhere to go

    def _converse(
        self,
        outcome: Outcome,
        job: Job,
        deadline: float,
        stop: StopSignal | None,
        progress: Progress | None,
    ) -> None:
        process = self._started()
        seconds = min(job.settings.seconds, max(deadline - time.monotonic(), 0.0))
        job = replace(job, settings=replace(job.settings, seconds=seconds))
        asked: float | None = None
        if not self._sent(process, job):
            return
        while True:
            try:
                now = time.monotonic()
                if asked is None and (now >= deadline or stop_asked(stop)):
                    asked = now
                    self._sent(process, "interrupt")
                if asked is not None and now - asked > GRACE:
                    outcome.ended, outcome.detail = "stopped", "stopped"
                    return
                try:
                    word, content = self._messages.get(timeout=_POLL)
                except queue.Empty:
                    continue
                if word == "incumbent":
                    outcome.incumbents.append(content)
                elif word == "progress":
                    outcome.bound = max(outcome.bound, content[1])
                    if progress is not None:
                        progress(*content)
                elif word == "answer":
                    outcome.answer, outcome.ended = content, "answered"
                    outcome.bound = max(outcome.bound, content.bound)
                    return
                elif word == "error":
                    outcome.detail = content
                    return
                elif word == "dead":
                    outcome.detail = f"the solver's process ended with code {process.wait()}"
                    return
            except KeyboardInterrupt:
                if outcome.interrupted:  # asked twice: do not wait
                    outcome.ended = "stopped"
                    return
                outcome.interrupted, asked = True, time.monotonic()
                self._sent(process, "interrupt")

    def _started(self) -> subprocess.Popen[bytes]:
        if self.process is not None and self.process.poll() is None:
            return self.process
        self.close()
        # A session of its own keeps Ctrl-C of the terminal away from the child.
        self.process = process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=os.name == "posix",
        )
        messages: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._messages = messages
        threading.Thread(target=_listen, args=(process, messages), daemon=True).start()
        return process

    @staticmethod
    def _sent(process: subprocess.Popen[bytes], message: object) -> bool:
        try:
            if process.stdin is not None:
                send(process.stdin, message)
        except OSError:
            return False
        return True


def _listen(process: subprocess.Popen[bytes], messages: queue.Queue[tuple[str, Any]]) -> None:
    while True:
        try:
            if process.stdout is None:
                raise EOFError
            messages.put(receive(process.stdout))
        except Exception:  # a torn message may fail in any way; each means that the child is no use
            messages.put(("dead", None))
            return


def stop_asked(stop: StopSignal | None) -> bool:
    """Whether the caller wants the search to end."""
    if stop is None:
        return False
    return stop.is_set() if isinstance(stop, threading.Event) else bool(stop())


_child: SolverChild | None = None
_owner = -1


def solver_child() -> SolverChild:
    """Return this process's own child; a forked process gets another one, as pipes cannot be shared."""
    global _child, _owner
    if _child is None or _owner != os.getpid():
        _child, _owner = SolverChild(), os.getpid()
        atexit.register(_child.close)
    return _child


def run_in_child(
    job: Job,
    *,
    deadline: float = math.inf,
    stop: StopSignal | None = None,
    progress: Progress | None = None,
    child: SolverChild | None = None,
) -> Outcome:
    """Run, and climb the retry ladder when the child dies.

    Returns
    -------
    Outcome
        ``ended`` is ``died`` only after the last rung; its incumbents and bound are the best of all rungs.
    """
    child = child or solver_child()
    rungs = [
        job.settings,
        replace(job.settings, seed=job.settings.seed + 1),
        replace(job.settings, seed=job.settings.seed + 2, presolve=False),
    ]
    best: Outcome | None = None
    for rung in rungs:
        if best is not None and best.incumbents:
            rung = replace(rung, start=best.incumbents[-1][1])
        outcome = child.run(replace(job, settings=rung), deadline=deadline, stop=stop, progress=progress)
        if best is not None:
            outcome.bound = max(outcome.bound, best.bound)
            outcome.incumbents = deque(
                sorted([*best.incumbents, *outcome.incumbents], key=lambda found: -found[0]), maxlen=_KEPT
            )
        best = outcome
        failed = outcome.ended == "died" or (outcome.answer is not None and outcome.answer.status == "error")
        if not failed or outcome.interrupted or time.monotonic() >= deadline or stop_asked(stop):
            break
    return best if best is not None else Outcome("died")
