"""The rows of lists. Each takes a Plan and returns the figures of its row, see rows.py."""

import multiprocessing.managers  # managers are timed without the import of their modules
import random
from functools import partial
from typing import Callable

import comem
import comem.managers

import loops
from plan import FIRST_VALUE, Plan, indices, values
from processes import FORK, Failed, cpus, in_child, pin
from room import bytes_each
from timing import Side, elapsed, measure
from together import Work, beside_lock, slower_reader


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


def get(plan: Plan) -> dict:
    return native(plan, loops.get, indices, True)


def append(plan: Plan) -> dict:
    return native(plan, loops.append, values, False)


def iterate(plan: Plan) -> dict:
    return native(plan, loops.iterate, indices, True)


def extend(plan: Plan) -> dict:
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


def insert_front(length: int) -> Callable:
    def run(plan: Plan) -> dict:
        more = values(plan.moves // length)

        def reset(items):
            del items[: len(items) - length]

        return long_lists(plan, length, loops.insert_front, more, len(more), reset)

    return run


def pop_front(length: int) -> Callable:
    def run(plan: Plan) -> dict:
        more = values(plan.moves // length)

        def reset(items):
            items[0:0] = more

        return long_lists(plan, length, loops.pop_front, more, len(more), reset)

    return run


def insert_random(plan: Plan) -> dict:
    """Places as they come: what was put in before stays until the sample is over, and goes with places as random."""
    length, count = 1_000_000, 2 * plan.moves // 1_000_000
    dice = random.Random(1)
    places = [dice.randrange(length) for _ in range(count)]

    def reset(items):
        for place in places[: len(items) - length]:
            del items[place]

    return long_lists(plan, length, loops.insert_at, places, count, reset)


def slice_all(plan: Plan) -> dict:
    copies = range(20)
    return long_lists(plan, 10_000, loops.slice_all, copies, len(copies), reset=len)


def sort(plan: Plan) -> dict:
    shuffled = values(100_000)
    random.Random(2).shuffle(shuffled)

    def reset(items):
        items[:] = shuffled

    return long_lists(plan, len(shuffled), loops.sort, None, 1, reset)


def bytes_per_item(plan: Plan) -> dict:
    return {"value": bytes_each(FILL, 1_000_000, too_small=10, fits=40), "unit": "bytes"}


FILL = """
import comem, sys
items = comem.List()
try:
    for value in range(int(sys.argv[1])):
        items.append(value)
except MemoryError:
    sys.exit(3)
"""


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


def managed_get(plan: Plan) -> dict:
    return managed(plan, loops.get, indices, True)


def managed_append(plan: Plan) -> dict:
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


# ---- two processes at once -----------------------------------------------------------------------------------------


def get_two(plan: Plan) -> dict:
    """Two processes read one list; `plain_ratio` is what reading a plain list each does to them on this machine."""
    every = indices(plan.operations)
    row = slower_reader(plan, comem.List(values(plan.operations)), every)
    return {**row, "plain_ratio": slower_reader(plan, values(plan.operations), every)["ratio"]}


def append_two(plan: Plan) -> dict:
    return beside_lock(plan, comem.List(), Work(loops.append, own_values, check_nothing_lost))


def own_values(me: int, count: int) -> list:
    return values(count, FIRST_VALUE + me * count)


def check_nothing_lost(items, count: int):
    """Each process's values are there, once each and in its order."""
    found = list(items)
    boundary = FIRST_VALUE + count
    first = [value for value in found if value < boundary]
    second = [value for value in found if value >= boundary]
    if first != own_values(0, count) or second != own_values(1, count):
        raise Failed(f"of {2 * count} appended values {len(found)} are there, or not in their order")
