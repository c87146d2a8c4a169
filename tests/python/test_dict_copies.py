"""Dicts read as a whole again and again, through one handle: what is given again is what is there."""

import random

import pytest

import comem
from faces import DICT_FACES

KEYS = ["a", "b", "ab", "a\0", "", "é", "\x80", "x" * 13, "x" * 14, "y" * 14, "x" * 64, "x" * 65, "\ud800"]
KEYS += [b"", b"a", b"ab", 0, 1, -1, 1.5, None, ("a", 1), "key1", "key2", "key10"]


@pytest.fixture(params=DICT_FACES, ids=lambda face: face.__name__)
def face(request):
    return request.param


def assert_read_in_every_way(shared, plain):
    assert shared.copy() == shared == plain
    assert [*shared] == [*shared.keys()] == [*plain] == [*reversed([*reversed(shared)])]
    assert [*shared.items()] == [*plain.items()] and [*shared.values()] == [*plain.values()]
    assert list(map(type, shared)) == list(map(type, plain))
    assert [*(shared | {}).items()] == [*plain.items()]


def test_keys_that_move_change_or_go_are_read_as_they_are(face):
    dice = random.Random(4)
    shared, plain = face(), {}
    for _ in range(300):
        for each in shared, plain:
            state = dice.getstate()
            for _ in range(dice.randrange(4)):
                each[dice.choice(KEYS)] = dice.choice(["one", "x" * 20, b"", 1000, "é", ""])
            if len(each) > 8 or dice.random() < 0.3:
                for key in dice.sample(list(each), dice.randrange(len(each) + 1)):
                    del each[key]
            if each is shared:
                dice.setstate(state)
        assert_read_in_every_way(shared, plain)


def test_a_key_in_the_place_of_another_of_its_size_is_the_new_one(face):
    shared = face({"old1": 1, "keep": 2})
    assert shared.copy() == {"old1": 1, "keep": 2}
    shared.clear()
    shared.update({"new1": 3, "keep": 4})
    assert shared.copy() == {"new1": 3, "keep": 4} and list(shared) == ["new1", "keep"]


def test_a_text_and_bytes_that_look_alike_stay_what_they_are(face):
    shared = face({"same": 1})
    assert list(shared) == ["same"]
    shared.clear()
    shared[b"same"] = 1
    assert list(shared) == [b"same"] and shared.copy() == {b"same": 1}


def test_short_keys_are_the_same_objects_when_read_again(face):
    shared = face({"short": 1, "x" * 64: 2, "x" * 65: 3})
    for first, second in zip(list(shared)[:2], shared | {}):
        assert first is second
    assert list(shared)[2] is not list(shared)[2]


def test_no_more_than_65536_keys_are_kept():
    shared = comem.Dict(dict.fromkeys(map(str, range(65_540)), 1))
    first, second = list(shared), list(shared)
    assert first == second and len(first) == 65_540
    assert [i for i in range(65_500, 65_540) if first[i] is second[i]] == list(range(65_500, 65_536))


def test_an_iterator_ended_while_it_makes_a_pair_gives_the_whole_pair():
    """Loading the key ends the iterator, in whose memory the value's text is."""
    shared = comem.Dict()
    Ends.iterator = None
    shared[Ends()] = "a value"
    iterator = Ends.iterator = iter(shared.items())
    assert [value for _, value in iterator] == ["a value"]


class Ends:
    iterator = None

    def __eq__(self, other):
        return type(other) is Ends

    def __hash__(self):
        return 1

    def __reduce__(self):
        return end, ()


def end():
    if Ends.iterator is not None:
        list(Ends.iterator)
        Ends.litter = [bytes([255]) * size for size in range(2000)]  # where its memory was
    return Ends()
