"""Variables that every process of a program shares.

    import multiprocessing, comem

    final_list = comem.Manager().list()

    def worker(data):
        for item in data:
            final_list.append(item)         # seen by every process at once

List        a list in shared memory; comem.list is the same type
Manager     the same lists with the face of multiprocessing.Manager's
GoneError, DamagedError

Importing comem starts no thread and no process and opens no store. Every function and method may be called from any
thread of any process; a process killed in one leaves everything whole.
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

from collections.abc import MutableSequence

from . import _process
from ._engine import DamagedError, GoneError, List, __version__

__all__ = ["DamagedError", "GoneError", "List", "Manager"]  # not list: a star import would hide the built-in one

list = List
handle_grace = 60  # seconds that a pickle keeps its object; see docs/processes.md
MutableSequence.register(List)
_process.prepare()


def Manager(address=None, authkey=None, *, deep=False, pickle=True, **options):
    """A started comem.managers.SyncManager, in the place of multiprocessing.Manager().

    It starts no process: what it makes lives in the program's own store, and its shutdown() ends it. deep and pickle
    make no difference yet: lists hold plain values and shared lists only, and nothing is pickled. The other
    arguments are those of multiprocessing.managers.SyncManager; address is not supported yet (NotImplementedError).

    MemoryError: no room for the store. OSError: the system refused it. Safe in any thread and process. About 10 us, and
    some milliseconds the first time, to import multiprocessing.managers.
    """
    from .managers import SyncManager

    manager = SyncManager(address, authkey, deep=deep, pickle=pickle, **options)
    manager.start()
    return manager


def __getattr__(name):
    if name == "managers":
        import importlib

        return importlib.import_module(".managers", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
