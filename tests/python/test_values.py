"""Values: what goes in comes out, of the same type and equal, a copy; what cannot be stored or read says so."""

import collections
import dataclasses
import datetime
import decimal
import enum
import math
import multiprocessing
import pickle
import socket
import sys
import threading
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import comem


def place(kind, pickled=True):
    """A container that keeps plain lists and dicts as values, and how to store and read one value."""
    manager = comem.Manager(pickle=pickled)
    if kind == "list":
        shared = manager.list([None])
        return shared, lambda value: shared.__setitem__(0, value), lambda: shared[0]
    if kind == "Value":
        shared = manager.Value(None, None)
        return shared, shared.set, shared.get
    shared = manager.dict()
    return shared, lambda value: shared.__setitem__("key", value), lambda: shared["key"]


@pytest.fixture(params=["list", "dict", "Value"])
def there_and_back(request):
    """A function that stores a value and reads it again."""
    shared, store, read = place(request.param)

    def act(value):
        store(value)
        return read()

    return act


class Colour(enum.Enum):
    RED = 1


class Number(enum.IntEnum):
    ONE = 1


class Flags(enum.Flag):
    A = 1
    B = 2


@dataclasses.dataclass
class Job:
    name: str
    parts: list


@dataclasses.dataclass(frozen=True)
class Holder:
    first: object
    second: object = None


class Text(str):
    pass


class Whole(int):
    pass


class Special(dict):
    pass


Point = collections.namedtuple("Point", "x y")


def nested(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


PLAIN = [
    *(2**63, -(2**63) - 1, 2**64 - 1, 2**64, -(2**64), 2**71, -(2**71), -(2**71) - 1, 10**400, -(10**400)),
    *(0j, 1.5 - 2.5j, complex(math.inf, -0.0), bytearray(), bytearray(b"x" * 3000)),
    *((), (1,), (1, (2, (3,))), [], [1, "two", None, True, 2.5, b"six", 2**64], {}, {"a": [1, {2: (3,)}], None: {}}),
    *(set(), {1, "a"}, frozenset(), frozenset({(1, 2), frozenset({3})}), {(1, 2): {3}, frozenset({4}): 5}),
    *("\udc80", ["a\udc80b", "é", "\U0001f600"], {"\ud800": "\udfff"}, [list(range(5000))], ["x" * 70000, b"y" * 70000]),
    *([-(2**63), 2**63 - 1, -1, -32, -33, -128, -129, 127, 128, 255, 256, 65535, 65536, 2**32], nested(100), (None,) * 300),
    *([float("inf"), -0.0, 1e300], {str(i): i for i in range(1000)}, [[i] for i in range(1000)], tuple(range(20))),
]
PICKLED = [
    *(Colour.RED, Number.ONE, Flags.A | Flags.B, Job("a", [1, {"b": 2}]), Point(1, [2]), Text("t"), Whole(7), Special(a=1)),
    *(datetime.datetime(2024, 2, 29, 12), decimal.Decimal("0.10"), range(3), len, int, Ellipsis, nested(101), nested(150)),
    *(collections.OrderedDict(a=1), collections.Counter("aab"), [Job("b", [])], {"key": Point(3, 4)}, slice(1, 2)),
]


@pytest.mark.parametrize("value", PLAIN + PICKLED, ids=lambda value: repr(value)[:30])
def test_what_goes_in_comes_out(there_and_back, value):
    back = there_and_back(value)
    assert type(back) is type(value)
    assert back == value
    if type(value) in (list, dict, set, bytearray):
        assert back is not value
    assert repr(back) == repr(value) or isinstance(value, (set, frozenset, dict))


def test_signs_and_bits_of_floats_survive(there_and_back):
    back = there_and_back([-0.0, complex(-0.0, -0.0), float("nan")])
    assert math.copysign(1, back[0]) == math.copysign(1, back[1].real) == math.copysign(1, back[1].imag) == -1
    assert math.isnan(back[2])


plain_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(st.characters(blacklist_categories=())),
        st.binary(), st.complex_numbers(allow_nan=False),
    ),
    lambda inner: st.one_of(
        st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(st.one_of(st.text(), st.integers()), inner)
    ),
    max_leaves=40,
)


@given(plain_values)
@settings(deadline=None)
def test_any_plain_value_comes_back_as_it_was(value):
    shared = comem.Manager().list([value])
    back = shared[0]
    assert back == value and repr(back) == repr(value)


def test_an_exception_comes_back(there_and_back):
    back = there_and_back(ValueError("no", 1))
    assert type(back) is ValueError and back.args == ("no", 1)


def test_what_is_read_is_a_copy(there_and_back):
    value = [1, [2]]
    back = there_and_back(value)
    back[1].append(3)
    value.append(4)
    assert there_and_back([1, [2]]) == [1, [2]]


# ---- what is met twice ----


def test_aliases_inside_a_value_stay_aliases(there_and_back):
    inner = [1]
    for value in ([inner, inner], (inner, [inner]), {"a": inner, "b": inner}):
        back = there_and_back(value)
        first, *_, second = back.values() if isinstance(back, dict) else back
        second = second if second == [1] else second[0]
        assert first is second
    pair = (1, 2)
    back = there_and_back([pair, [pair]])
    assert back[0] is back[1][0]


def test_a_bytearray_that_is_met_twice_is_one(there_and_back):
    data = bytearray(b"x")
    back = there_and_back([data, data])
    assert back[0] is back[1]


def test_containers_that_others_refer_to_are_still_packed():
    """The packer remembers them; more than it has places for at first."""
    kept = [[i] for i in range(1000)]
    shared = comem.Manager(pickle=False).list([kept])
    assert shared[0] == kept


def test_cycles_survive(there_and_back):
    ring = [1]
    ring.append(ring)
    back = there_and_back(ring)
    assert back[1] is back
    table = {}
    table["self"] = [table]
    back = there_and_back(table)
    assert back["self"][0] is back


# ---- shared objects in values ----


def test_shared_objects_in_plain_values_are_references(there_and_back):
    shared = comem.List([1])
    back = there_and_back((shared, [shared, {"k": shared}]))
    back[0].append(2)
    back[1][0].append(3)
    back[1][1]["k"].append(4)
    assert shared == [1, 2, 3, 4]


def test_shared_objects_in_pickled_values_are_references(there_and_back):
    shared, other = comem.List([1]), comem.Manager().list([5])
    back = there_and_back(Job("a", [shared, Holder(other, shared)]))
    back.parts[0].append(2)
    back.parts[1].second.append(3)
    back.parts[1].first.append(6)
    assert shared == [1, 2, 3] and other == [5, 6]
    assert type(back.parts[1].first) is type(other)


class Subclass(comem.List):
    pass


def test_a_subclass_in_a_pickled_value_keeps_its_class(there_and_back):
    back = there_and_back(Holder(Subclass([1])))
    assert type(back.first) is Subclass and back.first == [1]


def test_a_value_keeps_what_it_refers_to_alive(there_and_back):
    for value in ((comem.List([1]),), Holder(comem.List([1]))):
        back = there_and_back(value)
        del value
        assert (back.first if isinstance(back, Holder) else back[0]) == [1]


def test_a_value_may_refer_to_what_it_is_stored_in():
    shared = comem.Manager().list()
    shared.append((shared,))
    shared.append(Holder(shared))
    shared[0][0].append(1)
    shared[1].first.append(2)
    assert shared[2:] == [1, 2]
    shared.clear()


def test_many_references_in_one_value():
    lists = tuple(comem.List([i]) for i in range(3000))
    shared = comem.Manager().list([lists, Holder(lists)])
    del lists
    assert [item[0] for item in shared[0]] == list(range(3000))
    assert [item[0] for item in shared[1].first] == list(range(3000))


class Inner:
    """Pickles a shared object on its own while it is pickled itself."""

    def __init__(self, shared):
        self.shared = shared

    def __reduce__(self):
        return load_inner, (pickle.dumps(self.shared), self.shared)


def load_inner(data, shared):
    return pickle.loads(data), shared


def test_a_pickle_made_while_a_value_is_pickled_stands_on_its_own(there_and_back):
    shared = comem.List([1])
    named, referred = there_and_back(Inner(shared))
    named.append(2)
    referred.append(3)
    assert shared == [1, 2, 3]


class Storing:
    """Stores another value while it is pickled and while it is loaded."""

    target = None

    def __init__(self, shared):
        self.shared = shared

    def __reduce__(self):
        Storing.target.append(Holder(self.shared, "in"))
        return load_storing, (self.shared,)


def load_storing(shared):
    Storing.target.append(Holder(shared, "out"))
    return Storing.target[-1]


def test_values_stored_while_another_is_pickled_and_loaded_are_their_own(there_and_back):
    Storing.target = comem.Manager().list()
    shared, other = comem.List([1]), comem.List([2])
    back = there_and_back([other, Storing(shared)])
    assert back[0] == [2] and back[1].first == [1]
    assert [(item.first[0], item.second) for item in Storing.target] == [(1, "in"), (1, "out")]


def test_threads_pickle_their_own_references():
    def work(number):
        own, shared = comem.Manager().list(), comem.List([number])
        for _ in range(100):
            own.append(Holder(shared, [shared]))
            if own.pop().second[0] != [number]:
                failures.append(number)

    failures = []
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


# ---- refused ----


def test_a_socket_is_a_type_error_that_says_so(there_and_back):
    there_and_back("before")
    with socket.socket() as end:
        for value in (end, [end], {"a": (end,)}):
            with pytest.raises(TypeError, match="cannot store an object of type .*cannot pickle 'socket' object"):
                there_and_back(value)


def test_a_local_class_or_function_is_a_type_error(there_and_back):
    class Local:
        pass

    for value in (lambda: None, Local(), Local):
        with pytest.raises(TypeError, match="cannot store an object of type"):
            there_and_back(value)


@pytest.mark.parametrize("name", ["Lock", "Queue", "Value", "Event"])
def test_what_multiprocessing_hands_to_children_alone_is_a_type_error(there_and_back, name):
    there_and_back("before")
    made = getattr(multiprocessing, name)(*["i"] * (name == "Value"))
    for value in (made, [made]):
        with pytest.raises(TypeError, match=rf"type '{type(value).__name__}'.*as an argument of the process") as caught:
            there_and_back(value)
        assert type(caught.value.__cause__) is RuntimeError


class Deep:
    def __reduce__(self):
        raise RecursionError("too deep")


def test_a_recursion_error_stays_one(there_and_back):
    with pytest.raises(RecursionError, match="^too deep$"):
        there_and_back(Deep())


class Angry:
    def __reduce__(self):
        raise ZeroDivisionError


def test_what_an_object_raises_while_it_is_pickled_is_raised(there_and_back):
    with pytest.raises(ZeroDivisionError):
        there_and_back(Angry())


@pytest.mark.parametrize("kind", ["list", "dict", "Value"])
def test_without_pickle_plain_values_alone_are_stored(kind):
    shared, store, read = place(kind, pickled=False)
    store([1, {2: (3, 2**70)}])
    assert read() == [1, {2: (3, 2**70)}]
    ring = []
    ring.append(ring)
    for value in (Colour.RED, [Job("a", [])], ring, nested(101), datetime.date(2024, 1, 1)):
        with pytest.raises(TypeError, match="pickle=False"):
            store(value)
    assert read() == [1, {2: (3, 2**70)}]


def test_without_pickle_bulk_changes_refuse_pickles_too():
    manager = comem.Manager(pickle=False)
    other = comem.Manager().list([Colour.RED])
    shared = manager.list([1])
    for act in (
        lambda: shared.extend([2, Colour.RED]),
        lambda: shared.extend(other),
        lambda: shared.__setitem__(slice(0, 1), [Colour.RED]),
        lambda: manager.list([Colour.RED]),
        lambda: manager.dict(a=Colour.RED),
    ):
        with pytest.raises(TypeError, match="pickle=False"):
            act()
    assert shared == [1]


# ---- unreadable ----


@pytest.fixture
def vanishing():
    """A function that makes an object whose class is gone for whoever reads it, until back() is called."""

    class Gone:
        def __init__(self, number):
            self.number = number

    Gone.__qualname__ = "Gone"
    module = sys.modules[__name__]

    def make(number):
        module.Gone = Gone
        return Gone(number)

    make.leave = lambda: delattr(module, "Gone")
    make.back = lambda: setattr(module, "Gone", Gone)
    yield make
    if hasattr(module, "Gone"):
        make.leave()


def test_an_unreadable_item_stays_and_is_named(vanishing):
    shared = comem.Manager().list([0, vanishing(1), 2, [vanishing(3)]])
    vanishing.leave()
    for act, index in (
        (lambda: shared[1], 1), (lambda: shared[-3], -3), (lambda: shared[:], 1), (lambda: shared[3:], 3),
        (lambda: shared[::-1], 3), (lambda: list(shared), 1), (lambda: list(reversed(shared)), 3), (lambda: shared.pop(1), 1),
        (lambda: shared.pop(), -1), (lambda: shared == [0, 1, 2, 3], 1), (lambda: shared.index("x" and Colour.RED), 1),
        (lambda: shared.sort(key=str), 1),
    ):  # fmt: skip
        with pytest.raises(comem.ValueUnreadable, match="Gone") as caught:
            act()
        assert isinstance(caught.value, pickle.UnpicklingError)
        assert caught.value.where == f"item {index}" and f"item {index}," in str(caught.value)
        assert caught.value.class_name == f"{__name__}.Gone"
        assert "AttributeError" in caught.value.reason and isinstance(caught.value.__cause__, AttributeError)
    assert len(shared) == 4
    assert str(shared) == "[0, <unreadable Gone>, 2, <unreadable Gone>]"
    assert repr(comem.List([0, Holder(1)])) == "List([0, Holder(first=1, second=None)])"
    del shared[0]
    vanishing.back()
    assert shared[0].number == 1 and shared[2][0].number == 3 and shared[1] == 2


def test_an_unreadable_value_of_a_dict_stays_and_is_named(vanishing):
    shared = comem.Manager().dict()
    shared["a"] = vanishing(1)
    shared[2] = vanishing(2)
    vanishing.leave()
    for act, where in (
        (lambda: shared["a"], "key 'a'"), (lambda: shared.get(2), "key 2"), (lambda: shared.pop("a"), "key 'a'"),
        (lambda: shared.popitem(), "key 2"), (lambda: shared.values(), "item 0"), (lambda: shared.items(), "key 'a'"),
        (lambda: shared.copy(), "key 'a'"), (lambda: shared.setdefault(2, 0), "key 2"),
    ):  # fmt: skip
        with pytest.raises(comem.ValueUnreadable, match="Gone") as caught:
            act()
        assert caught.value.where == where
    assert len(shared) == 2 and list(shared.keys()) == ["a", 2] and "a" in shared
    assert str(shared) == "{'a': <unreadable Gone>, 2: <unreadable Gone>}"
    del shared["a"]
    vanishing.back()
    assert shared.pop(2).number == 2 and len(shared) == 0


def test_an_unreadable_value_of_a_value_stays(vanishing):
    shared = comem.Value(None, vanishing(1))
    vanishing.leave()
    for act in (shared.get, lambda: shared.value, lambda: shared.add(1), lambda: shared.cas(1, 2)):
        with pytest.raises(comem.ValueUnreadable, match="^a value, an object of class .*Gone") as caught:
            act()
        assert caught.value.where is None
    assert repr(shared) == "Value(None, <unreadable Gone>)"
    vanishing.back()
    assert shared.value.number == 1


def test_an_unreadable_value_is_readable_where_its_class_is(script_passes):
    out = script_passes(
        """
        import os, comem
        shared = comem.Manager().list()
        pid = os.fork()
        if pid == 0:
            class Job:
                pass
            shared.append(Job())
            os._exit(0)
        os.waitpid(pid, 0)
        try:
            shared[0]
        except comem.ValueUnreadable as error:
            print(error)
        print(shared, len(shared))
        class Job:
            pass
        print(type(shared.pop()) is Job, len(shared))
        """
    )
    first, second, third = out.splitlines()
    assert first.startswith("item 0, an object of class __main__.Job, cannot be unpickled here: AttributeError: ")
    assert (second, third) == ("[<unreadable Job>] 1", "True 0")


def test_the_exception_can_be_pickled(vanishing):
    shared = comem.Manager().list([vanishing(1)])
    vanishing.leave()
    with pytest.raises(comem.ValueUnreadable) as caught:
        shared[0]
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value) and again.where == "item 0"
    assert type(again) is comem.ValueUnreadable and comem.ValueUnreadable.__module__ == "comem"


def test_an_interrupt_while_a_value_is_loaded_is_an_interrupt():
    shared = comem.Manager().list([Interrupting()])
    with pytest.raises(KeyboardInterrupt):
        shared[0]
    with pytest.raises(KeyboardInterrupt):
        shared.pop()
    assert len(shared) == 1


def interrupt():
    raise KeyboardInterrupt


class Interrupting:
    def __reduce__(self):
        return interrupt, ()


# ---- arrays ----


class Buffer:
    """An object with a buffer outside its pickle."""

    def __init__(self, data):
        self.data = data

    def __reduce_ex__(self, protocol):
        return Buffer, (pickle.PickleBuffer(self.data),)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 8000, 100000])
def test_buffers_come_back_with_what_was_in_them(there_and_back, size):
    data = bytes(range(256)) * (size // 256 + 1)
    parts = [bytearray(data[:size]), bytearray(data[: size // 2]), data[:size]]
    back = there_and_back([Buffer(part) for part in parts])
    assert [bytes(item.data) for item in back] == [bytes(part) for part in parts]
    assert not memoryview(back[0].data).readonly and memoryview(back[2].data).readonly


def test_an_array_is_a_writable_copy_of_its_own(there_and_back):
    numpy = pytest.importorskip("numpy")
    value = numpy.arange(131072, dtype="f8")
    first = there_and_back(value)
    second = there_and_back(value)
    assert first.flags.writeable and (first == value).all()
    first[:] = 0
    assert (second == value).all() and (value == numpy.arange(131072)).all()
    both = there_and_back({"a": value, "b": [value[::2], value.reshape(512, 256).T]})
    assert (both["a"] == value).all() and (both["b"][0] == value[::2]).all()
    assert (both["b"][1] == value.reshape(512, 256).T).all()


def test_an_array_outlives_the_value_it_came_from():
    numpy = pytest.importorskip("numpy")
    shared = comem.Manager().list([numpy.full(50000, 7)])
    array = shared.pop()
    del shared
    comem.Manager().list([bytes(400000)] * 10)
    assert (array == 7).all()


def test_a_pickle_with_buffers_that_fails_stays_whole(vanishing):
    numpy = pytest.importorskip("numpy")
    shared = comem.Manager().list([[numpy.arange(1000), vanishing(1)]])
    vanishing.leave()
    with pytest.raises(comem.ValueUnreadable):
        shared.pop()
    vanishing.back()
    array, other = shared.pop()
    assert (array == numpy.arange(1000)).all() and other.number == 1


class _Careless:
    """Equal to everything, as unittest.mock.ANY is."""

    def __eq__(self, other):
        return True

    __hash__ = object.__hash__


def test_what_is_missing_equals_no_value_whatever_that_says():
    shared = comem.Dict({"there": _Careless()})
    assert not shared.cas("there", comem.MISSING, 1)
    assert not shared.cas("absent", _Careless(), 1)
    assert list(shared) == ["there"]


@pytest.mark.parametrize("mark", [comem.MISSING, comem.KEEP], ids=repr)
def test_what_says_what_becomes_of_a_value_is_none(mark):
    shared, items = comem.Dict(a=1), comem.List([1])
    for store in (
        lambda: shared.__setitem__("b", mark),
        lambda: shared.setdefault("b", mark),
        lambda: shared.update(b=mark),
        lambda: items.append(mark),
        lambda: items.extend([2, mark]),
    ):
        with pytest.raises(TypeError, match="MISSING|KEEP"):
            store()
    assert shared == {"a": 1} and items == [1]


class _Claims:
    """Says that it is a shared object."""

    __class__ = property(lambda self: comem.Dict)

    def __reduce__(self):
        return str, ("plain",)


def test_what_only_claims_to_be_a_shared_object_is_pickled_as_what_it_is():
    shared = comem.Manager().dict(value=_Claims())
    assert shared["value"] == "plain"
    kept = comem.List([1])
    shared["value"] = weakref.proxy(kept)  # pickles as what it stands for
    assert shared["value"] == [1]


class _Looks:
    """Looks at who unpickles it."""

    seen = None

    def __setstate__(self, state):
        frame = sys._getframe(1)
        while frame is not None:
            _Looks.seen = frame.f_locals.get("stream", _Looks.seen)
            frame = frame.f_back


def test_nobody_looks_at_a_values_bytes_when_they_are_gone():
    looks = _Looks()
    looks.text = "x" * 100_000
    shared = comem.Manager().list([looks])
    shared[0]
    assert _Looks.seen is not None
    with pytest.raises(ValueError, match="released"):
        bytes(_Looks.seen)
