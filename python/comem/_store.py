"""Stores by name: memory that programs share which do not start each other.

A Store is a face of the engine's Roots; whatever has to be indivisible is one call of those.
"""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn, TypeVar, overload

from . import _engine, _process
from ._engine import Dict, List, Value

__all__ = ["Store", "open", "unlink"]

_T = TypeVar("_T")
_K = TypeVar("_K")
_V = TypeVar("_V")
_SharedT = TypeVar("_SharedT", bound="List[Any] | Dict[Any, Any] | Value[Any]")


class Store(Mapping[str, Any]):
    """A store by name. comem.open(name) and comem.Store(name) are the same; comem.open() says what the arguments mean.

    It is a mapping of roots, objects that keep their name, and live, until `del store[root]`. list(), dict() and var()
    open a root or make it; store[root] is a root that is there, and `in`, len(), a loop, keys(), values(), items() and
    get() work as with a dict that cannot be assigned to.

    close(), or the end of a with block, closes it in this process: when it was closed as often as it was opened, using
    an object that came from it raises GoneError. To drop a Store closes nothing: what came from it goes on working, and
    the end of the process closes the rest. A forked child has its parent's stores; closing one there or here changes
    nothing for the other. Pickled it is a name: who loads it opens the store, and gets GoneError if that was removed
    meanwhile.

    items(), values() and == look root by root, so they raise KeyError when another process takes one away meanwhile.

    Every method may be called from any thread of any process at any time, and may raise GoneError (closed),
    DamagedError, MemoryError (the store is full) and OSError (the thread's first use could not join the store).
    """

    __module__ = "comem"  # where programs and pickles name it
    __slots__ = ("_name", "_pickle", "_roots", "__weakref__")

    def __init__(
        self,
        name: str | os.PathLike[str],
        *,
        create: bool = True,
        size_limit: int | None = None,
        pickle: bool = True,
    ) -> None:
        self._name = _full_name(name)
        self._pickle = bool(pickle)
        if size_limit is None:
            size_limit = 0
        elif not isinstance(size_limit, int):
            raise TypeError(f"size_limit takes bytes as an int, 1 << 20 say, not {size_limit!r}")
        elif size_limit <= 0:
            raise ValueError(f"a store's size limit of {size_limit} bytes is below 1 MiB")
        encoded = os.fsencode(self._name)
        roots = _engine._open_roots(encoded, bool(create), min(size_limit, 1 << 63), self._pickle)
        self._roots: _engine.Roots | _Lost = roots

    @property
    def name(self) -> str:
        """The name it was opened by; of a path, all of it."""
        return self._name

    def close(self) -> None:
        """Close it in this process. Where else it was opened, here or in other processes, it stays open. Twice is once.

        About 20 us for the last one of a process.
        """
        self._roots.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def list(self, root: str) -> List[Any]:
        """The list of that name; if there is no root of that name, a new empty one.

        TypeError: the root is of another kind. ValueError: an empty name. Of several processes that come at once one
        makes it, and all get the same. About 0.4 us, 1 us for a new one.
        """
        found: List[Any] = self._roots.open("list", root)
        return found

    def dict(self, root: str) -> Dict[Any, Any]:
        """The dict of that name; if there is no root of that name, a new empty one. As list()."""
        found: Dict[Any, Any] = self._roots.open("dict", root)
        return found

    @overload  # as those of comem.var()
    def var(self, root: str, initial: _SharedT) -> _SharedT: ...  # type: ignore[overload-overlap]
    @overload
    def var(self, root: str, initial: builtins.list[_T]) -> List[_T]: ...  # type: ignore[overload-overlap]
    @overload
    def var(self, root: str, initial: builtins.dict[_K, _V]) -> Dict[_K, _V]: ...  # type: ignore[overload-overlap]
    @overload
    def var(self, root: str, initial: _T) -> Value[_T]: ...
    @overload
    def var(self, root: str, *, factory: Callable[[], _SharedT]) -> _SharedT: ...  # type: ignore[overload-overlap]
    @overload
    def var(  # type: ignore[overload-overlap]
        self, root: str, *, factory: Callable[[], builtins.list[_T]]
    ) -> List[_T]: ...
    @overload
    def var(  # type: ignore[overload-overlap]
        self, root: str, *, factory: Callable[[], builtins.dict[_K, _V]]
    ) -> Dict[_K, _V]: ...
    @overload
    def var(self, root: str, *, factory: Callable[[], _T]) -> Value[_T]: ...
    @overload
    def var(self, root: str, initial: _engine._Mark = ..., *, factory: None = None) -> Any: ...
    def var(self, root: str, initial: Any = _engine.MISSING, *, factory: Callable[[], Any] | None = None) -> Any:
        """The object of that name; if there is no root of that name, one of the initial value, as comem.var() makes it.

        Arguments and errors are those of comem.var(). Of a shared object that is not of this store, a comem.Value made
        by the program for one, it makes a deep copy here.
        """
        return self._roots.var(root, initial, factory)

    def roots(self) -> builtins.list[str]:
        """The names of all roots at one moment, in the order in which they were given."""
        return self._roots.names()

    def __getitem__(self, root: str) -> Any:
        """The object of that name. KeyError: there is none."""
        return self._roots.get(root)

    def __setitem__(self, root: str, value: NoReturn) -> NoReturn:
        """TypeError: a name is given once, and others may be using what has it."""
        raise TypeError(f"a root is not assigned to: store.var({root!r}, initial) makes one")

    def __delitem__(self, root: str) -> None:
        """Take the name away; the object goes when nothing names or uses it any more. KeyError: there is none."""
        self._roots.remove(root)

    def __iter__(self) -> Iterator[str]:
        return iter(self.roots())

    def __len__(self) -> int:
        return len(self.roots())

    def __bool__(self) -> bool:
        return True  # also without roots: `if store` asks whether there is one

    def __repr__(self) -> str:
        opened = f"comem.open({self._name!r})"
        return f"<{opened}, closed>" if self._roots.closed else opened

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (type(self), self._name, self._pickle, self._roots.id())


class _Lost:
    """In the place of the roots of a store that a pickle names and that could not be opened."""

    closed = False

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def close(self) -> None:
        pass

    def __getattr__(self, _: str) -> Any:
        raise _engine.GoneError(self._reason)


def _reopen(cls: type[Store], name: str, pickle: bool, store_id: bytes) -> Store:
    """The store that a pickle names. GoneError: it was removed, or cannot be opened here."""
    try:
        store = cls(name, create=False, pickle=pickle)
        if store._roots.id() == store_id:
            return store
        store.close()
        reason = f"the store {name!r} was removed, and another one made by that name"
    except OSError as error:
        reason = f"the store {name!r} cannot be opened here: {error}"
    if not _process.must_return():
        raise _engine.GoneError(reason)
    store = cls.__new__(cls)
    store._name, store._pickle, store._roots = name, pickle, _Lost(reason)
    return store


def _full_name(name: str | os.PathLike[str]) -> str:
    """A name as it is, a path from the root on: it may be needed in another folder."""
    text = os.fspath(name) if isinstance(name, os.PathLike) else name
    if not isinstance(text, str):
        raise TypeError(f"a store's name is a str or a path of str, not '{type(text).__name__}'")
    if "\0" in text:
        raise ValueError("a store's name has no zero characters")
    is_path = "/" in text or isinstance(name, os.PathLike)
    return os.path.join(os.getcwd(), text) if is_path else text


def open(
    name: str | os.PathLike[str],
    *,
    create: bool = True,
    size_limit: int | None = None,
    pickle: bool = True,
) -> Store:
    """Open a store by name, which every program of this user shares that opens it, and make it if it is not there.

    name: of a store in memory (/dev/shm), up to 200 bytes, without control characters or ':' and with no '.' in front;
    with a slash in it, or as a pathlib.Path, the path of a file on tmpfs, ext4 or xfs. The store is this user's alone
    (mode 0600) and lives until comem.unlink() or, in memory, until the machine stops.
    create: False: a store that is not there is not made.
    size_limit: bytes that it may grow to, at least 1 MiB, when this call makes it; None: half of the memory, or what
    the environment's COMEM_SIZE_LIMIT says.
    pickle: False: this process neither stores values there that have to be pickled (TypeError) nor loads any, whoever
    stored them (ValueUnreadable), until it has closed the store: for data of programs that are not to run code here.

    FileNotFoundError: it is not there, or there is no such folder. PermissionError: it is another user's, others may
    read or write it, or it is a symbolic link. DamagedError: cut short, contradicts itself, or the machine stopped
    while it was in use. ValueError: no name, or no size limit. MemoryError: no room, or the address space this process
    may use is too small. OSError: no store, one of another version of comem, or the system refused. Each has a sentence
    that says what is wrong and what to do.

    Safe in any thread and process; of several that make it at once, one does. About 50 us, 2 us when this process has
    it.
    """
    return Store(name, create=create, size_limit=size_limit, pickle=pickle)


def unlink(name: str | os.PathLike[str]) -> None:
    """Remove a store by name. Who has it open goes on using it; who opens the name from now on makes another.

    FileNotFoundError: there is none. PermissionError: it is another user's. OSError: the file is no store, and stays.
    ValueError: no name. Safe in any thread and process. About 10 us.
    """
    _engine._unlink(os.fsencode(_full_name(name)))
