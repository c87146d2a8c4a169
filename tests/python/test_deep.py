"""Sharing all the way down: plain lists and dicts put into something deep become shared ones."""

import collections
import copy

import pytest
from conftest import Child

import comem


def deep_manager():
    manager = comem.Manager(deep=True)
    return manager.list, manager.dict


@pytest.fixture(params=["native", "manager"])
def deep(request):
    """The two constructors of a kind that shares all the way down."""
    return (comem.List, comem.Dict) if request.param == "native" else deep_manager()


def is_shared(value):
    return isinstance(value, (comem.List, comem.Dict))


def plain(value, seen=()):
    """What a shared object holds, all the way down."""
    if isinstance(value, comem.List):
        return [plain(item) for item in value]
    if isinstance(value, comem.Dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def test_two_processes_append_to_what_is_two_dicts_down(deep):
    _, make = deep
    shared = make({"a": {"b": []}})

    def work(number):
        for i in range(500):
            shared["a"]["b"].append((number, i))

    children = [Child(work, number) for number in range(2)]
    for child in children:
        child.result()
    assert sorted(shared["a"]["b"]) == [(number, i) for number in range(2) for i in range(500)]


def test_every_way_in_shares(deep):
    make_list, make_dict = deep
    value = [1, [2, {"k": [3]}]]
    lists, dicts = make_list([0]), make_dict()
    lists.append(value)
    lists.insert(0, value)
    lists[1] = value
    lists.extend([value, 5])
    lists.extend(iter([value]))
    lists += (value,)
    lists[2:2] = [value]
    lists[::7] = [value] * len(range(0, len(lists), 7))
    assert plain(lists) == [value, value, value, value, value, 5, value, value]
    dicts["a"] = value
    dicts.update({"b": value}, c=value)
    dicts |= {"d": value}
    assert dicts.setdefault("e", value)[1][1]["k"] == [3]
    assert dicts.update_if("f", lambda old: value) is not None
    assert dicts.cas("g", comem.MISSING, value)
    assert plain(dicts) == dict.fromkeys("abcdefg", value)
    made = make_list([value]), make_dict({"k": value}), make_dict(k=value)
    assert plain(made[0]) == [value] and plain(made[1]) == plain(made[2]) == {"k": value}
    for outer in (*(item for item in lists if item != 5), *dicts.values(), made[0][0], made[1]["k"], made[2]["k"]):
        assert is_shared(outer) and is_shared(outer[1]) and is_shared(outer[1][1]) and is_shared(outer[1][1]["k"])
        outer[1][1]["k"].append(4)
        assert outer[1][1]["k"][-1] == 4
    assert value == [1, [2, {"k": [3]}]]


def test_what_is_met_twice_in_one_call_is_one_shared_object(deep):
    make_list, make_dict = deep
    inner = [1]
    shared = make_list([inner, {"k": inner}])
    shared[0].append(2)
    assert shared[1]["k"] == [1, 2]
    shared.extend([inner, [inner]])
    shared[2].append(3)
    assert shared[3][0] == [1, 3] and shared[0] == [1, 2] and inner == [1]
    table = make_dict(a=inner, b=inner, c=(inner,))
    table["a"].append(4)
    assert table["b"] == [1, 4] and table["c"] == ([1],)
    table.update({"d": inner}, e=inner)
    table["d"].append(5)
    assert table["e"] == [1, 5]


def test_what_contains_itself_is_shared_so(deep):
    make_list, make_dict = deep
    ring = [1]
    ring.append(ring)
    shared = make_list([ring])
    shared[0][1][1].append(2)
    assert shared[0][2] == 2 and len(shared[0]) == 3
    table = {"list": []}
    table["list"].append(table)
    shared = make_dict(table=table)
    shared["table"]["list"][0]["new"] = 3
    assert shared["table"]["new"] == 3
    shared["table"].clear()


def test_what_stands_in_tuples_and_objects_is_a_value(deep):
    make_list, _ = deep
    shared = make_list([([1], {"a": [2]}), collections.OrderedDict(a=[3]), frozenset({1})])
    assert type(shared[0][0]) is list and type(shared[0][1]) is dict
    assert type(shared[1]) is collections.OrderedDict and type(shared[1]["a"]) is list
    shared[0][0].append(9)
    assert shared[0] == ([1], {"a": [2]})


class SubList(list):
    pass


class SubDict(dict):
    pass


def test_subclasses_of_list_and_dict_are_values(deep):
    make_list, _ = deep
    shared = make_list([SubList([1]), SubDict(a=1)])
    assert type(shared[0]) is SubList and type(shared[1]) is SubDict


def test_a_set_is_refused_where_it_would_be_a_copy(deep):
    make_list, make_dict = deep
    shared, table = make_list(), make_dict()
    for act in (
        lambda: shared.append({1}),
        lambda: shared.append([{1}]),
        lambda: shared.append({"a": [{1}]}),
        lambda: shared.extend([1, {1}]),
        lambda: table.update(a={1}),
        lambda: table.setdefault("a", {1}),
        lambda: make_list([{1}]),
    ):
        with pytest.raises(TypeError, match="'set'.*shares all the way down.*frozenset, or a dict with"):
            act()
    assert shared == [] and len(table) == 0
    shared.append(({1}, frozenset({1})))
    assert shared[0] == ({1}, frozenset({1}))


def test_a_part_that_cannot_be_stored_changes_nothing(deep):
    make_list, _ = deep
    shared = make_list([1])
    with pytest.raises(TypeError, match="function"):
        shared.append([[1, [2, lambda: None]]])
    assert shared == [1]


def test_what_becomes_shared_is_like_what_it_is_put_into():
    native, manager = comem.List([[1], {"a": [2]}]), comem.Manager(deep=True)
    assert type(native[0]) is comem.List and type(native[1]) is comem.Dict and type(native[1]["a"]) is comem.List
    proxied = manager.list([[1], {"a": [2]}])
    assert type(proxied[0]) is comem.managers.ListProxy and type(proxied[1]) is comem.managers.DictProxy
    inner = proxied[1]["a"]
    manager.shutdown()
    with pytest.raises(comem.GoneError):
        inner.append(1)


def test_a_deep_manager_without_pickle_is_so_all_the_way_down():
    shared = comem.Manager(deep=True, pickle=False).list([[1]])
    with pytest.raises(TypeError, match="pickle=False"):
        shared[0].append(SubList([1]))
    with pytest.raises(TypeError, match="pickle=False"):
        shared.append([[SubList([1])]])


def test_a_shallow_manager_keeps_values():
    manager = comem.Manager()
    shared = manager.list([[1], {"a": [2]}, {3}])
    assert [type(item) for item in shared] == [list, dict, set]
    shared[0].append(2)
    assert shared[0] == [1]
    nested = manager.dict(a=manager.dict(b=manager.list()))
    nested["a"]["b"].append([1])
    assert nested["a"]["b"] == [[1]] and type(nested["a"]["b"][0]) is list


def test_values_of_a_shallow_one_become_shared_in_a_deep_one():
    shallow, deep = comem.Manager().list([[1], {"a": [2]}]), comem.List()
    deep.extend(shallow)
    deep += shallow
    assert all(is_shared(item) for item in deep)
    deep[1]["a"].append(3)
    assert deep[1]["a"] == [2, 3] and deep[3]["a"] == [2] and shallow[1] == {"a": [2]}


def test_deepcopy_makes_shared_objects_all_the_way_down():
    shared = comem.List([[1, [2]], {"a": [3]}])
    other = copy.deepcopy(shared)
    other[0][1].append(4)
    other[1]["a"].append(5)
    assert plain(shared) == [[1, [2]], {"a": [3]}] and plain(other) == [[1, [2, 4]], {"a": [3, 5]}]


def test_very_deep_nesting_is_a_recursion_error_and_changes_nothing():
    value = []
    for _ in range(100000):
        value = [value]
    shared = comem.List([1])
    with pytest.raises(RecursionError):
        shared.append(value)
    assert shared == [1]


def test_wide_and_deep_nesting_is_shared_whole():
    value = [[{"n": [i, [j]]} for j in range(10)] for i in range(100)]
    shared = comem.List(value)
    assert plain(shared) == value
    assert shared[50][5]["n"][1] == [5] and is_shared(shared[50][5]["n"][1])
