"""The one way of timing: pairs of samples, comem's and its peer's, right after each other.

A sample is the time of a raw loop, from CLOCK_MONOTONIC (perf_counter_ns), with nothing subtracted: what the loop
itself costs is in both sides. A figure is the median over the pairs, and a ratio is the median of the pairs' ratios,
so that whatever else the machine did hit both sides of a pair alike. Which side goes first alternates.

Every side runs its own copy of a loop's code: since 3.11 the interpreter adapts a piece of code to the types that it
has met there, and a loop shared by two types would be slow for both.
"""

import gc
import types
from statistics import median
from time import perf_counter_ns
from typing import Callable, NamedTuple, Optional


class Figures(NamedTuple):
    comem_ns: float
    peer_ns: float
    ratio: float


def own(loop: Callable) -> Callable:
    """The same function with code of its own, to which the interpreter has not adapted anything yet."""
    return types.FunctionType(loop.__code__.replace(), loop.__globals__, loop.__name__)


def elapsed(function: Callable, *arguments) -> int:
    """Nanoseconds that one call takes."""
    start = perf_counter_ns()
    function(*arguments)
    return perf_counter_ns() - start


class Side:
    """One side of a pair: `loop(*arguments)` does `operations` operations; `before` runs ahead of it, untimed."""

    def __init__(self, loop: Callable, *arguments, operations: int, before: Optional[Callable] = None):
        self._loop = own(loop)
        self._arguments = arguments
        self._operations = operations
        self._before = before

    def sample(self) -> float:
        """Nanoseconds an operation."""
        if self._before:
            self._before()
        return elapsed(self._loop, *self._arguments) / self._operations


def alternate(turn: int, comem: Callable, peer: Callable) -> tuple:
    """What both return, comem's first; comem is called first in even turns."""
    if turn % 2 == 0:
        comem_result = comem()
        return comem_result, peer()
    peer_result = peer()
    return comem(), peer_result


def figures(pairs: list) -> Figures:
    return Figures(
        comem_ns=median(comem for comem, _ in pairs),
        peer_ns=median(peer for _, peer in pairs),
        ratio=median(comem / peer for comem, peer in pairs),
    )


def measure(comem: Callable, peer: Callable, pairs: int) -> Figures:
    """Calls both, which return a sample each, once to warm up and then for `pairs` pairs."""
    gc.collect()
    gc.disable()
    try:
        alternate(0, comem, peer)
        return figures([alternate(turn, comem, peer) for turn in range(pairs)])
    finally:
        gc.enable()
