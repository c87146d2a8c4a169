"""What two processes at once do to each other: readers, a reader beside a writer, changes beside those of a lock."""

from operator import methodcaller
from statistics import median
from typing import Callable, NamedTuple, Sequence

import loops
from plan import Plan, indices, need_two_cpus
from processes import FORK, in_two
from timing import alternate, elapsed, figures, own

FEW = 1000  # operations between two looks at what the other process does


# ---- readers -------------------------------------------------------------------------------------------------------


def slower_reader(plan: Plan, items, places: list) -> dict:
    """Of two that read `items` at `places`, the one that suffers more: its time beside the other and alone."""
    need_two_cpus()
    readers = in_two(read_in_turns, items, places, plan)
    return max((figures(pairs)._asdict() for pairs in readers), key=lambda row: row["ratio"])


def read_in_turns(me: int, meeting, items, places: list, plan: Plan) -> list:
    """(time beside the other, time alone) an operation, for every round.

    Who is alone reads while the other one sleeps. Side by side both read before and after the time that counts, until
    both are through with it, so that all of it is beside the other. Alone, too, all is read once before.
    """
    read = own(loops.get)
    few = places[:FEW]

    def alone():
        read(items, places)
        return elapsed(read, items, places) / len(places)

    def beside():
        meeting.rest(me)
        meeting.start(me)
        read(items, places)
        meeting.start(me)
        read(items, few)
        time = elapsed(read, items, places) / len(places)
        go_on_until_both(meeting, me, read, items, few)
        return time

    def in_turn():
        for turn in (0, 1):
            meeting.rest(me)
            if turn == me:
                time = alone()
        meeting.rest(me)
        return time

    read(items, places)
    return [alternate(turn, beside, in_turn) for turn in range(plan.pairs)]


def go_on_until_both(meeting, me: int, loop: Callable, *arguments):
    """Arrives, and does not stop working until the other one has arrived."""
    meeting.arrive(me)
    while not meeting.both(me):
        loop(*arguments)


def beside_writer(plan: Plan, items, read: list, written: list) -> dict:
    """What `read` takes one process while another one stores under `written`, and while that one sleeps."""
    need_two_cpus()
    pairs, _ = in_two(read_or_write, items, read, written, plan)
    return figures(pairs)._asdict()


def read_or_write(me: int, meeting, items, read: list, written: list, plan: Plan) -> list:
    """Process 0 reads, process 1 writes before, during and after what counts; for every round what process 0 took."""
    loop, places = (own(loops.get), read) if me == 0 else (own(loops.store), written)

    def beside():
        meeting.rest(me)
        loop(items, places)
        meeting.start(me)
        if me == 0:
            loop(items, places[:FEW])
            time = elapsed(loop, items, places) / len(places)
            meeting.arrive(me)
            return time
        go_on_until_both(meeting, me, loop, items, places[:FEW])

    def alone():
        meeting.rest(me)
        if me == 0:
            loop(items, places)
            time = elapsed(loop, items, places) / len(places)
        meeting.rest(me)
        return time if me == 0 else None

    return [alternate(turn, beside, alone) for turn in range(plan.pairs)]


# ---- changes -------------------------------------------------------------------------------------------------------


class Work(NamedTuple):
    """What each of two processes does to one object."""

    loop: Callable  # of the object and of what() gives
    what: Callable  # what(me, count): the arguments of `count` operations of process `me`
    check: Callable  # check(items, count): raises Failed when something of both processes' work was lost
    clear: Callable = methodcaller("clear")  # clear(items): as it was before


class Peer(NamedTuple):
    """What each of them does to another one meanwhile."""

    loop: Callable  # of both
    items: object
    times: Sequence  # as many things as operations by each process


def beside_lock(plan: Plan, items, work: Work) -> dict:
    """Two processes change one object, and as often acquire and release one lock; of both the slower one counts."""
    return beside_peer(plan, items, work, Peer(loops.acquire_release, FORK.Lock(), indices(plan.changes)))


def beside_peer(plan: Plan, items, work: Work, peer: Peer) -> dict:
    need_two_cpus()
    ours, theirs = in_two(change_in_turns, items, work, peer, plan)
    slower = [tuple(map(max, pair, other)) for pair, other in zip(ours, theirs)]
    overlap = median(min(pair[0], other[0]) / max(pair[0], other[0]) for pair, other in zip(ours, theirs))
    return {**figures(slower)._asdict(), "overlap": overlap}


def change_in_turns(me: int, meeting, items, work: Work, peer: Peer, plan: Plan) -> list:
    """(time of a change, time of the peer's) for every round, both beside the other process's."""
    change, change_peer = own(work.loop), own(peer.loop)
    count = plan.changes
    mine = work.what(me, count)

    def changing():
        time = beside(change, items, mine)
        if me == 0:
            work.check(items, count)
            work.clear(items)
        meeting.rest(me)
        return time

    def changing_peer():
        return beside(change_peer, peer.items, peer.times)

    def beside(loop, items, what):
        meeting.rest(me)
        meeting.start(me)
        time = elapsed(loop, items, what) / len(what)
        meeting.rest(me)
        return time

    turns = range(-1, plan.slow_pairs)
    return [alternate(turn, changing, changing_peer) for turn in turns][1:]  # the first one only warms up
