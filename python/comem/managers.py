"""comem's place in multiprocessing.managers: SyncManager, ListProxy, DictProxy and ValueProxy.

SyncManager is a subclass of the standard one. Its lists, dicts and values live in the program's store and are used
there by every process directly; everything else comes from a standard manager's server, which is started when it is
wanted (_server.py). The server's address is in the manager's anchor, a dict in the store, so that whoever has the
manager finds it. With address=, or after connect(), a manager is a standard one in all respects.
"""

import multiprocessing
import os
from multiprocessing import ProcessError, get_all_start_methods, get_context, get_start_method, util
from multiprocessing import managers as _standard
from multiprocessing.context import get_spawning_popen

from . import _engine, _process, _server

__all__ = ["DictProxy", "ListProxy", "SyncManager", "ValueProxy"]

ListProxy = _engine._make_proxy_type("list", _standard.ListProxy)
DictProxy = _engine._make_proxy_type("dict", _standard.DictProxy)
ValueProxy = _engine._make_proxy_type("Value", _standard.ValueProxy)
_process.register_exit()  # multiprocessing.util is imported by now

_State = _standard.State
_Standard = _standard.SyncManager  # here and now: the runner gives its name to the class below
_OWN = {  # what the registry says of them, unless a user registered something else
    "list": (list, _standard.ListProxy),
    "dict": (dict, _standard.DictProxy),
    "Value": (_standard.Value, _standard.ValueProxy),
}


class SyncManager(_Standard):
    """A manager whose lists, dicts and values live in shared memory.

    It is used as multiprocessing's: made started by comem.Manager(), or made here and started by start() or by with.

    Whatever else a standard manager makes, Lock(), Queue(), Namespace() and so on, and the types that register() adds,
    also those that are named list, dict or Value, comes from a standard manager's server process. It is started when
    one of them is made for the first time, or by start() with an initializer, and a line on stderr says so. Whoever has
    the manager uses the server of the process that made the manager; while that has none, another process starts one of
    its own, which ends with it. No server outlives the process that started it, also if that is killed.

    With address=, and after connect(), every type is that server's, as with the standard manager.

    Objects it made are shut down by shutdown(), which leaving the with block calls; from then on using a list, dict or
    value raises GoneError in every process, and the server is gone. Only the process that made the manager shuts it
    down. Dropping the manager ends nothing that others hold, and the end of its process only the server.

    A manager may be pickled to other processes of the program; it works there, and its shutdown() does nothing.
    """

    def __init__(
        self, address=None, authkey=None, serializer="pickle", ctx=None, *, deep=False, pickle=True, **options
    ):
        if ctx is None:  # the default one, without settling it: set_start_method() may still come
            ctx = get_context(get_start_method(allow_none=True) or get_all_start_methods()[0])
        super().__init__(address, authkey, serializer, ctx, **options)
        self._process = None
        self._standard = address is not None  # in all respects
        self._deep = bool(deep)
        self._pickle = bool(pickle)
        self._scope = None  # of the engine; every object made in it is shut down with it
        self._descriptors = None  # that were open at start(), if the server will be forked
        self._anchor = None  # a dict in the scope: names the store in pickles, and has the server's address
        self._creator = os.getpid()

    def start(self, initializer=None, initargs=()):
        """Make the manager ready for use.

        No process is started, unless there is an initializer: the server process calls initializer(*initargs) before it
        serves. With address=, there is a server process in any case.

        ProcessError: it was started before, or shut down. TypeError: the initializer is not callable. EOFError: it
        failed. MemoryError, OSError: no store, or no process. About 5 us, 50 us where processes are forked; a server
        process takes some milliseconds.
        """
        if self._standard:
            super().start(initializer, initargs)
            return
        state = self._state.value
        if state == _State.STARTED:
            raise ProcessError("Already started server")
        if state == _State.SHUTDOWN:
            raise ProcessError("Manager has shut down")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        _process.warn_of_private_copy()
        scope = _engine._scope_new()
        self._anchor = _engine._new_proxy("dict", scope, False, False)
        self._scope = scope
        self._creator = os.getpid()
        if self._ctx.get_start_method(allow_none=True) == "fork":
            self._descriptors = _server.descriptors()
        self._state.value = _State.STARTED
        if initializer is None or scope == 0:
            return
        try:
            self._serve("start(initializer)", initializer, initargs)
        except BaseException:  # as if it had not been started
            _engine._scope_shutdown(scope)
            self._scope = self._anchor = None
            self._state.value = _State.INITIAL
            raise

    def connect(self):
        """Use the server at address=: from now on every type is that server's.

        OSError, EOFError: there is none. multiprocessing.AuthenticationError: it has another authkey.
        """
        super().connect()
        self._standard = True

    def shutdown(self):
        """Shut down every object this manager made: using one raises GoneError from now on, in every process.

        The server process, if there is one, ends. Acts once, and in the process that made the manager only; elsewhere
        it does nothing. O(number of objects).
        """
        if self._scope is None or self._creator != os.getpid() or self._state.value != _State.STARTED:
            return
        self._state.value = _State.SHUTDOWN
        if self._scope != 0:
            _engine._scope_shutdown(self._scope)
            _server.end(self._scope)

    def list(self, *args, **kwds):
        """A new shared list, of the items of an iterable if one is given.

        TypeError: an item that cannot be stored, see comem.List. MemoryError: the store is full.
        ProcessError: the manager was not started. GoneError: it was shut down. Safe in any thread and process. About
        1 us, and 15 ns an item.
        """
        if self._is_served("list"):
            return super().list(*args, **kwds)
        if kwds:
            raise TypeError("list() takes no keyword arguments")
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
        if self._is_served("dict"):
            return super().dict(*args, **values)
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
        if self._is_served("Value"):
            return super().Value(typecode, value, lock)
        proxy = self._new_proxy("Value")
        if self._scope != 0:
            proxy.set(value)
        return proxy

    @classmethod
    def register(cls, typeid, callable=None, proxytype=None, exposed=None, method_to_typeid=None, create_method=True):
        """Add a type, as to the standard manager: manager.TYPEID(...) makes callable(...) in the server process.

        The server knows the types that were registered before it started, which is when the first object in it is made.
        """
        super().register(typeid, callable, proxytype, exposed, method_to_typeid, create_method)
        if create_method:
            _add_method(cls, typeid, cls.__dict__[typeid])

    @property
    def address(self):
        """Where the server is, for another manager's connect(). Asking a started manager starts its server."""
        if not self._standard and self._state.value == _State.STARTED and not self._stands_for_nothing():
            self._serve("address")
        return self._address

    def _debug_info(self):
        return super()._debug_info() if self._is_serving() else ""

    def _number_of_objects(self):
        return super()._number_of_objects() if self._is_serving() else 0

    def _is_served(self, typeid):
        return self._standard or self._registry[typeid][::3] != _OWN[typeid]

    def _stands_for_nothing(self):
        """Whether it was made where nothing is made. RuntimeError if that is over: the manager is of no use."""
        if self._scope == 0 and _process.waiting() < 1:
            len(self._anchor)
        return self._scope == 0

    def _check(self):
        if self._scope is None:
            raise ProcessError("server not yet started")
        if self._state.value == _State.SHUTDOWN:
            raise _engine.GoneError("the manager was shut down: comem.Manager() makes another one")
        if not self._stands_for_nothing():
            len(self._anchor)  # GoneError when another process has shut the manager down
        if _engine._is_foreign(self._anchor):
            raise ValueError(
                "the manager is another program's, and this process has a store of its own: use what it made"
            )

    def _new_proxy(self, typeid):
        self._check()
        return _engine._new_proxy(typeid, self._scope, self._deep, self._pickle)

    def _is_serving(self):
        """Whether there is a server to use. Its address is in _address then."""
        if self._standard or not self._scope:
            return self._standard
        server = _server.of(self._scope)
        address = self._anchor.get("server") if server is None else server.address
        if address is not None:
            self._address = address
        return address is not None

    def _serve(self, purpose, initializer=None, initargs=()):
        """Have a server to use."""
        self._check()
        if self._is_serving():
            return
        with _server.starting:
            if self._is_serving():
                return
            own = self._creator == os.getpid()
            server = _server.start(self, self._anchor if own else None, purpose, initializer, initargs)
            self._address, self._process = server.address, server.process
            if own:
                util.Finalize(self, _server.drop, args=(self._scope,))

    def _create(self, typeid, /, *args, **kwds):
        if not self._standard:
            self._serve(f"{typeid}()")
        return super()._create(typeid, *args, **kwds)

    def __reduce__(self):
        if self._state.value == _State.INITIAL:
            raise ProcessError("server not yet started")
        told = get_spawning_popen() is not None  # other pickles do not tell the key, as the standard ones do not
        options = {
            "address": self._address if self._standard else None,
            "authkey": bytes(self._authkey) if told else None,
            "serializer": self._serializer,
            "deep": self._deep,
            "pickle": self._pickle,
        }
        return _restore, (
            type(self),
            self._ctx.get_start_method(allow_none=True),
            options,
            {"_scope": self._scope, "_anchor": self._anchor, "_creator": self._creator},
        )


def _restore(cls, method, options, state):
    """The manager that a pickle names. GoneError: its store is out of this process's reach."""
    manager = cls.__new__(cls)
    SyncManager.__init__(manager, ctx=get_context(method) if method else None, **options)
    vars(manager).update(state)
    manager._state.value = _State.STARTED
    return manager


# ---- what the server makes -------------------------------------------------------------------------------------------


class _Unbound:
    """Before a proxy type among the bases: an object of a server, made where nothing is. Using it: RuntimeError."""

    def __init__(self, anchor, typeid):
        vars(self).update(_anchor=anchor, _token=_standard.Token(typeid, None, None))

    def _callmethod(self, *args, **kwds):
        len(self._anchor)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        self._callmethod()

    def __reduce__(self):
        self._callmethod()


def _add_method(cls, typeid, make):
    """Have the class make objects of a type in its server."""

    def method(self, /, *args, **kwds):
        if self._scope == 0 and self._stands_for_nothing():
            proxy = self._registry[typeid][-1]
            if not isinstance(proxy, type):
                proxy = _standard.BaseProxy
            return type(proxy.__name__, (_Unbound, proxy), {})(self._anchor, typeid)
        return make(self, *args, **kwds)

    method.__name__ = typeid
    method.__qualname__ = f"{cls.__qualname__}.{typeid}"
    method.__doc__ = f"""A new {typeid} in the manager's server process, which is started if there is none yet.

        Arguments, proxy and errors are those of the standard manager's {typeid}(). ProcessError: the manager was not
        started. GoneError: it was shut down. OSError, EOFError: the server cannot be started or reached. Safe in any
        thread and process. About 500 us, some milliseconds if the server has to be started, and 15 us for each call of
        a method.
        """
    setattr(cls, typeid, method)


def _inherited(typeid):
    def make(self, *args, **kwds):
        return getattr(super(SyncManager, self), typeid)(*args, **kwds)

    return make


for _typeid in _Standard._registry:
    if _typeid not in _OWN and hasattr(_Standard, _typeid):
        _add_method(SyncManager, _typeid, _inherited(_typeid))
