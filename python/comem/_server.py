"""The server process of multiprocessing's from which a manager has what comem does not make itself.

Started    when the first such thing is wanted, as a standard manager's is: by the manager's context, in the process
           that wants it. One line on stderr says so, the first time in a process.
Shared     by whoever has the manager, if its creator started it: that puts the address into the manager's anchor. What
           another process started is its own.
Ends       by end(), at the latest among the finalizers of the process that started it. Where that process does not
           come to them, the lifeline ends: a pipe of which it alone has the writing end. The server reads it, and ends
           itself.
Fork       Children close the writing ends that they inherit. None is made while another thread forks. A server that is
           forked lets go of descriptors that were opened after the manager's start(), as if it had been forked then:
           else it would hold the other ends of pipes and sockets that its parent closes.
Dropping   the manager ends its server only if nobody has an object there; if somebody has, that is asked again before
           the next server is started.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from multiprocessing import ProcessError, connection, process, resource_tracker, util
from multiprocessing import managers as _standard

from . import _engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_PATIENCE = 10  # seconds that a server whose parent is gone gives its finalizers

starting = threading.RLock()  # held while a server is started: of two threads, the second one finds it
_lifelines: set[connection.Connection] = set()
_lifelines_lock = threading.RLock()  # not by a fork's child
_servers: dict[int, Server] = {}  # by the manager's scope; those that this process started
_dropped: set[Server] = set()  # of managers that are gone; somebody had an object there
_said = False


def _before_fork() -> None:
    _lifelines_lock.acquire()


def _after_fork_in_parent() -> None:
    _lifelines_lock.release()


def _after_fork() -> None:
    global starting, _lifelines_lock
    starting, _lifelines_lock = threading.RLock(), threading.RLock()
    while _lifelines:
        _lifelines.pop().close()
    for server in (*_servers.values(), *_dropped):  # at its exit, the child would wait for them
        process._children.discard(server.process)  # type: ignore[attr-defined]
    _servers.clear()
    _dropped.clear()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork)


class Server:
    """A running server, of a manager's types. As long as it runs, its address is in the anchor, if one is given."""

    def __init__(self, manager: Any, anchor: Any, initializer: Callable[..., object] | None, initargs: Any) -> None:
        self._finalize = type(manager)._finalize_manager
        self._access = manager._authkey, manager._Client
        self._timeout = getattr(manager, "_shutdown_timeout", None)  # from Python 3.11 on
        self._anchor = anchor
        later = _opened_since(manager._descriptors)
        answer, writer = connection.Pipe(duplex=False)
        with _lifelines_lock:
            reader, self._lifeline = connection.Pipe(duplex=False)
            _lifelines.add(self._lifeline)
        try:
            self.process = manager._ctx.Process(
                target=type(manager)._run_server,
                args=(manager._registry, None, manager._authkey, manager._serializer, writer)
                + (_begin, (reader, later, initializer, initargs)),
            )
            self.process.name = f"{type(manager).__name__}-{':'.join(map(str, self.process._identity))}"
            _start(self.process)
            writer.close()
            self.address = answer.recv()
            if anchor is not None:
                anchor["server"] = self.address
        except BaseException:
            self._cut()
            raise
        finally:
            for pipe in (answer, writer, reader):
                pipe.close()
        self.end = util.Finalize(None, self._end, exitpriority=0)  # acts once, and in this process only

    def _end(self) -> None:
        _dropped.discard(self)
        try:
            if self._anchor is not None:
                self._anchor.pop("server", None)
        except _engine.GoneError:
            pass  # the manager was shut down, and nobody looks there any more
        authkey, client = self._access
        timeout = () if self._timeout is None else (self._timeout,)
        state = _standard.State()  # type: ignore[attr-defined]
        self._finalize(self.process, self.address, authkey, state, client, *timeout)
        self._cut()

    def _cut(self) -> None:
        _lifelines.discard(self._lifeline)
        self._lifeline.close()

    def is_used(self) -> bool:
        """Whether somebody has an object there."""
        authkey, client = self._access
        try:
            with client(self.address, authkey=authkey) as to_server:
                return bool(_standard.dispatch(to_server, None, "number_of_objects"))  # type: ignore[attr-defined]
        except (OSError, EOFError):
            return False  # it has ended by itself


def descriptors() -> frozenset[int] | None:
    """The numbers of those that this process has open; None where that cannot be known. 20 us for a few."""
    try:
        return frozenset(map(int, os.listdir("/proc/self/fd")))
    except OSError:
        return None


def _opened_since(before: frozenset[int] | None) -> dict[int, tuple[int, int]]:
    """The descriptors that are new, with their files, but not those of stores and of multiprocessing's resource
    tracker, which every child has. None of them if nobody knows what was open before."""
    now = descriptors()
    if before is None or now is None:
        return {}
    tracker = getattr(resource_tracker, "_resource_tracker")
    files = {fd: _file_of(fd) for fd in now - before if fd > 2 and fd != tracker._fd}
    return {fd: file for fd, file in files.items() if file is not None}


def _file_of(descriptor: int) -> tuple[int, int] | None:
    """What tells a descriptor's file apart; None for a store's, and when another thread has just closed it."""
    try:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        status = os.fstat(descriptor)
    except OSError:
        return None
    if path.startswith(("/memfd:comem", "/dev/shm/#")) or os.path.basename(path).startswith("comem-"):
        return None
    return status.st_dev, status.st_ino


def of(scope: int) -> Server | None:
    """The server that this process started for the manager with that scope."""
    return _servers.get(scope)


def start(manager: Any, anchor: Any, purpose: str, initializer: Callable[..., object] | None, initargs: Any) -> Server:
    """Start one; by the holder of `starting`. `purpose` is what it is needed for. Raises what Process.start() raises,
    and EOFError when the initializer failed."""
    for dropped in tuple(_dropped):
        if not dropped.is_used():
            dropped.end()
    server = _servers[manager._scope] = Server(manager, anchor, initializer, initargs)
    pid = server.process.pid
    _say(f"comem: Manager().{purpose} needs a server process of multiprocessing's: started as process {pid}")
    return server


def end(scope: int) -> None:
    """End the one that this process started for the manager with that scope, if there is one."""
    server = _servers.pop(scope, None)
    if server is not None:
        server.end()


def drop(scope: int) -> None:
    """The same, unless somebody has an object there."""
    server = _servers.pop(scope, None)
    if server is None:
        return
    if server.is_used():
        _dropped.add(server)
    else:
        server.end()


def _start(child: Any) -> None:
    if not process.current_process().daemon:
        child.start()
        return
    # What start() does, but for its refusal: children of a daemonic process might outlive it, which this one cannot.
    child.daemon = False  # it may have a pool
    child._popen = child._Popen(child)
    child._sentinel = child._popen.sentinel
    process._children.add(child)  # type: ignore[attr-defined]


def _say(line: str) -> None:
    global _said
    if _said or sys.stderr is None:
        return
    _said = True
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        pass  # closed


def keep(proxy: Any) -> None:
    """Have what a standard proxy stands for stay in its server for as long as that runs, as it does when the proxy is
    put into another object there: this one is being stored, where no server counts it. Does nothing if that is gone."""
    if proxy._owned_by_manager or getattr(proxy, "_comem_kept", False):
        return  # in the server itself, the object stays, and it might be waiting for this thread
    try:
        with proxy._Client(proxy._token.address, authkey=proxy._authkey) as to_server:
            _standard.dispatch(to_server, None, "incref", (proxy._token.id,))  # type: ignore[attr-defined]
    except (OSError, EOFError, ProcessError, _standard.RemoteError):
        return
    proxy._comem_kept = True


# ---- in the server ---------------------------------------------------------------------------------------------------


def _begin(
    lifeline: connection.Connection,
    later: dict[int, tuple[int, int]],
    initializer: Callable[..., object] | None,
    initargs: Any,
) -> None:
    """The initializer that the standard server is started with."""
    if later:
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor, file in later.items():
            if _file_of(descriptor) == file:  # else it became another one before the fork
                os.dup2(nothing, descriptor, inheritable=False)  # it stays taken: what was inherited may close it
        os.close(nothing)
    getattr(process.current_process(), "_config")["tempdir"] = None  # what it inherited may go before it does
    if initializer is not None:
        initializer(*initargs)
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()


def _end_with_parent(lifeline: connection.Connection) -> None:
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        pass
    server = None
    while server is None:  # it is just being made
        time.sleep(0.01)
        server = getattr(process.current_process(), "_manager_server", None)
    server.stop_event.set()
    time.sleep(_PATIENCE)
    os._exit(1)
