"""Processes to measure in: one for every row, and two at once that are pinned to CPUs of their own.

All are made by fork, asked for by name (from Python 3.14 on it is not the default). The program itself never opens a
store, so every process of a row starts without one.
"""

import mmap
import multiprocessing
import os
import signal
import time
from multiprocessing.connection import wait
from typing import Callable

FORK = multiprocessing.get_context("fork")


class Failed(Exception):
    """A process did not return a result."""


class Child:
    """A process that runs `function(*arguments)` and hands its result back."""

    def __init__(self, function: Callable, *arguments):
        self.results, sender = FORK.Pipe(duplex=False)
        self.process = FORK.Process(target=_run, args=(sender, function, arguments))
        self.process.start()
        sender.close()

    def result(self):
        """Raises Failed when the function raised or the process died."""
        while not self.results.poll(0.1):  # what it started may keep the pipe open after its death
            if not self.process.is_alive() and not self.results.poll(0):
                raise Failed(self._end())
        try:
            error, value = self.results.recv()
        except EOFError:
            raise Failed(self._end()) from None
        self.process.join()
        if error:
            raise Failed(error)
        return value

    def _end(self) -> str:
        self.process.join()
        return f"a process ended with exit code {self.process.exitcode}"


def _run(sender, function, arguments):
    try:
        sender.send((None, function(*arguments)))
    except Failed as error:
        sender.send((str(error), None))
    except Exception as error:
        sender.send((f"{type(error).__name__}: {error}", None))


def in_child(function: Callable, *arguments):
    """What `function(*arguments)` returns in a process of its own."""
    return Child(function, *arguments).result()


def in_group(function: Callable, *arguments):
    """The same in a process that leads a group of its own; nothing that it started is left behind."""
    child = Child(_leading, function, *arguments)
    try:
        return child.result()
    finally:
        try:
            os.killpg(child.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # as it should be: all have ended
        child.process.join()


def _leading(function, *arguments):
    os.setpgid(0, 0)
    return function(*arguments)


def cpus() -> list:
    return sorted(os.sched_getaffinity(0))


def pin(cpu: int):
    os.sched_setaffinity(0, {cpu})


def in_two(function: Callable, *arguments) -> list:
    """What `function(me, meeting, *arguments)` returns in two processes at once, on a CPU each; `me` is 0 and 1."""
    meeting = Meeting()
    places = enumerate(cpus()[:2])
    children = [Child(_pinned, cpu, function, me, meeting, *arguments) for me, cpu in places]
    results = {}
    try:
        while len(results) < len(children):
            waiting = {child.results: child for child in children if child not in results}
            for ready in wait(waiting):
                results[waiting[ready]] = waiting[ready].result()
    except Failed:
        for child in children:
            child.process.kill()
        raise
    return [results[child] for child in children]


def _pinned(cpu, function, *arguments):
    pin(cpu)
    return function(*arguments)


class Meeting:
    """Where two processes wait for each other, in memory that both see: each counts its arrivals."""

    _SPACING = 32  # words between the two counts: a cache line each

    def __init__(self):
        self._counts = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("q")

    def arrive(self, me: int):
        self._counts[me * self._SPACING] += 1

    def both(self, me: int) -> bool:
        """Whether the other one has arrived as often."""
        return self._counts[(1 - me) * self._SPACING] >= self._counts[me * self._SPACING]

    def start(self, me: int):
        """Returns in both at once, within a fraction of a microsecond: who comes first spins."""
        self.arrive(me)
        while not self.both(me):
            pass

    def rest(self, me: int):
        """Returns when both are there; who comes first sleeps and leaves its CPU idle."""
        self.arrive(me)
        while not self.both(me):
            time.sleep(0.0005)
