"""A shared dict where programs have a dict: what the built-in one can do, a shared one does, in both faces."""

import collections
import importlib
import math
import operator
import pickle
import threading
import types
from unittest import mock

import pytest

import comem
from faces import DICT_FACES, managed_dict, outcome


@pytest.fixture(params=DICT_FACES, ids=lambda face: face.__name__)
def face(request):
    return request.param


# ---- fromkeys --------------------------------------------------------------------------------------------------------


class Unwilling:
    """An iterable that raises when it is read."""

    def __iter__(self):
        return self

    def __next__(self):
        raise ZeroDivisionError


def test_fromkeys_takes_what_the_built_in_takes(face):
    for arguments in (("abc",), ("aba", 1), ([],), (iter([1, 1.0, 2]), "x"), ({"k": 1},), (face(k=1), None)):
        if hasattr(arguments[0], "__next__"):
            arguments = ([*arguments[0]], *arguments[1:])
        made, expected = face().fromkeys(*arguments), dict.fromkeys(*arguments)
        assert made == expected and list(made) == list(expected)
        assert type(made) is (dict if face is managed_dict else comem.Dict)
    for arguments in ((), (1,), (None,), ([[]],), ("a", 1, 2), (Unwilling(),)):
        assert outcome(lambda target: target.fromkeys(*arguments), face()) == outcome(
            lambda target: target.fromkeys(*arguments), {}
        )


def test_fromkeys_makes_what_the_class_makes():
    class Mine(comem.Dict):
        pass

    class Counted(comem.Dict):
        def __setitem__(self, key, value):
            super().__setitem__(key, [value, len(self)])

    class Elsewhere(comem.Dict):
        def __new__(cls):
            return collections.UserDict()

    class Unmade(comem.Dict):
        def __init__(self):
            raise ZeroDivisionError

    assert type(Mine.fromkeys("ab")) is type(Mine().fromkeys("ab")) is Mine
    assert Mine.fromkeys("ab", 1) == {"a": 1, "b": 1}
    assert Counted.fromkeys("abb", "x") == {"a": ["x", 0], "b": ["x", 2]}
    made = Elsewhere.fromkeys("ab")
    assert type(made) is collections.UserDict and made == {"a": None, "b": None}
    for cls in (Unmade, Mine, Counted):
        with pytest.raises(ZeroDivisionError):
            cls.fromkeys(Unwilling())


def test_the_value_of_fromkeys_is_one_for_all_keys():
    made = comem.Dict.fromkeys("ab", [])
    made["a"].append(1)
    assert made["b"] == [1]


def test_fromkeys_in_a_main_module_that_a_child_imports_stores_nothing_and_raises_nothing(program):
    out = program(
        "spawn",
        """
        class Mine(comem.Dict):
            def __setitem__(self, key, value):
                super().__setitem__(key, value)

        made = [comem.Dict.fromkeys("ab"), Mine.fromkeys("ab")]

        def work(queue):
            for one in made:
                try:
                    queue.put(len(one))
                except RuntimeError as error:
                    queue.put("comem.var" in str(error))

        if __name__ == "__main__":
            queue = context.SimpleQueue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            print(queue.get(), queue.get(), *made)
            process.join()
        """,
    )
    assert out == "True True Dict({'a': None, 'b': None}) Mine({'a': None, 'b': None})\n"


# ---- sources that raise ----------------------------------------------------------------------------------------------


class Source:
    """A mapping that is no dict; what it is told to raises."""

    def __init__(self, raises):
        self.raises = raises

    def keys(self):
        if self.raises == "keys":
            raise ZeroDivisionError
        yield "b"
        if self.raises == "next":
            raise ZeroDivisionError

    def __getitem__(self, key):
        if self.raises == "getitem":
            raise ZeroDivisionError
        return [] if self.raises == "nothing" else threading.Lock()


@pytest.mark.parametrize("raises", ["keys", "next", "getitem", "store", "nothing"])
def test_a_mapping_that_raises_stores_nothing(face, raises):
    error = {"store": TypeError, "nothing": None}.get(raises, ZeroDivisionError)
    shared = face(a=1)
    for act in (
        lambda: shared.update(Source(raises)),
        lambda: shared.update(Source(raises), c=3),
        lambda: operator.ior(shared, Source(raises)),
        lambda: face(Source(raises)),
    ):
        if error is None:
            act()
        else:
            with pytest.raises(error):
                act()
    assert shared == ({"a": 1} if error else {"a": 1, "b": [], "c": 3})


# ---- | and == --------------------------------------------------------------------------------------------------------


class Sorted(collections.UserDict):
    """A mapping that is no dict."""


def beside(other):
    """What stands beside a dict in | and ==, fresh for each use."""
    return {
        "dict": lambda: {"b": 3, "c": 4},
        "native": lambda: comem.Dict(b=3, c=4),
        "managed": lambda: managed_dict(b=3, c=4),
        "ordered": lambda: collections.OrderedDict(b=3, c=4),
        "counter": lambda: collections.Counter(b=3, c=4),
        "default": lambda: collections.defaultdict(int, b=3, c=4),
        "user": lambda: Sorted(b=3, c=4),
        "chain": lambda: collections.ChainMap({"b": 3}, {"c": 4}),
        "proxy": lambda: types.MappingProxyType({"b": 3, "c": 4}),
        "shared proxy": lambda: types.MappingProxyType(comem.Dict(b=3, c=4)),
    }[other]()


OTHERS = ["dict", "native", "managed", "ordered", "counter", "default", "user", "chain", "proxy", "shared proxy"]


@pytest.mark.parametrize("other", OTHERS)
def test_a_merge_gives_what_it_gives_beside_a_built_in_dict(face, other):
    plain, shared = {"a": 1, "b": 2}, face(a=1, b=2)
    decides = other in ("user", "chain")  # by its own |, which gives one of its kind
    for merge in (lambda target: target | beside(other), lambda target: beside(other) | target):
        expected, seen = merge(plain), merge(shared)
        assert dict(seen) == dict(expected) and list(seen) == list(expected)
        assert type(seen) is (type(expected) if decides else dict)
    assert shared.copy() == plain
    shared |= beside(other)
    plain.update(beside(other))
    assert shared.copy() == plain and list(shared) == list(plain)


def test_an_ordered_dict_is_merged_in_its_order(face):
    ordered = collections.OrderedDict(a=1, b=2)
    ordered.move_to_end("a")
    assert list(ordered | face(c=3)) == ["b", "a", "c"] and list(face(c=3) | ordered) == ["c", "b", "a"]


@pytest.mark.parametrize("other", [[("a", 1)], 1, None, {"a"}, "ab", object()], ids=lambda other: type(other).__name__)
def test_what_is_no_mapping_is_not_merged(face, other):
    for merge in (lambda: face(a=1) | other, lambda: other | face(a=1)):
        with pytest.raises(TypeError, match="unsupported operand type"):
            merge()
    assert face(a=1).__or__(other) is NotImplemented


SOURCES = [{"b": 3}, [("b", 3)], ["bc"], (), b"", "", {"bc"}, Sorted(b=3), comem.Dict(b=3)]
SOURCES += [["abc"], [("b",)], [1], "ab", 1, None]


@pytest.mark.parametrize("source", SOURCES, ids=repr)
def test_merging_in_place_takes_what_update_takes_and_raises_what_it_raises(face, source):
    shared, plain = face(a=1), {"a": 1}
    seen, expected = (outcome(lambda target: target.__ior__(source) is target, target) for target in (shared, plain))
    assert seen == expected and shared.copy() == plain
    same = shared
    same |= iter([("c", 4)])
    assert same is shared and shared["c"] == 4


@pytest.mark.parametrize("other", OTHERS)
def test_it_equals_every_mapping_of_the_same_content(face, other):
    for shared in (face(b=3, c=4), face(c=4, b=3.0)):
        assert shared == beside(other) and beside(other) == shared
        assert not shared != beside(other) and not beside(other) != shared
    for shared in (face(), face(b=3), face(b=3, c=5), face(b=3, d=4), face(b=3, c=4, d=5)):
        assert shared != beside(other) and beside(other) != shared
        assert not shared == beside(other) and not beside(other) == shared


class Table:
    """As a table of numbers: it has keys(), and compares and merges in a way of its own."""

    def keys(self):
        return ["a"]

    def __eq__(self, other):
        return ["equal", type(other)]

    def __ne__(self, other):
        return ["unequal", type(other)]

    def __or__(self, other):
        return ["left", type(other)]

    def __ror__(self, other):
        return ["right", type(other)]


def test_a_mapping_with_ways_of_its_own_decides_what_comes_out(face):
    for target in (face(a=1), {"a": 1}):
        assert (target == Table()) == ["equal", dict] and (target != Table()) == ["unequal", dict]
        assert (target | Table()) == ["right", dict] and (Table() | target)[0] == "left"
        assert (Table() == target)[0] == "equal" and (Table() != target)[0] == "unequal"


def test_what_is_no_mapping_is_unequal_and_dicts_have_no_order(face):
    shared = face(a=1)
    for other in ([("a", 1)], 1, None, {"a"}, {("a", 1)}, "a", object()):
        assert shared != other and other != shared and not shared == other
        assert shared.__eq__(other) is shared.__ne__(other) is NotImplemented
    for other in (shared, face(a=1), {"a": 1}, Sorted(a=1), 1):
        for compare in (operator.lt, operator.le, operator.gt, operator.ge):
            for act in (lambda: compare(shared, other), lambda: compare(other, shared)):
                with pytest.raises(TypeError, match="not supported between instances"):
                    act()
    assert shared == mock.ANY and mock.ANY == shared


def test_a_nan_in_a_dict_is_another_one_in_each_copy(face):
    shared = face(nan=math.nan)
    assert shared == shared and shared != {"nan": math.nan} and shared != face(shared)
    other = pickle.loads(pickle.dumps(shared))  # another handle of the same dict
    assert shared == other and not shared != other


# ---- where programs have a dict --------------------------------------------------------------------------------------

# Each is evaluated with a built-in dict and with a shared one as `d`, and gives or raises the same.
PROGRAMS = """
dict(d), {**d}, [*d], tuple(d), set(d), sorted(d), list(reversed(d)), len(d), bool(d), max(d), [k for k in d]
{k: v for k, v in d.items()}, dict(zip(d, d.values())), dict.fromkeys(d, 0), (lambda **names: names)(**d)
'%(a)s and %(b)s' % d, '{a} and {b}'.format(**d), '{a:>3}'.format_map(d), '{0[a]} {0[b]}'.format(d)
'{nobody}'.format_map(d)
'%(nobody)s' % d
string.Formatter().vformat('{a} {b}', (), d), string.Template('$a $b').substitute(d)
string.Template('$nobody').substitute(d)
string.Template('$a $nobody').safe_substitute(d)
eval('a + b', {}, d), eval('[b for _ in range(a)]', {'a': 2, 'b': 3}, d)
eval('nobody', {}, d)
exec('c = a + b; del a', {}, d), list(d.items())
exec('del nobody', {}, d)
collections.Counter(d), collections.OrderedDict(d), collections.UserDict(d), collections.defaultdict(int, d)
collections.Counter(d) + collections.Counter(d), collections.Counter(d).most_common()
dict(collections.ChainMap({'z': 0}, d)), collections.ChainMap({}, d)['b'], len(collections.ChainMap(d, {'a': 5}))
collections.ChainMap(d).new_child({'a': 7})['a'], collections.ChainMap(d).__setitem__('new', 1), list(d)
types.MappingProxyType(d)['a'], list(types.MappingProxyType(d)), types.MappingProxyType(d) == {'a': 1, 'b': 2}
types.MappingProxyType(d).get('nobody'), list(reversed(types.MappingProxyType(d)))
types.SimpleNamespace(**d), inspect.signature(lambda a, b: 0).bind(**d).arguments
json.dumps(dict(d)), json.dumps(d, default=dict), json.dumps({'in': d}, default=dict), json.dumps([*d.items()])
urllib.parse.urlencode(d), ast.literal_eval(repr(dict(d))), pickle.loads(pickle.dumps(dict(d)))
operator.getitem(d, 'a'), operator.contains(d, 'a'), operator.itemgetter('a', 'b')(d), operator.length_hint(d)
operator.delitem(d, 'a'), operator.setitem(d, 'c', 3), list(d.items())
operator.delitem(d, 'nobody')
list(map(d.get, 'abc')), list(filter(d.__contains__, 'abc')), heapq.nlargest(1, d, key=d.get)
{'z': 1} | d, operator.ior({'z': 1}, d), dict.update({}, d), {'z': 1, **d}, functools.reduce(operator.or_, [d, d])
re.sub('a|b', lambda found: str(d[found.group()]), 'abba'), statistics.mean(d.values())
enum.Enum('Made', dict(d)).a.value, random.Random(1).choice(list(d)) in d, [*itertools.chain(d, d.values())]
[isinstance(d, kind) for kind in (collections.abc.MutableMapping, collections.abc.Reversible, collections.abc.Sequence)]
collections.abc.Mapping.__contains__(d, 'a'), collections.abc.MutableMapping.pop(d, 'a'), list(d)
d.get('a', 5), d.get('c'), d.pop('a'), d.pop('a', 5), d.setdefault('c', 5), d.setdefault('c'), d.popitem()
d.update(), d.update({}), d.update(()), d.update(a=3, self=1, other=2, iterable=4, mapping=5), list(d.items())
d.update([('a', 1)], **{'a': 2, 'not a name': 3}), d.__ior__('') is d, list(d.items())
d.update({1: 2}, {3: 4})
d.update(**{1: 2})
d.__getitem__('nobody')
d['a']['b']
d[1:2]
d.nobody
d.__missing__
d + d
d & d
d * 2
-d
d()
next(d)
len(d, d)
d.get('a', default=1)
d.pop('a', default=1)
d.setdefault(key='a')
d.copy('a')
d.fromkeys()
d.__contains__()
d.__reversed__(1)
""".strip().splitlines()

MODULES = """
ast collections enum functools heapq inspect itertools json operator pickle random re statistics string types
urllib urllib.parse
""".split()
NAMES = {name: importlib.import_module(name) for name in MODULES}


def same_error(seen, expected, face):
    """Whether the errors are the same, but for the names of the types."""
    own = ("comem.Dict", "Dict") if face is not managed_dict else ("comem.managers.DictProxy", "DictProxy")
    for name in own:
        seen = seen.replace(f"'{name}'", "'dict'").replace(f"{name}.", "dict.")
    return seen == expected or "argument" in seen and "argument" in expected


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_does_with_a_shared_dict_what_it_does_with_a_dict(face, program):
    shared, plain = face(a=1, b=2), {"a": 1, "b": 2}
    run = lambda target: eval(program, {**NAMES, "d": target})
    seen, expected = outcome(run, shared), outcome(run, plain)
    assert seen[0] == expected[0]
    assert seen == expected or isinstance(expected[0], type) and same_error(seen[1], expected[1], face)
    assert dict(shared) == plain and list(shared) == list(plain)


def test_initialising_a_native_dict_again_updates_it_and_none_is_hashed():
    shared, plain = comem.Dict(a=1), {"a": 1}
    for arguments, names in (({"z": 1}, {"y": 2}), ([("x", 3), ("a", 2)], {}), ((), {}), (1, {}), ([1], {})):
        seen, expected = (outcome(lambda target: target.__init__(arguments, **names), t) for t in (shared, plain))
        assert seen == expected and shared == plain and list(shared) == list(plain)
    for act in (hash, lambda target: {target: 1}, lambda target: {target}, lambda target: hash((target,))):
        assert outcome(act, shared)[0] is TypeError and "unhashable type" in outcome(act, shared)[1]
