"""What is dropped is used again: a program that makes and drops lists for ever stays as small as it began."""

import os

import comem


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
