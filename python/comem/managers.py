"""comem's place in multiprocessing.managers: SyncManager, ListProxy, DictProxy and ValueProxy.

SyncManager is a subclass of the standard one that starts no server. What it makes lives in the program's store and is
used there by every process directly.
"""

import multiprocessing
import os
from multiprocessing import ProcessError, get_all_start_methods, get_context, get_start_method
from multiprocessing import managers as _standard

from . import _engine, _process

__all__ = ["DictProxy", "ListProxy", "SyncManager", "ValueProxy"]

ListProxy = _engine._make_proxy_type("list", _standard.ListProxy)
DictProxy = _engine._make_proxy_type("dict", _standard.DictProxy)
ValueProxy = _engine._make_proxy_type("Value", _standard.ValueProxy)
_process.register_exit()  # multiprocessing.util is imported by now


def _later(what, own=""):
    return NotImplementedError(f"{what} comes with a later release of comem; multiprocessing.Manager() has it{own}")


class SyncManager(_standard.SyncManager):
    """A manager whose objects live in shared memory.

    It is used as multiprocessing's: made started by comem.Manager(), or made here and started by start() or by with.
    Objects it made are shut down by shutdown(), which leaving the with block calls; from then on using one raises
    GoneError in every process. Only the process that made the manager shuts it down. Dropping the manager, or the end
    of its process, ends nothing that others hold.

    So far it makes lists, dicts and values. What else a standard manager makes raises NotImplementedError, as do address=,
    connect(), get_server() and start() with an initializer. A manager may be pickled to other processes of the program;
    it works there, and its shutdown() does nothing.
    """

    def __init__(self, address=None, authkey=None, serializer="pickle", ctx=None, *, deep=False, pickle=True, **options):
        if address is not None:
            raise _later("Manager(address=...)")
        if ctx is None:  # the default one, without settling it: set_start_method() may still come
            ctx = get_context(get_start_method(allow_none=True) or get_all_start_methods()[0])
        super().__init__(address, authkey, serializer, ctx, **options)
        self._process = None
        self._deep = bool(deep)
        self._pickle = bool(pickle)
        self._scope = None  # of the engine; every object made in it is shut down with it
        self._anchor = None  # an empty list in the scope: names the store in pickles
        self._creator = os.getpid()

    def start(self, initializer=None, initargs=()):
        """Make the manager ready for use. No process is started.

        ProcessError: it was started before, or shut down. NotImplementedError: an initializer, which would run in a
        server process. MemoryError, OSError: no store. About 5 us.
        """
        state = self._state.value
        if state == _standard.State.STARTED:
            raise ProcessError("Already started server")
        if state == _standard.State.SHUTDOWN:
            raise ProcessError("Manager has shut down")
        if initializer is not None:
            if not callable(initializer):
                raise TypeError("initializer must be a callable")
            raise _later("start(initializer)")
        _process.warn_of_private_copy()
        scope = _engine._scope_new()
        self._anchor = _engine._new_proxy("list", scope, self._deep, self._pickle)
        self._scope = scope
        self._creator = os.getpid()
        self._state.value = _standard.State.STARTED

    def shutdown(self):
        """Shut down every object this manager made: using one raises GoneError from now on, in every process.

        Acts once, and in the process that made the manager only; elsewhere it does nothing. O(number of objects).
        """
        if self._creator != os.getpid() or self._state.value != _standard.State.STARTED:
            return
        self._state.value = _standard.State.SHUTDOWN
        if self._scope != 0:
            _engine._scope_shutdown(self._scope)

    def list(self, *args):
        """A new shared list, of the items of an iterable if one is given.

        TypeError: an item that cannot be stored, see comem.List. MemoryError: the store is full.
        ProcessError: the manager was not started. GoneError: it was shut down. Safe in any thread and process. About
        1 us, and 15 ns an item.
        """
        if len(args) > 1:
            raise TypeError(f"list expected at most 1 argument, got {len(args)}")
        proxy = self._new_proxy("list")
        if args and self._scope != 0:
            proxy.extend(args[0])
        return proxy

    def dict(self, /, *args, **values):
        """A new shared dict, with the keys and values of a mapping or of an iterable of pairs, and those given by name.

        TypeError: what cannot be a key or cannot be stored, see comem.Dict. MemoryError: the store is full.
        ProcessError: the manager was not started. GoneError: it was shut down. Safe in any thread and process. About
        1 us, and 200 ns a key.
        """
        if len(args) > 1:
            raise TypeError(f"dict expected at most 1 argument, got {len(args)}")
        proxy = self._new_proxy("dict")
        if (args or values) and self._scope != 0:
            proxy.update(*args, **values)
        return proxy

    def Value(self, typecode, value, lock=True):
        """A new shared value; typecode and lock say nothing, as with the standard manager: it holds whatever is stored.

        TypeError: a value that cannot be stored. MemoryError: the store is full. ProcessError: the manager was not
        started. GoneError: it was shut down. Safe in any thread and process. About 1 us.
        """
        proxy = self._new_proxy("Value")
        if self._scope != 0:
            proxy.set(value)
        return proxy

    def _new_proxy(self, typeid):
        if self._scope is None:
            raise ProcessError("server not yet started")
        if self._scope != 0 or _process.waiting() < 1:
            len(self._anchor)  # GoneError when another process has shut the manager down
        if _engine._is_foreign(self._anchor):
            raise ValueError("the manager is another program's, and this process has a store of its own: use what it made")
        return _engine._new_proxy(typeid, self._scope, self._deep, self._pickle)

    def join(self, timeout=None):
        """Return at once: there is no server process to wait for."""

    def connect(self):
        """NotImplementedError: there is no server to connect to."""
        raise _later("connect()")

    def get_server(self):
        """NotImplementedError: there is no server."""
        raise _later("get_server()")

    def _create(self, typeid, /, *args, **kwds):
        own = f", and multiprocessing.{typeid}() works beside comem" if hasattr(multiprocessing, typeid) else ""
        raise _later(f"Manager().{typeid}()", own)

    def _debug_info(self):
        raise _later("_debug_info()")

    def _number_of_objects(self):
        raise _later("_number_of_objects()")

    def __reduce__(self):
        if self._scope is None:
            raise ProcessError("server not yet started")
        return _restore, (type(self), self._scope, self._creator, self._deep, self._pickle, self._anchor)


def _restore(cls, scope, creator, deep, pickle, anchor):
    """The manager that a pickle names. GoneError: its store is out of this process's reach."""
    manager = cls.__new__(cls)
    SyncManager.__init__(manager, deep=deep, pickle=pickle)
    manager._scope = scope
    manager._anchor = anchor
    manager._creator = creator
    manager._state.value = _standard.State.STARTED
    return manager
