"""The rows of dicts. Each takes a Plan and returns the figures of its row, see rows.py.

Keys are short texts. Of equal keys both sides get the same objects, except where it says copies: a built-in dict need
not compare a key with itself.
"""

import random
from itertools import cycle
from typing import Callable

import comem

import loops
from plan import FIRST_VALUE, NotMeasured, Plan, indices, values
from processes import FORK, Failed, cpus, pin
from room import bytes_each, run
from timing import Side, measure
from together import Work, beside_lock, beside_writer, slower_reader

KEYS = 1000


def names(count: int, first: int = 0) -> list:
    return [f"key{number}" for number in range(first, first + count)]


def numbered(keys: list) -> dict:
    return dict(zip(keys, values(len(keys))))


def often(keys: list, count: int) -> list:
    """`keys`, again and again."""
    return keys * (count // len(keys))


# ---- single keys ---------------------------------------------------------------------------------------------------


def side(items, loop: Callable, keys: list) -> Callable:
    return Side(loop, items, keys, operations=len(keys)).sample


def native(loop: Callable) -> Callable:
    def measured(plan: Plan) -> dict:
        pin(cpus()[-1])
        plain = numbered(names(KEYS))
        keys = often(list(plain), plan.operations)
        return measure(*(side(items, loop, keys) for items in (comem.Dict(plain), plain)), plan.pairs)._asdict()

    return measured


def managed(loop: Callable) -> Callable:
    """As `native`, on dicts made by both managers; the standard one's process is pinned to the same CPU."""

    def measured(plan: Plan) -> dict:
        pin(cpus()[-1])
        plain = numbered(names(KEYS))
        with FORK.Manager() as standard, comem.Manager() as manager:
            ours = side(manager.dict(plain), loop, often(list(plain), plan.operations))
            theirs = side(standard.dict(plain), loop, often(list(plain), plan.slow_operations))
            return measure(ours, theirs, plan.slow_pairs)._asdict()

    return measured


def million(loop: Callable) -> Callable:
    """In no order, with copies of the keys. Every sample goes on with other keys, so that none is at hand."""

    def measured(plan: Plan) -> dict:
        pin(cpus()[-1])
        dice = random.Random(3)
        plain = numbered([f"{dice.getrandbits(48):012x}" for _ in range(1_000_000)])
        shared = comem.Dict(plain)
        copies = ["".join(list(key)) for key in plain]
        dice.shuffle(copies)
        return measure(*(walk(items, copies, loop, plan) for items in (shared, plain)), plan.pairs)._asdict()

    return measured


def walk(items, keys: list, loop: Callable, plan: Plan) -> Callable:
    window = []
    starts = cycle(range(0, len(keys), plan.operations))

    def go_on():
        start = next(starts)
        window[:] = keys[start : start + plan.operations]
        for key in window:
            hash(key)

    return Side(loop, items, window, operations=plan.operations, before=go_on).sample


def nested(plan: Plan) -> dict:
    pin(cpus()[-1])
    plain = {"a": {"b": FIRST_VALUE}}
    times = indices(plan.operations)
    both = (side(items, loops.get_nested, times) for items in (comem.Dict(plain), plain))
    return measure(*both, plan.pairs)._asdict()


# ---- values, against pickle ----------------------------------------------------------------------------------------


def stored(value, plan: Plan, operations: int) -> dict:
    """`value` put into a dict and taken out, against what a program would do to hand it over: pickled and loaded."""
    pin(cpus()[-1])
    times = [value] * operations
    items = comem.Manager().dict()
    ours = Side(loops.store_and_get, items, times, operations=operations)
    theirs = Side(loops.dump_and_load, None, times, operations=operations)
    return measure(ours.sample, theirs.sample, plan.pairs)._asdict()


def value_nested(plan: Plan) -> dict:
    value = {"id": 1234, "name": "a name", "score": 0.75, "valid": True, "parent": None}
    return stored(value, plan, plan.operations // 20)


def value_large(plan: Plan) -> dict:
    try:
        import numpy
    except ImportError:
        raise NotMeasured("not installed") from None
    return stored(numpy.arange(125_000, dtype="float64"), plan, 10)


# ---- two processes at once -----------------------------------------------------------------------------------------


def get_two(plan: Plan) -> dict:
    """Two processes read one dict; `plain_ratio` is what reading a plain dict each does to them on this machine."""
    plain = numbered(names(KEYS))
    keys = often(list(plain), plan.operations)
    row = slower_reader(plan, comem.Dict(plain), keys)
    return {**row, "plain_ratio": slower_reader(plan, plain, keys)["ratio"]}


def get_same_key(plan: Plan) -> dict:
    plain = numbered(names(KEYS))
    keys = often(list(plain), plan.operations)
    return beside_writer(plan, comem.Dict(plain), keys, keys)


def get_other_key(plan: Plan) -> dict:
    plain = numbered(names(KEYS))
    keys = often(list(plain), plan.operations)
    return beside_writer(plan, comem.Dict(plain, another=FIRST_VALUE), keys, ["another"] * KEYS)


def set_two(plan: Plan) -> dict:
    return beside_lock(plan, comem.Dict(), Work(loops.store_each, own_pairs, check_last_stored))


def own_pairs(me: int, count: int) -> list:
    """Each of the process's 1000 keys again and again, always with another number."""
    return list(zip(often(names(KEYS, me * KEYS), count), values(count)))


def check_last_stored(found, count: int):
    if found != {**dict(own_pairs(0, count)), **dict(own_pairs(1, count))}:
        raise Failed("the dict does not hold what both processes stored last")


def add_two(plan: Plan) -> dict:
    return beside_lock(plan, comem.Dict(), Work(loops.add, lambda _, count: ["hits"] * count, check_sum))


def check_sum(found, count: int):
    if found["hits"] != 2 * count:
        raise Failed(f"of {2 * count} additions {found['hits']} are there")


# ---- room ----------------------------------------------------------------------------------------------------------

FILL = """
import comem, sys
items = comem.Dict()
try:
    for number in range(int(sys.argv[1])):
        items[f"key{number}"] = number
except MemoryError:
    sys.exit(3)
"""

MAKE = """
import comem
dicts = []
try:
    while True:
        dicts.append(comem.Dict())
except MemoryError:
    print(len(dicts))
"""


def bytes_per_entry(plan: Plan) -> dict:
    """Beyond 2**20 keys what finds them has doubled; of both counts the one that takes more for each."""
    most = max(bytes_each(FILL, count, too_small=30, fits=200) for count in (1_000_000, 1_100_000))
    return {"value": most, "unit": "bytes"}


def empty_bytes(plan: Plan) -> dict:
    """How many empty dicts there is room for; what their handles take in the store is in it."""
    size_limit = 16 << 20
    return {"value": size_limit / int(run(MAKE, size_limit).stdout), "unit": "bytes"}
