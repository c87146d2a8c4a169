"""Everything public has a docstring of its own and a signature, which help() shows."""

import importlib
import inspect
import pkgutil
import pydoc
import sys
import types

import pytest

import comem
import comem.managers

STANDARD = [list, dict, set, object, dict.keys({}).__class__, Exception, comem.managers._standard.SyncManager]

# What has no signature, and why.
NO_SIGNATURE = {
    "Dict.pop": "nothing that can be written down says that a key without a default raises KeyError",
    "DictProxy.pop": "as Dict.pop",
    "DamagedError": "takes what RuntimeError takes",
    "GoneError": "takes what OSError takes",
    "PrivateCopyWarning": "takes what UserWarning takes",
}
if sys.version_info < (3, 10):
    NO_SIGNATURE.update(
        {name: "Python 3.9 drops it" for name in ["List", "Dict", "Value", "ListProxy", "DictProxy", "ValueProxy"]}
    )


def is_ours(thing):
    return getattr(thing, "__module__", "").split(".")[0] == "comem"


def public_things():
    """(name, thing) of what the package shows, each thing once, and of the types that its methods give."""
    views = comem.Dict()
    found = [(name, getattr(comem, name)) for name in dir(comem) if not name.startswith("_")]
    found += [(name, getattr(comem.managers, name)) for name in comem.managers.__all__]
    found += [(type(view).__name__, type(view)) for view in (views.keys(), views.values(), views.items())]
    seen = []
    for name, thing in found:
        if callable(thing) and not isinstance(thing, types.ModuleType) and all(thing is not other for other in seen):
            seen.append(thing)
            yield name, thing


def members(cls):
    """(name, member) of a class of ours: what it or a base of ours adds, but what the language says of every class."""
    for name in dir(cls):
        owner = next((base for base in cls.__mro__ if name in vars(base)), None)
        member = getattr(cls, name)
        special = name.startswith("__") and name.endswith("__")
        if owner is None or not is_ours(owner) or (name.startswith("_") and not special):
            continue
        if special and not isinstance(vars(owner)[name], (types.MethodDescriptorType, types.ClassMethodDescriptorType)):
            continue
        yield f"{cls.__name__}.{name}", member


def everything():
    for name, thing in public_things():
        yield name, thing
        if isinstance(thing, type):
            yield from members(thing)


EVERYTHING = dict(everything())
CALLABLE = [name for name, thing in EVERYTHING.items() if callable(thing)]


def test_the_walk_sees_what_there_is():
    assert {"List.append", "ListProxy.append", "Store.close", "Value.value", "DictKeys.isdisjoint", "var"} <= {*EVERYTHING}
    assert {"List.__class_getitem__", "Dict.fromkeys", "SyncManager.shutdown", "List.__reduce__"} <= {*CALLABLE}
    assert "List.__len__" not in EVERYTHING


@pytest.mark.parametrize("name", EVERYTHING)
def test_it_has_a_docstring_of_its_own(name):
    text = EVERYTHING[name].__doc__
    assert text and text.strip(), "no docstring"
    last = name.rpartition(".")[2]
    assert all(getattr(getattr(other, last, None), "__doc__", None) != text for other in STANDARD), "that of a built-in"


@pytest.mark.parametrize("name", CALLABLE)
def test_it_has_a_signature(name):
    if name in NO_SIGNATURE:
        pytest.skip(NO_SIGNATURE[name])
    inspect.signature(EVERYTHING[name])


@pytest.mark.parametrize("name", NO_SIGNATURE)
def test_what_is_said_to_have_no_signature_is_there(name):
    assert name in CALLABLE


@pytest.mark.parametrize("name", CALLABLE)
def test_help_shows_both(name):
    shown = pydoc.plain(pydoc.render_doc(EVERYTHING[name]))
    assert inspect.getdoc(EVERYTHING[name]).splitlines()[0] in shown
    if name not in NO_SIGNATURE:
        assert f"{name.rpartition('.')[2]}(" in shown


def test_every_module_says_what_it_is():
    for module in pkgutil.iter_modules(comem.__path__, "comem."):
        if not module.name.endswith("__main__"):
            assert importlib.import_module(module.name).__doc__, module.name
