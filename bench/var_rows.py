"""The rows of globals by name. Each takes a Plan and returns the figures of its row, see rows.py."""

import comem

import loops
from list_rows import absolute
from plan import Plan
from processes import cpus, pin
from timing import Side, measure

NAMES = [f"global {number}" for number in range(100)]


def bind(plan: Plan) -> dict:
    """Names that are there, of objects that this process has."""
    pin(cpus()[-1])
    plain = {name: comem.var(name, [number]) for number, name in enumerate(NAMES)}
    names = NAMES * (plan.operations // len(NAMES) // 5)  # a millisecond
    ours = Side(loops.call_each, comem.var, names, operations=len(names))
    theirs = Side(loops.get, plain, names, operations=len(names))
    return absolute(measure(ours.sample, theirs.sample, plan.pairs)._asdict())
