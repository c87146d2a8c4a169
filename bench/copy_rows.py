"""The rows of whole lists and dicts, read in one go. Each takes a Plan and returns the figures of its row, see rows.py.

All have LENGTH elements: numbers, and in dicts short texts as keys. A list and what it is compared with hold equal
numbers that are objects of their own, else the interpreter need not compare them.
"""

from typing import Callable

import comem

import loops
from dict_rows import names, numbered
from plan import Plan, values
from processes import FORK, cpus, pin
from timing import Side, measure

LENGTH = 10_000
COPIES = range(20)  # in a sample


def copies(loop: Callable, items) -> Callable:
    return Side(loop, items, COPIES, operations=len(COPIES)).sample


# ---- against the standard manager, whose process is pinned to the same CPU -----------------------------------------


def managed(kind: str, plain: Callable, loop: Callable) -> Callable:
    """`loop` on what both managers make of plain(): their method of the name `kind` does."""

    def measured(plan: Plan) -> dict:
        pin(cpus()[-1])
        with FORK.Manager() as standard, comem.Manager() as manager:
            ours, theirs = (copies(loop, getattr(each, kind)(plain())) for each in (manager, standard))
            return measure(ours, theirs, plan.pairs)._asdict()

    return measured


def constructed(kind: type, shared: type, plain: Callable) -> Callable:
    """kind(shared), against kind(proxy) of the standard manager, which asks its process for each element."""

    def measured(plan: Plan) -> dict:
        pin(cpus()[-1])
        with FORK.Manager() as standard:
            proxy = getattr(standard, kind.__name__)(plain())
            ours = Side(loops.call_each, kind, [shared(plain())] * len(COPIES), operations=len(COPIES))
            theirs = Side(loops.call_each, kind, [proxy], operations=1)
            return measure(ours.sample, theirs.sample, plan.slow_pairs)._asdict()

    return measured


def some_numbers() -> list:
    return values(LENGTH)


def some_names() -> dict:
    return numbered(names(LENGTH))


list_list = constructed(list, comem.List, some_numbers)
dict_dict = constructed(dict, comem.Dict, some_names)
slice_all = managed("list", some_numbers, loops.slice_all)
copy = managed("dict", some_names, loops.copy)
items = managed("dict", some_names, loops.items)


# ---- against the built-in list -------------------------------------------------------------------------------------


def equal(plan: Plan) -> dict:
    """The built-in lists are copied before they are compared: a shared one may change meanwhile, so it has to be."""
    pin(cpus()[-1])
    ours = copies(loops.compare, (comem.List(some_numbers()), comem.List(some_numbers())))
    theirs = copies(loops.copy_and_compare, (some_numbers(), some_numbers()))
    return measure(ours, theirs, plan.pairs)._asdict()
