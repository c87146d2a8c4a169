"""What Python's own protocols ask of lists and dicts beside their operations, in both faces."""

import collections.abc
import copy
import gc
import inspect
import pickle
import sys
import types
import weakref

import pytest

import comem
from faces import managed, managed_dict, manager, native, native_dict

EVERY = {"List": native, "ListProxy": managed, "Dict": native_dict, "DictProxy": managed_dict}
PLAIN = {"List": list, "ListProxy": list, "Dict": dict, "DictProxy": dict}


@pytest.fixture(params=EVERY)
def name(request):
    return request.param


def filled(name):
    """One with the numbers 0 to 4, or these as keys and values."""
    return EVERY[name](range(5)) if PLAIN[name] is list else EVERY[name](zip(range(5), range(5)))


def plain(name):
    return list(range(5)) if PLAIN[name] is list else dict(zip(range(5), range(5)))


def iterators(shared, name):
    """Each kind of iterator there is of it, with what the built-in one gives."""
    made = [(iter(shared), iter(plain(name))), (reversed(shared), reversed(plain(name)))]
    if name == "Dict":
        for part in ("keys", "values", "items"):
            view, own = getattr(shared, part)(), getattr(plain(name), part)()
            made += [(iter(view), iter(own)), (reversed(view), reversed(own))]
    return made


# ---- names -----------------------------------------------------------------------------------------------------------


def test_every_name_of_the_built_in_is_there(name):
    assert set(dir(PLAIN[name])) <= set(dir(filled(name)))
    for ours, own in iterators(filled(name), name):
        assert set(dir(own)) <= set(dir(ours))
    if name == "Dict":
        for part in ("keys", "values", "items"):
            assert set(dir(getattr({}, part)())) <= set(dir(getattr(comem.Dict(), part)()))


def test_what_the_built_in_defines_itself_is_not_objects_own(name):
    """A name that is only inherited from object would be there and mean something else."""
    for ours, own in [(filled(name), plain(name)), *iterators(filled(name), name)]:
        for special in dir(object):
            if special in ("__getattribute__", "__doc__", "__class__", "__init_subclass__", "__subclasshook__"):
                continue
            if special != "__new__" and getattr(type(own), special) is not getattr(object, special):
                assert getattr(type(ours), special) is not getattr(object, special), (type(ours), special)


def has_signature(function):
    try:
        return inspect.signature(function) is not None
    except ValueError:  # the built-in pop() of a dict has none
        return False


def test_everything_is_documented_with_its_signature(name):
    cls = type(filled(name))
    for attribute in set(vars(cls)) - set(dir(object)) - {"__module__", "__weakref__", "__dict__", "_token"}:
        value = getattr(cls, attribute)
        assert value.__doc__, attribute
        if callable(value) and not attribute.startswith("__") and has_signature(getattr(PLAIN[name], attribute, len)):
            assert has_signature(value), attribute
    assert cls.__doc__


def test_format_is_the_built_ins(name):
    shared = filled(name)
    assert format(shared) == str(shared) == f"{shared}"
    with pytest.raises(TypeError, match="unsupported format string"):
        format(shared, ">10")


def test_a_type_with_an_argument_is_a_generic_alias_that_makes_the_type():
    for cls, arguments in (comem.List, int), (comem.Dict, (str, int)), (comem.Value, int):
        alias = cls[arguments]
        assert type(alias) is types.GenericAlias and alias.__origin__ is cls
        assert alias == cls[arguments] and hash(alias) == hash(cls[arguments])
    assert comem.Dict[str, int].__args__ == (str, int)
    assert comem.List[int]([1]) == [1] and type(comem.Dict[str, int](a=1)) is comem.Dict

    class Numbers(comem.List[int]):
        pass

    assert Numbers([1]) == [1]
    proxy = type(manager().dict())[str, int]
    assert type(proxy) is types.GenericAlias and proxy.__origin__ is comem.managers.DictProxy


def test_the_abstract_classes_know_them(name):
    shared = filled(name)
    sequence = PLAIN[name] is list
    others = {"Hashable", "ByteString"}  # the latter is deprecated and says so
    for abstract in (getattr(collections.abc, name) for name in collections.abc.__all__ if name not in others):
        assert isinstance(shared, abstract) == isinstance(plain(name), abstract), abstract
        for ours, own in iterators(shared, name):
            assert isinstance(ours, abstract) == isinstance(own, abstract), abstract
    assert isinstance(shared, collections.abc.Hashable) == name.endswith("Proxy")
    assert issubclass(type(shared), collections.abc.MutableSequence if sequence else collections.abc.MutableMapping)


def test_the_abstract_classes_know_views():
    for part, abstract in ("keys", "KeysView"), ("values", "ValuesView"), ("items", "ItemsView"):
        assert isinstance(getattr(comem.Dict(), part)(), getattr(collections.abc, abstract))
    for view in comem.Dict().keys(), comem.Dict().items():
        assert isinstance(view, collections.abc.Set)
    assert not isinstance(comem.Dict().values(), collections.abc.Set)


# ---- match -----------------------------------------------------------------------------------------------------------

MATCH = """
def match(subject):
    match subject:
        case [0, 1, *rest]:
            return "sequence", rest
        case {0: 0, 1: 1, **rest}:
            return "mapping", rest

def match_class(subject):
    match subject:
        case comem.List([0, *_]) if False:
            return "never"
        case comem.List():
            return "List"
        case comem.Dict():
            return "Dict"
"""


@pytest.mark.skipif(sys.version_info < (3, 10), reason="match came with Python 3.10")
def test_match_takes_them_for_what_they_are(name):
    space = {"comem": comem}
    exec(MATCH, space)
    assert space["match"](filled(name)) == space["match"](plain(name))
    if PLAIN[name] is dict:
        assert space["match_class"](filled(name)) == "Dict"


# ---- iterators -------------------------------------------------------------------------------------------------------


def test_an_iterator_says_how_many_are_left(name):
    for ours, own in iterators(filled(name), name):
        while True:
            assert ours.__length_hint__() == own.__length_hint__()
            if next(own, None) is None:
                break
            next(ours)


@pytest.mark.parametrize("met", [0, 1, 4, 5])
def test_a_copied_or_pickled_iterator_goes_on_where_it_was(name, met):
    """The iterator itself goes on, too."""
    for ours, own in iterators(filled(name), name):
        for _ in range(met):
            next(ours), next(own)
        rest = list(copy.copy(own))
        assert list(copy.copy(ours)) == rest
        assert list(copy.deepcopy(ours)) == rest
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            assert list(pickle.loads(pickle.dumps(ours, protocol))) == rest
        assert ours.__length_hint__() == len(rest)
        assert list(ours) == rest and list(copy.copy(ours)) == [] and list(ours) == []


def test_a_copied_iterator_of_a_list_is_as_live_as_the_first():
    for make in (native, managed):
        shared = make([1, 2])
        iterator = iter(shared)
        next(iterator)
        again = pickle.loads(pickle.dumps(iterator))
        shared.append(3)
        assert list(again) == [2, 3] and list(iterator) == [2, 3]


@pytest.mark.parametrize("state", [-7, -1, 0, 1, 4, 5, 9])
def test_an_iterator_of_a_list_is_set_as_the_built_in_one(state):
    for make in (native, managed):
        for walk in (iter, reversed):
            if state < 0 and walk is iter:  # the beginning; from 3.13 on the built-in one has met the end then
                continue
            ours, own = walk(make(range(5))), walk(list(range(5)))
            ours.__setstate__(state), own.__setstate__(state)
            assert list(ours) == list(own)
            ours.__setstate__(0)
            assert list(ours) == []  # one that met the end stays there
    with pytest.raises(TypeError):
        iter(comem.List()).__setstate__("1")


def test_an_iterator_of_a_dict_that_was_copied_still_notices_changes():
    shared = comem.Dict(a=1, b=2)
    iterator = iter(shared)
    copy.copy(iterator)
    shared["c"] = 3
    with pytest.raises(RuntimeError):
        next(iterator)
    with pytest.raises(RuntimeError):
        copy.copy(iterator)


class Gone:
    """Its class is taken away, so that it cannot be unpickled."""


def test_a_copy_of_an_iterator_that_meets_an_unreadable_value_raises_and_takes_nothing(monkeypatch):
    shared = comem.Dict(a=1, b=Gone(), c=3)
    iterator = iter(shared.values())
    monkeypatch.delitem(globals(), "Gone")
    with pytest.raises(comem.ValueUnreadable):
        copy.copy(iterator)
    assert next(iterator) == 1
    with pytest.raises(comem.ValueUnreadable):
        next(iterator)
    assert list(iterator) == [3]


def test_views_cannot_be_pickled_as_the_built_in_ones():
    for view in (comem.Dict().keys(), comem.Dict().values(), comem.Dict().items()):
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps(view)


# ---- handles ---------------------------------------------------------------------------------------------------------


def test_the_size_is_that_of_the_handle_and_of_what_is_in_the_store(name):
    empty = EVERY[name]()
    small = sys.getsizeof(empty)
    assert small > type(empty).__basicsize__
    if PLAIN[name] is list:
        empty.extend(range(1000))
        assert 16 * 1000 < sys.getsizeof(empty) - small < 40 * 1000
        empty[0] = "x" * 100_000
    else:
        empty.update(zip(range(1000), range(1000)))
        assert 64 * 1000 < sys.getsizeof(empty) - small < 160 * 1000
        empty[0] = "x" * 100_000
    assert sys.getsizeof(empty) > 100_000
    empty.clear()
    assert sys.getsizeof(empty) == small


def test_the_size_has_nothing_of_what_is_referred_to(name):
    outer = EVERY[name]()
    large = comem.List(["x" * 100_000])
    if PLAIN[name] is list:
        outer.append(large)
    else:
        outer["large"] = large
    assert sys.getsizeof(outer) < 10_000 < sys.getsizeof(large)


def test_the_size_of_one_that_was_shut_down_is_that_of_an_empty_one():
    own = comem.Manager()
    shared = own.list(range(1000))
    own.shutdown()
    assert sys.getsizeof(shared) == sys.getsizeof(manager().list())


def test_a_handle_can_be_weakly_referred_to(name):
    shared = filled(name)
    ended = []
    reference = weakref.ref(shared, ended.append)
    assert reference() is shared and weakref.getweakrefcount(shared) == 1
    holder = comem.List([shared])
    del shared
    gc.collect()
    assert reference() is None and ended == [reference]  # the handle is gone, what it stood for is not
    assert len(holder[0]) == 5


# ---- subclasses ------------------------------------------------------------------------------------------------------


class Named(comem.List):
    """A list with a name, and a constructor of its own."""

    def __init__(self, name, *items, loud=False):
        super().__init__(items)
        self.name = name
        self.loud = loud

    def append(self, item):
        super().append(item.upper() if self.loud else item)

    def __len__(self):
        return 100

    def __getitem__(self, index):
        return ("got", super().__getitem__(index))


class Scores(comem.Dict):
    __slots__ = ("title",)

    def __init__(self, title, **scores):
        super().__init__(**scores)
        self.title = title

    def __missing__(self, key):
        return 0


def test_a_subclass_has_its_own_constructor_attributes_and_methods():
    named = Named("n", "a", loud=True)
    named.append("b")
    assert (named.name, named.loud) == ("n", True)
    assert len(named) == 100 and named[1] == ("got", "B")
    assert list(named) == ["a", "B"] and named == ["a", "B"]  # a built-in's loops and comparisons ask no methods either
    scores = Scores("t", a=1)
    assert scores.title == "t" and scores["a"] == 1 and scores["z"] == 0 and not hasattr(scores, "__dict__")
    with pytest.raises(AttributeError):
        scores.other = 1
    with pytest.raises(TypeError):
        Named()


def test_a_pickled_subclass_is_its_class_and_the_same_object_without_attributes():
    named = Named("n", "a")
    again = pickle.loads(pickle.dumps(named))
    assert type(again) is Named and again == named and not hasattr(again, "name")
    again.loud = False
    again.append("b")
    assert named == ["a", "b"]
    scores = pickle.loads(pickle.dumps(Scores("t", a=1)))
    assert type(scores) is Scores and scores == {"a": 1} and not hasattr(scores, "title")


def test_copies_of_a_subclass_have_its_class_and_attributes():
    named = Named("n", "a")
    named.more = [1]
    for make in (copy.copy, copy.deepcopy):
        other = make(named)
        assert type(other) is Named and other == ["a"] and other.name == "n" and other.more == [1]
        assert (other.more is named.more) == (make is copy.copy)
        other.loud = True
        other.append("b")
        assert named == ["a"] and not named.loud
    named.itself = named
    assert copy.deepcopy(named).itself.itself == ["a"]
    assert type(named.copy()) is comem.List


def test_what_is_no_subclass_of_theirs_is_refused():
    with pytest.raises(TypeError):

        class Both(comem.List, comem.Dict):
            pass

    with pytest.raises(TypeError):
        type(manager().list())()


# ---- copies ----------------------------------------------------------------------------------------------------------


def test_copies_are_of_the_faces_own_kind(name):
    shared = filled(name)
    once, deeply = copy.copy(shared), copy.deepcopy(shared)
    assert once == deeply == plain(name)
    once.clear()
    if name.endswith("Proxy"):
        assert type(once) is type(shared) and shared == once == PLAIN[name]()  # another handle of the same object
        assert type(deeply) is PLAIN[name] and deeply == plain(name)
    else:
        assert type(once) is type(deeply) is type(shared) and shared == plain(name)
        deeply.clear()
        assert shared == plain(name)


def test_a_deep_copy_of_what_is_met_twice_is_one_object():
    inner = comem.List([1])
    outer = copy.deepcopy([inner, comem.Dict(inner=inner), inner])
    outer[0].append(2)
    assert outer[2] == outer[1]["inner"] == [1, 2] and inner == [1]


# ---- IPython ---------------------------------------------------------------------------------------------------------


class Printer:
    """As much of IPython's printer as a list and a dict need."""

    def __init__(self, max_seq_length=1000):
        self.max_seq_length = max_seq_length
        self.output = ""

    def text(self, text):
        self.output += text

    def pretty(self, thing):
        if hasattr(thing, "_repr_pretty_"):
            thing._repr_pretty_(self, False)
            return
        items = list(thing.items()) if isinstance(thing, dict) else thing
        assert type(thing) in (list, dict) and (not self.max_seq_length or len(items) <= self.max_seq_length + 1)
        for item in items:
            self.text("" if self.output.endswith("(") else " ")
            for part in item if isinstance(thing, dict) else [item]:
                self.pretty(part) if isinstance(part, comem.List) else self.text(repr(part))

    def group(self, indent, start, end):
        printer = self

        class Group:
            def __enter__(self):
                assert indent == len(start)
                printer.text(start)

            def __exit__(self, *details):
                printer.text(end)

        return Group()


def pretty(shared, **options):
    printer = Printer(**options)
    shared._repr_pretty_(printer, False)
    return printer.output


def test_ipython_prints_what_it_holds(name):
    expected = "0 1 2 3 4" if PLAIN[name] is list else "00 11 22 33 44"
    assert pretty(filled(name)) == f"{name}({expected})"
    assert pretty(filled(name), max_seq_length=0) == f"{name}({expected})"
    assert pretty(filled(name), max_seq_length=2) == f"{name}({' '.join(expected.split()[:3])})"


def test_ipython_prints_what_holds_itself_once():
    shared = comem.List([1])
    shared.append(shared)
    assert pretty(shared) == "List(1 List([...]))"
    assert pretty(shared) == "List(1 List([...]))"
    own = manager().list([1])
    own.append(own)
    assert pretty(own) == "ListProxy(1 ListProxy([...]))"


def test_ipython_prints_what_a_printer_refuses_and_then_again():
    class Refusing(Printer):
        def pretty(self, thing):
            raise ZeroDivisionError

    shared = comem.List([1])
    with pytest.raises(ZeroDivisionError):
        shared._repr_pretty_(Refusing(), False)
    assert pretty(shared) == "List(1)"


def test_ipython_itself_prints_them():
    printing = pytest.importorskip("IPython.lib.pretty", reason="IPython is not installed")
    shared = comem.List(["x" * 50] * 3)
    shared.append(comem.Dict(a=shared))
    text = printing.pretty(shared)
    assert text.splitlines()[1] == "      " + repr("x" * 50) + ","
    assert "Dict({'a': List([...])})" in text
    long = printing.pretty(comem.List(range(100_000)))
    assert long.endswith("...])") and len(long) < 20_000
    own = comem.Manager()
    gone = own.list()
    own.shutdown()
    assert printing.pretty(gone) == repr(gone)


def test_a_notebook_shows_the_first_rows_escaped_and_cut_short(name):
    shared = EVERY[name]()
    if PLAIN[name] is list:
        shared.extend(["<b>&", "x" * 5000, shared, *range(1000)])
    else:
        shared.update({"<i>": "<b>&", "x": "x" * 5000, "me": shared, **{str(i): i for i in range(1000)}})
    text = shared._repr_html_()
    assert text.startswith(f"<table><caption>{name}, 1,003 items</caption>") and text.endswith("</table>")
    assert len(text) < 10_000 and text.count("<tr>") == 21 and "983 more" in text
    assert "<b>" not in text and "&lt;b&gt;&amp;" in text
    assert "<i>" not in text and ("&lt;i&gt;" in text or PLAIN[name] is list)
    assert EVERY[name]()._repr_html_() == f"<table><caption>{name}, 0 items</caption>\n</table>"


def test_a_notebook_shows_what_cannot_be_read_and_nothing_of_what_is_gone(monkeypatch):
    shared = comem.List([Gone(), 1])
    monkeypatch.delitem(globals(), "Gone")
    assert "&lt;unreadable Gone&gt;" in shared._repr_html_()
    own = comem.Manager()
    gone = own.list([1])
    own.shutdown()
    assert gone._repr_html_() is None
    assert pretty(gone) == repr(gone)


def test_a_notebook_ends_with_lists_that_hold_themselves_often():
    shared = comem.List()
    shared.extend([shared] * 30)
    assert len(shared._repr_html_()) < 20_000
