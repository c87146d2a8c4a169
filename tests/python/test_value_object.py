"""comem.Value: one shared value. What it takes, what it gives, and that no addition is lost."""

import array
import copy
import ctypes
import decimal
import fractions
import inspect
import math
import multiprocessing
import pickle
import re
import signal
import sys
import weakref

import pytest
from conftest import Child
from faces import Index, manager
from starting import every_method

import comem
from comem import Value

INTS = "bBhHiIlLqQ"


def edges(typecode):
    """The smallest and the largest int that array takes."""
    bits = 8 * array.array(typecode).itemsize
    return (0, 2**bits - 1) if typecode.isupper() else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


# ---- what it takes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typecode", INTS)
def test_ints_reach_to_the_edges_of_their_type(typecode):
    low, high = edges(typecode)
    shared = Value(typecode, low)
    assert shared.value == low and shared.typecode == typecode
    shared.value = high
    assert shared.get() == high and type(shared.get()) is int
    for beyond in (low - 1, high + 1, 10**30, -(10**30)):
        for act in (shared.set, lambda value: Value(typecode, value), lambda value: shared.cas(high, value)):
            with pytest.raises(OverflowError, match=f"'{typecode}'"):
                act(beyond)
    assert shared.value == high
    with pytest.raises(OverflowError):
        shared.add(1)
    assert shared.add(-1) == shared.value == high - 1
    shared.set(low)
    with pytest.raises(OverflowError):
        shared.add(-1)
    assert shared.add(high - low) == high


@pytest.mark.parametrize("typecode", INTS)
def test_ints_take_what_array_takes(typecode):
    shared, plain = Value(typecode), array.array(typecode, [0])
    for value in (True, Index(7), 5):
        shared.value = plain[0] = value
        assert shared.value == plain[0] and type(shared.value) is type(plain[0])
    for value in (1.0, "1", None, b"1", decimal.Decimal(1), [1]):
        if sys.version_info >= (3, 10):  # before, array takes what int() takes
            with pytest.raises(TypeError):
                plain[0] = value
        with pytest.raises(TypeError):
            shared.value = value
    assert shared.value == 5


@pytest.mark.parametrize("typecode", "fd")
def test_floats_take_what_array_takes_and_round_as_it_does(typecode):
    shared, plain = Value(typecode), array.array(typecode, [0])
    for value in (0.1, 3, True, -0.0, math.inf, 1e-320, fractions.Fraction(1, 3), decimal.Decimal("2.5")):
        shared.value = plain[0] = value
        assert repr(shared.value) == repr(plain[0])
    shared.value = math.nan
    assert math.isnan(shared.value)
    for value in ("1", None, 1j):
        with pytest.raises(TypeError):
            shared.value = value
    with pytest.raises(OverflowError):
        shared.value = 10**400
    assert math.isnan(shared.value)


def test_other_types_take_what_ctypes_takes():
    truth, byte, character = Value("?"), Value("c"), Value("u")
    for value in (5, "", None, [1], True):
        truth.value = value
        assert truth.value is bool(value)
    for value, expected in ((b"a", b"a"), (bytearray(b"b"), b"b"), (67, b"C"), (0, b"\0"), (255, b"\xff")):
        byte.value = value
        assert byte.value == ctypes.c_char(value).value == expected
    for value in (b"", b"ab", "a", 256, -1, 2**70, None, 1.0):
        with pytest.raises(TypeError):
            byte.value = value
    for value in ("a", "é", "€", "\U0001f600", "\0", "\udc80"):
        character.value = value
        assert character.value == value
    for value in ("", "ab", b"a", 97, None):
        with pytest.raises(TypeError):
            character.value = value
    assert (truth.value, byte.value, character.value) == (True, b"\xff", "\udc80")
    for shared in (truth, byte, character):
        with pytest.raises(TypeError):
            shared.add(1)


def test_a_ctypes_type_is_its_typecode():
    for kind in (ctypes.c_int8, ctypes.c_ushort, ctypes.c_int, ctypes.c_size_t, ctypes.c_longlong, ctypes.c_double):
        assert Value(kind, 3).typecode == kind._type_
        assert Value(kind, 3).value == kind(3).value
    assert Value(ctypes.c_bool, 2).value is True
    assert Value(ctypes.c_char).value == b"\0"
    with pytest.raises(OverflowError):
        Value(ctypes.c_int8, 128)


def test_without_a_value_it_is_zero_as_multiprocessings():
    for typecode in INTS + "fdcu":
        standard = multiprocessing.Value(typecode, lock=False).value
        assert Value(typecode).value == standard and type(Value(typecode).value) is type(standard)
    assert Value("?").value is False
    assert Value(None).value is None


def test_tools_can_read_its_signature():
    if comem.List.__text_signature__ is None:
        pytest.skip("this Python knows no signatures of types made as these are")
    assert [str(each) for each in inspect.signature(Value).parameters.values()] == ["typecode", "value=Ellipsis"]


def test_typecodes_there_are_not_are_refused():
    for typecode in ("x", "", "ii", "\0", "é", "I ", ctypes.c_void_p):
        with pytest.raises(ValueError, match="bad typecode"):
            Value(typecode)
    for typecode in (5, int, b"i", [], ctypes.c_int * 3, ctypes.c_int(3)):
        with pytest.raises(TypeError, match="takes a typecode"):
            Value(typecode)
    for value, error_type in (("hello", ValueError), (0, TypeError)):
        with pytest.raises(error_type, match=re.escape(f"for any value: Value(None, {value!r})")):
            Value(value)
    for arguments in ((), ("i", 1, 2)):
        with pytest.raises(TypeError):
            Value(*arguments)
    with pytest.raises(TypeError):
        Value("i", value=1)


def test_what_a_property_of_a_class_raises_is_raised():
    class Odd(type):
        @property
        def _type_(cls):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Value(Odd("Odd", (), {}))


def test_without_a_typecode_a_list_is_a_value_and_a_shared_one_a_reference():
    words, shared = comem.List(["one"]), Value(None, [1, [2]])
    shared.value.append(3)
    assert shared.value == [1, [2]] and type(shared.value) is list
    shared.value = words
    shared.value.append("two")
    assert words == ["one", "two"] and type(shared.value) is comem.List
    shared.value = (words, {"a": words})
    shared.value[1]["a"].append("three")
    assert words == ["one", "two", "three"]
    with pytest.raises(TypeError, match="cannot store an object of type"):
        shared.value = lambda: 0
    with pytest.raises(TypeError):
        shared.value = comem.MISSING
    assert shared.value[0] == words


def test_a_value_in_a_container_is_a_reference():
    count = Value("i", 1)
    words, table, other = comem.List([count]), comem.Dict(count=count), Value(None, (count,))
    for found in (words[0], table["count"], other.value[0]):
        assert type(found) is Value and found == count and found.typecode == "i"
        found.add(1)
    assert count.value == 4
    with pytest.raises(TypeError):
        table[count] = 1
    assert repr(words) == "List([Value('i', 4)])" and repr(table) == "Dict({'count': Value('i', 4)})"


# ---- what it is --------------------------------------------------------------------------------------------------------


def test_equal_is_what_shows_the_same_value():
    one, other = Value("i", 5), Value("i", 5)
    again = pickle.loads(pickle.dumps(one))
    assert one == again and hash(one) == hash(again) and not one != again
    assert one != other and one != 5 and not one == 5
    assert {one: "x"}[again] == "x" and other not in {one}
    assert one != comem.List() and comem.List() != one
    with pytest.raises(TypeError):
        one < other  # noqa: B015
    assert weakref.ref(one)() is one


def test_copies_of_it():
    words = comem.List(["one"])
    shared = Value(None, [words, words])
    same, deep = copy.copy(shared), copy.deepcopy(shared)
    same.value = (words,)
    assert shared.value == (words,) and same == shared
    assert type(deep) is Value and deep != shared
    assert deep.value[0] == deep.value[1] == ["one"]
    deep.value[0].append("two")
    assert deep.value[1] == ["one", "two"] and words == ["one"]
    number = Value("B", 255)
    both = copy.deepcopy([number, number])
    assert both[0] is both[1] and both[0] != number and both[0].typecode == "B" and both[0].value == 255
    with pytest.raises(OverflowError):
        both[0].add(1)


def test_repr_says_what_it_is():
    assert repr(Value("d", 0.5)) == "Value('d', 0.5)"
    assert repr(Value(None, "it's")) == 'Value(None, "it\'s")'
    ring = Value(None)
    ring.value = [ring]
    assert repr(ring) == "Value(None, [Value(...)])"
    ring.value = None

    class Counter(Value):
        pass

    assert repr(Counter("i", 3)) == "Counter('i', 3)"


def test_subclasses_have_attributes_and_their_own_class_everywhere():
    class Counter(Value):
        def twice(self):
            return 2 * self.value

    counter = Counter("i", 3)
    counter.label = "mine"
    assert counter.twice() == 6 and counter.label == "mine"
    assert type(copy.copy(counter)) is type(copy.deepcopy(counter)) is Counter


def test_the_value_cannot_be_deleted_nor_the_typecode_set():
    shared = Value("i", 1)
    with pytest.raises(AttributeError):
        del shared.value
    with pytest.raises(AttributeError):
        shared.typecode = "d"
    with pytest.raises(AttributeError):
        shared.get_lock
    assert shared.value == 1


# ---- add and cas -------------------------------------------------------------------------------------------------------


def test_add_adds_as_python_does():
    shared = Value(None, 1)
    for amount in (1, True, -5, 2**62, 2**62, 2**80, 0.5, fractions.Fraction(1, 3), 1j):
        expected = shared.value + amount
        result = shared.add(amount)
        assert result == expected == shared.value and type(result) is type(expected) is type(shared.value)
    shared.value = decimal.Decimal("0.1")
    assert shared.add() == decimal.Decimal("1.1")
    shared.value = "text"
    for amount in (1, "more", None):
        with pytest.raises(TypeError, match="adds numbers"):
            shared.add(amount)
    assert shared.value == "text"
    with pytest.raises(TypeError):
        shared.add(1, 2)


def test_add_keeps_to_the_type():
    count, half = Value("i", 5), Value("f", 0.5)
    for amount in (1.0, "1", None, decimal.Decimal(1)):
        with pytest.raises(TypeError):
            count.add(amount)
    assert count.add(True) == 6 and count.value == 6
    assert half.add(1) == 1.5 and half.add(fractions.Fraction(1, 2)) == 2.0
    third = half.add(1 / 3)
    assert third == half.value == ctypes.c_float(2 + 1 / 3).value
    assert Value("Q", 1).add(2**63) == 2**63 + 1


@pytest.mark.parametrize("make", [lambda: Value("q", 5), lambda: Value(None, 5), lambda: manager().Value("i", 5)])
def test_plus_and_minus_in_place_point_to_add_and_change_nothing(make):
    shared = kept = make()
    with pytest.raises(TypeError, match=r"use add\(n\), which is one change; \.value \+= n would be two"):
        shared += 1
    with pytest.raises(TypeError, match=r"use add\(-n\), which is one change; \.value -= n would be two"):
        shared -= 1
    assert shared is kept and kept.value == 5
    total = 1
    with pytest.raises(TypeError, match="unsupported operand"):
        total += shared


def test_add_tells_of_interrupted_code():
    class Angry(int):
        def __radd__(self, other):
            raise ZeroDivisionError

    shared = Value(None, 1)
    with pytest.raises(ZeroDivisionError):
        shared.add(Angry(1))
    assert shared.value == 1


def test_cas_swaps_what_is_expected_alone():
    shared = Value(None, 1)
    assert shared.cas(2, "no") is False and shared.value == 1
    assert shared.cas(1.0, "one") is True and shared.value == "one"
    assert shared.cas("one", [1, (2,)]) and shared.cas([1, (2,)], math.nan)
    assert shared.cas(math.nan, None) and shared.cas(None, decimal.Decimal(3))
    assert shared.cas(3, 4) and not shared.cas(comem.MISSING, 5)
    assert shared.value == 4
    with pytest.raises(TypeError):
        shared.cas(4, comem.MISSING)
    with pytest.raises(TypeError):
        shared.cas(4)
    typed = Value("b", 1)
    for expected in (1, 2):  # whatever is there
        with pytest.raises(OverflowError):
            typed.cas(expected, 128)


class Meddler:
    """Equal to everything; it changes the value while it is compared."""

    def __init__(self, shared, times):
        self.shared, self.times = shared, times

    def __eq__(self, other):
        if self.times > 0:
            self.times -= 1
            self.shared.value = self.shared.value + "x"
        return True


def test_cas_looks_again_when_the_value_changed_meanwhile():
    shared = Value(None, "a text in a block of its own")
    assert shared.cas(Meddler(shared, 3), "done")
    assert shared.value == "done"
    with pytest.raises(RuntimeError, match="in each of 10000 tries"):
        shared.cas(Meddler(shared, math.inf), "never")


# ---- several processes -------------------------------------------------------------------------------------------------


def test_two_processes_lose_no_addition():
    count, real, mixed, swapped = Value("q"), Value("d"), Value(None, fractions.Fraction(0)), Value("i")

    def work():
        for _ in range(20000):
            count.add()
            real.add(0.5)
        for _ in range(2000):
            mixed.add(fractions.Fraction(1, 3))
            while not swapped.cas(value := swapped.value, value + 1):
                pass
        return True

    children = [Child(work) for _ in range(2)]
    assert all(child.result() for child in children)
    assert (count.value, real.value, swapped.value) == (40000, 20000.0, 4000)
    assert mixed.value == fractions.Fraction(4000, 3)


def test_a_killed_adder_leaves_a_whole_number():
    count = Value("q")

    def work():
        while True:
            count.add()

    for _ in range(20):
        before, child = count.value, Child(work)
        while count.value < before + 100:
            pass
        child.kill()
    number = count.value
    assert count.add() == number + 1
    assert comem._engine._check() == []


@every_method
def test_it_goes_to_processes_as_an_argument_and_through_queues(program, method):
    out = program(
        method,
        """
        def work(count, queue, latest):
            count.add(queue.get().add(1))
            latest.value = ("from the child", count)

        if __name__ == "__main__":
            count, latest, queue = comem.Value("i", 10), comem.Value(None), context.Queue()
            process = context.Process(target=work, args=(count, queue, latest))
            process.start()
            queue.put(comem.Value("q", 4))
            process.join()
            print(process.exitcode, count, latest.value[0], latest.value[1] == count)
        """,
    )
    assert out == "0 Value('i', 15) from the child True\n"


def test_made_while_the_main_module_is_imported_again_it_stands_for_nothing(program):
    out = program(
        "spawn",
        """
        shared = comem.Value("i", 5)

        def work():
            try:
                shared.value
            except RuntimeError as error:
                print(shared.typecode, error)

        if __name__ == "__main__":
            process = context.Process(target=work)
            process.start()
            process.join()
        """,
    )
    assert out.startswith("i this object stands for nothing")


def test_values_made_and_dropped_leave_nothing():
    from test_lifetime import growth

    inner = comem.List()

    def make():
        for value in (1, "x" * 100, [inner, "x" * 5000], inner, Value("i")):
            Value(None, 0).value = value
            Value(None, value)

    assert growth(200, make) == 0
    assert comem._engine._check() == []


# ---- in a manager ------------------------------------------------------------------------------------------------------


def test_a_managers_value_has_the_standard_face():
    shared = manager().Value("i", 5)
    assert isinstance(shared, multiprocessing.managers.ValueProxy) and isinstance(shared, Value)
    assert shared.value == shared.get() == 5
    shared.value = "any value"  # the typecode says nothing, as with the standard manager
    assert shared.get() == "any value"
    assert shared.set([1]) is None and shared.value == [1]
    assert repr(shared).startswith("<ValueProxy object, typeid 'Value' at 0x")
    assert str(shared) == "Value(None, [1])"
    assert shared._callmethod("get") == [1] and shared._callmethod("set", (2,)) is None
    assert shared._getvalue().value == copy.deepcopy(shared).get() == 2
    assert type(copy.deepcopy(shared)) is multiprocessing.managers.Value
    assert copy.copy(shared) == shared == pickle.loads(pickle.dumps(shared))
    assert shared.add() == 3
    with pytest.raises(TypeError):
        type(shared)("i", 5)
    with pytest.raises(TypeError):
        manager().Value("i")


def test_a_managers_value_is_gone_with_its_manager():
    with comem.Manager(deep=True) as mine:
        shared = mine.Value(ctypes.c_int, value=[1], lock=False)
        assert type(shared.value) is list  # a value, also in a manager that shares all the way down
    for act in (shared.get, lambda: shared.set(1), shared.add, lambda: shared.cas(1, 2), lambda: shared.value):
        with pytest.raises(comem.GoneError):
            act()
    assert "'__str__()' failed" in str(shared) and shared.typecode is None


def test_handlers_of_signals_may_read_a_number_meanwhile():
    shared, seen = Value("q", 7), []
    before = signal.signal(signal.SIGALRM, lambda *unused: seen.append(shared.value))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        while len(seen) < 20:
            shared.set(7)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert set(seen) == {7}
