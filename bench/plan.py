"""How much is measured, and what is in what is measured."""

from pathlib import Path
from typing import NamedTuple

from processes import cpus

BUILD = Path(__file__).resolve().parent.parent / "build"
FIRST_VALUE = 1000  # numbers above 256 are made anew by the interpreter


class Plan(NamedTuple):
    """How much is measured."""

    pairs: int = 31
    operations: int = 50_000  # in a sample of calls that take nanoseconds
    slow_pairs: int = 7
    slow_operations: int = 50_000  # in a sample of calls to the standard manager
    moves: int = 20_000_000  # items that a built-in list moves in a sample of changes at its front
    starts: int = 500  # objects of the standard manager made in a sample
    changes: int = 1_000_000  # by each of two processes
    c_bench: Path = BUILD / "bench/bench/c_bench"


QUICK = Plan(pairs=7, slow_operations=5_000, moves=5_000_000, starts=100, changes=200_000)


class NotMeasured(Exception):
    """The row cannot be measured on this machine; says why."""


def values(count: int, first: int = FIRST_VALUE) -> list:
    return list(range(first, first + count))


def indices(count: int) -> list:
    return list(range(count))


def need_two_cpus():
    if len(cpus()) < 2:
        raise NotMeasured("needs two CPUs")
