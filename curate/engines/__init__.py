"""Engines: `map(function, tasks) -> results in order`, with a bounded number in flight.

An engine knows nothing of datasets. What it runs is a top-level function of one picklable task;
what comes back does not depend on which engine ran it or on how many workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

ENGINES = ("local", "ray")


class WorkerLostError(RuntimeError):
    """A worker process ended before its task did; nothing of that task was kept."""


class Engine(Protocol):
    """Something that maps a function over tasks."""

    workers: int

    def map(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """Yield `function(task)` for each task, in order.

        Where there are workers beside this process, they begin with the first ones at once.
        """
        ...


def open_engine(
    name: str, workers: int, prepare: Callable[[], None] | None = None
) -> AbstractContextManager[Engine]:
    """Return the engine `name` with its workers; leaving the context ends them.

    `prepare` loads what tasks will need, for workers on this machine; elsewhere it is left out.

    Raises LookupError for an unknown engine, ImportError where its package is not installed.
    """
    if name == "local":
        from curate.engines.local import Local

        return Local(workers, prepare)
    if name == "ray":
        from curate.engines.ray import Ray

        return Ray(workers)
    raise LookupError(f"unknown engine {name!r}")
