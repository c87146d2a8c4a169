"""The dict's operations in several processes at once, after kills, and in a store that is full."""

import os
import random
import signal
import threading
import time

import pytest

import comem
from conftest import Child
from faces import DICT_FACES

SECONDS = 0.4


@pytest.fixture(params=DICT_FACES, ids=lambda face: face.__name__)
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


def in_children(act, count=3):
    """What act(number) returns in each of some processes."""
    return [child.result() for child in [Child(act, number) for number in range(count)]]


def test_what_each_process_stores_all_see(face):
    shared = face()

    def store(number):
        for turn in range(2000):
            shared[f"{number}: {turn}"] = turn
            shared[turn] = number

    in_children(store)
    assert len(shared) == 3 * 2000 + 2000
    assert all(shared[f"{number}: {turn}"] == turn for number in range(3) for turn in range(2000))
    assert all(shared[turn] in range(3) for turn in range(2000))


def test_no_addition_is_lost(face):
    shared = face(old=0)

    def add(number):
        for turn in range(3000):
            shared.add("old")
            shared.add("new", 2)
            shared.add(f"one of {turn % 50}", 0.5)

    in_children(add)
    assert shared["old"] == 9000 and shared["new"] == 18000
    assert all(shared[f"one of {turn}"] == 90.0 for turn in range(50)) and len(shared) == 52


def test_setdefault_has_one_winner_that_all_see(face):
    shared = face()

    def race(number):
        return [shared.setdefault(f"key {turn}", number) for turn in range(2000)]

    results = in_children(race)
    assert results[0] == results[1] == results[2] == list(shared.copy().values())
    assert len(shared) == 2000


def test_cas_loses_nothing(face):
    shared = face(number=0, text="")

    def count(number):
        won = 0
        for _ in range(1000):
            while True:
                old = shared["number"]
                if shared.cas("number", old, old + 1):
                    break
            won += shared.cas("taken", comem.MISSING, number)
        return won

    assert sum(in_children(count)) == 1
    assert shared["number"] == 3000 and shared["taken"] in range(3)

    def take_turns(number):
        for turn in range(300):
            while not shared.cas("text", "x" * (turn * 2 + number), "x" * (turn * 2 + number + 1)):
                time.sleep(0)

    in_children(take_turns, 2)
    assert shared["text"] == "x" * 600


def test_update_if_loses_nothing(face):
    shared = face()

    def work(number):
        for _ in range(1000):
            shared.update_if("number", lambda value: 1 if value is comem.MISSING else value + 1)
            shared.update_if("text", lambda value: "x" if value is comem.MISSING else value + "x")
            shared.update_if("flip", lambda value: 1 if value is comem.MISSING else comem.MISSING)

    in_children(work)
    assert shared.copy() == {"number": 3000, "text": "x" * 3000}


def test_an_update_of_many_keys_is_seen_whole(face):
    """Two writers give all keys one value each; nobody sees two values."""
    keys = [f"key number {number}" for number in range(300)]
    shared = face(dict.fromkeys(keys, 0))

    def write(number):
        turns = iter(range(10**9))
        return for_a_while(lambda: shared.update(dict.fromkeys(keys, number * 10**9 + next(turns))))

    children = [Child(write, number) for number in range(2)]
    seen = set()

    def read():
        values = list(shared.values())
        assert len(values) == 300 and len(set(values)) == 1
        assert len({value for _, value in shared.items()}) == 1
        seen.add(values[0])

    for_a_while(read)
    assert all(child.result() > 0 for child in children)
    assert len(seen) > 1


def test_new_keys_of_an_update_appear_together(face):
    shared = face()

    def write(number):
        def turn():
            shared.update((f"{number} {key}", key) for key in range(50))
            shared.clear()

        return for_a_while(turn)

    children = [Child(write, number) for number in range(2)]
    seen = set()

    def read():
        keys = list(shared)
        seen.add(len(keys))
        assert len(keys) in (0, 50, 100)

    for_a_while(read)
    assert all(child.result() > 0 for child in children)


def test_each_pair_is_popped_once(face):
    shared = face((f"key {number}", number) for number in range(3000))

    def take(number):
        taken = []
        while True:
            try:
                key, value = shared.popitem()
            except KeyError:
                return taken
            assert key == f"key {value}"
            taken.append(value)

    taken = sum(in_children(take), [])
    assert sorted(taken) == list(range(3000)) and len(shared) == 0

    shared.update((number, str(number)) for number in range(3000))

    def pop(number):
        order = random.Random(number).sample(range(3000), 3000)
        return [value for value in (shared.pop(key, None) for key in order) if value is not None]

    taken = sum(in_children(pop), [])
    assert sorted(map(int, taken)) == list(range(3000)) and len(shared) == 0


def test_a_loop_never_fails_because_of_others(face):
    shared = face((number, number) for number in range(100))

    def write(number):
        def turn():
            key = random.randrange(100)
            shared.pop(key, None)
            shared[key] = key
            shared.update({f"{number} {n}": n for n in range(10)})
            for n in range(10):
                shared.pop(f"{number} {n}")

        return for_a_while(turn)

    children = [Child(write, number) for number in range(2)]

    def read():
        assert 98 <= sum(type(key) is int for key in shared) <= 100
        assert all(value in range(100) for value in shared.values())
        assert all(type(key) is str or key == value for key, value in shared.items())
        assert len(sorted(map(str, reversed(shared)))) >= 98
        copied = shared.copy()
        assert all(type(key) is str or key == value for key, value in copied.items())

    assert for_a_while(read) > 1
    assert all(child.result() > 0 for child in children)


def test_shared_objects_can_be_exchanged(face):
    shared = face(a=comem.Dict(number=0))

    def work(number):
        for _ in range(300):
            shared["a"].add("number")
            shared[number] = shared["a"]
            assert shared.pop(number)["number"] > 0

    in_children(work)
    assert shared["a"]["number"] == 900 and len(shared) == 1


def change_without_end(shared):
    """Changes of every kind that leave keys and values in pairs: each value begins with its key."""
    numbers = random.Random(os.getpid())
    while True:
        key = f"key {numbers.randrange(200)}"
        value = key + "." * numbers.choice([0, 5, 300])
        shared[key] = value
        shared.pop(f"key {numbers.randrange(200)}", None)
        shared.setdefault(key, value)
        shared.update({other: other + "!" for other in (f"key {n}" for n in numbers.sample(range(200), 40))})
        shared.update_if(key, lambda value: comem.MISSING)
        shared.cas(key, comem.MISSING, value)
        shared.add("count")
        if numbers.random() < 0.05:
            shared.popitem()
        if numbers.random() < 0.01:
            shared.clear()


def test_one_killed_in_the_middle_of_changes_leaves_the_dict_whole(face):
    shared = face()
    for round in range(25):
        child = Child(change_without_end, shared)
        time.sleep(0.01 + 0.002 * round)
        assert child.kill() == -signal.SIGKILL
        pairs = list(shared.items())
        assert len(pairs) == len(shared) == len(dict(pairs)) and list(shared) == [key for key, _ in pairs]
        for key, value in pairs:
            assert shared[key] == value
            assert value > 0 if key == "count" else value.startswith(key) and len(value) <= len(key) + 300
        shared["usable"] = "usable" * 100
        assert shared.pop("usable") == "usable" * 100 and "usable" not in shared


@pytest.mark.parametrize("count", [300, 60_000])
def test_one_killed_in_an_update_of_many_keys_leaves_all_or_nothing(face, count):
    shared = face((f"key number {number}", 0) for number in range(count))

    def update():
        for turn in range(1, 10**9):
            shared.update(dict.fromkeys(shared.keys(), turn), **{f"new {turn}": turn})
            shared.pop(f"new {turn}")

    moments = random.Random(count)
    for _ in range(12):
        child = Child(update)
        time.sleep(0.02 + moments.random() * 0.07)
        assert child.kill() == -signal.SIGKILL
        values = set(shared.values())
        assert len(values) == 1 and len(shared) in (count, count + 1)
        shared.pop(f"new {values.pop()}", None)
        assert len(shared) == count


def test_kills_among_others_who_go_on_lose_nothing_of_theirs(face):
    shared = face(count=0)

    def count(number):
        def turn():
            shared.add("count")
            shared[number] = shared.add((number + 1) * 1000)

        return for_a_while(turn)

    counters = [Child(count, number) for number in range(2)]

    def disturb():
        while True:
            shared.update({f"disturbed {n}": "x" * 20 for n in range(100)})
            for n in range(100):
                del shared[f"disturbed {n}"]

    for _ in range(8):
        child = Child(disturb)
        time.sleep(0.03)
        assert child.kill() == -signal.SIGKILL
    turns = [child.result() for child in counters]
    assert shared["count"] == sum(turns) and [shared[0], shared[1]] == turns == [shared[1000], shared[2000]]
    assert set(shared) <= {"count", 0, 1, 1000, 2000} | {f"disturbed {n}" for n in range(100)}


# ---- a full store ----------------------------------------------------------------------------------------------------

ACTS = {
    "set": "shared['new'] = 'y' * 3_000_000",
    "replace": "shared['key 1'] = 'y' * 3_000_000",
    "key": "shared['y' * 3_000_000] = 1",
    "setdefault": "shared.setdefault('new', 'y' * 3_000_000)",
    "update": "shared.update((f'new {number}', 'y' * 1000) for number in range(3000))",
    "update of what is there": "shared.update({f'key {number}': 'y' * 1_000_000 for number in range(10)})",
    "or": "shared |= {number: 'y' * 1000 for number in range(3000)}",
    "update_if": "shared.update_if('key 1', lambda value: 'y' * 3_000_000)",
    "cas": "shared.cas('key 1', 'value 1', 'y' * 3_000_000)",
    "many keys": "[shared.setdefault(f'new {number}', number) for number in range(10**6)]",
    "copy": "fill(); shared.copy()",
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("make", ["comem.Dict", "comem.Manager().dict"])
def test_a_full_store_leaves_the_dict_as_it_was(script_passes, act, make):
    if act == "copy" and make != "comem.Dict":
        pytest.skip("a built-in dict")
    script_passes(
        f"""
        import comem

        plain = {{f"key {{number}}": f"value {{number}}" for number in range(10)}}
        shared = {make}(plain)
        holder = comem.List()

        def fill():
            '''Leaves so little that a second one is too much.'''
            shared.update((number, "x" * 20) for number in range(3000))
            for size in (100_000, 1000, 100):
                try:
                    while True:
                        holder.append("h" * size)
                except MemoryError:
                    pass

        try:
            {ACTS[act]}
        except MemoryError:
            pass
        else:
            raise AssertionError("there was room")
        assert {{key: value for key, value in shared.items() if str(key).startswith("key")}} == plain
        if {act!r} not in ("many keys", "copy"):
            assert shared == plain
        holder.clear()
        shared.clear()
        shared.update(plain, room="again")
        assert shared == {{**plain, "room": "again"}}
        """,
        COMEM_SIZE_LIMIT="2M",
    )


def test_what_another_thread_adds_is_no_mistake_of_a_loop():
    shared = comem.Dict({number: number for number in range(100)})
    loop = iter(shared)
    next(loop)
    other = threading.Thread(target=shared.update, args=({"new": 1},))
    other.start()
    other.join()
    assert len(list(loop)) == 99
    loop = iter(shared)
    shared["of this thread"] = 1
    with pytest.raises(RuntimeError, match="changed size"):
        next(loop)
