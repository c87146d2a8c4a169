"""comem.Dict in one process: it does what the built-in dict does, and what it adds."""

import collections
import collections.abc
import copy
import decimal
import fractions
import gc
import json
import math
import operator
import os
import pickle
import signal
import struct
import sys
import threading
import types
import weakref

import pytest

import comem
from conftest import Child
from faces import DICT_FACES, assert_same_dict, managed_dict, outcome

KEYS = [None, True, 0, -1, 2**30, 2**62, -(2**63), 1.5, -0.0, math.inf, "", "a", "x" * 13, "x" * 14, "x" * 70_000, "é"]
KEYS += ["\ud800", "\0", b"", b"a", b"x" * 5000]
VALUES = [None, True, 0, 256, 2**30, 2**63 - 1, 1.5, "", "a", "x" * 14, "x" * 70_000, "é", "\ud800", b"", b"x" * 300]


@pytest.fixture(params=DICT_FACES, ids=lambda face: face.__name__)
def face(request):
    return request.param


def same(left, right):
    return type(left) is type(right) and left == right


# ---- keys and values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS, ids=lambda key: repr(key)[:20])
def test_a_key_is_found_again_and_comes_back_as_it_went_in(face, key):
    shared = face()
    assert key not in shared and shared.get(key) is None
    shared[key] = "value"
    assert key in shared and shared[key] == shared.get(key) == "value" and len(shared) == 1
    assert same(list(shared)[0], key) and same(list(shared.keys())[0], key)
    shared[key] = "other"
    assert len(shared) == 1 and shared.pop(key) == "other"
    assert key not in shared and len(shared) == 0


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_a_value_comes_back_as_it_went_in(face, value):
    shared = face({"key": value})
    for seen in (
        shared["key"],
        shared.get("key"),
        shared.setdefault("key", 0),
        list(shared.values())[0],
        list(shared.items())[0][1],
        dict(shared)["key"],
        shared.update_if("key", lambda _: comem.KEEP),
        shared.copy()["key"],
        shared.pop("key"),
    ):
        assert same(seen, value)
    assert same(shared.setdefault("key", value), value) and same(shared.popitem()[1], value)


def test_equal_numbers_are_one_key_and_the_first_is_kept(face):
    for first, others in ((1, (True, 1.0)), (1.0, (1, True)), (0, (-0.0, False)), (True, (1,)), (2.0**53, (2**53,))):
        shared = face({first: "old"})
        for other in others:
            shared[other] = "new"
            assert len(shared) == 1 and shared[first] == "new" and same(list(shared)[0], first)
    shared = face({"1": "str", 1: "int", b"1": "bytes", None: "none"})
    assert len(shared) == 4 and shared["1"] == "str" and shared[b"1"] == "bytes"


def test_a_nan_is_found_by_its_bits(face):
    nan, other = (struct.unpack("d", struct.pack("Q", bits))[0] for bits in (0x7FF8000000000000, 0x7FF8000000000001))
    shared = face({nan: "found"})
    assert shared[nan] == shared[math.nan] == "found" and other not in shared


@pytest.mark.parametrize("key", [[], {}, set(), bytearray()], ids=lambda key: type(key).__name__)
def test_what_has_no_hash_is_no_key(face, key):
    shared = face({"a": 1})
    for act in (
        lambda: shared[key],
        lambda: shared.__setitem__(key, 1),
        lambda: shared.__delitem__(key),
        lambda: key in shared,
        lambda: shared.get(key),
        lambda: shared.get(key, 1),
        lambda: shared.pop(key, 1),
        lambda: shared.setdefault(key, 1),
        lambda: shared.add(key),
        lambda: shared.cas(key, 1, 2),
        lambda: shared.update_if(key, print),
        lambda: shared.update([("b", 1), (key, 1)]),
        lambda: face([(key, 1)]),
    ):
        with pytest.raises(TypeError, match=type(key).__name__):
            act()
    assert shared.copy() == {"a": 1}


@pytest.mark.parametrize("key", ["missing", 5, ("a", 1), ("a",), (), None, "é" * 50], ids=repr)
def test_a_key_error_carries_the_key_as_given(face, key):
    for act in (operator.getitem, operator.delitem, lambda shared, key: shared.pop(key)):
        with pytest.raises(KeyError) as caught:
            act(face(), key)
        assert caught.value.args == (key,) and caught.value.args[0] is key


# ---- reading and changing --------------------------------------------------------------------------------------------


def test_order_is_that_of_insertion_and_a_key_set_again_keeps_its_place(face):
    plain, shared = {}, face()
    for target in (plain, shared):
        for key in "some letters that come again":
            target[key] = ord(key)
        del target["m"]
        target["m"] = 1
        target["s"] = 2
    assert list(shared) == list(plain) and list(reversed(shared)) == list(reversed(plain))
    assert list(shared.items()) == list(plain.items()) and list(shared.values()) == list(plain.values())


def test_update_and_the_constructor_take_what_the_built_ins_take(face):
    class Mapping:
        def keys(self):
            return ["k"]

        def __getitem__(self, key):
            return key + "v"

    for arguments, values in (
        ((), {}),
        (({"a": 1},), {}),
        (({"a": 1},), {"a": 2, "b": 3}),
        (([("a", 1), ["b", 2], "cd"],), {}),
        ((iter([("a", 1), ("a", 2)]),), {"c": 3}),
        ((Mapping(),), {}),
        ((collections.OrderedDict(a=1, b=2),), {}),
        ((collections.Counter("aab"),), {"self": 1}),
        ((types.MappingProxyType({"a": 1}),), {}),
        ((comem.Dict(a=1, b=2),), {}),
        ((comem.Dict(a=1, b=2),), {"b": 3}),
        ((managed_dict(a=1, b=2),), {"mapping_or_pairs": 3}),
    ):
        if arguments and hasattr(arguments[0], "__next__"):
            arguments = (list(arguments[0]),)
        expected = dict(*arguments, **values)
        made, updated = face(*arguments, **values), face(b=0)
        assert made.copy() == expected and list(made) == list(expected)
        assert updated.update(*arguments, **values) is None
        assert updated.copy() == {"b": 0, **expected}


@pytest.mark.parametrize("source", [1, None, [1], ["abc"], [("a",)], [("a", 1, 2)], "ab", [([], 1)]], ids=repr)
def test_a_bad_source_raises_as_the_built_in_and_changes_nothing(face, source):
    shared, plain = face(a=1), {"a": 1}
    assert_same_dict(lambda target: target.update(source), shared, plain)
    assert_same_dict(lambda target: operator.ior(target, source), shared, plain)
    assert outcome(face, source) == outcome(dict, source)


def test_a_source_that_raises_stores_nothing(face):
    def broken():
        yield "b", 2
        raise ZeroDivisionError

    shared = face(a=1)
    for source, error in ((broken, ZeroDivisionError), (lambda: {"b": 2, "c": threading.Lock()}, TypeError)):
        with pytest.raises(error):
            shared.update(source())
        with pytest.raises(error):
            face(source())
        assert shared.copy() == {"a": 1}


def test_a_source_may_use_the_dict_it_is_stored_in(face):
    shared = face(a=1)

    def source():
        shared["b"] = 2
        yield "c", shared.pop("a")

    shared.update(source())
    assert shared.copy() == {"b": 2, "c": 1}
    shared.update(shared)
    shared |= shared
    assert shared.copy() == {"b": 2, "c": 1}


def test_a_large_update_is_complete(face):
    plain = {f"key number {n}": n for n in range(3000)}
    plain.update((n, str(n) * 9) for n in range(3000))
    plain.update((str(n).encode() * 5, None) for n in range(300))
    shared = face(plain)
    assert len(shared) == 6300 and shared.copy() == plain and list(shared) == list(plain)
    shared.update(shared.copy(), extra=1)
    assert len(shared) == 6301


def test_methods_count_their_arguments_as_the_built_in(face):
    for name, arguments in (
        ("get", ()),
        ("get", (1, 2, 3)),
        ("pop", ()),
        ("pop", (1, 2, 3)),
        ("setdefault", ()),
        ("setdefault", (1, 2, 3)),
        ("popitem", (1,)),
        ("update", (1, 2)),
        ("clear", (1,)),
        ("fromkeys", ()),
        ("fromkeys", (1, 2, 3)),
    ):
        plain = {"a": 1}
        seen, expected = (outcome(lambda t: getattr(t, name)(*arguments), t) for t in (face(plain), plain))
        assert seen[0] is expected[0] is TypeError, name
        if "." not in expected[1]:  # some name the type
            assert seen[1] == expected[1]
    for name, count in (("add", 0), ("add", 3), ("cas", 2), ("cas", 4), ("update_if", 1), ("update_if", 3)):
        with pytest.raises(TypeError, match=f"{name} expected"):
            getattr(face(), name)(*range(count))


def test_merging_gives_a_built_in_dict(face):
    shared = face(a=1, b=2)
    for other in ({"b": 3, "c": 4}, comem.Dict(b=3, c=4), managed_dict(b=3, c=4), collections.OrderedDict(b=3, c=4)):
        both = shared | other
        assert type(both) is dict and both == {"a": 1, "b": 3, "c": 4} and list(both) == ["a", "b", "c"]
    assert type({} | shared) is dict and {"b": 0, "z": 1} | shared == {"b": 2, "z": 1, "a": 1}
    for other in ([("a", 1)], 1, None):
        with pytest.raises(TypeError, match="unsupported operand"):
            shared | other
        with pytest.raises(TypeError, match="unsupported operand"):
            other | shared
    before = shared
    shared |= {"b": 5}
    shared |= [("d", 6)]
    assert shared is before and shared.copy() == {"a": 1, "b": 5, "d": 6}


def test_a_dict_is_passed_on_like_a_built_in(face):
    shared = face(one=1, two=2)
    assert dict(shared) == {**shared} == {"one": 1, "two": 2}
    assert (lambda **values: values)(**shared) == {"one": 1, "two": 2}
    assert dict(shared.items()) == dict(zip(shared.keys(), shared.values())) == {"one": 1, "two": 2}
    assert json.dumps(dict(shared)) == '{"one": 1, "two": 2}'
    assert "{one} {two}".format_map(shared) == "1 2"
    assert sorted(shared) == ["one", "two"] and max(shared, key=shared.get) == "two"
    assert isinstance(shared, collections.abc.MutableMapping)
    assert dict(collections.ChainMap(shared, {"three": 3})) == {"one": 1, "two": 2, "three": 3}
    first, *_ = shared
    assert first == "one"


def test_equality_is_by_content(face):
    shared = face(a=1, b="two")
    for other in ({"b": "two", "a": 1.0}, comem.Dict(b="two", a=1), managed_dict(a=1, b="two"), shared):
        assert shared == other and other == shared and not shared != other and not other != shared
    for other in ({"a": 1}, {"a": 1, "c": "two"}, {"a": 2, "b": "two"}, comem.Dict(a=1), [("a", 1), ("b", "two")], 1):
        assert shared != other and other != shared and not shared == other
    with pytest.raises(TypeError):
        shared < {}

    class Loud:
        def __eq__(self, other):
            raise ZeroDivisionError

        __hash__ = None

    with pytest.raises(ZeroDivisionError):
        shared == {"a": Loud(), "b": "two"}


def test_a_native_dict_has_no_hash_and_another_repr():
    shared = comem.Dict({"one": 1, 2: "x"})
    with pytest.raises(TypeError, match="unhashable"):
        hash(shared)
    assert repr(shared) == str(shared) == "Dict({'one': 1, 2: 'x'})"
    shared["self"] = shared
    assert repr(shared) == "Dict({'one': 1, 2: 'x', 'self': Dict({...})})"
    del shared["self"]
    shared["list"] = comem.List([shared])
    assert repr(shared["list"]) == "List([Dict({'one': 1, 2: 'x', 'list': List([...])})])"
    shared.clear()
    assert repr(shared) == "Dict({})"


def test_a_dict_in_a_dict_is_a_reference(face):
    inner = face(number=1)
    outer = face(inner=inner)
    outer["inner"]["number"] = 2
    assert inner["number"] == 2 and type(outer["inner"]) is type(inner)
    comem.List([outer])[0]["inner"].add("number")
    assert inner["number"] == 3
    inner["outer"] = outer
    assert outer["inner"]["outer"]["inner"]["number"] == 3
    inner.clear()


def test_a_dict_lives_as_long_as_something_holds_it():
    outer = comem.Dict()
    outer["inner"] = comem.Dict(a=1)
    gc.collect()
    inner = outer.pop("inner")
    del outer
    assert inner == {"a": 1}


# ---- changes that depend on what was there ---------------------------------------------------------------------------


def test_pop_and_popitem(face):
    shared = face(a=1, b="two", c=None)
    assert shared.pop("a") == 1 and shared.pop("a", "default") == "default" and shared.pop("c") is None
    shared["d"] = 4
    assert shared.popitem() == ("d", 4) and shared.popitem() == ("b", "two")
    with pytest.raises(KeyError, match="popitem\\(\\): dictionary is empty"):
        shared.popitem()


def test_setdefault(face):
    shared = face(a=1)
    assert shared.setdefault("a", 2) == 1 and shared.setdefault("b", 2) == 2 and shared.setdefault("c") is None
    assert shared.setdefault("a", threading.Lock()) == 1  # not needed, so never converted
    with pytest.raises(TypeError):
        shared.setdefault("d", threading.Lock())
    assert shared.copy() == {"a": 1, "b": 2, "c": None}


def test_add(face):
    shared = face(a=1, half=0.5, yes=True, text="1", none=None)
    assert shared.add("a") == 2 and shared.add("a", 40) == 42 and shared.add("a", -1) == 41 and shared["a"] == 41
    assert shared.add("new") == 1 and shared.add("newer", 2.5) == 2.5
    assert shared.add("half", 1) == 1.5 and same(shared.add("a", 1.0), 42.0)
    assert same(shared.add("yes"), 2) and same(shared.add("a", True), 43.0)
    assert math.isnan(shared.add("nan", math.nan))
    for key, amount in (("text", 1), ("none", 1), ("a", "1"), ("a", None), ("fresh", "x"), ("a", [])):
        with pytest.raises(TypeError, match="numbers"):
            shared.add(key, amount)
    assert shared["text"] == "1" and shared["a"] == 43.0 and "fresh" not in shared


@pytest.mark.parametrize("old", [0, True, 7, -1.5, 2**63 - 1, -(2**63), math.inf], ids=repr)
@pytest.mark.parametrize("amount", [1, -1, False, 0.25, 2**63 - 1, -(2**63), 1e308], ids=repr)
def test_add_is_pythons_addition(face, old, amount):
    shared = face(key=old)
    expected = old + amount
    if type(expected) is int and not -(2**63) <= expected < 2**63:
        pytest.importorskip("comem._keys", reason="ints beyond 64 bits cannot be stored")
    assert same(shared.add("key", amount), expected) and same(shared["key"], expected)


def test_cas(face):
    shared = face(a=1)
    assert shared.cas("a", 1, 2) is True and shared.cas("a", 1, 3) is False and shared["a"] == 2
    assert shared.cas("a", 2.0, "text") and shared.cas("a", "text", None) and shared.cas("a", None, math.nan)
    assert shared.cas("a", math.nan, True) and shared.cas("a", 1, 0)
    assert not shared.cas("b", None, 1) and shared.cas("b", comem.MISSING, 1) and not shared.cas("b", comem.MISSING, 2)
    assert shared.cas("b", 1, comem.MISSING) and "b" not in shared and shared.cas("b", comem.MISSING, comem.MISSING)
    assert not shared.cas("a", comem.MISSING, comem.MISSING)
    with pytest.raises(TypeError):
        shared.cas("a", 0, threading.Lock())
    assert shared.copy() == {"a": 0}
    inner = comem.Dict(x=1)
    shared["a"] = inner
    assert shared.cas("a", {"x": 1}, "was equal")


def test_update_if(face):
    shared = face(a=1)
    assert shared.update_if("a", lambda value: value + 1) == 2 == shared["a"]
    seen = []
    assert shared.update_if("b", lambda value: seen.append(value) or 5) == 5 == shared["b"]
    assert seen == [comem.MISSING]
    assert shared.update_if("a", lambda value: comem.KEEP) == 2
    assert shared.update_if("c", lambda value: comem.KEEP) is comem.MISSING and "c" not in shared
    assert shared.update_if("b", lambda value: comem.MISSING) is comem.MISSING and "b" not in shared
    with pytest.raises(ZeroDivisionError):
        shared.update_if("a", lambda value: 1 // 0)
    with pytest.raises(TypeError):
        shared.update_if("a", None)
    with pytest.raises(TypeError):
        shared.update_if("a", lambda value: threading.Lock())
    assert shared.copy() == {"a": 2}


def test_update_if_runs_again_when_the_value_has_changed(face):
    shared = face(a=1)
    seen = []

    def function(value):
        seen.append(value)
        if len(seen) < 3:
            shared["a"] += 10
        return value * 100

    assert shared.update_if("a", function) == 2100 and seen == [1, 11, 21]
    shared.clear()
    assert shared.update_if("a", lambda value: shared.setdefault("a", 1) + (value is comem.MISSING)) == 1


def test_update_if_ends_when_the_function_itself_changes_the_value(face):
    shared = face(a=0)

    def function(value):
        shared.add("a")
        return 5

    with pytest.raises(RuntimeError, match="in each of 10000 tries"):
        shared.update_if("a", function)


def test_a_comparison_may_change_the_dict():
    shared = comem.Dict(a=1)

    class Equal:
        tries = 0

        def __eq__(self, other):
            Equal.tries += 1
            if Equal.tries < 3:
                shared["a"] += 1
            return True

    assert shared.cas("a", Equal(), "new") and Equal.tries == 3 and shared["a"] == "new"


def test_missing_and_keep_are_themselves_everywhere():
    for mark, name in ((comem.MISSING, "comem.MISSING"), (comem.KEEP, "comem.KEEP")):
        assert repr(mark) == name and type(mark).__module__ == "comem"
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(mark, protocol)) is mark
        assert copy.copy(mark) is copy.deepcopy(mark) is mark
        with pytest.raises(TypeError):
            type(mark)()
        with pytest.raises(TypeError, match=f"'{name}' and 'int'"):
            mark + 1


# ---- copies, pickles, subclasses -------------------------------------------------------------------------------------


def test_a_copy_is_another_dict():
    shared = comem.Dict(a=1, inner=comem.Dict(b=2))
    for other in (shared.copy(), copy.copy(shared)):
        other["a"] = 5
        other["inner"]["b"] += 1
        assert type(other) is comem.Dict and shared["a"] == 1
    assert shared["inner"]["b"] == 4
    deep = copy.deepcopy(shared)
    deep["inner"]["b"] = 0
    assert type(deep["inner"]) is comem.Dict and shared["inner"]["b"] == 4
    shared["self"] = shared
    deep = copy.deepcopy(shared)
    deep["self"]["self"]["a"] = "deep"
    assert deep["a"] == "deep" and shared["a"] == 1


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_another_handle_of_the_same_dict(face, protocol):
    shared = face(a=1)
    other = pickle.loads(pickle.dumps(shared, protocol))
    other["b"] = 2
    assert type(other) is type(shared) and shared.copy() == {"a": 1, "b": 2}


def test_a_pickle_of_a_dict_is_no_list():
    open_function, (cls, name) = comem.Dict().__reduce__()
    with pytest.raises(TypeError, match="no list"):
        open_function(comem.List, name)
    with pytest.raises(TypeError):
        open_function(dict, name)


class Mine(comem.Dict):
    def __missing__(self, key):
        if key == "raise":
            raise ZeroDivisionError
        return f"no {key}"


def test_a_subclass_works_and_comes_out_of_a_dict_as_its_base():
    mine = Mine(a=1)
    mine.label = "local"
    assert mine["a"] == 1 and mine["b"] == "no b" and mine.get("b") is None and "b" not in mine
    with pytest.raises(ZeroDivisionError):
        mine["raise"]
    again = pickle.loads(pickle.dumps(mine))
    assert type(again) is Mine and again == mine and not hasattr(again, "label")
    assert repr(mine) == "Mine({'a': 1})" and type(mine.copy()) is comem.Dict and type(copy.copy(mine)) is Mine
    assert type(comem.Dict(mine=mine)["mine"]) is comem.Dict
    assert mine == {"a": 1} and {"a": 1} == mine and mine | {} == {"a": 1}

    class Plain(comem.Dict):
        pass

    with pytest.raises(KeyError):
        Plain()["a"]

    class Other(comem.Dict):
        def __iter__(self):
            return iter(["x"])

        keys = __iter__

        def __getitem__(self, key):
            return key * 2

    assert comem.Dict(Other(a=1)) == {"x": "xx"}


def test_initialising_again_updates():
    shared = comem.Dict(a=1)
    shared.__init__({"b": 2}, c=3)
    assert shared == {"a": 1, "b": 2, "c": 3}
    with pytest.raises(TypeError, match="Dict expected at most 1 argument, got 2"):
        comem.Dict({}, {})


def test_weak_references_and_cycles_are_collected():
    class Node(comem.Dict):
        pass

    node = Node()
    node.me = node
    view = node.keys()
    loop = iter(view)
    node.loop = (view, loop)
    reference = weakref.ref(node)
    del node, view, loop
    gc.collect()
    assert reference() is None


def test_the_types_are_generic_documented_and_the_same_by_both_names():
    assert comem.dict is comem.Dict and comem.Dict[str, int].__origin__ is comem.Dict
    assert not hasattr(comem.Dict(), "__dict__")
    for name in dir(comem.Dict):
        if not name.startswith("_"):
            assert getattr(comem.Dict, name).__doc__, name
    if sys.version_info >= (3, 10):
        scope = {"shared": comem.Dict(kind="x", size=1)}
        exec("match shared:\n    case {'kind': kind, **rest}:\n        seen = kind, rest", scope)
        assert scope["seen"] == ("x", {"size": 1})


@pytest.mark.parametrize("number", [decimal.Decimal("1.5"), fractions.Fraction(1, 3), 2 + 1j, 2**100], ids=repr)
def test_other_numbers_are_added_by_python(face, number):
    pytest.importorskip("comem._keys", reason="they cannot be stored")
    shared = face(key=number)
    assert same(shared.add("key"), number + 1) and same(shared.add("key", number), number + 1 + number)
    assert same(shared["key"], number + 1 + number)


# ---- values that are more than numbers and text ----------------------------------------------------------------------


def test_a_native_dict_shares_all_the_way_down():
    shared = comem.Dict()
    shared["a"] = {"b": {}, "list": [{"c": 1}]}
    shared["a"]["b"]["new"] = 1
    shared["a"]["list"][0].add("c")
    shared["a"]["list"].append([])
    shared.setdefault("words", []).append("one")
    shared.setdefault("words", []).append("two")
    shared.update_if("made", lambda value: {"x": 1})["x"] = 2
    assert shared.cas("swapped", comem.MISSING, []) and type(shared["swapped"]) is comem.List
    assert Child(lambda: shared["a"]["b"].add("new")).result() == 2
    assert shared == {
        "a": {"b": {"new": 2}, "list": [{"c": 2}, []]},
        "words": ["one", "two"],
        "made": {"x": 2},
        "swapped": [],
    }
    assert type(shared["a"]) is comem.Dict and type(shared["a"]["list"]) is comem.List
    both = {}
    shared.update(one=both, other=both)
    shared["one"]["x"] = 1
    assert shared["other"] == {"x": 1} and both == {}
    own = {}
    own["own"] = own
    shared["own"] = own
    assert shared["own"]["own"]["own"] == shared["own"]["own"]


def test_a_managers_dict_holds_plain_copies_unless_it_is_deep():
    shared = managed_dict()
    plain = {"list": [1]}
    shared["a"] = plain
    plain["list"].append(2)
    shared["a"]["list"].append(3)
    assert shared["a"] == {"list": [1]} and type(shared["a"]) is dict
    shared.update_if("a", lambda value: {**value, "more": 1})
    assert shared.copy() == {"a": {"list": [1], "more": 1}}
    native = comem.Dict(shared)
    native["a"]["list"].append(2)
    assert native == {"a": {"list": [1, 2], "more": 1}}
    with comem.Manager(deep=True) as manager:
        deep = manager.dict(shared)
        deep["a"]["list"].append(2)
        assert deep == {"a": {"list": [1, 2], "more": 1}} and type(deep["a"]) is type(deep)


class Point:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(other) is Point and self.x == other.x

    def __hash__(self):
        return hash(self.x)


def test_objects_are_values_and_keys(face):
    shared = face({Point(1): Point(2), (1, "a"): (Point(3),)})
    assert shared[Point(1)].x == 2 and Point(2) not in shared and shared[1.0, "a"] == (Point(3),)
    assert [type(key) for key in shared] == [Point, tuple] and Point(2) in shared.values()
    assert (Point(1), Point(2)) in shared.items()
    assert shared.cas(Point(1), Point(2), Point(5)) and shared.pop(Point(1)) == Point(5)
    assert shared.update_if((1, "a"), lambda value: value * 2) == (Point(3), Point(3))
    with pytest.raises(KeyError) as caught:
        shared[Point(7)]
    assert caught.value.args == (Point(7),)


def test_a_value_that_cannot_be_unpickled_stays_where_it_is(script_passes):
    for make in ("comem.Dict", "comem.Manager().dict"):
        script_passes(
            f"""
            import comem, os

            shared = {make}(first=1)
            if os.fork() == 0:
                class Job:
                    pass
                shared["job"] = Job()
                os._exit(0)
            assert os.wait()[1] == 0
            for act in (
                lambda: shared["job"],
                lambda: shared.get("job"),
                lambda: shared.pop("job"),
                lambda: shared.pop("job", 1),
                lambda: shared.setdefault("job", 1),
                lambda: shared.popitem(),
                lambda: shared.add("job"),
                lambda: shared.cas("job", 1, 2),
                lambda: shared.update_if("job", print),
                lambda: list(shared.items()),
                lambda: list(shared.values()),
                lambda: dict(shared),
                lambda: shared == {{"first": 1, "job": 1}},
            ):
                try:
                    act()
                except comem.ValueUnreadable as error:
                    assert "Job" in str(error), error
                else:
                    raise AssertionError("was read")
            for act in (lambda: shared["job"], lambda: shared.popitem(), lambda: shared.cas("job", 1, 2)):
                try:
                    act()
                except comem.ValueUnreadable as error:
                    assert "key 'job'" in str(error), error
            assert len(shared) == 2 and list(shared) == list(shared.keys()) == ["first", "job"] and "job" in shared
            assert repr(shared.copy) and (type(shared) is not comem.Dict or "<unreadable Job>" in repr(shared))
            shared["other"] = 1
            del shared["job"]
            assert shared == {{"first": 1, "other": 1}}
            """
        )


# ---- threads and signals ---------------------------------------------------------------------------------------------


def test_threads_lose_nothing(face):
    shared = face((number, "text" * 10) for number in range(2000))
    taken = []

    def work(name):
        for turn in range(1000):
            shared.add("count")
            shared.update_if("other", lambda value: 1 if value is comem.MISSING else value + 1)
            shared[name, turn] = [turn]
            taken.append(shared.pop(turn, None))

    threads = [threading.Thread(target=work, args=[f"thread {number}"]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shared["count"] == shared["other"] == 4000 and len(shared) == 2 + 4000 + 1000
    assert sum(value is not None for value in taken) == 1000


def test_a_signal_handler_may_use_the_dict_it_interrupts(face):
    shared = face(count=0)
    done = []

    def handler(number, frame):
        shared.add("count")
        shared["handler"] = shared.pop("loop", "nothing")
        done.append(list(shared))

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        sent = 0
        for turn in range(3000):
            shared["loop"] = "value" * 10
            shared.update(text="x" * 100, number=turn)
            list(shared.items())
            if turn % 100 == 0:
                os.kill(os.getpid(), signal.SIGUSR1)
                sent += 1
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert shared["count"] == len(done) == sent and shared["number"] == 2999
