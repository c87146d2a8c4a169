"""Any sequence of operations on a shared dict, in both faces, beside the built-in dict."""

import operator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import comem
from faces import DICT_FACES, assert_same_dict, outcome

NUMBERS = st.one_of(st.booleans(), st.integers(-3, 3), st.sampled_from([-0.0, 1.0, 0.5, 2.0**40, 2**40, 2**63 - 1]))
TEXTS = st.one_of(st.sampled_from(["", "a", "b", "x" * 13, "x" * 14, "é", "\ud800"]), st.text(max_size=20))
KEYS = st.one_of(NUMBERS, TEXTS, st.none(), st.binary(max_size=16), st.integers(0, 500))
VALUES = st.one_of(NUMBERS, TEXTS, st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))
DICTS = st.dictionaries(KEYS, VALUES, max_size=30)


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

    @rule(items=DICTS)
    def merge(self, items):
        self.both(lambda target: target | items)
        self.both(lambda target: items | target)

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
for test in (TestNative, TestManaged):
    test.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)


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
