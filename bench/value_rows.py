"""The rows of values that several processes count in. Each takes a Plan and returns the figures of its row, see rows.py."""

import comem

import loops
from plan import Plan, indices
from processes import FORK, Failed, cpus, pin
from timing import Side, measure
from together import Peer, Work, beside_peer


def add(plan: Plan) -> dict:
    pin(cpus()[-1])
    ours, theirs = comem.Value("q", 1000), FORK.Value("q", 1000)
    samples = (
        Side(loop, value, indices(count), operations=count).sample
        for loop, value, count in (
            (loops.add_one, ours, plan.operations),
            (loops.add_one_with_lock, theirs, plan.slow_operations),
        )
    )
    return measure(*samples, plan.pairs)._asdict()


def add_two(plan: Plan) -> dict:
    """A million numbers to count with would be a load on the caches that no program has; a range has none."""
    work = Work(loops.add_one, lambda _, count: range(count), check_sum, lambda value: value.set(0))
    peer = Peer(loops.add_one_with_lock, FORK.Value("q", 0), range(plan.changes // 10))
    return beside_peer(plan, comem.Value("q", 0), work, peer)


def check_sum(value, count: int):
    if value.value != 2 * count:
        raise Failed(f"of {2 * count} additions {value.value} are there")
