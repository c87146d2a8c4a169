"""comem.List in one process: it does what the built-in list does, and refuses what it cannot hold."""

import collections.abc
import copy
import gc
import pickle
import random
import signal
import struct
import sys
import threading
import time
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

import comem

VALUES = [
    None,
    True,
    False,
    0,
    -1,
    256,
    257,
    2**30 - 1,
    2**30,
    -(2**30),
    2**60,
    2**63 - 1,
    -(2**63),
    0.0,
    -0.0,
    1.5,
    float("inf"),
    5e-324,
    "",
    "a",
    "one",
    "fourteen chars",
    "fifteen chars..",
    "x" * 255,
    "x" * 256,
    "x" * 70_000,
    "\0",
    "a\0b",
    "é",
    "漢字",
    "😀" * 3,
    "é" * 50_000,
    "\ud800",
    "a\udfffb",
    "\ud83d\ude00",  # two lone surrogates, not one character
    "é\udc80" * 20_000,
    b"",
    b"\0",
    b"bytes",
    bytes(range(256)) * 300,
]


def same(left, right):
    """Equal, of the same type, and bit by bit for floats."""
    if type(left) is not type(right):
        return False
    if type(left) is float:
        return struct.pack("d", left) == struct.pack("d", right)
    return left == right


# ---- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_a_value_comes_back_as_it_went_in(value):
    shared = comem.List()
    shared.append(value)
    assert same(shared[0], value)
    shared[0] = None
    shared[0] = value
    assert same(shared[-1], value)
    assert [same(item, value) for item in shared] == [True]
    shared.extend([value, value])
    assert [same(item, value) for item in shared] == [True] * 3
    assert same(shared.pop(), value)
    assert shared == [value, value]
    assert value in shared


def test_nan_comes_back_with_its_bits():
    for bits in (0x7FF8000000000000, 0xFFF8000000000001, 0x7FF0000000000001):
        (nan,) = struct.unpack("d", struct.pack("Q", bits))
        assert struct.pack("d", comem.List([nan])[0]) == struct.pack("d", nan)


@given(st.lists(st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.binary())))
@settings(deadline=None)
def test_any_plain_values_come_back(values):
    assert all(map(same, comem.List(values), values))


@given(st.text(st.characters(blacklist_categories=())))
@settings(deadline=None)
def test_any_str_comes_back(text):
    assert comem.List([text])[0] == text


@pytest.mark.parametrize(
    "value",
    [set(), lambda: None, (item for item in ()), memoryview(b"x"), sys.stdout, [lambda: None], (lambda: None,)],
    ids=lambda value: type(value).__name__,
)
def test_a_type_that_cannot_be_stored_is_named_and_changes_nothing(value):
    shared = comem.List([1, 2])
    for store in (
        lambda: shared.append(value),
        lambda: shared.__setitem__(0, value),
        lambda: shared.extend([3, value]),
        lambda: shared.extend(iter([3, value])),
        lambda: comem.List([value]),
    ):
        with pytest.raises(TypeError, match="function" if type(value) in (list, tuple) else type(value).__name__):
            store()
    assert shared == [1, 2]


# ---- indexing --------------------------------------------------------------------------------------------------------


class Index:
    def __init__(self, number):
        self.number = number

    def __index__(self):
        return self.number


@pytest.mark.parametrize("key", [0, 4, -1, -5, True, Index(2), Index(-2)], ids=repr)
def test_an_index_means_what_it_means_to_a_list(key):
    plain = [10, 11, 12, 13, 14]
    shared = comem.List(plain)
    assert shared[key] == plain[key]
    shared[key] = plain[key] = "new"
    assert shared == plain


@pytest.mark.parametrize("key", [5, -6, 10**6, 2**31, 2**62, -(2**63), 2**63, 2**100, "a", None, 1.0, Index("x")], ids=repr)
def test_a_bad_index_raises_as_a_list_does(key):
    plain = [1, 2, 3, 4, 5]
    shared = comem.List(plain)
    for act in (
        lambda target: target[key],
        lambda target: target.__setitem__(key, 0),
        lambda target: target.__delitem__(key),
    ):
        with pytest.raises(Exception) as expected:
            act(plain)
        with pytest.raises(Exception) as seen:
            act(shared)
        assert type(seen.value) is type(expected.value)
        assert str(seen.value) == str(expected.value)
    assert shared == plain


# ---- append, extend, pop, clear --------------------------------------------------------------------------------------


def test_pop_takes_the_last_item_and_says_when_there_is_none():
    shared = comem.List([1, "two", 3])
    assert shared.pop() == 3
    assert shared.pop(-1) == "two"
    assert shared.pop(Index(-1)) == 1
    for arguments in ((), (0,), (-1,), (5,)):
        with pytest.raises(IndexError, match="^pop from empty list$"):
            shared.pop(*arguments)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 255, 256, 257, 1000, 70_000])
def test_extend_takes_any_iterable_of_any_length(count):
    plain = [n if n % 3 else str(n) for n in range(count)]
    for iterable in (plain, tuple(plain), iter(plain), comem.List(plain), dict.fromkeys(plain)):
        shared = comem.List(["first"])
        shared.extend(iterable)
        assert len(shared) == count + 1
        assert shared == ["first"] + plain


def test_extend_by_itself_doubles_the_list():
    shared = comem.List([1, "two"])
    shared.extend(shared)
    assert shared == [1, "two", 1, "two"]
    shared += shared
    assert shared == [1, "two"] * 4


def test_inplace_addition_extends_the_same_list():
    shared = other = comem.List([1])
    shared += (2, 3)
    assert shared is other
    assert other == [1, 2, 3]
    with pytest.raises(TypeError):
        shared += 4
    assert other == [1, 2, 3]


def test_an_iterable_that_raises_adds_nothing():
    def broken():
        yield 1
        yield "two"
        raise ZeroDivisionError

    shared = comem.List(["before"])
    with pytest.raises(ZeroDivisionError):
        shared.extend(broken())
    with pytest.raises(ZeroDivisionError):
        shared += broken()
    with pytest.raises(TypeError):
        shared.extend(3)
    assert shared == ["before"]


def test_an_iterable_may_use_the_list_it_is_added_to():
    shared = comem.List([1, 2])

    def foreign():
        for item in list(shared):
            shared.append(item * 10)
            yield item * 100

    shared.extend(foreign())
    assert shared == [1, 2, 10, 20, 100, 200]


def test_an_overridden_iteration_is_what_extend_reads():
    class Doubled(comem.List):
        def __iter__(self):
            return iter([item * 2 for item in super().__iter__()])

    assert comem.List(Doubled([1, 2])) == [2, 4]


def test_clear_empties_a_list_of_any_length():
    for count in (0, 1, 300, 70_000):
        shared = comem.List(range(count))
        shared.clear()
        assert len(shared) == 0
        assert shared == []
        shared.append("again")
        assert shared == ["again"]


def test_methods_refuse_a_wrong_number_of_arguments():
    shared = comem.List()
    for call in (
        lambda: shared.append(),
        lambda: shared.append(1, 2),
        lambda: shared.extend(),
        lambda: shared.clear(1),
        lambda: comem.List([], []),
        lambda: comem.List(iterable=[]),
        lambda: comem.List(3),
    ):
        with pytest.raises(TypeError):
            call()
    assert shared == []


# ---- iteration -------------------------------------------------------------------------------------------------------


def test_a_loop_meets_what_is_appended_while_it_runs():
    shared = comem.List([0])
    seen = []
    for item in shared:
        seen.append(item)
        if item < 1000:
            shared.append(item + 1)
    assert seen == list(range(1001))


def test_a_loop_meets_what_is_replaced_and_stops_where_the_list_ends():
    shared = comem.List(range(600))
    seen = []
    for position, item in enumerate(shared):
        seen.append(item)
        if position + 1 < len(shared):
            shared[position + 1] = "changed"
        if position % 3 == 0:
            shared.pop()
    assert seen[0] == 0
    assert set(seen[1:]) == {"changed"}
    assert 440 < len(seen) < 460


def test_an_iterator_that_met_the_end_stays_there():
    shared = comem.List([1])
    for iterator in (iter(shared), reversed(shared)):
        assert next(iterator) == 1
        assert next(iterator, "end") == "end"
        shared.append(2)
        assert next(iterator, "end") == "end"
        assert iterator.__length_hint__() == 0
        shared.pop()


def test_a_loop_over_a_cleared_list_ends():
    shared = comem.List(range(100))
    iterator = iter(shared)
    assert next(iterator) == 0
    shared.clear()
    assert list(iterator) == []


def test_ints_from_a_loop_keep_their_values():
    numbers = [0, 255, 256, 257, 1000, 2**30 - 1, 2**30, -257, 2**40, 5000, 6000, 7000]
    shared = comem.List(numbers * 50)
    kept = []
    for item in shared:
        kept.append(item)
    assert kept == numbers * 50
    kept = []
    for item in shared:
        kept.append(item + 0)
    assert kept == numbers * 50
    previous = None
    for position, item in enumerate(shared):
        if position:
            assert previous == (numbers * 50)[position - 1]
        previous = item
    iterator = iter(shared)
    first, second, third = next(iterator), next(iterator), next(iterator)
    del iterator
    assert (first, second, third) == tuple(numbers[:3])
    pairs = list(zip(comem.List(range(1000, 1100)), comem.List(range(2000, 2100))))
    assert pairs == [(n, n + 1000) for n in range(1000, 1100)]
    assert {number: True for number in comem.List(range(300, 400))} == dict.fromkeys(range(300, 400), True)


def test_reversed_goes_backwards():
    shared = comem.List(range(300))
    assert list(reversed(shared)) == list(range(299, -1, -1))
    iterator = reversed(shared)
    assert iterator.__length_hint__() == 300
    shared.clear()
    assert list(iterator) == []


def test_a_length_hint_is_what_is_left():
    shared = comem.List([1, 2, 3])
    iterator = iter(shared)
    next(iterator)
    assert iterator.__length_hint__() == 2
    shared.append(4)
    assert iterator.__length_hint__() == 3
    shared.clear()
    assert iterator.__length_hint__() == 0


def test_iterators_cannot_be_made_by_their_types():
    for iterator in (iter(comem.List()), reversed(comem.List())):
        with pytest.raises(TypeError):
            type(iterator)()


def test_threads_may_share_an_iterator():
    shared = comem.List(range(20_000))
    iterator = iter(shared)
    parts = [[], [], []]
    threads = [threading.Thread(target=lambda part=part: part.extend(iterator)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sum(parts, [])) == list(range(20_000))


# ---- comparing -------------------------------------------------------------------------------------------------------


def test_equality_is_by_content():
    shared = comem.List([1, "two", 3.0])
    assert shared == [1, "two", 3.0]
    assert [1, "two", 3.0] == shared
    assert shared == comem.List([1.0, "two", 3])
    assert not shared != comem.List([True, "two", 3])
    assert shared != [1, "two"]
    assert shared != [1, "two", 4]
    assert shared != comem.List([1, "two", 3, 4])
    assert shared != (1, "two", 3.0)
    assert shared != "text"
    assert comem.List() == []
    assert comem.List([comem.List([1])]) == [[1]]


def test_equality_asks_the_other_object():
    class Any:
        def __eq__(self, other):
            return True

    assert comem.List([1]) == Any()
    assert comem.List([1]) == [Any()]
    assert Any() in comem.List([1])


def test_an_exception_in_a_comparison_passes():
    class Broken:
        def __eq__(self, other):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        comem.List([1]) == [Broken()]
    with pytest.raises(ZeroDivisionError):
        Broken() in comem.List([1])


def test_a_comparison_may_change_the_list():
    shared = comem.List(range(10))

    class Changing:
        def __eq__(self, other):
            shared.clear()
            return False

    assert Changing() not in shared
    assert shared == []


def test_membership_is_pythons_equality():
    shared = comem.List([1, 2.0, "three", "ünï", b"four", None, True, comem.List([5])])
    for value in (1, 1.0, True, 2, 2.0, "three", "ünï", b"four", None, [5], comem.List([5])):
        assert value in shared
    for value in (3, 2.5, "thre", "threeX", "THREE", "four", b"three", "", False, (5,), [6], object()):
        assert value not in shared


def test_hash_is_refused():
    with pytest.raises(TypeError, match="unhashable"):
        hash(comem.List())


# ---- references ------------------------------------------------------------------------------------------------------


def test_a_list_in_a_list_is_a_reference():
    inner = comem.List([1])
    outer = comem.List([inner, inner])
    inner.append(2)
    outer[0].append(3)
    assert inner == [1, 2, 3]
    assert outer == [[1, 2, 3], [1, 2, 3]]
    assert type(outer[0]) is comem.List
    assert type(outer.pop()) is comem.List


def test_a_list_lives_as_long_as_another_holds_it():
    outer = comem.List()
    for number in range(300):
        outer.append(comem.List([number, "x" * 300]))
    gc.collect()
    assert all(outer[number] == [number, "x" * 300] for number in range(300))
    inner = outer[7]
    outer.clear()
    del outer
    comem.List(["y" * 300 for _ in range(300)])
    assert inner == [7, "x" * 300]


def test_a_list_may_hold_itself():
    shared = comem.List([1])
    shared.append(shared)
    assert shared[1][1][1][0] == 1
    assert shared in shared
    assert shared == shared[1]
    assert repr(shared) == "List([1, List([...])])"
    shared[1].append("end")
    assert shared[-1] == "end"
    assert len(shared) == 3


def test_comparing_lists_that_hold_each_other_ends_as_for_built_ins():
    left, right = comem.List(), comem.List()
    left.append(right)
    right.append(left)
    left_too, right_too = comem.List(), comem.List()
    left_too.append(right_too)
    right_too.append(left_too)
    with pytest.raises(RecursionError):
        left == left_too


# ---- text, copies, pickles -------------------------------------------------------------------------------------------


def test_repr_shows_the_items():
    assert repr(comem.List([1, "two", None, b"x"])) == "List([1, 'two', None, b'x'])"
    assert str(comem.List()) == "List([])"
    assert repr(comem.List([comem.List([1]), 2])) == "List([List([1]), 2])"


def test_repr_of_a_list_met_twice_is_complete():
    inner = comem.List([1])
    assert repr(comem.List([inner, inner])) == "List([List([1]), List([1])])"


def test_repr_in_two_threads_at_once_is_complete():
    shared = comem.List(range(2000))
    expected = repr(shared)
    texts = []
    threads = [threading.Thread(target=lambda: texts.extend(repr(shared) for _ in range(20))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(texts) == {expected}


def test_a_copy_is_another_list():
    inner = comem.List(["inner"])
    shared = comem.List([1, inner])
    shallow, deep = copy.copy(shared), copy.deepcopy(shared)
    assert type(shallow) is type(deep) is comem.List
    assert shallow == deep == shared
    shared.append(2)
    inner.append("more")
    assert shallow == [1, ["inner", "more"]]
    assert deep == [1, ["inner"]]


def test_a_deep_copy_keeps_the_shape():
    shared = comem.List([1])
    shared.extend([shared, comem.List([shared])])
    deep = copy.deepcopy(shared)
    deep.append("end")
    assert deep[1][-1] == deep[2][0][-1] == "end"
    assert len(shared) == 3


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_another_handle_of_the_same_list(protocol):
    shared = comem.List([1])
    again = pickle.loads(pickle.dumps(shared, protocol))
    again.append(2)
    assert shared == [1, 2]
    assert type(again) is comem.List


def test_a_pickle_outlives_the_last_handle_for_a_while():
    data = pickle.dumps(comem.List(["kept"]))
    gc.collect()
    for _ in range(300):
        comem.List(["other"])
    assert pickle.loads(data) == ["kept"]


def test_a_forged_pickle_is_refused():
    function, (cls, name) = comem.List([1]).__reduce__()
    for arguments in (
        (),
        (cls,),
        (cls, name[:-1]),
        (cls, b""),
        (cls, "x" * len(name)),
        (list, name),
        (int, name),
        (None, name),
    ):
        with pytest.raises(TypeError):
            function(*arguments)
    for position in range(len(name)):
        changed = bytearray(name)
        changed[position] ^= 0x55
        try:
            loaded = function(cls, bytes(changed))
        except (comem.GoneError, comem.DamagedError, TypeError, ValueError):
            continue
        assert loaded == [1] or len(loaded) >= 0  # what is not looked at may change


# ---- the type --------------------------------------------------------------------------------------------------------


def test_the_lower_case_name_is_the_same_type():
    assert comem.list is comem.List
    assert comem.List.__name__ == "List"
    assert comem.List.__module__ == "comem"


def test_a_subclass_works_and_comes_out_of_a_list_as_its_base():
    class Words(comem.List):
        def __init__(self, iterable, label):
            super().__init__(iterable)
            self.label = label

    words = Words(["one"], label="x")
    words.append("two")
    assert words == ["one", "two"]
    assert words.label == "x"
    assert repr(words) == "Words(['one', 'two'])"
    outer = comem.List([words])
    assert type(outer[0]) is comem.List
    words.append("three")
    assert outer == [["one", "two", "three"]]


class PickledSubclass(comem.List):
    pass


def test_a_pickled_subclass_keeps_its_class():
    again = pickle.loads(pickle.dumps(PickledSubclass([1])))
    assert type(again) is PickledSubclass
    assert again == [1]


def test_initialising_again_replaces_the_items():
    shared = comem.List([1, 2])
    shared.__init__([3])
    assert shared == [3]
    shared.__init__()
    assert shared == []


def test_weak_references_and_cycles_are_collected():
    class Node(comem.List):
        pass

    node = Node([1])
    node.itself = node
    reference = weakref.ref(node)
    del node
    gc.collect()
    assert reference() is None
    plain = comem.List()
    reference = weakref.ref(plain)
    del plain
    assert reference() is None


def test_the_type_is_generic_and_has_no_dict():
    assert comem.List[int].__origin__ is comem.List
    with pytest.raises(AttributeError):
        comem.List().attribute = 1


def test_everything_public_is_documented():
    for name in (name for name in dir(list) if not name.startswith("_")):
        assert getattr(comem.List, name).__text_signature__.startswith("($self")
    for thing in (comem, comem.List, comem.Manager, comem.GoneError, comem.DamagedError, *vars(comem.List).values()):
        if callable(thing) or thing is comem:
            assert thing.__doc__, thing


def test_the_errors_are_what_programs_catch():
    assert issubclass(comem.GoneError, BrokenPipeError)
    assert issubclass(comem.GoneError, EOFError)
    assert issubclass(comem.DamagedError, RuntimeError)
    assert str(pickle.loads(pickle.dumps(comem.GoneError("why")))) == "why"


# ---- against the built-in list, step by step -------------------------------------------------------------------------


plain_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(blacklist_categories=()), max_size=40),
    st.binary(max_size=40),
    st.sampled_from(["x" * 300, "é" * 5000, b"y" * 9000]),
)


class ListAgainstBuiltIn(RuleBasedStateMachine):
    """Every step is done to shared lists and to built-in ones, and the results are the same."""

    pairs = Bundle("pairs")

    def __init__(self):
        super().__init__()
        self.known = []

    def outcome(self, act, target):
        try:
            return ("returned", act(target))
        except (IndexError, TypeError, OverflowError) as error:
            return (type(error), str(error))

    def both(self, pair, act):
        shared, plain = pair
        seen, expected = self.outcome(act, shared), self.outcome(act, plain)
        assert seen == expected
        if seen[0] == "returned" and not isinstance(seen[1], comem.List):
            assert type(seen[1]) is type(expected[1])

    @initialize(target=pairs)
    def first(self):
        return self.new([])

    @rule(target=pairs, values=st.lists(plain_values, max_size=20))
    def new(self, values):
        pair = (comem.List(values), list(values))
        self.known.append(pair)
        return pair

    @rule(pair=pairs, value=plain_values)
    def append(self, pair, value):
        self.both(pair, lambda target: target.append(value))

    @rule(pair=pairs, values=st.lists(plain_values, max_size=600) | st.integers(0, 3000).map(range))
    def extend(self, pair, values):
        self.both(pair, lambda target: target.extend(values))

    @rule(pair=pairs, other=pairs)
    def extend_by_a_shared_list(self, pair, other):
        if len(pair[1]) + len(other[1]) < 5000:
            self.both((pair, pair), lambda _: None)
            pair[0].extend(other[0])
            pair[1].extend(list(other[1]))

    @rule(pair=pairs, other=pairs)
    def append_a_fresh_list_of_the_same_items(self, pair, other):
        if len(other[1]) < 50 and not any(isinstance(item, list) for item in other[1]):
            pair[0].append(comem.List(other[0]))
            pair[1].append(list(other[1]))

    @rule(pair=pairs)
    def pop(self, pair):
        self.both(pair, lambda target: target.pop())

    @rule(pair=pairs, count=st.integers(0, 700))
    def pop_many(self, pair, count):
        for _ in range(min(count, len(pair[1]))):
            self.both(pair, lambda target: target.pop())

    @rule(pair=pairs)
    def clear(self, pair):
        self.both(pair, lambda target: target.clear())

    @rule(pair=pairs, index=st.integers(-4000, 4000) | st.integers(-3, 3))
    def get(self, pair, index):
        self.both(pair, lambda target: target[index])

    @rule(pair=pairs, index=st.integers(-4000, 4000) | st.integers(-3, 3), value=plain_values)
    def set(self, pair, index, value):
        self.both(pair, lambda target: target.__setitem__(index, value))

    @rule(pair=pairs, value=plain_values)
    def contains(self, pair, value):
        self.both(pair, lambda target: value in target)

    @rule(pair=pairs)
    def iterate(self, pair):
        assert list(pair[0]) == pair[1]
        assert list(reversed(pair[0])) == pair[1][::-1]

    @invariant()
    def lengths_agree(self):
        for shared, plain in self.known:
            assert len(shared) == len(plain)

    def teardown(self):
        for shared, plain in self.known:
            assert shared == plain


TestListAgainstBuiltIn = ListAgainstBuiltIn.TestCase
TestListAgainstBuiltIn.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)


# ---- signals and threads ---------------------------------------------------------------------------------------------


def test_a_signal_handler_may_use_the_list_it_interrupts():
    shared = comem.List()
    rounds = 0

    def handler(number, frame):
        shared.append("signal")

    before = signal.signal(signal.SIGVTALRM, handler)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.0005, 0.0005)
    try:
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            for _ in range(100):
                shared.append("loop")
                rounds += 1
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    items = list(shared)
    assert items.count("loop") == rounds
    assert items.count("signal") > 10


def test_threads_lose_nothing():
    shared = comem.List()
    threads = [
        threading.Thread(target=lambda name=name: [shared.append(f"{name}:{n}") for n in range(2000)]) for name in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in "abcd":
        assert [item for item in shared if item[0] == name] == [f"{name}:{n}" for n in range(2000)]


def test_threads_that_end_leave_the_list_usable():
    shared = comem.List()
    for number in range(200):
        thread = threading.Thread(target=shared.append, args=(number,))
        thread.start()
        thread.join()
    assert shared == list(range(200))


def test_a_shared_list_is_a_mutable_sequence():
    shared = comem.List([1, 2, 3])
    assert isinstance(shared, collections.abc.MutableSequence)
    assert sorted(random.sample(shared, 3)) == [1, 2, 3]
