"""What is measured: a table of rows, each with its peer, its limit and the function that measures it.

A row's function takes a Plan and returns the figures for the row: comem_ns, peer_ns and ratio, or value instead of
ratio where the limit is an absolute one. Each runs in a process of its own, so that it may pin itself and start with
no store. Values are numbers above 256, which the interpreter makes anew.
"""

import json
import multiprocessing.managers  # managers are timed without the import of their modules
import os
import random
import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import median
from typing import Callable, NamedTuple, Optional

import comem
import comem.managers

import loops
from processes import FORK, Failed, cpus, in_child, in_group, in_two, pin
from timing import Side, alternate, elapsed, figures, measure, own

BUILD = Path(__file__).resolve().parent.parent / "build"
FIRST_VALUE = 1000


class Plan(NamedTuple):
    """How much is measured."""

    pairs: int = 31
    operations: int = 50_000  # in a sample of calls that take nanoseconds
    slow_pairs: int = 7
    slow_operations: int = 50_000  # in a sample of calls to the standard manager
    moves: int = 20_000_000  # items that a built-in list moves in a sample of changes at its front
    starts: int = 500  # objects of the standard manager made in a sample
    appends: int = 1_000_000  # by each of two processes
    c_bench: Path = BUILD / "bench/bench/c_bench"


QUICK = Plan(pairs=7, slow_operations=5_000, moves=5_000_000, starts=100, appends=200_000)


class NotMeasured(Exception):
    """The row cannot be measured on this machine; says why."""


def values(count: int, first: int = FIRST_VALUE) -> list:
    return list(range(first, first + count))


def indices(count: int) -> list:
    return list(range(count))


# ---- the native type against the built-in list ---------------------------------------------------------------------


def list_side(items, empty: Callable, loop: Callable, of: Callable, filled: bool, count: int) -> Callable:
    """Samples of `loop(items, of(count))`; `items` is filled first, or emptied before every sample."""
    if filled:
        items.extend(values(count))
    return Side(loop, items, of(count), operations=count, before=None if filled else empty).sample


def native(plan: Plan, *how) -> dict:
    """`how`: loop, of and filled of list_side."""
    pin(cpus()[-1])
    shared, plain = comem.List(), []
    ours = list_side(shared, shared.clear, *how, plan.operations)
    theirs = list_side(plain, plain.clear, *how, plan.operations)
    return measure(ours, theirs, plan.pairs)._asdict()


def list_get(plan: Plan) -> dict:
    return native(plan, loops.get, indices, True)


def list_append(plan: Plan) -> dict:
    return native(plan, loops.append, values, False)


def list_iterate(plan: Plan) -> dict:
    return native(plan, loops.iterate, indices, True)


def list_extend(plan: Plan) -> dict:
    return absolute(native(plan, loops.extend, values, False))


def absolute(row: dict) -> dict:
    """The same figures where comem's own is what is limited."""
    return {"value": row["comem_ns"], "unit": "ns", "peer_ns": row["peer_ns"]}


# ---- long lists changed in the middle, copied, sorted ---------------------------------------------------------------


def long_lists(plan: Plan, length: int, loop: Callable, argument, operations: int, reset: Callable) -> dict:
    """Samples of `loop(items, argument)` on lists of `length` numbers; `reset(items)` comes before each, untimed."""
    pin(cpus()[-1])
    sides = [
        Side(loop, items, argument, operations=operations, before=partial(reset, items)).sample
        for items in (comem.List(values(length)), values(length))
    ]
    return measure(*sides, max(plan.slow_pairs, plan.pairs // 2))._asdict()


def list_insert_front(length: int) -> Callable:
    def run(plan: Plan) -> dict:
        more = values(plan.moves // length)

        def reset(items):
            del items[: len(items) - length]

        return long_lists(plan, length, loops.insert_front, more, len(more), reset)

    return run


def list_pop_front(length: int) -> Callable:
    def run(plan: Plan) -> dict:
        more = values(plan.moves // length)

        def reset(items):
            items[0:0] = more

        return long_lists(plan, length, loops.pop_front, more, len(more), reset)

    return run


def list_insert_random(plan: Plan) -> dict:
    """Places as they come: what was put in before stays until the sample is over, and goes with places as random."""
    length, count = 1_000_000, 2 * plan.moves // 1_000_000
    dice = random.Random(1)
    places = [dice.randrange(length) for _ in range(count)]

    def reset(items):
        for place in places[: len(items) - length]:
            del items[place]

    return long_lists(plan, length, loops.insert_at, places, count, reset)


def list_slice_all(plan: Plan) -> dict:
    copies = range(20)
    return long_lists(plan, 10_000, loops.slice_all, copies, len(copies), reset=len)


def list_sort(plan: Plan) -> dict:
    shuffled = values(100_000)
    random.Random(2).shuffle(shuffled)

    def reset(items):
        items[:] = shuffled

    return long_lists(plan, len(shuffled), loops.sort, None, 1, reset)


def list_bytes_per_item(plan: Plan) -> dict:
    """The least store that a list of 1,000,000 numbers fits into, found by halving; everything in it counts."""
    count, fits, too_small = 1_000_000, 40.0, 10.0
    while fits - too_small > 0.05:
        middle = (fits + too_small) / 2
        if fits_into(count, int(count * middle)):
            fits = middle
        else:
            too_small = middle
    return {"value": fits, "unit": "bytes"}


FILL = """
import comem, sys
items = comem.List()
try:
    for value in range(int(sys.argv[1])):
        items.append(value)
except MemoryError:
    sys.exit(3)
"""


def fits_into(count: int, size_limit: int) -> bool:
    """Whether `count` numbers can be appended one by one in a store of `size_limit` bytes: another program's own."""
    environment = {**os.environ, "COMEM_SIZE_LIMIT": str(size_limit)}
    run = subprocess.run([sys.executable, "-c", FILL, str(count)], env=environment, stderr=subprocess.PIPE, text=True)
    if run.returncode not in (0, 3):
        raise Failed(run.stderr)
    return run.returncode == 0


# ---- the Manager face against the standard manager -----------------------------------------------------------------


def managed(plan: Plan, *how) -> dict:
    """As `native`, on lists made by both managers; the standard one's process is pinned to the same CPU."""
    pin(cpus()[-1])
    with FORK.Manager() as standard, comem.Manager() as manager:
        shared, remote = manager.list(), standard.list()
        ours = list_side(shared, shared.clear, *how, plan.operations)
        empty_remote = partial(remote.__delitem__, slice(None))  # its clear() is new in Python 3.14
        theirs = list_side(remote, empty_remote, *how, plan.slow_operations)
        return measure(ours, theirs, plan.slow_pairs)._asdict()


def manager_list_get(plan: Plan) -> dict:
    return managed(plan, loops.get, indices, True)


def manager_list_append(plan: Plan) -> dict:
    return managed(plan, loops.append, values, False)


def start_manager(plan: Plan) -> dict:
    """The first manager of a program: every sample is a process that has none yet."""
    pin(cpus()[-1])
    ours, theirs = (partial(in_child, time_manager, make) for make in (comem.Manager, FORK.Manager))
    return measure(ours, theirs, plan.pairs)._asdict()


def time_manager(make: Callable) -> int:
    """Nanoseconds that make() takes."""
    managers = []
    time = elapsed(lambda: managers.append(make()))
    managers[0].shutdown()
    return time


def start_list(plan: Plan) -> dict:
    """A list made and dropped."""
    pin(cpus()[-1])
    with FORK.Manager() as standard, comem.Manager() as manager:

        def side(manager, count):
            return Side(loops.make_lists, manager, range(count), operations=count).sample

        return measure(side(manager, plan.operations), side(standard, plan.starts), plan.slow_pairs)._asdict()


# ---- C, against LMDB -----------------------------------------------------------------------------------------------


def c_row(name: str) -> Callable:
    """Runs the C program, which measures in the same way."""

    def run(plan: Plan) -> dict:
        pin(cpus()[-1])
        options = ["--pairs", str(plan.pairs), "--operations", str(plan.operations)]
        row = json.loads(c_bench(plan, *options, name))
        del row["row"]
        return row

    return run


def c_bench(plan: Plan, *arguments: str) -> str:
    """What the C program prints. NotMeasured where it was not built, as it is without LMDB."""
    if not plan.c_bench.exists():
        raise NotMeasured("not installed")
    run = subprocess.run([str(plan.c_bench.resolve()), *arguments], capture_output=True, text=True)
    if run.returncode:
        raise Failed(run.stderr.strip() or f"{plan.c_bench} ended with {run.returncode}")
    return run.stdout


# ---- two processes at once -----------------------------------------------------------------------------------------


def need_two_cpus():
    if len(cpus()) < 2:
        raise NotMeasured("needs two CPUs")


def list_get_two(plan: Plan) -> dict:
    """Two processes read one list; `plain_ratio` is what reading a plain list each does to them on this machine."""
    need_two_cpus()
    row = slower_reader(plan, comem.List(values(plan.operations)))
    plain = slower_reader(plan, values(plan.operations))
    return {**row, "plain_ratio": plain["ratio"]}


def slower_reader(plan: Plan, items) -> dict:
    """Of two readers of `items`, the one that suffers more from the other: its time beside it and alone."""
    readers = in_two(read_in_turns, items, plan)
    return max((figures(pairs)._asdict() for pairs in readers), key=lambda row: row["ratio"])


def read_in_turns(me: int, meeting, items, plan: Plan) -> list:
    """(time beside the other, time alone) an operation, for every round.

    Who is alone reads while the other one sleeps. Side by side both read before and after the time that counts, until
    both are through with it, so that all of it is beside the other. Alone, too, the list is read once before.
    """
    read = own(loops.get)
    every, few = indices(plan.operations), indices(1000)

    def alone():
        read(items, every)
        return elapsed(read, items, every) / len(every)

    def beside():
        meeting.rest(me)
        meeting.start(me)
        read(items, every)
        meeting.start(me)
        read(items, few)
        time = elapsed(read, items, every) / len(every)
        meeting.arrive(me)
        while not meeting.both(me):
            read(items, few)
        return time

    def in_turn():
        for turn in (0, 1):
            meeting.rest(me)
            if turn == me:
                time = alone()
        meeting.rest(me)
        return time

    read(items, every)
    return [alternate(turn, beside, in_turn) for turn in range(plan.pairs)]


def list_append_two(plan: Plan) -> dict:
    """Two processes append to one list, and as often acquire and release one lock; of both the slower one counts."""
    need_two_cpus()
    ours, theirs = in_two(append_in_turns, comem.List(), FORK.Lock(), plan)
    slower = [tuple(map(max, pair, other)) for pair, other in zip(ours, theirs)]
    overlap = median(min(pair[0], other[0]) / max(pair[0], other[0]) for pair, other in zip(ours, theirs))
    return {**figures(slower)._asdict(), "overlap": overlap}


def append_in_turns(me: int, meeting, items, lock, plan: Plan) -> list:
    """(time of an append, time of an acquire and release) for every round, both beside the other process's."""
    append, acquire_release = own(loops.append), own(loops.acquire_release)
    count = plan.appends
    mine = values(count, FIRST_VALUE + me * count)

    def appending():
        time = beside(append, items, mine)
        if me == 0:
            check_nothing_lost(list(items), count)
            items.clear()
        meeting.rest(me)
        return time

    def locking():
        return beside(acquire_release, lock, mine)

    def beside(loop, *arguments):
        meeting.rest(me)
        meeting.start(me)
        time = elapsed(loop, *arguments) / count
        meeting.rest(me)
        return time

    turns = range(-1, plan.slow_pairs)
    return [alternate(turn, appending, locking) for turn in turns][1:]  # the first one only warms up


def check_nothing_lost(found: list, count: int):
    """Each process's values are there, once each and in its order."""
    boundary = FIRST_VALUE + count
    first = [value for value in found if value < boundary]
    second = [value for value in found if value >= boundary]
    if first != values(count) or second != values(count, boundary):
        raise Failed(f"of {2 * count} appended values {len(found)} are there, or not in their order")


# ---- the table -----------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    name: str
    what: str
    peer: str
    at_most: float  # a ratio, or where there is a unit a value
    measure: Callable
    unit: Optional[str] = None


BUILT_IN = "built-in list"
MANAGER = "multiprocessing.Manager"
GET, PUT = "LMDB get transaction", "LMDB put transaction"

ROWS = (
    Row("list.get", "`items[i]`", BUILT_IN, 2.5, list_get),
    Row("list.append", "`items.append(value)`", BUILT_IN, 4, list_append),
    Row("list.iterate", "`for value in items`, an item", BUILT_IN, 4, list_iterate),
    Row("list.extend", "`items.extend(values)`, an item", BUILT_IN, 20, list_extend, "ns"),
    Row("list.insert0", "`items.insert(0, value)`, 100k items", BUILT_IN, 5, list_insert_front(100_000)),
    Row("list.insert0.1m", "the same, 1M items", BUILT_IN, 5, list_insert_front(1_000_000)),
    Row("list.pop0", "`items.pop(0)`, 100k items", BUILT_IN, 5, list_pop_front(100_000)),
    Row("list.pop0.1m", "the same, 1M items", BUILT_IN, 5, list_pop_front(1_000_000)),
    Row("list.insert_random", "`items.insert(anywhere, value)`, 1M items", BUILT_IN, 1, list_insert_random),
    Row("list.slice_all", "`items[:]`, 10k items", BUILT_IN, 8, list_slice_all),
    Row("list.sort", "`items.sort()`, 100k items", BUILT_IN, 2, list_sort),
    Row("list.bytes_per_item", "the least store for 1M items, an item", "none", 18, list_bytes_per_item, "bytes"),
    Row("manager.list.get", "`Manager().list()[i]`, one CPU", MANAGER, 1 / 300, manager_list_get),
    Row("manager.list.append", "`Manager().list().append(value)`, one CPU", MANAGER, 1 / 250, manager_list_append),
    Row("start.manager", "`Manager()`, a program's first", MANAGER, 1 / 5, start_manager),
    Row("start.list", "`manager.list()`, made and dropped", MANAGER, 1 / 30, start_list),
    Row("c.list.get", "`comem_list_get()`", GET, 1 / 20, c_row("c.list.get")),
    Row("c.list.append", "`comem_list_append()`", PUT, 1 / 10, c_row("c.list.append")),
    Row("list.get.two", "`items[i]` in two processes at once", "one process alone", 1.15, list_get_two),
    Row("list.append.two", "`append` in two processes at once", "contended multiprocessing.Lock", 0.5, list_append_two),
)


def measured(row: Row, plan: Plan) -> dict:
    """The row as build/bench.json has it: with `missing` where it cannot be measured here, `failed` where it broke."""
    try:
        found = in_group(caught, row, plan)
    except Failed as error:
        found = {"failed": str(error)}
    return {"peer": row.peer, **found, "at_most": row.at_most}


def caught(row: Row, plan: Plan) -> dict:
    try:
        return row.measure(plan)
    except NotMeasured as why:
        return {"missing": str(why)}


def falls_short(row: dict) -> bool:
    return row.get("value", row.get("ratio", 0)) > row["at_most"]
