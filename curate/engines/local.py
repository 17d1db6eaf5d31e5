"""The engine of one machine: a pool of processes, or this process itself for one worker."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from types import TracebackType
from typing import Self, TypeVar

from curate.engines import WorkerLostError

Task = TypeVar("Task")
Result = TypeVar("Result")

IN_FLIGHT = 2
"""Tasks given out per worker: one at work and one waiting, so that none idles and none piles up."""

_KILLED = "a worker process was killed"


class Local:
    """Maps over a pool of `workers` processes; with one worker, in this process."""

    def __init__(self, workers: int, prepare: Callable[[], None] | None = None) -> None:
        self.workers = workers
        self._prepare = prepare
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        if self.workers > 1:
            # Forked workers share what is already loaded: each starts in milliseconds. They are
            # forked now, before this process starts threads of its own.
            forked = sys.platform == "linux"
            if forked and self._prepare is not None:
                self._prepare()
            self._pool = ProcessPoolExecutor(
                self.workers,
                multiprocessing.get_context("fork" if forked else "spawn"),
                _begin_worker,
                (None if forked else self._prepare,),
            )
            self._pool.submit(os.getpid)
        else:
            one_thread()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def map(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """Yield results in the order of `tasks`. Raises WorkerLostError for a killed worker."""
        if self._pool is None:
            return map(function, tasks)
        given = (_submitted(self._pool, function, task) for task in tasks)
        return _in_order(given, deque(islice(given, self.workers * IN_FLIGHT)))


def _submitted(
    pool: ProcessPoolExecutor, function: Callable[[Task], Result], task: Task
) -> Future[Result]:
    try:
        return pool.submit(function, task)
    except BrokenProcessPool as error:
        raise WorkerLostError(_KILLED) from error


def _in_order(given: Iterator[Future[Result]], waiting: deque[Future[Result]]) -> Iterator[Result]:
    """Yield the results of those waiting, taking on another for each that is done."""
    while waiting:
        try:
            result = waiting.popleft().result()
        except BrokenProcessPool as error:
            raise WorkerLostError(_KILLED) from error
        waiting.extend(islice(given, 1))
        yield result


def _begin_worker(prepare: Callable[[], None] | None) -> None:
    """Leave Ctrl-C to the parent, which ends the pool, and end when it does."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    one_thread()
    if prepare is not None:
        prepare()


def _end_with_parent() -> None:
    """End this process when its parent has: a killed one can tell nobody to stop."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def one_thread() -> None:
    """Let Arrow use one thread: a worker is one core's work, and memory stays bounded."""
    import pyarrow as pa

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
