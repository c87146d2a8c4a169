"""What programs do with a list besides calling its methods: sums with built-in lists, iterators, classes with an equality."""

import collections
import copy
import enum
import fractions
import functools
import itertools
import operator
import pickle
import sys
from decimal import Decimal

import pytest

import comem
from faces import FACES, Index, assert_same, outcome


@pytest.fixture(params=FACES, ids=lambda face: face.__name__)
def face(request):
    return request.param


class Colour(enum.IntEnum):
    RED = 7


class Text(str):
    pass


class Seven:
    """Equal to 7, which only its own code knows."""

    def __eq__(self, other):
        return type(other) is Seven or other == 7

    __hash__ = None


# ---- finding what has an equality of its own -------------------------------------------------------------------------

OTHERS = [
    Decimal(7), fractions.Fraction(7, 2), Colour.RED, Text("seven"), Seven(), 7 + 0j, 2**70, -(2**80), 2**64 - 1,
    bytearray(b"seven"), bytearray(b"seven" * 20), (7,), [7], {7: 7}, frozenset([7]), ((7,) * 300, "x"), (),
]  # fmt: skip
NEEDLES = [7, 7.0, 3.5, "seven", b"seven", b"seven" * 20, None, True, 2.0**70, -(2.0**80), 2.0**64, 8, "x", b"", 7j]


@pytest.mark.parametrize("needle", NEEDLES, ids=lambda needle: repr(needle)[:12])
def test_items_of_any_class_are_found_by_their_own_equality(face, needle):
    for other in OTHERS:
        for plain in ([other, 7, needle], [0, other], [7, "seven", other], [other, other]):
            for act in (
                lambda target: needle in target,
                lambda target: target.count(needle),
                lambda target: target.index(needle),
                lambda target: target.index(needle, 1),
                lambda target: target.remove(needle),
            ):
                shared, expected = face(plain), list(plain)
                assert outcome(act, shared) == outcome(act, expected), (act, plain)
                assert shared == expected


def test_an_item_behind_the_first_equal_one_is_not_asked(face):
    class_of_trouble = Trouble()
    shared = face([7, "seven", class_of_trouble])
    assert 7 in shared and shared.index("seven") == 1
    shared.remove(7)
    for act in (lambda: 7 in shared, lambda: shared.index(7), lambda: shared.count("seven"), lambda: shared.remove(7)):
        with pytest.raises(ZeroDivisionError):
            act()
    assert len(shared) == 2


class Trouble:
    def __eq__(self, other):
        raise ZeroDivisionError

    __hash__ = None


# ---- sums with a built-in list on the left ---------------------------------------------------------------------------


class Plain(list):
    """A list of the program's own."""


@pytest.mark.parametrize("left", [[], [0, "zero"], Plain([0]), [[1]]], ids=repr)
def test_a_built_in_list_on_the_left_gives_a_new_built_in_list(face, left):
    before = list(left)
    shared = face([1, "two"])
    total = left + shared
    assert total == before + [1, "two"] and type(total) is list
    assert left == before and shared == [1, "two"]
    total = left + shared + left + shared
    assert total == (before + [1, "two"]) * 2
    assert [first + second for first, second in [(left, shared)]] == [before + [1, "two"]]
    assert eval("left + shared", {"left": left, "shared": shared}) == before + [1, "two"]


def test_a_sum_is_a_new_list_also_where_the_left_one_has_a_single_reference(face):
    shared = face([2])
    assert [1] + shared == [1, 2]
    assert [1] * 2 + shared == [1, 1, 2]
    assert (lambda: [0])() + shared == [0, 2]


def test_an_inplace_sum_extends_the_built_in_list_itself(face):
    class Holder:
        pass

    shared = face([1, "two"])
    for left in ([], [0], Plain([0])):
        before, name, holder, places = list(left), left, Holder(), [left, left]
        name += shared
        assert name is left and left == before + [1, "two"]
        holder.left = left
        holder.left += shared
        places[0] += shared
        assert holder.left is left and places[0] is left and left == before + [1, "two"] * 3
    globals_of = {"left": left, "shared": shared}
    exec("left += shared", globals_of)
    assert globals_of["left"] is left and len(left) == 1 + 2 * 4


def test_code_of_c_that_adds_in_place_extends_the_built_in_list_too(face):
    left = []
    assert operator.iadd(left, face([1])) is left
    assert functools.reduce(operator.iadd, [face([2]), face([3])], left) is left
    assert list(itertools.accumulate([left, face([4])], operator.iadd))[1] is left
    assert left == [1, 2, 3, 4]


def test_code_of_c_that_adds_says_that_it_cannot(face):
    left = [0]
    for act in (
        lambda: operator.add(left, face([1])),
        lambda: sum([face([1])], left),
        lambda: functools.reduce(operator.add, [face([1])], left),
        lambda: operator.concat(left, face([1])),
    ):
        with pytest.raises(TypeError, match="can only concatenate list"):
            act()
    assert left == [0]


def test_a_tracer_does_not_change_what_a_sum_is(face):
    shared, left = face([1]), [0]

    def code():
        name = left
        total = name + shared
        name += shared
        return total, name

    assert code()[0] == [0, 1] and left == [0, 1]
    previous = sys.gettrace()
    sys.settrace(lambda *_: sys.gettrace())
    try:
        total, name = code()
    finally:
        sys.settrace(previous)
    assert total == [0, 1, 1] and name is left and left == [0, 1, 1]


def test_a_sum_in_a_loop_that_the_interpreter_has_optimised_stays_one(face):
    shared, left = face([1]), [0]
    for _ in range(2000):
        total = left + shared
        assert total == [0, 1]
    for _ in range(2000):
        left += shared
    assert left == [0] + [1] * 2000


def test_a_subclass_says_itself_what_a_sum_is():
    class Adding(comem.List):
        def __radd__(self, other):
            return "asked"

    assert [1] + Adding() == "asked"


@pytest.mark.parametrize("other", [(1,), "ab", 3, None, range(3), {1}, collections.deque([1])], ids=repr)
def test_only_lists_are_added_on_the_left_too(face, other):
    with pytest.raises(TypeError):
        other + face([1])


# ---- iterators -------------------------------------------------------------------------------------------------------

WAYS = [iter, reversed]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("taken", range(5))
def test_a_copy_of_an_iterator_stands_where_it_stood(face, way, taken):
    shared = face([1, "two", 3.0])
    iterator = way(shared)
    expected = list(way([1, "two", 3.0]))
    for _ in range(taken):
        next(iterator, None)
    copies = [copy.copy(iterator)]
    copies += [pickle.loads(pickle.dumps(iterator, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for other in copies:
        assert type(other) is type(iterator) or taken == 4
        assert list(other) == expected[taken:]
    assert list(iterator) == expected[taken:]


@pytest.mark.parametrize("way", WAYS)
def test_the_copy_of_an_iterator_is_live_on_the_same_list(face, way):
    shared = face([1, 2, 3])
    iterator = way(shared)
    next(iterator)
    other = pickle.loads(pickle.dumps(iterator))
    shared[1] = "new"
    shared.append(4)
    assert list(other) == (["new", 3, 4] if way is iter else ["new", 1])


@pytest.mark.parametrize("way", WAYS)
def test_an_iterator_that_met_its_end_stays_there_in_a_copy_and_when_moved(face, way):
    shared = face([1])
    iterator = way(shared)
    assert list(iterator) == [1]
    shared.extend([2, 3])
    iterator.__setstate__(0)
    other = pickle.loads(pickle.dumps(iterator))
    assert list(iterator) == list(other) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("index", [-(2**62), -2, -1, 0, 1, 2, 3, 4, 2**62, 2**100, "a", 1.0, None, Index(1)], ids=repr)
def test_an_iterator_is_moved_as_the_built_ins(face, way, index):
    items = [10, "eleven", 12]
    if way is iter and type(index) is int and index < 0 and sys.version_info >= (3, 13):
        index = 0  # a built-in list's iterator takes it for the end there
    for taken in (0, 2):
        moved = []
        for target in (face(items), items):
            iterator = way(target)
            for _ in range(taken):
                next(iterator)
            seen = outcome(lambda it: it.__setstate__(index), iterator)
            moved.append((seen[0], iterator.__length_hint__(), list(iterator)))
        assert moved[0] == moved[1]


@pytest.mark.parametrize("way", WAYS)
def test_an_iterator_says_how_many_items_are_left_as_the_built_ins(face, way):
    shared, plain = face([1, 2, 3]), [1, 2, 3]
    ours, theirs = way(shared), way(plain)
    for change in (
        lambda _: None,
        lambda target: target.append(4),
        lambda target: target.__delitem__(slice(2, None)),
        lambda target: target.extend("abc"),
        lambda target: target.clear(),
        lambda target: target.append(5),
    ):
        change(shared), change(plain)
        assert operator.length_hint(ours) == operator.length_hint(theirs)
        assert next(ours, "end") == next(theirs, "end")


def test_a_loop_that_appends_meets_what_it_appended(face):
    shared = face([1])
    for item in shared:
        if item < 300:
            shared.append(item + 1)
    assert shared == list(range(1, 301))


def test_a_loop_that_removes_skips_as_over_a_built_in_list(face):
    def thin(target):
        for item in target:
            if item % 2 == 0:
                target.remove(item)
        return list(target)

    items = [2, 4, 6, 1, 8, 3, 2, 2]
    assert_same(thin, face(items), list(items))


# ---- iterables -------------------------------------------------------------------------------------------------------


class Hinting:
    """An iterator of 1, 2, 3 that gives a hint of its length."""

    def __init__(self, hint):
        self.hint, self.items = hint, iter([1, 2, 3])

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.items)

    def __length_hint__(self):
        return self.hint() if callable(self.hint) else self.hint


def fail():
    raise ZeroDivisionError


ACTS = [
    lambda target, items: target.extend(items),
    lambda target, items: operator.iadd(target, items) is target,
    lambda target, items: target.__setitem__(slice(1, 1), items),
    lambda target, items: target.__init__(items),
]


@pytest.mark.parametrize("hint", [0, 1, 100, sys.maxsize, NotImplemented, True], ids=repr)
@pytest.mark.parametrize("act", ACTS)
def test_a_wrong_hint_of_a_length_does_no_harm(face, act, hint):
    shared = face([0])
    act(shared, Hinting(hint))
    assert shared in ([0, 1, 2, 3], [1, 2, 3])


@pytest.mark.parametrize("hint", [-1, fail, "a", 1.0, None], ids=repr)
@pytest.mark.parametrize("act", ACTS[:2])
def test_a_hint_that_is_none_raises_as_with_the_built_in(face, act, hint):
    assert_same(lambda target: act(target, Hinting(hint)), face([0]), [0])


def test_what_is_no_iterable_raises_as_with_the_built_in(face):
    class Broken:
        def __iter__(self):
            return 3

    class Failing:
        def __iter__(self):
            raise ZeroDivisionError

    for items in (3, None, Broken(), Failing()):
        for act in ACTS[:2]:
            assert_same(lambda target: act(target, items), face([0]), [0])
        seen = outcome(lambda target: target.__setitem__(slice(0, 0), items), face([0]))
        assert seen == outcome(lambda target: target.__setitem__(slice(0, 0), items), [0])


def test_an_iterable_that_raises_on_its_way_leaves_the_list_as_it_was(face):
    def broken():
        yield 1
        raise ZeroDivisionError

    shared = face([0])
    for act in ACTS[:3]:
        with pytest.raises(ZeroDivisionError):
            act(shared, broken())
        assert shared == [0]


def test_a_list_of_another_class_is_asked_for_its_items(face):
    class Odd(list):
        def __iter__(self):
            return iter("odd")

    for act in (ACTS[0], ACTS[2]):
        assert_same(lambda target: act(target, Odd([1, 2])), face([0]), [0])


# ---- making ----------------------------------------------------------------------------------------------------------


def test_initialising_again_replaces_the_items_in_both_faces(face):
    shared = face([1, 2, 3])
    alias = comem.List([shared])[0]
    shared.__init__()
    assert shared == alias == []
    shared.__init__("ab")
    shared.__init__((4, 5))
    assert shared == alias == [4, 5]
    for arguments, keywords in (((1, 2), {}), ((), {"iterable": []}), ((3,), {})):
        with pytest.raises(TypeError):
            shared.__init__(*arguments, **keywords)


def test_keywords_are_for_classes_that_take_them():
    with pytest.raises(TypeError, match=r"^List\(\) takes no keyword arguments$"):
        comem.List(iterable=[])

    class Plainly(comem.List):
        pass

    with pytest.raises(TypeError, match="takes no keyword arguments"):
        Plainly([1], name="a")

    class Named(comem.List):
        def __new__(cls, items, name=None):
            self = super().__new__(cls, items)
            self.name = name
            return self

    class Initialised(comem.List):
        def __init__(self, items, name=None):
            super().__init__(items)
            self.name = name

    for kind in (Named, Initialised):
        made = kind([1, 2], name="a")
        assert made == [1, 2] and made.name == "a" and type(made) is kind
