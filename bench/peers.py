"""What other libraries take for what comem does: two processes at once, on a CPU each, on one object of theirs.

    peers.py PEER OPERATION

prints one line of JSON: {"version": ..., "ns": ...}, the time of an operation in the process that fares worse; {"missing": ...}
where this interpreter does not have the peer, {"failed": ...} where it breaks. bench.py --peers runs it for all.

A peer is a context manager that makes its objects and gives a function, which is called in each of the two processes and returns
what to time: for an operation the loop and what it is called with besides keys or values. What came of it is checked.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter_ns
from typing import Callable, NamedTuple, Optional

import loops
from processes import FORK, Failed, in_two

KEYS = 1000  # of each process
WHILE = 400_000_000  # nanoseconds
APPENDS = 100_000  # of each process, at most
MESSAGES = 20_000
FIRST_VALUE = 1000


class Missing(Exception):
    """The peer cannot be had here; says why."""


class Object(NamedTuple):
    """What one process has of a peer's objects."""

    get: Optional[tuple] = None  # (loop, what it is called with)
    set: Optional[tuple] = None
    append: Optional[tuple] = None
    put: Optional[Callable] = None  # put(value) and take(), which wait for the other process
    take: Optional[Callable] = None
    read: Optional[Callable] = None  # read(key): the value as it was stored
    length: Optional[Callable] = None  # of what is appended to
    key: Callable = str  # makes a key of "key0" ...
    value: Callable = int  # makes a value of 1000 ...


def call_pairs(function, pairs):
    for key, value in pairs:
        function(key, value)


# ---- the peers -------------------------------------------------------------------------------------------------------


@contextmanager
def comem():
    import comem

    yield mapping_and_list(comem.Dict(), comem.List())


@contextmanager
def standard():
    with FORK.Manager() as manager:
        queue = FORK.Queue()
        join = mapping_and_list(manager.dict(), manager.list())
        yield lambda: join()._replace(put=queue.put, take=queue.get)


def mapping_and_list(items, appended) -> Callable:
    """Of objects that go to the processes by fork."""
    here = Object(
        get=(loops.get, items),
        set=(loops.store_each, items),
        append=(loops.append, appended),
        read=items.__getitem__,
        length=appended.__len__,
    )
    return lambda: here


@contextmanager
def ultradict():
    from UltraDict2 import UltraDict

    made = UltraDict(shared_lock=True, buffer_size=1_000_000)

    def join():
        items = UltraDict(name=made.name, shared_lock=True)
        return Object(get=(loops.get, items), set=(loops.store_each, items), read=items.__getitem__)

    yield join


@contextmanager
def sharedbox():
    """Its records have fields, one for each key."""
    from sharedbox import SharedBox

    fields = {f"key{number}": 0 for number in range(FIELDS)}
    box = type("Box", (SharedBox,), {"__annotations__": dict.fromkeys(fields, int), "__module__": __name__})
    with box(**fields):

        def join():
            items = box.attach()
            return Object(
                get=(get_fields, items), set=(set_fields, items), read=lambda key: getattr(items, key), key=field
            )

        yield join
    box.unlink()


FIELDS = 100


def field(key: str) -> str:
    """One of the fields, with hardly a key for two of them."""
    return f"key{int(key[3:]) % FIELDS}"


def get_fields(items, names):
    for name in names:
        getattr(items, name)


def set_fields(items, pairs):
    for name, value in pairs:
        setattr(items, name, value)


@contextmanager
def subetha():
    """Keys and values are bytes of a fixed size."""
    from subetha import HashMap, SpscRing, Vec

    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        kinds = {
            "map": (HashMap, 8 * KEYS, 16, 8),
            "vec": (Vec, 4 * APPENDS, 8),
            "ring": (SpscRing, 1024),
        }
        made = [kind(os.path.join(folder, name), *sizes) for name, (kind, *sizes) in kinds.items()]

        def join():
            items, appended, ring = (
                kind.open(os.path.join(folder, name), *sizes) for name, (kind, *sizes) in kinds.items()
            )
            take = until(ring.pop)
            return Object(
                get=(loops.call_each, items.get),
                set=(call_pairs, items.insert),
                append=(loops.call_each, appended.push),
                put=until(ring.push),
                take=lambda: take()[:8],  # it comes with what its place has room for
                read=items.get,
                length=appended.__len__,
                key=lambda key: key.encode().ljust(16),
                value=lambda value: value.to_bytes(8, "little"),
            )

        yield join
        del made


def until(function: Callable) -> Callable:
    """Calls it until it says that it did something."""

    def wait(*arguments):
        while True:
            done = function(*arguments)
            if done is not None and done is not False:
                return done

    return wait


@contextmanager
def faster_fifo():
    from faster_fifo import Queue

    queue = Queue(1_000_000)
    yield lambda: Object(put=queue.put, take=queue.get)


@contextmanager
def redis():
    """On a socket of its own; it keeps nothing. Its tools' package has the server, too, and starts none."""
    from redis import Redis

    program = shutil.which("redis-server") or shutil.which("redis-check-rdb")
    if program is None:
        raise Missing("there is no redis-server")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "socket")
        options = ["--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", folder]
        server = subprocess.Popen(["redis-server", *options], executable=program, stdout=subprocess.DEVNULL)
        try:
            yield lambda: redis_object(Redis(unix_socket_path=path, decode_responses=True), path)
        finally:
            server.terminate()
            server.wait()


def redis_object(client, path: str) -> Object:
    deadline = time.monotonic() + 20
    while not os.path.exists(path) and time.monotonic() < deadline:
        time.sleep(0.01)
    return Object(
        get=(loops.call_each, client.get),
        set=(call_pairs, client.set),
        append=(loops.call_each, lambda value: client.rpush("list", value)),
        put=lambda value: client.rpush("queue", value),
        take=lambda: int(client.blpop("queue")[1]),
        read=lambda key: int(client.get(key)),
        length=lambda: client.llen("list"),
    )


class Peer(NamedTuple):
    package: Optional[str]  # that pip installs, if any
    objects: Callable


PEERS = {
    "comem": Peer(None, comem),
    "multiprocessing": Peer(None, standard),
    "UltraDict2": Peer("UltraDict2", ultradict),
    "sharedbox": Peer("sharedbox", sharedbox),
    "subetha-ipc": Peer("subetha-ipc", subetha),
    "faster-fifo": Peer("faster-fifo", faster_fifo),
    "redis": Peer("redis", redis),
}

# ---- what is measured ------------------------------------------------------------------------------------------------


def pairs_of(mine: Object, me: int) -> list:
    names = (f"key{number}" for number in range(me * KEYS, (me + 1) * KEYS))
    return [(mine.key(name), mine.value(FIRST_VALUE + number)) for number, name in enumerate(names)]


def for_a_while(loop: Callable, target, arguments: list, most: float = float("inf")) -> tuple:
    """(nanoseconds an operation, how many operations); `arguments` again and again."""
    done, start = 0, perf_counter_ns()
    while perf_counter_ns() - start < WHILE and done < most:
        loop(target, arguments)
        done += len(arguments)
    return (perf_counter_ns() - start) / done, done


def both(me: int, meeting, join: Callable, operation: str) -> tuple:
    """One of the two processes."""
    mine = join()
    found = getattr(mine, operation)
    pairs = pairs_of(mine, me)
    call_set, items = mine.set or (None, None)
    if operation == "get":
        call_set(items, pairs)  # each reads what the other one has stored, too
        meeting.rest(me)
        arguments = [key for pair in zip(pairs, pairs_of(mine, 1 - me)) for key, _ in pair]
    else:
        arguments = pairs if operation == "set" else [value for _, value in pairs]
    meeting.rest(me)
    meeting.start(me)
    time, done = for_a_while(*found, arguments, APPENDS if operation == "append" else float("inf"))
    meeting.rest(me)
    if operation != "append" and any(mine.read(key) != value for key, value in last_of(mine)):
        raise Failed("what was stored is not there")
    meeting.rest(me)
    return time, done, mine.length() if operation == "append" else None


def last_of(mine: Object) -> list:
    """What both have stored in the end; where a key is of both, either may have been the last."""
    stored = [pair for me in (0, 1) for pair in pairs_of(mine, me)]
    return [pair for pair in stored if sum(key == pair[0] for key, _ in stored) == 1]


def messages(me: int, meeting, join: Callable) -> Optional[float]:
    """Process 0 puts, process 1 takes and says what one took."""
    mine = join()
    values = [mine.value(FIRST_VALUE + number) for number in range(MESSAGES)]
    meeting.rest(me)
    meeting.start(me)
    if me == 0:
        for value in values:
            mine.put(value)
        meeting.rest(me)
        return None
    start = perf_counter_ns()
    taken = [mine.take() for _ in values]
    time = (perf_counter_ns() - start) / MESSAGES
    meeting.rest(me)
    if taken != values:
        raise Failed("what was put is not what came")
    return time


def measure(peer: Peer, operation: str) -> Optional[float]:
    """Nanoseconds; None when the peer has no such thing."""
    with peer.objects() as join:
        if operation == "queue":
            return in_two(messages, join)[1] if join().put else None
        if getattr(join(), operation) is None:
            return None
        results = in_two(both, join, operation)
    if operation == "append" and any(length != sum(done for _, done, _ in results) for _, _, length in results):
        raise Failed("what was appended is not there")
    return max(time for time, _, _ in results)


def main(name: str, operation: str):
    peer = PEERS[name]
    try:
        found = {"version": version(peer.package)} if peer.package else {}
        found["ns"] = measure(peer, operation)
    except (ImportError, PackageNotFoundError, Missing) as why:
        found = {"missing": f"not installed: {why}"}
    except Exception as error:
        found = {"failed": f"{type(error).__name__}: {error}"}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
