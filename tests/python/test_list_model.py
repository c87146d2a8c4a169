"""Random programs on a built-in list, a native and a manager's: each step gives, raises and leaves the same in all three."""

import copy
import operator
from decimal import Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import comem
from faces import Index, managed, native, outcome

LONGEST = 2000  # items; a multiple or a sum beyond it is not made

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([1.0, -0.0, 0.5, 2**63 - 1, -(2**63), 2**70, 2.0**70]),
    st.sampled_from(["", "a", "b", "ü", "\ud800", "a longer text than fits", b"", b"a", b"bytes of some length"]),
)  # fmt: skip
values = st.one_of(scalars, st.sampled_from([(), (1, "a"), ((1,), None), Decimal(1), 1j, complex(2), bytearray(b"a")]))
lists = st.lists(values, max_size=5)
small = st.integers(-7, 7)
indices = st.one_of(small, small, small.map(Index), st.sampled_from([2**70, -(2**70), True, "a", 1.5, None]))
positions = st.one_of(st.none(), small, st.sampled_from([2**70, -(2**70), Index(1), "a"]))
slices = st.builds(slice, positions, positions, st.sampled_from([None, None, 1, -1, 2, -2, 3, 0, 2**70, -(2**70)]))
WRAP = [list, tuple, iter, lambda items: (item for item in items), comem.List, managed, lambda items: dict.fromkeys("ab")]


class Lists(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.plain, self.shared = [], [native(), managed()]
        self.iterators = []  # of the three lists, together

    def step(self, act):
        """Does the same to all three; gives what the built-in list's was, of that kind."""
        expected = self.result(act, self.plain)
        for shared in self.shared:
            assert self.result(act, shared) == expected
        return expected

    def result(self, act, target):
        kind, result = outcome(act, target)
        if result is target:
            return kind, "itself"
        return kind, list(result) if isinstance(result, (list, comem.List)) else result

    def long(self, count):
        return len(self.plain) + count > LONGEST

    @rule(value=values)
    def append(self, value):
        self.step(lambda target: target.append(value))

    @rule(index=indices, value=values)
    def insert(self, index, value):
        self.step(lambda target: target.insert(index, value))

    @rule(index=indices | slices)
    def get(self, index):
        self.step(lambda target: target[index])

    @rule(index=indices, value=values)
    def put(self, index, value):
        self.step(lambda target: operator.setitem(target, index, value))

    @rule(index=slices, items=lists, wrap=st.sampled_from(WRAP))
    def put_slice(self, index, items, wrap):
        if not self.long(5):
            self.step(lambda target: operator.setitem(target, index, wrap(items)))

    @rule(index=slices | st.just(slice(None)))
    def put_itself(self, index):
        if not self.long(len(self.plain)):
            self.step(lambda target: operator.setitem(target, index, target))

    @rule(index=indices | slices)
    def delete(self, index):
        self.step(lambda target: operator.delitem(target, index))

    @rule(index=indices | st.just("none"))
    def pop(self, index):
        self.step(lambda target: target.pop() if index == "none" else target.pop(index))

    @rule(items=lists, wrap=st.sampled_from(WRAP), inplace=st.booleans())
    def extend(self, items, wrap, inplace):
        if not self.long(5):
            extend = operator.iadd if inplace else lambda target, more: target.extend(more)
            self.step(lambda target: extend(target, wrap(items)))

    @rule(inplace=st.booleans())
    def double(self, inplace):
        if not self.long(len(self.plain)):
            self.step(lambda target: operator.iadd(target, target) if inplace else target.extend(target))

    @rule(items=lists)
    def add(self, items):
        self.step(lambda target: target + items)
        self.step(lambda target: items + target)
        self.step(lambda target: target + target)

    @rule(items=lists)
    def add_to_a_built_in_list(self, items):
        def act(target):
            same = others = list(items)
            others += target
            assert others is same
            return others

        self.step(act)

    @rule(times=st.integers(-2, 3) | st.sampled_from([True, Index(2), 2**70, -(2**70), None, 1.5]))
    def multiply(self, times):
        if type(times) is not int or abs(times) > 3 or not self.long(2 * len(self.plain)):
            self.step(lambda target: target * times)
            self.step(lambda target: times * target if times is not None else None)
            self.step(lambda target: operator.imul(target, times))

    @rule(value=values)
    def find(self, value):
        for act in (
            lambda target: value in target,
            lambda target: target.count(value),
            lambda target: target.index(value),
        ):
            self.step(act)

    @rule(value=values, start=positions, stop=positions)
    def find_between(self, value, start, stop):
        self.step(lambda target: target.index(value, start, stop))

    @rule(value=values)
    def remove(self, value):
        self.step(lambda target: target.remove(value))

    @rule(key=st.sampled_from([None, None, str, repr, lambda item: 0]), reverse=st.booleans())
    def sort(self, key, reverse):
        before = list(self.plain)
        kind, _ = self.step(lambda target: target.sort(key=key, reverse=reverse))
        if kind is TypeError:
            self.plain[:] = before  # the built-in list is left half sorted, a shared one as it was

    @rule(name=st.sampled_from(["reverse", "clear", "copy"]))
    def call(self, name):
        self.step(lambda target: getattr(target, name)())

    @rule(items=lists)
    def compare(self, items):
        for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge):
            self.step(lambda target: compare(target, items))

    @rule(way=st.sampled_from([iter, reversed]))
    def start(self, way):
        self.iterators.append([way(target) for target in (self.plain, *self.shared)])
        del self.iterators[:-3]

    @rule(which=st.integers(0, 2), times=st.integers(1, 3), again=st.booleans())
    def go_on(self, which, times, again):
        if which >= len(self.iterators):
            return
        if again:
            self.iterators[which] = [copy.copy(iterator) for iterator in self.iterators[which]]
        for _ in range(times):
            plain, *shared = ((operator.length_hint(each), next(each, "end")) for each in self.iterators[which])
            assert shared == [plain, plain]

    @invariant()
    def holds_the_same(self):
        texts = [type(item).__name__ + repr(item) for item in self.plain]
        for shared in self.shared:
            assert len(shared) == len(texts) and bool(shared) == bool(texts)
            assert [type(item).__name__ + repr(item) for item in shared[:]] == texts
            assert shared == self.plain


TestLists = Lists.TestCase
TestLists.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
