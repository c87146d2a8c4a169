"""Any sequence of operations on a shared dict, in both faces, beside the built-in dict."""

import collections
import datetime
import operator
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import comem
from faces import DICT_FACES, assert_same_dict, native_dict, outcome
from keys_table import Colour, Point

NUMBERS = st.one_of(st.booleans(), st.integers(-3, 3), st.sampled_from([-0.0, 1.0, 0.5, 2.0**40, 2**40, 2**63 - 1]))
TEXTS = st.one_of(st.sampled_from(["", "a", "b", "x" * 13, "x" * 14, "é", "\ud800"]), st.text(max_size=20))
SCALARS = st.one_of(NUMBERS, TEXTS, st.none(), st.binary(max_size=16), st.integers(0, 500))
OBJECTS = st.sampled_from([Colour.RED, Colour.BLUE, Point(1, 2), Point(1.0, 2), datetime.date(2020, 1, 1)])
KEYS = st.one_of(SCALARS, SCALARS, SCALARS, st.tuples(SCALARS, SCALARS), st.frozensets(SCALARS, max_size=3), OBJECTS)
NO_KEYS = st.sampled_from([[], {}, set(), bytearray(b"a"), (1, []), ({},), {}.keys()])
VALUES = st.one_of(
    NUMBERS, TEXTS, st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False),
    st.integers(), st.binary(max_size=300), st.tuples(SCALARS, SCALARS), st.frozensets(SCALARS, max_size=3), OBJECTS,
)  # fmt: skip
DICTS = st.dictionaries(KEYS, VALUES, max_size=30)
NO_DICTS = st.sampled_from([1, None, [1], [()], ["abc"], [("a", 1, 2)], [("a", 1), ("b",)], "ab", [("a", 1), ([], 2)]])
OTHER_DICTS = (dict, collections.OrderedDict, collections.UserDict, types.MappingProxyType, comem.Dict)
SET_OPERATIONS = [getattr(operator, name) for name in "and_ or_ xor sub eq ne le lt ge gt".split()]


def broken(items):
    """An iterable of pairs that raises at its end."""
    yield from items.items()
    raise ZeroDivisionError


class DictMachine(RuleBasedStateMachine):
    """Does the same to a shared dict and to a built-in one; what both return and hold is the same."""

    face = None

    @initialize(items=DICTS)
    def make(self, items):
        self.plain = dict(items)
        self.shared = type(self).face(items)

    def both(self, act):
        return assert_same_dict(act, self.shared, self.plain)

    @rule(key=KEYS, value=VALUES)
    def set(self, key, value):
        self.both(lambda target: target.__setitem__(key, value))

    @rule(key=KEYS, default=VALUES)
    def read(self, key, default):
        self.both(lambda target: (target.get(key), target.get(key, default), key in target))
        self.both(lambda target: target[key])

    @rule(key=KEYS)
    def delete(self, key):
        self.both(lambda target: target.__delitem__(key))

    @rule(key=KEYS, default=VALUES)
    def pop(self, key, default):
        self.both(lambda target: target.pop(key, default))

    @rule(key=KEYS)
    def pop_or_raise(self, key):
        self.both(lambda target: target.pop(key))

    @rule()
    def popitem(self):
        self.both(lambda target: target.popitem())

    @rule(key=KEYS, default=VALUES)
    def setdefault(self, key, default):
        self.both(lambda target: target.setdefault(key, default))

    @rule(items=DICTS)
    def update(self, items):
        self.both(lambda target: target.update(items))

    @rule(items=DICTS, names=st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES))
    def update_by_pairs_and_names(self, items, names):
        self.both(lambda target: target.update(iter(items.items()), **names))

    @rule(items=DICTS)
    def update_from_a_shared_one(self, items):
        shared = comem.Dict(items)
        self.plain.update(items)
        self.shared |= shared

    @rule(items=DICTS, make=st.sampled_from(OTHER_DICTS))
    def update_from_another_mapping(self, items, make):
        self.both(lambda target: target.update(make(items)))

    @rule(items=DICTS, source=NO_DICTS)
    def update_in_vain(self, items, source):
        """The built-in dict keeps what came before the error; a shared one takes all or nothing."""
        for act in (lambda target: target.update(source), lambda target: operator.ior(target, source)):
            seen, expected = outcome(act, self.shared), outcome(act, dict(self.plain))
            assert seen == expected and seen[0] in (TypeError, ValueError)
        assert outcome(lambda target: target.update(broken(items)), self.shared)[0] is ZeroDivisionError

    @rule(items=DICTS, make=st.sampled_from([dict, collections.UserDict, types.MappingProxyType]))
    def merge(self, items, make):
        self.both(lambda target: dict(target | make(items)))
        self.both(lambda target: dict(make(items) | target))
        assert (self.shared | comem.Dict(items)) == (self.plain | items)

    @rule(items=DICTS)
    def merge_in_place(self, items):
        def act(target):
            same = target
            same |= items.items()
            assert same is target

        self.both(act)

    @rule(key=NO_KEYS, value=VALUES)
    def what_is_no_key(self, key, value):
        for act in (
            lambda target: target[key],
            lambda target: key in target,
            lambda target: target.get(key, value),
            lambda target: target.pop(key, value),
            lambda target: target.setdefault(key, value),
            lambda target: target.__setitem__(key, value),
            lambda target: target.__delitem__(key),
        ):
            seen, expected = outcome(act, self.shared), outcome(act, {1: 1, **self.plain})  # {} would not look
            assert seen[0] is expected[0] is TypeError and "unhashable type" in seen[1]

    @rule(arguments=st.lists(st.one_of(NUMBERS, TEXTS), max_size=4), data=st.data())
    def call_with_any_number_of_arguments(self, arguments, data):
        counts = {"get": 2, "pop": 2, "setdefault": 2, "popitem": 0, "clear": 0, "keys": 0, "copy": 0}
        name = data.draw(st.sampled_from(sorted(counts)))
        if len(arguments) > counts[name] or counts[name] and not arguments:
            seen, expected = (outcome(lambda t: getattr(t, name)(*arguments), t) for t in (self.shared, self.plain))
            assert seen[0] is expected[0] is TypeError
            assert seen[1].split(".")[-1] == expected[1].split(".")[-1]

    @rule(keys=st.lists(KEYS, max_size=10), value=VALUES)
    def make_of_keys(self, keys, value):
        made, expected = self.shared.fromkeys(iter(keys), value), dict.fromkeys(keys, value)
        assert made == expected and list(made) == list(expected)

    @rule(make=st.sampled_from(OTHER_DICTS))
    def compare(self, make):
        turned = dict(reversed(list(self.plain.items())))
        for plain in (turned, {**turned, "one": "more"}, dict(list(turned.items())[1:]), dict.fromkeys(turned)):
            other = make(plain)
            assert (self.shared == other) is (other == self.shared) is (self.plain == plain)
            assert (self.shared != other) is (other != self.shared) is (self.plain != plain)

    @rule()
    def hand_over(self):
        self.both(lambda target: (dict(target), {**target}, dict(target.items()), list(zip(target, target.values()))))
        self.both(lambda target: (sorted(target, key=hash), len(target), bool(target), [*target]))

    @precondition(lambda self: type(self).face is native_dict)
    @rule(one=DICTS, name=st.sampled_from(["keys", "items"]), operate=st.sampled_from(SET_OPERATIONS), data=st.data())
    def use_views_as_sets(self, one, name, operate, data):
        own = list(getattr(self.plain, name)())
        members = data.draw(st.lists(st.sampled_from(own), max_size=5)) if own else []
        members += getattr(one, name)()
        shared_view = lambda members: getattr(comem.Dict(one), name)()
        for shape in (set, list, iter, shared_view, lambda members: 1):
            act = lambda target: operate(getattr(target, name)(), shape(members))
            seen, expected = outcome(act, self.shared), outcome(act, self.plain)
            assert seen == expected or seen[0] is expected[0] is TypeError
            assert type(seen[1]) is type(expected[1])
        self.both(lambda target: getattr(target, name)().isdisjoint(members))
        self.both(lambda target: [member in getattr(target, name)() for member in members])

    @rule(data=st.data(), steps=st.integers(0, 4), key=KEYS)
    def change_while_a_loop_runs(self, data, steps, key):
        parts = ["__iter__", "__reversed__"]
        if type(self).face is native_dict:
            parts += ["keys", "values", "items"]
        part = data.draw(st.sampled_from(parts))
        turn = data.draw(st.sampled_from([iter, reversed])) if part.isalpha() else iter
        change = data.draw(st.sampled_from(["setitem", "pop", "setdefault", "nothing"]))

        def act(target):
            loop = turn(getattr(target, part)())
            seen = [outcome(next, loop) for _ in range(steps)]
            seen.append(operator.length_hint(loop))
            if change == "setitem":
                target[key] = "new"
            elif change == "pop":
                target.pop(key, None)
            elif change == "setdefault":
                target.setdefault(key)
            seen.append(operator.length_hint(loop))
            return seen + [outcome(next, loop) for _ in range(2)]

        values_change = change == "setitem" and part in ("values", "items") and key in self.plain
        if not values_change:  # a shared one's loop meets the values of the moment when it began
            self.both(act)

    @rule()
    def clear(self):
        self.both(lambda target: target.clear())

    @rule(key=KEYS, amount=st.one_of(st.integers(-5, 5), st.floats(-8, 8)))
    def add(self, key, amount):
        if isinstance(self.plain.get(key, 0), (bool, int, float)) and abs(self.plain.get(key, 0)) < 2**60:
            expected = self.plain.get(key, 0) + amount
            self.plain[key] = expected
            assert self.shared.add(key, amount) == expected

    @rule(key=KEYS, old=VALUES, new=VALUES)
    def cas(self, key, old, new):
        expected = key in self.plain and self.plain[key] == old
        assert self.shared.cas(key, old, new) is expected
        if expected:
            self.plain[key] = new

    @precondition(lambda self: self.plain)
    @rule(data=st.data(), new=VALUES)
    def cas_of_what_is_there(self, data, new):
        key = data.draw(st.sampled_from(list(self.plain)))
        assert self.shared.cas(key, self.plain[key], new)
        self.plain[key] = new

    @rule(key=KEYS, new=st.one_of(VALUES, st.sampled_from([comem.MISSING, comem.KEEP])))
    def update_if(self, key, new):
        old = self.plain.get(key, comem.MISSING)
        assert self.shared.update_if(key, lambda value: new if value == old else 1 // 0) == (
            old if new is comem.KEEP else new
        )
        if new is comem.MISSING:
            self.plain.pop(key, None)
        elif new is not comem.KEEP:
            self.plain[key] = new

    @invariant()
    def holds_the_same(self):
        assert len(self.shared) == len(self.plain)
        assert list(self.shared.items()) == list(self.plain.items())
        assert list(self.shared.values()) == list(self.plain.values())
        assert list(reversed(self.shared)) == list(reversed(self.plain))
        assert self.shared == self.plain
        for mine, theirs in zip(self.shared, self.plain):
            assert type(mine) is type(theirs)


def machine(face):
    made = type(f"DictMachine_{face.__name__}", (DictMachine,), {"face": staticmethod(face)})
    return made.TestCase


TestNative, TestManaged = map(machine, DICT_FACES)
for case in (TestNative, TestManaged):
    case.settings = settings(deadline=None, max_examples=50, stateful_step_count=40)


@given(DICTS, DICTS)
@settings(deadline=None)
def test_views_of_any_dicts_are_the_sets_that_the_built_ins_are(one, other):
    mine, theirs = comem.Dict(one), comem.Dict(other)
    for name in ("keys", "items"):
        for operate in (operator.and_, operator.or_, operator.sub, operator.xor, operator.le, operator.lt, operator.eq):
            expected = operate(getattr(one, name)(), getattr(other, name)())
            assert operate(getattr(mine, name)(), getattr(theirs, name)()) == expected
            assert operate(getattr(mine, name)(), getattr(other, name)()) == expected
            assert operate(set(getattr(one, name)()), getattr(theirs, name)()) == expected


@pytest.mark.parametrize("face", DICT_FACES, ids=lambda face: face.__name__)
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 63, 64, 65, 1000, 20_000])
def test_dicts_of_any_size_grow_and_shrink(face, count):
    plain = {}
    shared = face()
    for number in range(count):
        key = number if number % 3 else f"key number {number}"
        plain[key] = shared[key] = number
    assert len(shared) == count and shared.copy() == plain and list(shared) == list(plain)
    for key in list(plain)[::2]:
        assert shared.pop(key) == plain.pop(key)
    assert shared.copy() == plain and list(shared) == list(plain)
    while plain:
        assert outcome(lambda target: target.popitem(), shared) == outcome(lambda target: target.popitem(), plain)
    with pytest.raises(KeyError):
        shared.popitem()
