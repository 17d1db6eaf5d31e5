"""Engines map: in order, bounded, with the errors of the tasks, and the same on each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from curate.engines import ENGINES, Engine, WorkerLostError, open_engine
from curate.engines.local import IN_FLIGHT, Local
from tests.helpers import curate, done, hashes


def slow_first(number: int) -> tuple[int, int]:
    time.sleep(0.2 if number == 0 else 0)
    return number, os.getpid()


def fails_at_three(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return number


def dies_at_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), 9)
    return number


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_the_order_of_the_tasks(workers: int) -> None:
    with Local(workers) as engine:
        found = list(engine.map(slow_first, range(20)))
    assert [number for number, _ in found] == list(range(20))


def test_one_worker_is_this_process_and_two_are_others() -> None:
    with Local(1) as engine:
        assert {pid for _, pid in engine.map(slow_first, range(1, 5))} == {os.getpid()}
    with Local(2) as engine:
        assert os.getpid() not in {pid for _, pid in engine.map(slow_first, range(5))}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_task_comes_out_where_it_stood(workers: int) -> None:
    with Local(workers) as engine:
        results = engine.map(fails_at_three, range(10))
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ValueError, match="three"):
            next(results)


def test_a_worker_that_dies_is_told() -> None:
    with Local(2) as engine, pytest.raises(WorkerLostError):
        list(engine.map(dies_at_three, range(10)))


def test_no_more_tasks_are_taken_than_are_in_flight() -> None:
    taken = 0

    def tasks() -> Iterator[int]:
        nonlocal taken
        for number in range(1, 1000):
            taken += 1
            yield number

    with Local(2) as engine:
        results = engine.map(slow_first, tasks())
        for got in range(1, 20):
            next(results)
            assert taken <= got + 2 * IN_FLIGHT
        results.close()


def test_workers_begin_before_anybody_asks_for_a_result(tmp_path: Path) -> None:
    with Local(2) as engine:
        engine.map(Path.touch, [tmp_path / "begun"])
        assert comes_true((tmp_path / "begun").exists)


prepared: list[int] = []


def prepare() -> None:
    prepared.append(os.getpid())


def who_prepared(_: int) -> list[int]:
    return prepared


def test_workers_are_prepared_before_their_first_task() -> None:
    prepared.clear()
    with Local(2, prepare) as engine:
        found = list(engine.map(who_prepared, range(4)))
    by_parent = [[os.getpid()]] * 4
    assert found == by_parent if sys.platform == "linux" else all(len(one) == 1 for one in found)


def stands_by(folder: Path) -> None:
    (folder / str(os.getpid())).touch()
    time.sleep(600)


def maps_forever(folder: Path) -> None:
    with Local(2) as engine:
        list(engine.map(stands_by, [folder] * 4))


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_a_parent_that_is_ended(sent: signal.Signals, tmp_path: Path) -> None:
    parent = multiprocessing.get_context("fork").Process(target=maps_forever, args=[tmp_path])
    parent.start()
    assert comes_true(lambda: len(list(tmp_path.iterdir())) == 2)
    os.kill(parent.pid or 0, sent)
    parent.join()
    workers = [int(path.name) for path in tmp_path.iterdir()]
    assert comes_true(lambda: not any(is_running(worker) for worker in workers))


def comes_true(condition: Callable[[], bool]) -> bool:
    """Wait for something that takes a moment, for as long as a very busy machine may need."""
    for _ in range(1200):
        if condition():
            return True
        time.sleep(0.05)
    return False


def is_running(process: int) -> bool:
    """Return whether a process is there and not only waiting to be buried."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_no_tasks_give_no_results() -> None:
    for workers in (1, 2):
        with Local(workers) as engine:
            assert list(engine.map(slow_first, [])) == []


def test_an_engine_can_map_twice() -> None:
    with Local(2) as engine:
        for _ in range(2):
            assert [n for n, _ in engine.map(slow_first, range(1, 4))] == [1, 2, 3]


def test_an_unknown_engine_is_an_error() -> None:
    assert ENGINES == ("local", "ray")
    with pytest.raises(LookupError):
        open_engine("spark", 1)


# ---- Ray ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ray() -> Iterator[Engine]:
    pytest.importorskip("ray", reason="ray is not installed: pip install 'pairwright[ray]'")
    with open_engine("ray", 2) as engine:
        yield engine


@pytest.mark.slow
def test_ray_gives_results_in_order_and_errors_as_they_are(ray: Engine) -> None:
    assert [number for number, _ in ray.map(slow_first, range(12))] == list(range(12))
    with pytest.raises(ValueError, match="three"):
        list(ray.map(fails_at_three, range(10)))
    with pytest.raises(WorkerLostError):
        list(ray.map(dies_at_three, range(10)))


@pytest.mark.slow
def test_ray_writes_the_same_bytes(
    ray: Engine, messy: object, messy_run: Path, tmp_path: Path
) -> None:
    recipe = messy.path.with_suffix(".yaml")  # type: ignore[attr-defined]
    done(curate("run", recipe, "-o", tmp_path / "out", "--engine", "ray", "--workers", 2))
    assert hashes(tmp_path / "out") == hashes(messy_run)
