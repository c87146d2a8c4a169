"""What users' programs may rely on: for mypy each line says which type it is, and run, this checks that it is so.

test_stubs.py does both.
"""

import builtins
import ctypes
import queue
import threading
import types
from typing import TYPE_CHECKING, Any, Callable, Iterator, Optional, Tuple, TypeVar, Union

import comem
from comem import managers

if TYPE_CHECKING:
    from typing_extensions import assert_type
else:
    from typing import get_args, get_origin

    def holds(value, kind):
        if kind is Any or kind is None:
            return kind is Any or value is None
        if get_origin(kind) is Union:
            return any(holds(value, one) for one in get_args(kind))
        return isinstance(value, get_origin(kind) or kind)

    def assert_type(value, kind):
        assert holds(value, kind), (value, kind)


T = TypeVar("T")


def lists() -> None:
    numbers = comem.List([1, 2, 3])
    assert_type(numbers, comem.List[int])
    assert_type(numbers[0], int)
    assert_type(numbers[1:], builtins.list[int])
    assert_type(numbers[::-1], builtins.list[int])
    assert_type(numbers.pop(), int)
    assert_type(numbers.append(3), None)
    assert_type(numbers.copy(), comem.List[int])
    assert_type(numbers + [1], builtins.list[int])
    assert_type(numbers * 2, builtins.list[int])
    assert_type(2 * numbers, builtins.list[int])
    assert_type(list(numbers), builtins.list[int])
    assert_type(sorted(numbers), builtins.list[int])
    assert_type([*reversed(numbers)], builtins.list[int])
    assert_type(iter(numbers), Iterator[int])
    assert_type(numbers.index(1), int)
    assert_type(numbers.count(1), int)
    assert_type(numbers.sort(key=lambda number: -number), None)
    assert_type(len(numbers), int)
    assert_type(1 in numbers, bool)
    assert_type(numbers == [1], bool)
    assert_type(numbers < [4], bool)
    assert_type(sum(numbers), int)
    assert_type(max(numbers), int)
    numbers += (5, 6)
    assert_type(numbers, comem.List[int])
    numbers *= 2
    assert_type(numbers, comem.List[int])
    empty: comem.List[str] = comem.List()
    assert_type(empty, comem.List[str])
    nested = comem.List([comem.List(["a"])])
    assert_type(nested[0][0], str)
    assert_type(comem.list("ab"), comem.List[str])


def dicts() -> None:
    counts = comem.Dict(a=1)
    assert_type(counts, comem.Dict[str, int])
    assert_type(comem.Dict({1: "one"}), comem.Dict[int, str])
    assert_type(comem.Dict([(1, "one")]), comem.Dict[int, str])
    assert_type(counts["a"], int)
    assert_type(counts.get("b"), Optional[int])
    assert_type(counts.get("b", 0), int)
    assert_type(counts.get("b", "none"), Union[int, str])
    assert_type(counts.setdefault("b", 2), int)
    assert_type(counts.pop("b"), int)
    assert_type(counts.pop("b", 2), int)
    assert_type(counts.pop("b", None), Optional[int])
    assert_type(counts.add("b"), int)
    assert_type(counts.popitem(), Tuple[str, int])
    assert_type(counts.update(c=3), None)
    assert_type(counts.cas("c", 3, 4), bool)
    assert_type(counts.cas("c", 4, comem.MISSING), bool)
    assert_type(counts.copy(), comem.Dict[str, int])
    assert_type(counts | {"d": 1}, builtins.dict[str, int])
    assert_type({"d": 1} | counts, builtins.dict[str, int])
    assert_type(counts | types.MappingProxyType({"d": 1}), Any)
    assert_type([*counts], builtins.list[str])
    assert_type([*counts.keys()], builtins.list[str])
    assert_type([*counts.values()], builtins.list[int])
    assert_type([*counts.items()], builtins.list[Tuple[str, int]])
    assert_type(counts.keys() & {"a"}, builtins.set[str])
    assert_type(dict(counts), builtins.dict[str, int])
    assert_type({**counts}, builtins.dict[str, int])
    assert_type("a" in counts, bool)
    counts |= {"e": 5}
    assert_type(counts, comem.Dict[str, int])
    for key, value in counts.items():
        assert_type(key, str)
        assert_type(value, int)


def values() -> None:
    assert_type(comem.Value(None, "text"), comem.Value[str])
    assert_type(comem.Value(None, "text").value, str)
    assert_type(comem.Value(ctypes.c_int, 1), comem.Value[int])
    assert_type(comem.Value(ctypes.c_double).value, float)
    counter = comem.Value("q", 1)
    assert_type(counter, comem.Value[int])
    assert_type(comem.Value("B").value, int)
    assert_type(comem.Value("d", 1), comem.Value[float])
    assert_type(comem.Value("f").add(0.5), float)
    assert_type(comem.Value("?", 1).value, Any)
    code: str = "i"
    assert_type(comem.Value(code, 1), comem.Value[Any])
    assert_type(counter.value, int)
    assert_type(counter.add(2), int)
    assert_type(counter.get(), int)
    assert_type(counter.cas(3, 4), bool)
    assert_type(counter.typecode, Optional[str])


def globals_by_name() -> None:
    words: builtins.list[str] = []
    assert_type(comem.var("words", words), comem.List[str])
    assert_type(comem.var("scores", {"a": 1}), comem.Dict[str, int])
    assert_type(comem.var("total", 0), comem.Value[int])
    assert_type(comem.var("name", "x").value, str)
    assert_type(comem.var("pair", (1, "x")).get(), Tuple[int, str])
    assert_type(comem.var("kept", comem.List([1])), comem.List[int])
    assert_type(comem.var("made", factory=lambda: ["x"]), comem.List[str])
    assert_type(comem.var("table", factory=lambda: {"x": 1.0}), comem.Dict[str, float])
    assert_type(comem.var("measured", factory=lambda: 1.5), comem.Value[float])
    assert_type(comem.var("words"), Any)
    assert_type(comem.forget("words"), None)


def of_a_manager() -> None:
    with comem.Manager() as manager:
        assert_type(manager, managers.SyncManager)
        words = manager.list(["a"])
        assert_type(words, managers.ListProxy[str])
        assert_type(words[0], str)
        assert_type(words[:], builtins.list[str])
        assert_type(words.copy(), builtins.list[str])
        assert_type(hash(words), int)
        scores = manager.dict(a=1)
        assert_type(scores, managers.DictProxy[str, int])
        assert_type(scores.keys(), builtins.list[str])
        assert_type(scores.items(), builtins.list[Tuple[str, int]])
        assert_type(scores.copy(), builtins.dict[str, int])
        assert_type(scores.get("a"), Optional[int])
        best = manager.Value("i", 1)
        assert_type(best, managers.ValueProxy[int])
        assert_type(best.value, int)
        assert_type(manager.Queue(5).qsize(), int)
        assert_type(manager.Event().is_set(), bool)
        with manager.Lock() as locked:
            assert_type(locked, bool)


def of_its_server(manager: managers.SyncManager) -> None:
    """Not run: multiprocessing says of its proxies that they are what they stand for."""
    assert_type(manager.Event(), threading.Event)
    assert_type(manager.Queue(), "queue.Queue[Any]")
    assert_type(manager.connect(), None)


def by_name(name: str) -> None:
    with comem.open(name) as store:
        assert_type(store, comem.Store)
        assert_type(store.list("lines"), comem.List[Any])
        assert_type(store.dict("words"), comem.Dict[Any, Any])
        assert_type(store.var("total", 0), comem.Value[int])
        assert_type(store.roots(), builtins.list[str])
        assert_type(store.var("pairs", {1: "one"}), comem.Dict[int, str])
        assert_type(store.var("made", factory=lambda: ["x"]), comem.List[str])
        assert_type(store["lines"], Any)
        assert_type(store.name, str)
    comem.unlink(name)


def generic(items: comem.List[T], function: Callable[[T], bool]) -> builtins.list[T]:
    return [item for item in items if function(item)]


class Jobs(comem.List[str]):
    def first(self) -> str:
        return self[0]


def with_types_of_their_own() -> None:
    assert_type(generic(comem.List([1, 2]), lambda number: number > 1), builtins.list[int])
    jobs = Jobs(["a"])
    jobs += ["b"]
    assert_type(jobs, Jobs)
    assert_type(jobs.first(), str)
    assert_type(comem.get_include(), str)
    assert_type(comem.__version__, str)


def main(name: str) -> None:
    lists()
    dicts()
    values()
    globals_by_name()
    of_a_manager()
    by_name(name)
    with_types_of_their_own()
