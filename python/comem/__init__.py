"""Variables that every process of a program shares.

    import multiprocessing, comem

    final_list = comem.var("final_list", [])

    def worker(data):
        for item in data:
            final_list.append(item)         # seen by every process at once

Each call is one change, which others see as a whole, and what depends on the value before has a call of its own:

    >>> import comem
    >>> words = comem.Dict(one=1)
    >>> words.update(two=[], three=None)
    >>> words["two"].append("shared, too")
    >>> words.add("one"), words
    (2, Dict({'one': 2, 'two': List(['shared, too']), 'three': None}))

var         a global by its name, the same object in every process; forget takes the name away
List        a list in shared memory; comem.list is the same type
Dict        a dict in shared memory; comem.dict is the same type
Value       one value in shared memory
MISSING     stands for no value, KEEP for no change, in Dict.cas() and Dict.update_if()
open        a Store by name, which programs share that do not start each other; unlink() removes it
Manager     the same lists and dicts with the face of multiprocessing.Manager's
GoneError, DamagedError, ValueUnreadable, PrivateCopyWarning

Importing comem starts no thread and no process and opens no store. Every function and method may be called from any
thread of any process; a process killed in one leaves everything whole.

The pages in the folder docs of comem's source say more: quick-start.md first, errors.md to look an error up; `make docs`
there makes a site of them.
"""


def _check_system():
    import os

    try:
        if os.confstr("CS_GNU_LIBC_VERSION"):
            return
    except (AttributeError, ValueError, OSError):  # not Unix, or another C library
        pass
    raise ImportError("comem runs on Linux with glibc only")


_check_system()

import collections.abc as _abc

from . import _engine, _process
from ._engine import _C_API as _C_API
from ._engine import KEEP, MISSING, DamagedError, Dict, GoneError, List, Value, __version__, forget, var
from ._process import PrivateCopyWarning

# Not list, dict, open and unlink: a star import would hide the built-in ones, and os.unlink().
__all__ = [
    "DamagedError",
    "Dict",
    "GoneError",
    "KEEP",
    "List",
    "MISSING",
    "Manager",
    "PrivateCopyWarning",
    "Store",
    "Value",
    "ValueUnreadable",
    "forget",
    "get_include",
    "var",
]

list = List
dict = Dict
handle_grace = 60  # seconds that a pickle keeps its object; see docs/processes.md
_abc.MutableSequence.register(List)
_abc.MutableMapping.register(Dict)
_abc.KeysView.register(_engine.DictKeys)
_abc.ValuesView.register(_engine.DictValues)
_abc.ItemsView.register(_engine.DictItems)
_process.prepare()


def _managers():
    import multiprocessing.managers  # first: under the runner it imports the other, and two threads may be here at once
    import comem.managers as managers

    return managers


def Manager(address=None, authkey=None, *, deep=False, pickle=True, **options):
    """A started comem.managers.SyncManager, in the place of multiprocessing.Manager().

    It starts no process: its lists, dicts and values live in the program's own store, and its shutdown() ends them.
    What else multiprocessing.Manager() makes comes from such a manager's server process, started at the first use.

    deep=True: a plain list or dict stored in what it made becomes a shared one, and so on down; else it is a value, of
    which everyone gets copies. pickle=False: what it made takes no values that have to be pickled. The other arguments
    are those of multiprocessing.managers.SyncManager; with an address, all is in a server there, as with that one.

    MemoryError: no room for the store. OSError: the system refused it. Safe in any thread and process. About 10 us,
    50 us where processes are forked, and some milliseconds the first time, to import multiprocessing.managers.
    """
    manager = _managers().SyncManager(address, authkey, deep=deep, pickle=pickle, **options)
    manager.start()
    return manager


def get_include():
    """The folder of comem.h and comem_python.h, for extension modules in C that use comem's objects of their process.

    docs/c-api.md shows one. Safe in any thread and process; costs nothing.
    """
    import os

    package = os.path.dirname(os.path.abspath(__file__))
    installed = os.path.join(package, "include")
    if os.path.isdir(installed):
        return installed
    return os.path.join(os.path.dirname(os.path.dirname(package)), "include")  # an editable install: the checkout's


# What is imported when it is needed first, and where it is.
_later = {"Store": "_store", "ValueUnreadable": "_values", "open": "_store", "unlink": "_store"}


def __getattr__(name):
    import importlib

    if name == "managers":
        return _managers()
    if name not in _later:
        raise importlib.import_module("._absent", __name__).error(name)
    found = globals()[name] = getattr(importlib.import_module(f".{_later[name]}", __name__), name)
    return found


def __dir__():
    return sorted({*globals(), *_later, "managers"})
