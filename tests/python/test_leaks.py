"""Nothing is left behind by an operation, whether it succeeds or raises: each is done some hundred times.

Counted are the interpreter's blocks of memory, the objects that its collector knows, what malloc() has given out, and
what refers to the objects that the operations are given.
"""

import copy
import ctypes
import gc
import operator
import pickle
import sys
import weakref

import pytest

import comem
from faces import managed, managed_dict, manager, native, native_dict

TIMES = 150
SLACK = TIMES // 3  # a leak is at least one each time


class Token:
    """An object that stands for itself in every container of this process, and pickles by name."""

    def __reduce__(self):
        return "TOKEN"


TOKEN = Token()
SENTINELS = [TOKEN, "a text that is not interned", 10**30, 2.5, b"some bytes", ("a", "tuple")]


class Refuser:
    """Raises when it is compared, pickled, hashed or iterated."""

    def refuse(self, *arguments):
        raise ZeroDivisionError

    __eq__ = __lt__ = __hash__ = __iter__ = __reduce__ = __call__ = __index__ = refuse


REFUSER = Refuser()


class Key:
    """A key that only Python can make canonical."""

    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        return isinstance(other, Key) and self.number == other.number

    def __hash__(self):
        return hash(self.number)


class Sub(comem.List):
    def __init__(self, *items):
        super().__init__(items)
        self.me = self


class SubDict(comem.Dict):
    def __missing__(self, key):
        return key


def failing(iterable):
    yield from iterable
    raise ZeroDivisionError


def fails(act, *arguments, **options):
    """The act raises; the exception and its traceback go."""
    try:
        act(*arguments, **options)
    except Exception:
        return
    raise AssertionError("it did not raise")


def tries(act, *arguments):
    """The act raises or not."""
    try:
        act(*arguments)
    except Exception:
        pass


class Mallinfo2(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    ]


try:
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = Mallinfo2
except AttributeError:  # before glibc 2.33
    mallinfo2 = Mallinfo2


def count():
    gc.collect()
    malloc = mallinfo2()
    return (
        sys.getallocatedblocks(),
        len(gc.get_objects()),
        (malloc.uordblks + malloc.hblkhd) // 16,  # the engine's memory, and what is large
        *map(sys.getrefcount, SENTINELS),
    )


def assert_no_leak(act, target):
    for _ in range(TIMES // 4):
        act(target)
    for _ in range(10):  # caches fill, freelists too; a leak goes on
        before = count()
        for _ in range(TIMES):
            act(target)
        more = [now - then for now, then in zip(count(), before)]
        if max(more) < SLACK:
            return
    assert max(more) < SLACK, more


# ---- lists -----------------------------------------------------------------------------------------------------------

LIST_ACTS = {
    "append pop": lambda s: (s.append(TOKEN), s.pop()),
    "append every kind": lambda s: [s.append(item) or s.pop() for item in SENTINELS],
    "append object": lambda s: (s.append(Key(1)), s.pop()),
    "append list": lambda s: (s.append([1, ["x"]]), s.pop()),
    "append itself": lambda s: (s.append(s), s.pop()),
    "append refused": lambda s: fails(s.append, REFUSER),
    "extend": lambda s: (s.extend(SENTINELS), s.__delitem__(slice(-len(SENTINELS), None))),
    "extend iterator": lambda s: (s.extend(iter(SENTINELS)), s.__delitem__(slice(-len(SENTINELS), None))),
    "extend itself": lambda s: (s.extend(s), s.__delitem__(slice(len(s) // 2, None))),
    "extend failing": lambda s: fails(s.extend, failing(SENTINELS)),
    "extend refused": lambda s: fails(s.extend, [1, REFUSER]),
    "extend no iterable": lambda s: fails(s.extend, 1),
    "insert pop": lambda s: (s.insert(1, TOKEN), s.pop(1)),
    "insert refused": lambda s: (fails(s.insert, 1, REFUSER), fails(s.insert, REFUSER, 1), fails(s.insert, 1)),
    "pop none": lambda s: (fails(s.pop, 1000), fails(s.pop, "x"), fails(s.pop, 1, 2)),
    "get": lambda s: [s[i] for i in range(-len(s), len(s))],
    "get none": lambda s: (fails(operator.getitem, s, 1000), fails(operator.getitem, s, "x")),
    "set": lambda s: (operator.setitem(s, 0, TOKEN), operator.setitem(s, 0, 1)),
    "set refused": lambda s: (fails(operator.setitem, s, 0, REFUSER), fails(operator.setitem, s, 1000, 1)),
    "del": lambda s: (s.insert(0, TOKEN), operator.delitem(s, 0)),
    "del none": lambda s: (fails(operator.delitem, s, 1000), fails(operator.delitem, s, REFUSER)),
    "slice": lambda s: (s[:], s[1:3], s[::-2]),
    "slice refused": lambda s: (
        fails(operator.getitem, s, slice(None, None, 0)),
        fails(operator.getitem, s, slice("x")),
    ),
    "assign slice": lambda s: (
        operator.setitem(s, slice(1, 1), SENTINELS),
        operator.delitem(s, slice(1, 1 + len(SENTINELS))),
    ),
    "assign refused": lambda s: (
        fails(operator.setitem, s, slice(1), failing([1])),
        fails(operator.setitem, s, slice(None, None, 2), [1]),
        fails(operator.setitem, s, slice(1), 5),
        fails(operator.setitem, s, slice(1), [REFUSER]),
    ),
    "find": lambda s: (TOKEN in s, s.index(TOKEN), s.count(TOKEN), s.count(Key(1))),
    "find none": lambda s: (
        fails(s.index, "none"),
        fails(s.remove, "none"),
        fails(s.index, REFUSER),
        fails(s.count, REFUSER),
    ),
    "remove": lambda s: (s.append("last"), s.remove("last")),
    "reverse": lambda s: s.reverse(),
    "sort": lambda s: (s.sort(key=str), s.sort(key=id, reverse=True)),
    "sort refused": lambda s: (fails(s.sort), fails(s.sort, key=REFUSER), fails(s.sort, 1), fails(s.sort, no=1)),
    "sort lost": lambda s: fails(s.sort, key=lambda item: (s.append(1), s.pop(), 0)[-1]) if len(s) > 50 else None,
    "clear": lambda s: (s.clear(), s.extend([1, TOKEN, "x"])),
    "add": lambda s: (
        s + [TOKEN],
        s + s,
        tries(operator.add, [TOKEN], s),
        fails(operator.add, s, 1),
        fails(operator.add, 1, s),
    ),
    "multiply": lambda s: (s * 2, 3 * s, s * -1, fails(operator.mul, s, "x")),
    "in place": lambda s: (operator.iadd(s, [TOKEN]), s.pop(), operator.imul(s, 1), fails(operator.iadd, s, 1)),
    "compare": lambda s: (s == s[:], s != [1], fails(operator.lt, s, 1), s == REFUSER.__class__),
    "compare refused": lambda s: fails(operator.eq, s, [REFUSER] * len(s)),
    "loop": lambda s: [item for item in s],
    "loop broken off": lambda s: next(iter(s)),
    "loop backwards": lambda s: (list(reversed(s)), next(reversed(s))),
    "iterators": lambda s: [
        (copy.copy(i), i.__reduce__(), i.__length_hint__(), i.__setstate__(1), fails(i.__setstate__, "x"))
        for i in (iter(s), reversed(s))
    ],
    "pickle": lambda s: pickle.loads(pickle.dumps(s)),
    "pickle iterator": lambda s: list(pickle.loads(pickle.dumps(iter(s)))),
    "copy": lambda s: (s.copy(), copy.copy(s), copy.deepcopy(s)),
    "text": lambda s: (repr(s), str(s), format(s), fails(format, s, "x")),
    "html": lambda s: (s._repr_html_(), fails(s._repr_pretty_, None, False), fails(s._repr_pretty_, None)),
    "size": lambda s: (sys.getsizeof(s), len(s), bool(s)),
    "names": lambda s: (dir(s), type(s)[int], fails(getattr, s, "none"), s.__doc__),
    "hash": lambda s: fails(hash, s) if type(s) is comem.List else hash(s),
    "weak": lambda s: weakref.ref(s),
    "made": lambda s: (comem.List(SENTINELS), comem.List(s), comem.List(), comem.List([[1], {"a": [2]}])),
    "made refused": lambda s: (
        fails(comem.List, 1),
        fails(comem.List, failing([1])),
        fails(comem.List, [REFUSER]),
        fails(comem.List, 1, 2),
    ),
    "initialised again": lambda s: (comem.List([TOKEN]).__init__([1]), fails(comem.List([TOKEN]).__init__, 1)),
    "cycle": lambda s: (lambda own: own.append(own))(comem.List()),
    "subclass": lambda s: (Sub(1, TOKEN), copy.copy(Sub(1)), copy.deepcopy(Sub(1)), pickle.loads(pickle.dumps(Sub(1)))),
    "subclass refused": lambda s: (fails(Sub, REFUSER), fails(setattr, s, "x", 1) if type(s) is comem.List else None),
}

# ---- dicts -----------------------------------------------------------------------------------------------------------

DICT_ACTS = {
    "set del": lambda s: (operator.setitem(s, "new", TOKEN), operator.delitem(s, "new")),
    "every kind": lambda s: [(operator.setitem(s, "new", item), s.pop("new")) for item in SENTINELS],
    "every kind of key": lambda s: [
        (operator.setitem(s, key, 1), s.pop(key)) for key in [*SENTINELS[1:], Key(5), (1, (2,))]
    ],
    "keys read": lambda s: (operator.setitem(s, Key(5), TOKEN), list(s), s.pop(Key(5))),
    "set refused": lambda s: (
        fails(operator.setitem, s, "new", REFUSER),
        fails(operator.setitem, s, [], 1),
        fails(operator.setitem, s, REFUSER, 1),
        fails(operator.setitem, s, object(), 1),
    ),
    "set shared": lambda s: (operator.setitem(s, "me", s), s.pop("me")),
    "set list": lambda s: (operator.setitem(s, "new", [1, {"a": 2}]), s.pop("new")),
    "get": lambda s: (s["a"], s.get("a"), s.get("none"), s.get("none", TOKEN), "a" in s, "none" in s),
    "get none": lambda s: (
        fails(operator.getitem, s, "none"),
        fails(operator.getitem, s, []),
        fails(s.get),
        fails(s.get, []),
    ),
    "del none": lambda s: (fails(operator.delitem, s, "none"), fails(operator.delitem, s, REFUSER)),
    "setdefault": lambda s: (
        s.setdefault("a", TOKEN),
        s.setdefault("new", TOKEN),
        s.pop("new"),
        fails(s.setdefault, []),
    ),
    "pop": lambda s: (s.pop("none", TOKEN), fails(s.pop, "none"), fails(s.pop, []), fails(s.pop)),
    "popitem": lambda s: s.update([s.popitem()]),
    "popitem none": lambda s: fails(type(s).popitem, comem.Dict() if type(s) is comem.Dict else EMPTY),
    "update": lambda s: (s.update(new=TOKEN), s.update({"new": 1}), s.update([("new", 2)]), s.update(s), s.pop("new")),
    "update refused": lambda s: (
        fails(s.update, 1),
        fails(s.update, [1]),
        fails(s.update, failing([("a", 1)])),
        fails(s.update, {"a": REFUSER}),
        fails(s.update, {}, {}),
        fails(s.update, [([], 1)]),
    ),
    "in place": lambda s: (operator.ior(s, {"new": TOKEN}), s.pop("new"), fails(operator.ior, s, 1)),
    "merge": lambda s: (s | {"new": TOKEN}, {"new": TOKEN} | s, s | s, fails(operator.or_, s, 1)),
    "clear": lambda s: (s.clear(), s.update(a=1, b=TOKEN, c="x")),
    "add": lambda s: (
        s.add("n"),
        s.add("n", 2.5),
        s.pop("n"),
        fails(s.add, "b"),
        fails(s.add, "n", REFUSER),
        s.pop("n", 0),
    ),
    "cas": lambda s: (
        s.cas("a", 0, 1),
        s.cas("n", comem.MISSING, TOKEN),
        s.cas("n", TOKEN, comem.MISSING),
        fails(s.cas, "a"),
        fails(s.cas, "a", REFUSER, 1),
    ),
    "update_if": lambda s: (
        s.update_if("a", lambda old: comem.KEEP),
        s.update_if("n", lambda old: TOKEN),
        s.update_if("n", lambda old: comem.MISSING),
        fails(s.update_if, "a", REFUSER),
    ),
    "loop": lambda s: ([key for key in s], list(reversed(s)), next(iter(s))),
    "loop resized": lambda s: [(operator.setitem(s, "new", 1), fails(next, i), s.pop("new")) for i in [iter(s)]],
    "parts": lambda s: (list(s.keys()), list(s.values()), list(s.items())),
    "iterators": lambda s: [
        (next(i), copy.copy(i), i.__reduce__(), i.__length_hint__(), list(i), copy.copy(i))
        for i in (iter(s), reversed(s), iter(s.items()), iter(s.values()))
    ],
    "unpacked": lambda s: (
        {**s, "x": 1},
        dict(s),
        (lambda **values: values)(**{k: v for k, v in s.items() if type(k) is str}),
    ),
    "compare": lambda s: (s == s.copy(), s == {}, s != 1, fails(operator.lt, s, s)),
    "compare refused": lambda s: fails(operator.eq, s, {key: REFUSER for key in s}),
    "pickle": lambda s: pickle.loads(pickle.dumps(s)),
    "copy": lambda s: (s.copy(), copy.copy(s), copy.deepcopy(s)),
    "text": lambda s: (repr(s), str(s), format(s), fails(format, s, "x")),
    "html": lambda s: (s._repr_html_(), fails(s._repr_pretty_, None, False)),
    "size": lambda s: (sys.getsizeof(s), len(s), bool(s)),
    "names": lambda s: (dir(s), type(s)[str, int], fails(getattr, s, "none")),
    "weak": lambda s: weakref.ref(s),
    "fromkeys": lambda s: (
        s.fromkeys("ab", TOKEN),
        type(s).fromkeys(["a"]),
        fails(s.fromkeys, 1),
        fails(s.fromkeys, [[]]),
    ),
    "made": lambda s: (comem.Dict(a=TOKEN), comem.Dict(s), comem.Dict([("a", 1)], b=[1, [2]])),
    "made refused": lambda s: (
        fails(comem.Dict, 1),
        fails(comem.Dict, {}, {}),
        fails(comem.Dict, a=REFUSER),
        fails(comem.Dict, [1]),
    ),
    "subclass": lambda s: (SubDict(a=1)["none"], copy.copy(SubDict(a=1)), SubDict.fromkeys("a")),
}

VIEW_ACTS = {
    "made": lambda d: (d.keys(), d.values(), d.items()),
    "read": lambda d: (list(d.keys()), list(reversed(d.values())), len(d.items()), repr(d.items()), d.keys().mapping),
    "in": lambda d: ("a" in d.keys(), ("a", 1) in d.items(), 1 in d.values(), (1, 2, 3) in d.items(), fails([].__eq__)),
    "in refused": lambda d: (
        fails(operator.contains, d.keys(), []),
        fails(operator.contains, d.items(), ([], 1)),
        fails(operator.contains, d.items(), ("a", REFUSER)),
    ),
    "sets": lambda d: (d.keys() & {"a"}, d.keys() | {"z"}, d.items() - {("a", 1)}, d.keys() ^ ["a"], {"a"} - d.keys()),
    "sets refused": lambda d: (fails(operator.and_, d.keys(), 1), fails(operator.or_, d.keys(), [REFUSER])),
    "compare": lambda d: (
        d.keys() == {"a"},
        d.keys() <= d.keys(),
        d.items() > {("a", 1)},
        fails(operator.lt, d.keys(), 1),
    ),
    "isdisjoint": lambda d: (d.keys().isdisjoint("xyz"), fails(d.keys().isdisjoint, 1)),
    "refused": lambda d: (fails(hash, d.keys()), fails(pickle.dumps, d.values()), fails(type(d.keys()))),
}

VALUE_ACTS = {
    "set": lambda v: (v.set(TOKEN), v.get(), setattr(v, "value", 5), v.value, v.add(2), v.set(1)),
    "refused": lambda v: (fails(v.set, REFUSER), fails(setattr, v, "value", REFUSER), fails(v.set)),
    "shown": lambda v: (repr(v), str(v), hash(v), v == v, sys.getsizeof(v), pickle.loads(pickle.dumps(v))),
    "made": lambda v: (
        comem.Value(None, TOKEN),
        comem.Value("i", 5),
        fails(comem.Value, "i", "x"),
        fails(comem.Value, "none", 1),
    ),
}


class Unreadable:
    """Its objects can be stored, and not be read."""

    readable = True

    def __setstate__(self, state):
        if not Unreadable.readable:
            raise ValueError("no")

    @staticmethod
    def make():
        made = Unreadable()
        made.state = 1
        return made


UNREADABLE_ACTS = {
    "list": lambda l, d: (
        fails(l.pop),
        fails(operator.getitem, l, 0),
        fails(list, l),
        tries(l.copy),
        fails(operator.eq, l, [1]),
        repr(l),
        l._repr_html_(),
        fails(lambda: l[:]),
        fails(next, iter(l)),
    ),
    "dict": lambda l, d: (
        fails(d.pop, "a"),
        fails(operator.getitem, d, "a"),
        fails(lambda: list(d.values())),
        fails(d.popitem),
        repr(d),
        d._repr_html_(),
        fails(dict, d),
        fails(lambda: copy.copy(iter(d.values()))),
        fails(d.cas, "a", 1, 2),
        fails(d.get, "a"),
        fails(d.setdefault, "a"),
    ),
}


def gone():
    own = comem.Manager()
    made = own.list([TOKEN]), own.dict(a=TOKEN), own.Value("i", 1)
    own.shutdown()
    return made


GONE_ACTS = {
    "list": lambda l, d, v: (
        fails(len, l),
        fails(l.append, 1),
        fails(list, l),
        fails(lambda: l[0]),
        repr(l),
        str(l),
        hash(l),
        fails(pickle.dumps, l),
        l._repr_html_(),
        sys.getsizeof(l),
        fails(copy.deepcopy, l),
        fails(l.sort),
    ),
    "dict": lambda l, d, v: (
        fails(len, d),
        fails(d.get, 1),
        fails(list, d),
        fails(lambda: d["a"]),
        repr(d),
        str(d),
        hash(d),
        fails(d.update, a=1),
        fails(d.keys),
        fails(d.popitem),
        d._repr_html_(),
    ),
    "value": lambda l, d, v: (fails(v.get), fails(v.set, 1), fails(getattr, v, "value"), repr(v), str(v)),
    "made": lambda l, d, v: gone(),
}

EMPTY = None


@pytest.fixture(scope="module", autouse=True)
def empty():
    global EMPTY
    EMPTY = manager().dict()
    gc.collect()
    gc.freeze()  # what is there already is looked at no more, which makes a collection quick
    yield
    gc.unfreeze()


@pytest.mark.parametrize("make", [native, managed])
@pytest.mark.parametrize("act", LIST_ACTS)
def test_an_operation_of_a_list_leaves_nothing(make, act):
    assert_no_leak(LIST_ACTS[act], make([*SENTINELS, Key(1), [1, [2]]]))


@pytest.mark.parametrize("make", [native_dict, managed_dict])
@pytest.mark.parametrize("act", DICT_ACTS)
def test_an_operation_of_a_dict_leaves_nothing(make, act):
    assert_no_leak(DICT_ACTS[act], make(a=1, b=TOKEN, c=[1, {"x": 2}], d="text"))


@pytest.mark.parametrize("act", VIEW_ACTS)
def test_an_operation_of_a_view_leaves_nothing(act):
    assert_no_leak(VIEW_ACTS[act], comem.Dict(a=1, b=TOKEN))


@pytest.mark.parametrize(
    "make", [lambda: comem.Value(None, 1), lambda: manager().Value("i", 1)], ids=["native", "managed"]
)
@pytest.mark.parametrize("act", VALUE_ACTS)
def test_an_operation_of_a_value_leaves_nothing(make, act):
    assert_no_leak(VALUE_ACTS[act], make())


@pytest.mark.parametrize("faces", [(native, native_dict), (managed, managed_dict)], ids=["native", "managed"])
@pytest.mark.parametrize("act", UNREADABLE_ACTS)
def test_what_cannot_be_unpickled_leaves_nothing(faces, act, monkeypatch):
    shared = faces[0]([Unreadable.make()]), faces[1](a=Unreadable.make())
    monkeypatch.setattr(Unreadable, "readable", False)
    assert_no_leak(lambda both: UNREADABLE_ACTS[act](*both), shared)


@pytest.mark.parametrize("act", GONE_ACTS)
def test_what_was_shut_down_leaves_nothing(act):
    assert_no_leak(lambda all_of_them: GONE_ACTS[act](*all_of_them), gone())


def test_a_leak_would_be_seen():
    kept = []
    with pytest.raises(AssertionError):
        assert_no_leak(lambda shared: kept.append(shared[:]), comem.List([1]))
    with pytest.raises(AssertionError):
        assert_no_leak(lambda shared: kept.append(TOKEN), None)
