"""The list's operations in several processes at once, and in a store that is full."""

import itertools
import os
import random
import signal
import time

import pytest

from conftest import Child
from faces import FACES

SECONDS = 0.4


@pytest.fixture(params=FACES, ids=lambda face: face.__name__)
def face(request):
    return request.param


def for_a_while(act):
    """Calls act() for some time; gives how often."""
    end = time.monotonic() + SECONDS
    count = 0
    while time.monotonic() < end:
        act()
        count += 1
    return count


@pytest.mark.parametrize("length", [2, 700])
def test_a_slice_is_assigned_and_read_at_once(face, length):
    """Two writers give all items of a slice one value each; nobody reads two values."""
    shared = face([0] * length)

    def write():
        number = os.getpid()
        return for_a_while(lambda: shared.__setitem__(slice(None), [number] * length))

    children = [Child(write) for _ in range(2)]
    seen = set()

    def read():
        items = shared[:]
        assert len(items) == length and len(set(items)) == 1
        seen.add(items[0])

    for_a_while(read)
    assert all(child.result() > 0 for child in children)
    assert len(seen) > 1


def test_a_list_is_compared_as_it_stands_at_one_moment(face):
    """First and last item change together; whoever reads one of them before and one after meets a mixture."""
    length = 6000
    shared = face([0] * length)
    mixtures = [[0] * (length - 1) + [1], [1] + [0] * (length - 1)]
    shared_mixtures = [face(mixture) for mixture in mixtures]

    def write():
        numbers = itertools.cycle((1, 0))
        return for_a_while(lambda: shared.__setitem__(slice(None, None, length - 1), [next(numbers)] * 2))

    def compare():
        for mixture in mixtures + shared_mixtures:
            assert shared != mixture and not shared == mixture

    child = Child(write)
    for_a_while(compare)
    assert child.result() > 0


def test_an_extended_slice_is_assigned_at_once(face):
    shared = face([0] * 6)

    def write():
        number = os.getpid()
        return for_a_while(lambda: shared.__setitem__(slice(None, None, 2), [number] * 3))

    children = [Child(write) for _ in range(2)]

    def read():
        assert len(set(shared[::2])) == 1 and shared[1::2] == [0] * 3

    for_a_while(read)
    assert all(child.result() > 0 for child in children)


def test_items_added_by_inplace_addition_stay_together(face):
    shared = face()

    def add():
        nonlocal shared
        for number in range(500):
            shared += [f"{os.getpid()}", number, None]

    for child in [Child(add) for _ in range(3)]:
        child.result()
    assert len(shared) == 4500
    for name, number, none in zip(*[iter(shared)] * 3):
        assert type(name) is str and type(number) is int and none is None


def test_a_sort_is_seen_whole_and_loses_nothing(face):
    items = random.Random(3).sample(range(1000, 3000), 2000)
    shared = face(items)

    def sort():
        def turn():
            shared.sort()
            shared.reverse()

        return for_a_while(turn)

    children = [Child(sort) for _ in range(2)]
    in_order = sorted(items)

    def read():
        seen = shared[:]
        assert seen in (items, in_order, in_order[::-1])

    for_a_while(read)
    assert all(child.result() > 0 for child in children)


def test_sorts_with_a_key_in_two_processes_either_win_or_say_so(face):
    shared = face(random.Random(4).sample(range(300), 300))

    def sort():
        won = lost = 0
        while won + lost < 150:
            try:
                shared.sort(key=lambda item: -item if won % 2 else item)
                won += 1
            except ValueError as error:
                assert str(error) == "list modified during sort"
                lost += 1
        return won

    assert sum(child.result() for child in [Child(sort) for _ in range(2)]) > 0
    assert sorted(shared) == list(range(300))


def test_each_item_is_removed_once(face):
    class Equal:
        """Equal to its number, as only Python can say."""

        def __init__(self, number):
            self.number = number

        def __eq__(self, other):
            return other == self.number

    for wrap in (int, Equal):
        shared = face(range(400))

        def remove(wrap=wrap):
            removed = 0
            for number in range(400):
                try:
                    shared.remove(wrap(number))
                    removed += 1
                except ValueError:
                    pass
            return removed

        assert sum(child.result() for child in [Child(remove) for _ in range(3)]) == 400
        assert shared == []


def test_insert_pop_and_multiples_in_several_processes_lose_nothing(face):
    shared = face(["end"])

    def work():
        taken = 0
        for number in range(1000):
            shared.insert(number % 3, number)
            if number % 2:
                taken += shared.pop(0) != "end"
        return taken

    taken = sum(child.result() for child in [Child(work) for _ in range(3)])
    assert len(shared) == 1 + 3000 - 1500 and taken >= 1499

    shared = face([1])

    def double():
        nonlocal shared
        for _ in range(3):
            shared *= 2

    for child in [Child(double) for _ in range(4)]:
        child.result()
    assert shared == [1] * 2**12


def test_one_killed_in_the_middle_of_changes_leaves_the_list_whole(face):
    for round in range(12):
        shared = face(range(600))

        def change():
            while True:
                shared[100:500] = range(1000, 1400)
                shared[100:500] = range(100, 500)
                shared.sort(reverse=True)
                shared.sort(key=str)
                shared.sort()
                shared.insert(300, shared.pop(300))
                shared[::3] = shared[::3]

        child = Child(change)
        time.sleep(0.01 + 0.003 * round)
        assert child.kill() == -signal.SIGKILL
        items = sorted(shared)
        assert len(items) in (599, 600)
        assert set(items) <= set(range(600)) | set(range(1000, 1400)) and len(set(items)) == len(items)
        shared.append("usable")
        shared.reverse()
        assert shared[0] == "usable"


# ---- a full store ----------------------------------------------------------------------------------------------------

ACTS = {
    "insert": "shared.insert(1, 'y' * 3_000_000)",
    "slice": "shared[1:3] = ['y' * 1000] * 3000",
    "extended slice": "shared[::2] = ['y' * 1_000_000] * (len(shared) // 2)",
    "inplace addition": "shared += ['y' * 1000] * 3000",
    "inplace multiple": "shared *= 200_000",
    "huge multiple": "shared *= 2**40",
    "reverse": "fill(); shared.reverse()",
    "sort": "fill(); shared.sort()",
    "sort with a key": "fill(); shared.sort(key=lambda item: item[::-1])",
    "copy": "fill(); shared.copy()",
    "middle": "fill(); [shared.insert(5, 'z' * 100) for _ in range(10**6)]",
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("make", ["comem.List", "comem.Manager().list"])
def test_a_full_store_leaves_the_list_as_it_was(script_passes, act, make):
    if act == "copy" and make != "comem.List":
        pytest.skip("a built-in list")
    script_passes(
        f"""
        import comem

        shared = {make}([f"item {{number:030}}" for number in range(10)])
        before = []

        def fill():
            '''Leaves so little that a second table is too much.'''
            shared.extend(["x" * 10] * 30_000)
            holder.append("h" * 1000)
            for size in (100_000, 1000, 100):
                try:
                    while True:
                        holder.append("h" * size)
                except MemoryError:
                    pass

        holder = comem.List()
        try:
            {ACTS[act]}
        except MemoryError:
            pass
        else:
            raise AssertionError("there was room")
        assert [item for item in shared if item[0] == "i"] == [f"item {{number:030}}" for number in range(10)]
        assert {{item[0] for item in shared}} <= set("ixz")
        holder.clear()
        shared[:] = ["room", "again"]
        shared *= 100
        shared.sort()
        assert shared == ["again"] * 100 + ["room"] * 100
        """,
        COMEM_SIZE_LIMIT="2M",
    )
