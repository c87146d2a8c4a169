"""How the processes of a program come by its store and leave it.

Fork        The store is made before the first fork, so parent and children, and the children among themselves, share
            one.
Ticket      Under spawn and forkserver a child gets preparation data before it imports the parent's main module. A ticket
            in it carries the store's descriptor; loading it makes that store the child's own. The handles among the
            child's arguments are held by a record in the store that goes from the parent to the child with the ticket:
            until the child has loaded them, or is gone.
Forkserver  A forkserver is no part of the program: it makes no store, and its children have theirs by ticket.
Main        While a child, or a forkserver, imports the parent's main module, constructors give objects that stand for
            nothing: the lines that made the parent's shared objects run once more there.
Leaving     A child of multiprocessing leaves the store in good order at the end of its finalizers. Any other process
            leaves it in the extension's own hook, when Python is no more: whatever runs at its end, in whichever order,
            may use what is shared. One that is killed is cleaned up after by the others.

multiprocessing takes 20 ms to import, so nothing here imports it; what needs it waits until the program has it.
"""

from __future__ import annotations

import os
import sys
import types

from . import _engine

TYPE_CHECKING = False  # typing takes as long to import as all of comem
if TYPE_CHECKING:
    from typing import Any, Callable

_util: types.ModuleType | None = None  # multiprocessing.util, once it calls us in every child
_witnesses: set[int] = set()  # descriptors of the children that this process is starting
beside_tickets: list[Any] = []  # what every child loads after its ticket


def prepare() -> None:
    """Register the hooks, once in a program: forked children have them."""
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
    register_exit()
    when_imported("multiprocessing.spawn", _add_tickets)


def register_exit() -> None:
    """Have multiprocessing call detach last of all in every child, if the program uses it."""
    global _util
    util = sys.modules.get("multiprocessing.util")
    if util is None or util is _util or not hasattr(util, "Finalize"):  # without it: it is just being imported
        return
    _util = util
    util.register_after_fork(_add_finalizer, _add_finalizer)
    _add_finalizer()


def _add_finalizer(_: object = None) -> None:
    # Each process adds its own: multiprocessing's children drop what they inherited before they call us, and elsewhere
    # a finalizer of another process does nothing. Other processes leave later, in the extension's own hook, which those
    # children do not come to.
    if _util is not None and sys.modules["multiprocessing.process"].parent_process() is not None:
        _util.Finalize(None, _engine._detach, exitpriority=-100)


def _before_fork() -> None:
    if _in_forkserver:
        return
    try:
        _engine._open_store()
    except (OSError, MemoryError, ValueError):
        pass  # the fork must go on; whoever uses the store next is told why there is none
    register_exit()
    for name in ("comem._keys", "comem._server", "comem._store", "comem._values", "comem.managers"):
        if name in sys.modules:  # another thread may just be importing it, and the child would wait for that for ever
            __import__(name)


def _after_fork() -> None:
    global _in_forkserver
    _in_forkserver = False
    _engine._forked()
    while _witnesses:  # of children of the parent's: while a copy is open, they seem to be on their way
        _engine._child_started(_witnesses.pop())
    _add_finalizer()


# ---- modules that the program may import or not ----------------------------------------------------------------------


def when_imported(name: str, call: Callable[[Any], object]) -> None:
    """Have it called with the module of that name: now if there is one, else as soon as it has been imported."""
    module = sys.modules.get(name)
    if module is None:
        sys.meta_path.insert(0, _Watcher(name, call))
    else:
        call(module)


class _Watcher:
    """First in sys.meta_path until the module has been imported."""

    def __init__(self, name: str, call: Callable[[Any], object]) -> None:
        self._name = name
        self._call = call

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != self._name:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)
            if spec is not None:
                spec.loader = _WatchedLoader(self, spec.loader)
                return spec
        return None

    def imported(self, module: Any) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        self._call(module)


class _WatchedLoader:
    def __init__(self, watcher: _Watcher, loader: Any) -> None:
        self._watcher = watcher
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def exec_module(self, module: Any) -> None:
        module.__loader__ = module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._watcher.imported(module)


# ---- tickets ---------------------------------------------------------------------------------------------------------


def _add_tickets(spawn: Any) -> None:
    """Put a ticket into the preparation data of every child from now on."""
    original: Callable[[str], dict[str, Any]] = spawn.get_preparation_data

    def get_preparation_data(name: str) -> dict[str, Any]:
        data = original(name)
        data["comem"] = _Path(data.get("sys_path")), _Ticket(), *beside_tickets
        return data

    get_preparation_data.__doc__ = original.__doc__
    spawn.get_preparation_data = get_preparation_data


class _Sys:
    def __reduce__(self) -> tuple[Any, ...]:
        from importlib import import_module

        return import_module, ("sys",)


class _Path:
    """Loading it sets sys.path, as multiprocessing does a little later: comem may be found by the parent's alone."""

    def __init__(self, path: Any) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (setattr, (_Sys(), "path", self._path)) if self._path is not None else (bool, ())


class _Ticket:
    """Loading it makes this process's store the loading process's own. Lives as long as the child is being started."""

    _witness = -1

    def __reduce__(self) -> tuple[Any, ...]:
        from multiprocessing import context, reduction

        popen = context.get_spawning_popen()
        if popen is None or self._witness >= 0:  # pickled by somebody else: the descriptor could not go along
            return bool, ()
        register_exit()
        try:
            descriptor, store = _engine._descriptor()
        except (OSError, MemoryError, ValueError) as error:
            return _refuse, (f"{error} (so it was when process {os.getpid()} started this one)",)
        try:
            self._witness, place, generation = _engine._child_expect()
        except (OSError, MemoryError):
            return _attach, (reduction.DupFd(descriptor), store)  # its arguments are stamped like any other pickle
        _witnesses.add(self._witness)
        setattr(popen, "_comem_child", (place, generation))
        return _attach, (reduction.DupFd(descriptor), store, reduction.DupFd(self._witness), place, generation)

    def __del__(self) -> None:
        if self._witness in _witnesses:
            _witnesses.discard(self._witness)
            _engine._child_started(self._witness)


def _attach(descriptor: Any, store: bytes, witness: Any = None, place: int = 0, generation: int = 0) -> None:
    try:
        _engine._attach(descriptor.detach(), store, witness.detach() if witness is not None else -1, place, generation)
    except (OSError, MemoryError) as error:
        _refuse(str(error))
    else:
        _when_loaded(_engine._child_loaded)


def _when_loaded(call: Callable[[], None]) -> None:
    """Have it called in this process, which is being started, once its arguments are loaded."""
    from multiprocessing.process import BaseProcess

    original: Any = BaseProcess._bootstrap  # type: ignore[attr-defined]

    def _bootstrap(process: BaseProcess, *args: Any, **kwds: Any) -> Any:
        setattr(BaseProcess, "_bootstrap", original)
        call()
        return original(process, *args, **kwds)

    setattr(BaseProcess, "_bootstrap", _bootstrap)


def _refuse(reason: str) -> None:
    _engine._refuse(f"this process could not join its program's store: {reason}")


def child_to_start() -> tuple[int, int] | None:
    """The record of the child that a pickle is just being made for, None when that is for anybody."""
    from multiprocessing import context

    return getattr(context.get_spawning_popen(), "_comem_child", None)


# ---- where nothing is made -------------------------------------------------------------------------------------------


def _on_stack(module: str, names: tuple[str, ...]) -> bool:
    """Whether a function of a module, one of these or any, is being run by this thread."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == module and (not names or frame.f_code.co_name in names):
            return True
        frame = frame.f_back
    return False


def _becomes_forkserver() -> bool:
    """Whether this process is a forkserver, or will be: modules of the site are imported before it knows itself."""
    if "multiprocessing.forkserver" in sys.modules:  # of its modules, only those that it preloads are imported in it
        return _on_stack("multiprocessing.forkserver", ("main",)) and not _on_stack(
            "multiprocessing.forkserver", ("_serve_one",)
        )
    if sys.argv[:1] != ["-c"]:
        return False
    try:
        with open("/proc/self/cmdline", "rb") as stream:
            return b"from multiprocessing.forkserver import main;" in stream.read()
    except OSError:
        return False


_in_forkserver = _becomes_forkserver()


def waiting() -> int:
    """Whether a constructor called now gives an object that stands for nothing: 1, not now: 0, never again: -1, and in
    a child of multiprocessing's: -2."""
    if _in_forkserver:
        return 1
    process = sys.modules.get("multiprocessing.process")
    if process is None:
        return -1
    if not getattr(process.current_process(), "_inheriting", False):
        return -1 if process.parent_process() is None else -2
    return int(_on_stack("multiprocessing.spawn", ("prepare",)))


def is_forkserver() -> int:
    return int(_in_forkserver)


# ---- private copies --------------------------------------------------------------------------------------------------


class PrivateCopyWarning(UserWarning):
    """A module made a shared object at its top, in a child of multiprocessing's that imported it for itself.

    Every process that imports the module has another such object then, and nobody shares it. comem.var(name, initial) gives
    all of them the same one.
    """

    __module__ = "comem"


def _module_of(frame: types.FrameType) -> str:
    name = frame.f_globals.get("__name__")
    return name if isinstance(name, str) else ""  # what exec() was given may say anything


def warn_of_private_copy() -> None:
    """Issue the warning if a constructor that calls this was called by the top of a module other than main."""
    if waiting() in (1, -1):
        return
    level, frame = 1, sys._getframe()
    while frame.f_back and _module_of(frame).partition(".")[0] in ("comem", "multiprocessing"):
        level, frame = level + 1, frame.f_back
    name = _module_of(frame)
    if frame.f_code.co_name != "<module>" or name in ("__main__", "__mp_main__"):
        return
    if getattr(sys.modules.get(name), "__dict__", None) is not frame.f_globals:  # but text that somebody executes
        return
    import warnings

    warnings.warn(
        f"every process that imports {name} makes a shared object of its own here, which no other process has: "
        "comem.var(name, initial) gives all of them the same one",
        PrivateCopyWarning,
        stacklevel=level,
    )


def must_return() -> bool:
    """Whether loading a pickle must not raise an OSError now: a pool takes that for its pipe's end, and waits for ever."""
    return _on_stack("multiprocessing.pool", ())
