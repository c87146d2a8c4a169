"""Views of a shared dict, and loops over it and over them."""

import collections.abc
import copy
import datetime
import operator
import pickle
import threading
import types

import pytest

import comem
from conftest import Child
from faces import DICT_FACES, managed_dict, outcome


@pytest.fixture(params=DICT_FACES, ids=lambda face: face.__name__)
def face(request):
    return request.param


COPIES = [copy.copy, copy.deepcopy] + [
    lambda made, p=p: pickle.loads(pickle.dumps(made, p)) for p in range(pickle.HIGHEST_PROTOCOL + 1)
]

# ---- views -----------------------------------------------------------------------------------------------------------


def test_views_are_live_and_loops_are_of_one_moment():
    shared = comem.Dict(a=1, b=2)
    keys, values, items = shared.keys(), shared.values(), shared.items()
    loop = iter(items)
    shared["a"] = 10
    assert list(loop) == [("a", 1), ("b", 2)]
    shared["c"] = 3
    assert len(keys) == len(values) == len(items) == 3
    assert "c" in keys and ("c", 3) in items and ("c", 4) not in items and ("d", 1) not in items and 3 in values
    assert list(keys) == ["a", "b", "c"] and list(reversed(items)) == [("c", 3), ("b", 2), ("a", 10)]
    assert list(reversed(values)) == [3, 2, 10]
    assert repr(keys) == "DictKeys(['a', 'b', 'c'])" and repr(values) == "DictValues([10, 2, 3])"
    assert repr(items) == "DictItems([('a', 10), ('b', 2), ('c', 3)])"
    assert keys.mapping == shared and isinstance(keys.mapping, types.MappingProxyType)
    for view, kind in ((keys, "Keys"), (values, "Values"), (items, "Items")):
        assert isinstance(view, getattr(collections.abc, kind + "View"))
        with pytest.raises(TypeError):
            type(view)()
        with pytest.raises(TypeError):
            type(iter(view))()
    shared["self"] = items.mapping["a"]
    del shared
    assert len(keys) == 4


def test_a_view_is_neither_pickled_nor_copied():
    for view in (comem.Dict(a=1).keys(), comem.Dict(a=1).values(), comem.Dict(a=1).items()):
        for copied in COPIES:
            with pytest.raises(TypeError, match=f"cannot pickle '{type(view).__name__}' object"):
                copied(view)
        assert len(view) == 1


@pytest.mark.parametrize("operate", [operator.and_, operator.or_, operator.xor, operator.sub], ids=lambda o: o.__name__)
def test_views_of_keys_and_items_are_sets(operate):
    plain = {"a": 1, "b": 2, 3: "c"}
    shared = comem.Dict(plain)
    others = [set(), {"a", 3, "z"}, frozenset({"b"}), {("a", 1), ("b", 0)}, ["a", "z"], iter, {"a": 0}.keys()]
    for view, expected in ((shared.keys(), plain.keys()), (shared.items(), plain.items())):
        for other in others:
            make = (lambda: iter(["a", ("a", 1)])) if other is iter else lambda: other
            result = operate(view, make())
            assert type(result) is set and result == operate(expected, make())
            if not isinstance(other, (list, type(iter))):
                assert operate(make(), view) == operate(make(), expected)
        assert operate(view, view) == operate(expected, expected)
        with pytest.raises(TypeError):
            operate(view, 1)


def test_views_are_compared_as_sets():
    plain = {"a": 1, "b": 2}
    shared = comem.Dict(plain)
    for name in ("keys", "items"):
        view, expected = getattr(shared, name)(), getattr(plain, name)()
        others = [set(), {"a"}, set(expected), {*expected, "z"}, getattr(comem.Dict(a=1), name)(), expected, ["a"], 1]
        for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge):
            for other in others:
                seen, wanted = (outcome(lambda v: compare(v, other), v) for v in (view, expected))
                assert seen[0] == wanted[0] and (seen[0] is TypeError or seen == wanted)
        assert view.isdisjoint(["z"]) and not view.isdisjoint(set(expected)) and not view.isdisjoint(view)
        with pytest.raises(TypeError, match="unhashable"):
            hash(view)
    assert shared.values() != shared.values() and hash(shared.values())


def test_a_managers_dict_gives_lists():
    shared = managed_dict(a=1, b=2)
    assert shared.keys() == ["a", "b"] and shared.values() == [1, 2] and shared.items() == [("a", 1), ("b", 2)]


def test_a_loop_notices_what_this_process_adds_and_removes(face):
    for act in (
        lambda shared: shared.__setitem__("new", 1),
        lambda shared: shared.__delitem__("b"),
        lambda shared: shared.pop("b"),
        lambda shared: shared.popitem(),
        lambda shared: shared.clear(),
        lambda shared: shared.update(new=1),
        lambda shared: shared.setdefault("new", 1),
        lambda shared: shared.add("new"),
        lambda shared: shared.cas("new", comem.MISSING, 1),
        lambda shared: shared.update_if("b", lambda value: comem.MISSING),
    ):
        shared = face(a=1, b=2, c=3)
        loops = [iter(shared), reversed(shared)]
        for loop in loops:
            next(loop)
        assert [operator.length_hint(loop) for loop in loops] == [2, 2]
        act(shared)
        for loop in loops:
            for _ in range(2):
                with pytest.raises(RuntimeError, match="dictionary changed size during iteration"):
                    next(loop)
            assert operator.length_hint(loop) == 0


def test_a_loop_allows_changes_of_values(face):
    shared = face(a=1, b=2)
    for key in shared:
        shared[key] += 1
        shared.add(key)
        shared.setdefault(key, 0)
        shared.get("missing"), shared.pop("missing", None)
    assert shared.copy() == {"a": 3, "b": 4}


def test_a_loop_does_not_notice_other_processes(face):
    shared = face(a=1, b=2)
    loop = iter(shared)
    assert next(loop) == "a"
    Child(lambda: (shared.clear(), shared.update(c=3))).result()
    assert list(loop) == ["b"] and list(shared) == ["c"]


def test_an_iterator_that_met_the_end_stays_there(face):
    shared = face(a=1)
    loop = iter(shared)
    assert list(loop) == ["a"]
    shared["b"] = 2
    assert list(loop) == [] and operator.length_hint(loop) == 0


def loops(shared):
    """A new iterator of each kind that the dict has."""
    made = [iter(shared), reversed(shared)]
    if type(shared) is comem.Dict:
        made += [turn(view) for view in (shared.keys(), shared.values(), shared.items()) for turn in (iter, reversed)]
    return made


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_of_an_iterator_has_what_is_left_and_leaves_it_there(face, copied):
    shared = face({"short": 1, "x" * 100: "y" * 100, (1, 2): [1], None: datetime.date(2020, 1, 1)})
    shared["inner"] = comem.List([1])
    for step in range(len(shared) + 2):
        for loop, same in zip(loops(shared), loops(shared)):
            for _ in range(step):
                assert next(loop, None) == next(same, None)
            other = copied(loop)
            rest = list(other)
            assert rest == list(same) == list(loop) and len(rest) == max(0, len(shared) - step)
            assert list(loop) == list(other) == []


def test_an_iterator_is_copied_only_while_it_is_sound(face):
    shared = face(a=1, b=2)
    begun = loops(shared)
    shared["c"] = 3
    for loop in begun:
        with pytest.raises(RuntimeError, match="changed size during iteration"):
            copy.copy(loop)


class Advances:
    """Runs a loop on when it is unpickled."""

    loop = taken = None

    def __eq__(self, other):
        return type(other) is Advances

    def __reduce__(self):
        return advance, ()


def advance():
    """Takes an item from the loop while another one is made; once."""
    loop, Advances.loop = Advances.loop, None
    if loop is not None:
        Advances.taken = next(loop)
    return Advances()


def test_a_loop_may_run_on_while_it_is_copied():
    shared = comem.Dict(a=1, b=2, c=Advances(), d=4, e=5)
    loop = Advances.loop = iter(shared.values())
    try:
        assert next(loop) == 1
        assert list(copy.copy(loop)) == [2, Advances(), 4, 5] and Advances.taken == 2
        assert list(loop) == [Advances(), 4, 5]
        loop = Advances.loop = iter(comem.Dict(a=Advances()).items())
        assert list(copy.copy(loop)) == [("a", Advances())] and Advances.taken == ("a", Advances())
        assert list(loop) == []
    finally:
        Advances.loop = Advances.taken = None


def test_threads_may_share_an_iterator():
    shared = comem.Dict.fromkeys(range(5000))
    loop, met = iter(shared), []
    threads = [threading.Thread(target=lambda: met.extend(loop)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(met) == list(range(5000))
