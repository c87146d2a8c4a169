"""How the processes of a program come by its store and leave it.

Fork        The store is made before the first fork, so parent and children, and the children among themselves, share
            one. A forkserver is no part of the program and makes none before it forks.
Leaving     A process of multiprocessing leaves the store in good order at the end of its finalizers. Any other process
            leaves it in the engine's own hook; one that is killed is cleaned up after by the others.

multiprocessing.util takes 20 ms to import, so nothing here imports it; what needs it waits until the program has it.
"""

from __future__ import annotations

import os
import sys
import types

from . import _engine

_util: types.ModuleType | None = None  # multiprocessing.util, once it calls us in every child


def prepare() -> None:
    """Register the hooks, once in a program: forked children have them."""
    os.register_at_fork(before=_before_fork, after_in_child=_add_finalizer)
    register_exit()


def register_exit() -> None:
    """Have multiprocessing call detach last of all, in this process and in every child, if the program uses it."""
    global _util
    util = sys.modules.get("multiprocessing.util")
    if util is None or util is _util or not hasattr(util, "Finalize"):  # without it: it is just being imported
        return
    _util = util
    util.register_after_fork(_add_finalizer, _add_finalizer)
    _add_finalizer()


def _add_finalizer(_: object = None) -> None:
    # Each process adds its own: multiprocessing's children drop what they inherited before they call us, and elsewhere
    # a finalizer of another process does nothing.
    if _util is not None:
        _util.Finalize(None, _engine._detach, exitpriority=-100)


def _before_fork() -> None:
    caller = sys._getframe().f_back
    if caller is not None and caller.f_globals.get("__name__") == "multiprocessing.forkserver":
        return
    try:
        _engine._open_store()
    except (OSError, MemoryError, ValueError):
        pass  # the fork must go on; whoever uses the store next is told why there is none
    register_exit()
