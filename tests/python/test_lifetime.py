"""What is dropped is used again: a program that makes and drops lists for ever stays as small as it began."""

import os
import signal

import comem
from comem import _engine


def store_bytes():
    """Memory of this program's store, by the memory object it stands in."""
    for fd in os.listdir("/proc/self/fd"):
        try:
            if "memfd:comem" in os.readlink(f"/proc/self/fd/{fd}"):
                return os.stat(f"/proc/self/fd/{fd}").st_blocks * 512
        except OSError:
            pass  # the descriptor of the listing itself
    raise AssertionError("there is no store")


def growth(rounds, make):
    """How much the store grew over `rounds`, after as many that may make it as large as it has to be."""
    for _ in range(rounds):
        make()
    before = store_bytes()
    for _ in range(rounds):
        make()
    return store_bytes() - before


def test_lists_of_long_strings_made_and_dropped_leave_nothing():
    """Each table used to be buried in the trash under the next one's leavings."""
    assert growth(50, lambda: comem.List(["x" * 2000] * 1000)) == 0


def test_long_lists_of_numbers_made_and_dropped_leave_nothing():
    assert growth(5, lambda: comem.List(range(300000))) == 0


def test_nested_lists_made_and_dropped_leave_nothing():
    def make():
        outer = comem.List()
        for _ in range(50):
            outer.append(comem.List(["y" * 200] * 10))

    assert growth(50, make) == 0


def test_lists_cleared_and_filled_again_stay_as_large():
    words = comem.List()

    def refill():
        words.clear()
        words.extend(["z" * 500] * 2000)

    assert growth(20, refill) == 0


def test_children_that_leave_without_a_word_are_cleaned_up_after():
    def child():
        pid = os.fork()
        if pid == 0:
            lists = [comem.List(["w" * 2000] * 50) for _ in range(20)]
            os._exit(len(lists) - 20)
        assert os.waitpid(pid, 0)[1] == 0

    assert growth(30, child) == 0


# ---- what is stored in other things ----


class Holder:
    """Is pickled, with the shared objects in it."""

    def __init__(self, *parts):
        self.parts = parts


def test_nested_objects_inserted_and_popped_leave_no_byte():
    """300 objects of 100 kB each, at once in one container."""
    lists, table = comem.List(), comem.Dict()

    def make():
        for number in range(300):
            lists.append(["x" * 1000] * 50 + [{"k": ["y" * 1000] * 50}])
            table[number] = comem.Dict(inner=comem.List(["z" * 100000]))
        while lists:
            assert len(lists.pop()) == 51
        while table:
            assert len(table.popitem()[1]["inner"][0]) == 100000

    assert growth(2, make) == 0
    assert _engine._check() == []


def test_shared_objects_in_values_inserted_and_popped_leave_no_byte():
    """A pickle of theirs would keep them for a minute; in a value they are references."""
    shared = comem.Manager().list()

    def make():
        for number in range(100):
            shared.append((comem.List(["x" * 20000]), {"k": comem.Dict(a="y" * 20000)}))
            shared.append(Holder(comem.List(["z" * 20000]), [comem.Dict(a=["w"] * 2000)]))
        while shared:
            shared.pop()

    assert growth(3, make) == 0
    assert _engine._check() == []


def test_values_replaced_again_and_again_leave_no_byte():
    table = comem.Manager().dict()

    def make():
        for number in range(2000):
            table["packed"] = [number, "x" * (number % 5000), {"k": number}]
            table["pickled"] = Holder(number, "y" * (number % 5000))
            table["large"] = b"z" * 50000
            table[Holder, number % 50] = (number,)

    assert growth(2, make) == 0
    assert _engine._check() == []


def test_a_value_that_could_not_be_stored_leaves_no_byte():
    lists, table = comem.List(), comem.Dict()

    def make():
        for _ in range(200):
            for act in (
                lambda: lists.append([["x" * 5000], [comem.List(["y" * 5000]), lambda: None]]),
                lambda: lists.extend(["z" * 5000, (comem.List(["y" * 5000]),), lambda: None]),
                lambda: table.update(a=["x" * 5000], b=Holder(comem.List(["v" * 5000]), lambda: None)),
            ):
                try:
                    act()
                except TypeError:
                    continue
                raise AssertionError("it was stored")
        assert len(lists) == len(table) == 0

    assert growth(3, make) == 0
    assert _engine._check() == []


def test_a_million_objects_made_and_dropped_leave_no_byte():
    def make():
        for _ in range(125000):
            comem.List()
            comem.Dict()
            comem.List([1])
            comem.Dict(a=1)

    assert growth(1, make) == 0
    assert _engine._check() == []


def test_a_process_killed_while_it_holds_many_handles_is_reaped():
    def child():
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            held = [comem.List(["x" * 100]) if number % 2 else comem.Dict(a="y" * 100) for number in range(10000)]
            os.write(writer, b"%d" % len(held))
            signal.pause()
        os.close(writer)
        assert os.read(reader, 10) == b"10000"
        os.close(reader)
        os.kill(pid, signal.SIGKILL)
        assert os.waitpid(pid, 0)[1] == signal.SIGKILL
        comem.List(["z"] * 300).append(comem.Dict())

    assert growth(3, child) == 0
