"""The solver's own process: ``python -m optimizer.solve.worker`` reads programs on stdin and answers on stdout.

HiGHS can crash, hang or print stray lines; here it can do so without touching the plan. Messages are pickles with
their length in front (eight bytes, big-endian). The process ignores Ctrl-C (its parent decides), and ends as soon
as its parent does, because stdin ends. Imports numpy and highspy alone, to start fast.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import struct
import threading
import time
from typing import IO, Any

from optimizer.solve.highs import Answer, Floats, Job, WarmLp, solve_mip_arrays

_LENGTH = struct.Struct(">Q")


def send(stream: IO[bytes], message: object) -> None:
    """Write one message."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(body)))
    stream.write(body)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one message; EOFError where the other side has gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (size,) = _LENGTH.unpack(head)
    body = stream.read(size)
    if len(body) < size:
        raise EOFError
    return pickle.loads(body)


def main() -> None:
    """Serve until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # HiGHS prints stray lines to the file descriptor itself: give it another one.
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    jobs: queue.Queue[Job] = queue.Queue()
    interrupt = threading.Event()

    def listen() -> None:
        while True:
            try:
                message = receive(incoming)
            except EOFError:
                os._exit(0)  # the parent has gone: nobody is left to answer
            if message == "interrupt":
                interrupt.set()
            else:
                interrupt.clear()
                jobs.put(message)

    threading.Thread(target=listen, daemon=True).start()
    send(outgoing, ("ready", None))
    kept: dict[int, WarmLp] = {}
    while True:
        job = jobs.get()
        try:
            send(outgoing, ("answer", _work(outgoing, job, kept, interrupt)))
        except (ValueError, KeyError, MemoryError, RuntimeError) as error:
            send(outgoing, ("error", f"{type(error).__name__}: {error}"))


def _work(outgoing: IO[bytes], job: Job, kept: dict[int, WarmLp], interrupt: threading.Event) -> Answer:
    deadline = time.monotonic() + job.settings.seconds

    def should_stop() -> bool:
        return interrupt.is_set() or time.monotonic() > deadline

    def on_incumbent(objective: float, x: Floats) -> None:
        send(outgoing, ("incumbent", (objective, x)))

    def on_progress(objective: float, bound: float) -> None:
        send(outgoing, ("progress", (objective, bound)))

    if job.kind == "lp":
        if job.program is not None:
            kept.clear()  # one model at a time
            kept[job.token] = WarmLp(job.program, job.settings)
        return kept[job.token].solve(job.change, job.settings.seconds, should_stop)
    if job.program is None:
        raise ValueError("a program is missing")
    return solve_mip_arrays(
        job.program, job.settings, on_incumbent=on_incumbent, on_progress=on_progress, should_stop=should_stop
    )


if __name__ == "__main__":
    main()
