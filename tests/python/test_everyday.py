"""Everyday programs, as people write them for multiprocessing, with shared dicts and lists in them."""

import concurrent.futures
import dataclasses
import enum
import functools
import json
import multiprocessing
import os
import signal
import time

import pytest
from conftest import Child

import comem
from comem import _engine

START_METHODS = ["fork", "spawn", "forkserver"]


@pytest.fixture(params=START_METHODS)
def context(request):
    return multiprocessing.get_context(request.param)


@pytest.fixture
def manager():
    with comem.Manager() as manager:
        yield manager


# ---- pools ----

_shared = None


def take_shared(shared):
    global _shared
    _shared = shared


def note(number):
    _shared[number] = os.getpid()
    return number * number


def add_to(shared, number):
    shared.add("sum", number)
    return number + 1


def test_a_pool_with_an_initializer_that_gets_a_shared_dict(context, manager):
    shared = manager.dict()
    with context.Pool(2, initializer=take_shared, initargs=(shared,)) as pool:
        assert pool.map(note, range(20)) == [number * number for number in range(20)]
    assert sorted(shared.keys()) == list(range(20)) and os.getpid() not in shared.values()


def test_a_pool_whose_workers_do_one_task_each(context, manager):
    shared = manager.dict()
    with context.Pool(2, take_shared, (shared,), maxtasksperchild=1) as pool:
        pool.map(note, range(6), chunksize=1)
    assert len(shared) == 6 and len(set(shared.values())) == 6


def test_an_executor_with_an_initializer_that_gets_a_shared_dict(context, manager):
    shared = manager.dict()
    with concurrent.futures.ProcessPoolExecutor(
        2, mp_context=context, initializer=take_shared, initargs=(shared,)
    ) as executor:
        assert list(executor.map(note, range(10))) == [number * number for number in range(10)]
    assert sorted(shared.keys()) == list(range(10))


def test_a_partial_function_of_a_shared_dict(context, manager):
    shared = manager.dict(sum=0)
    with context.Pool(2) as pool:
        assert pool.map(functools.partial(add_to, shared), range(50)) == list(range(1, 51))
    assert shared["sum"] == sum(range(50))


# ---- dicts ----


def test_dicts_are_made_as_the_standard_manager_makes_them(manager):
    existing = {"a": 1, 2: [3, {"b": 4}]}
    assert manager.dict(existing).copy() == existing
    assert manager.dict(existing, c=5).copy() == {**existing, "c": 5}
    assert manager.dict(a=1).copy() == {"a": 1}
    assert manager.dict([("a", 1), ("b", 2)]).copy() == {"a": 1, "b": 2}
    assert manager.dict(manager.dict(a=1)).copy() == {"a": 1}


def test_a_hundred_thousand_dicts_in_a_dict(manager):
    shared = manager.dict()
    for number in range(100000):
        shared[number] = manager.dict()
    shared[500]["a"] = 1
    shared[99999]["b"] = [2]
    assert len(shared) == 100000 and shared[500].copy() == {"a": 1} and shared[99999]["b"] == [2]
    assert len(shared[7]) == 0


def test_a_dict_is_written_as_json(manager):
    shared = manager.dict({"name": "a", "numbers": [1, 2.5, None], "more": {"deep": [True]}})
    assert json.loads(json.dumps(shared.copy())) == shared.copy()


# ---- values ----


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Job:
    name: str
    colour: Colour
    parts: list


class JobFailed(Exception):
    def __init__(self, job, code):
        super().__init__(job, code)
        self.job, self.code = job, code


def work_on(shared, name):
    job = shared[name]
    job.parts.append(os.getpid())
    shared[name] = job
    try:
        raise JobFailed(job, 3)
    except JobFailed as error:
        shared["failed"] = error


def test_objects_go_to_another_process_and_come_back(context, manager):
    shared = manager.dict(job=Job("first", Colour.RED, [1]))
    child = context.Process(target=work_on, args=(shared, "job"))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert shared["job"] == Job("first", Colour.RED, [1, child.pid])
    failed = shared["failed"]
    assert type(failed) is JobFailed and failed.code == 3 and failed.job == shared["job"]


def test_a_megabyte_of_numbers_goes_to_another_process(manager):
    numpy = pytest.importorskip("numpy")
    shared = manager.dict(array=numpy.arange(131072, dtype="f8"))

    def double():
        array = shared["array"]
        array *= 2
        shared["array"] = array

    Child(double).result()
    assert (shared["array"] == numpy.arange(131072) * 2).all()


def test_a_data_frame_is_a_value(manager):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2, 3], "b": [1.5, 2.5, 3.5], "c": ["x", "y", None]})
    shared = manager.dict(frame=frame)
    assert shared["frame"].equals(frame)
    back = shared["frame"]
    back.loc[0, "a"] = 100
    assert shared["frame"].equals(frame)


# ---- ends ----


def test_an_interrupt_during_a_map_leaves_the_dict_whole(run_script):
    """Ctrl-C reaches the whole group: the pool's workers and the main process."""
    done = run_script(
        """
        import multiprocessing, os, signal, sys, threading, time, comem

        def work(number):
            for i in range(1000):
                shared[number, i] = [number, {"i": i}]
                shared.pop((number, i - 5), None)
                time.sleep(0.0005)

        os.setpgid(0, 0)
        shared = comem.Manager().dict()
        pool = multiprocessing.get_context("fork").Pool(3)
        threading.Timer(0.7, lambda: os.killpg(0, signal.SIGINT)).start()
        try:
            results = pool.map_async(work, range(100))
            while True:
                results.wait(0.1)       # not for ever: a thread that forks a worker may take the signal, and wakes nobody
        except KeyboardInterrupt:
            print("interrupted")
        pool.terminate()
        pool.join()
        pairs = shared.items()
        assert pairs and all(value == [key[0], {"i": key[1]}] for key, value in pairs)
        shared["after"] = 1
        assert shared.pop("after") == 1
        shared.clear()
        assert len(shared) == 0
        from comem import _engine
        assert _engine._check() == []
        print("whole")
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "interrupted\nwhole\n"


def test_workers_by_raw_fork_that_exit_without_finalizers(manager):
    shared = manager.dict()
    pids = []
    for number in range(8):
        pid = os.fork()
        if pid == 0:
            shared[number] = manager.list([number, {"pid": os.getpid()}])
            shared.add("count", 1)
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
    assert shared["count"] == 8
    assert [shared[number][1]["pid"] for number in range(8)] == pids
    assert _engine._check() == []


def test_a_worker_killed_while_it_stores_leaves_the_dict_whole(manager):
    shared = manager.dict()

    def store():
        while True:
            for number in range(50):
                shared[number] = Job(str(number), Colour.RED, [number] * 100)
                shared["list", number] = manager.list([number])

    for _ in range(5):
        child = Child(store)
        time.sleep(0.1)
        assert child.kill() == -signal.SIGKILL
    for key, value in shared.items():
        assert value == (Job(str(key), Colour.RED, [key] * 100) if type(key) is int else [key[1]])
    shared.clear()
    assert len(shared) == 0
    assert _engine._check() == []
