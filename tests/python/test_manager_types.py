"""What a manager has from a standard manager's server: every type, and those that users register."""

import builtins
import collections
import multiprocessing
import multiprocessing.managers
import os
import re
import subprocess
import sys
import textwrap

import pytest

import comem
import comem.managers
from conftest import LIMIT
from starting import BEGIN, every_method

LINE = r"comem: Manager\(\)\.{} needs a server process of multiprocessing's: started as process \d+\n"


@pytest.fixture
def fork_manager(fork):
    with comem.Manager(ctx=fork) as manager:
        yield manager


@pytest.fixture
def served(run_script):
    """Runs a program by a method of starting.py; it must write to stderr the line about one server alone."""

    def run(method, text, purpose=r"\w+\(\)"):
        done = run_script(BEGIN + textwrap.dedent(text), METHOD=method)
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(LINE.format(purpose), done.stderr), done.stderr
        return done.stdout

    return run


# ---- the types -------------------------------------------------------------------------------------------------------

EVERY_TYPE = """
def work(manager, lock, rlock, semaphore, bounded, condition, event, barrier, queue, joinable, space, array, shared):
    shared.append(("held", lock.acquire(False)))
    event.set()
    barrier.wait()
    with lock, rlock, rlock:
        shared.append("locks")
    with condition:
        shared.append("waits")
        event.clear()
        condition.wait()
        shared.append("notified")
    queue.put(shared)
    queue.put(comem.Dict(made="in the child"))
    shared.append(joinable.get())
    joinable.task_done()
    space.table["child"] = os.getpid()
    space.done = True
    array[1] = 5
    shared.append((semaphore.acquire(False), semaphore.acquire(False), bounded.acquire(True, 10)))
    with manager.Lock():
        pass
    with manager.Condition() as gained:
        assert gained

def many(number):
    comem.var("numbers").append(number)
    return -number

if __name__ == "__main__":
    manager = comem.Manager(ctx=context)
    shared, numbers = manager.list(), comem.var("numbers", [])
    lock = manager.Lock()
    joinable = manager.JoinableQueue()
    space = manager.Namespace(table=manager.dict(), done=False)
    rlock, semaphore, bounded = manager.RLock(), manager.Semaphore(1), manager.BoundedSemaphore(1)
    condition, event, barrier = manager.Condition(lock), manager.Event(), manager.Barrier(2)
    queue, array = manager.Queue(2), manager.Array("i", [1, 2, 3])
    others = rlock, semaphore, bounded, condition, event, barrier, queue, joinable, space, array
    with manager.Lock(), lock:
        process = context.Process(target=work, args=(manager, lock, *others, shared))
        process.start()
        assert event.wait(50)
        barrier.wait()
    while "waits" not in shared:
        time.sleep(0.001)
    with condition:
        assert not event.is_set()
        condition.notify_all()
    queue.get(timeout=50).append("from the queue")
    print(queue.get(timeout=50))
    joinable.put("joined")
    joinable.join()
    process.join()
    assert process.exitcode == 0
    print(sorted(map(str, shared)))
    print(space.table == {"child": process.pid}, space.done, array[:])
    print(barrier.parties, queue.empty(), semaphore.acquire(False))
    bounded.release()
    try:
        bounded.release()
    except ValueError:
        print("bounded")
    with manager.Pool(2) as pool:
        print(pool.map(many, range(5)), pool.apply_async(many, (5,)).get(50), list(pool.imap(many, [6])))
        print(sorted(numbers))
    manager.shutdown()
    print(multiprocessing.active_children())
"""


@every_method
def test_every_type_works_across_processes(served, method):
    assert served(method, EVERY_TYPE, r"Lock\(\)").splitlines() == [
        "Dict({'made': 'in the child'})",
        """["('held', False)", '(True, False, True)', 'from the queue', 'joined', 'locks', 'notified', 'waits']""",
        "True True array('i', [1, 5, 3])",
        "2 True False",
        "bounded",
        "[0, -1, -2, -3, -4] -5 [-6]",
        "[0, 1, 2, 3, 4, 5, 6]",
        "[]",
    ]


def test_no_type_of_the_standard_manager_is_missing(fork_manager):
    arguments = {"Barrier": (2,), "Array": ("i", [1]), "Value": ("i", 1), "Pool": (1,)}
    standard = multiprocessing.managers.SyncManager
    typeids = [typeid for typeid in standard._registry if hasattr(standard, typeid)]
    assert len(typeids) >= 15
    for typeid in typeids:
        made = getattr(fork_manager, typeid)(*arguments.get(typeid, ()))
        proxy = fork_manager._registry[typeid][-1]
        assert isinstance(made, proxy if isinstance(proxy, type) else multiprocessing.managers.BaseProxy)
        assert getattr(type(fork_manager), typeid).__name__ == typeid
        assert getattr(type(fork_manager), typeid).__doc__
    assert fork_manager._number_of_objects() <= len(typeids) - 3


def test_the_standard_classes_are_as_they_were():
    managers = multiprocessing.managers
    assert managers.SyncManager.__module__ == managers.ListProxy.__module__ == "multiprocessing.managers"
    assert managers.SyncManager._registry["list"][-1] is managers.ListProxy
    assert managers.SyncManager._registry is not comem.managers.SyncManager.__dict__.get("_registry")


# ---- both worlds -----------------------------------------------------------------------------------------------------

BOTH_WORLDS = """
class Log:
    def __init__(self):
        self.lines = None

    def use(self, lines):
        self.lines = lines

    def write(self, line):
        self.lines.append((os.getpid() != main, line))
        return self.lines

    def find(self, table, key):
        with table[key]["lock"]:                    # a proxy of an object in this very server
            return type(table[key]["lock"]).__name__

class Manager(comem.managers.SyncManager):
    pass

Manager.register("Log", Log)
main = os.getppid() if __name__ != "__main__" else os.getpid()

def work(table, made):
    table["a"]["queue"].put("from the child")
    with table["a"]["lock"]:
        table["a"]["log"].write("child")
    table["made"] = made.Queue()
    table["made"].put(table["a"]["log"])
    table["own"] = made.Event()

if __name__ == "__main__":
    with Manager(ctx=context) as manager:
        lines, table = comem.List(), manager.dict()
        native = comem.Dict(first=manager.Event())  # nobody but the dict has it
        native["first"].set()
        log = manager.Log()
        log.use(lines)
        table["a"] = comem.Dict(queue=manager.Queue(), lock=manager.Lock(), log=log, list=[manager.Namespace(x=1)])
        assert type(log.write("parent")) is comem.List and log.write("again") == lines
        process = context.Process(target=work, args=(table, manager))
        process.start()
        process.join()
        assert process.exitcode == 0
        print(table["a"]["queue"].get(timeout=50), table["a"]["list"][0].x, native["first"].is_set())
        table["made"].get(timeout=50).write("through a queue")
        print([line for _, line in lines], log.find(table, "a"), table["own"].is_set())
        again = native.copy()
        again["second"] = again.pop("first")
        del native
        print(again["second"].is_set())
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_handles_cross_both_worlds(served, method):
    assert served(method, BOTH_WORLDS).splitlines() == [
        "from the child 1 True",
        "['parent', 'again', 'child', 'through a queue'] AcquirerProxy False",
        "True",
    ]


def test_a_proxy_whose_server_is_gone_can_be_stored_and_removed_but_not_read(fork):
    manager = comem.Manager(ctx=fork)
    lock, queue = manager.Lock(), manager.Queue()
    table = comem.Dict(lock=lock)
    manager.shutdown()
    table["queue"] = queue
    for key in ("lock", "queue"):
        with pytest.raises(comem.ValueUnreadable, match=f"key '{key}'.*FileNotFoundError"):
            table[key]
        del table[key]
    assert table == {}


# ---- registered types ------------------------------------------------------------------------------------------------


class Counter:
    def __init__(self, value=0):
        self.value = value

    def add(self, amount=1):
        self.value += amount
        return self.value

    def hidden(self):
        return "hidden"

    def _private(self):
        return "private"

    def history(self):
        return list(range(self.value))

    def half(self):
        return Counter(self.value // 2)


class CounterProxy(multiprocessing.managers.BaseProxy):
    _exposed_ = ("add",)

    def twice(self):
        self._callmethod("add")
        return self._callmethod("add")


@pytest.fixture
def mine():
    class Mine(comem.managers.SyncManager):
        pass

    return Mine


def test_registered_types_are_made_in_the_server(fork, mine):
    mine.register("Counter", Counter)
    mine.register("Exposed", Counter, exposed=("add", "_private"))
    mine.register("Proxied", Counter, CounterProxy)
    mine.register("Half", proxytype=CounterProxy, create_method=False)
    mine.register("Halved", Counter, method_to_typeid={"half": "Half", "history": "list"})
    mine.register("process", lambda: os.getpid, exposed=("__call__",))
    with mine(ctx=fork) as manager:
        mine.register("Late", Counter)  # after start(), before the server
        counter = manager.Counter(5)
        assert (counter.add(), counter.add(amount=2), counter.hidden()) == (6, 8, "hidden")
        assert type(counter).__name__ == "AutoProxy[Counter]" and not hasattr(counter, "_private")
        exposed = manager.Exposed(value=1)
        assert exposed.add() == 2 and exposed._private() == "private" and not hasattr(exposed, "hidden")
        proxied = manager.Proxied()
        assert type(proxied) is CounterProxy and proxied.twice() == 2
        half = manager.Halved(10).half()
        assert type(half) is CounterProxy and half.twice() == 7 and not hasattr(manager, "Half")
        history = manager.Halved(3).history()
        assert type(history) is multiprocessing.managers.ListProxy and history[:] == [0, 1, 2]
        assert manager.Late(1).add() == 2
        assert manager.process()._callmethod("__call__") == manager._process.pid != os.getpid()
        assert type(manager.list()) is comem.managers.ListProxy
        mine.register("TooLate", Counter)
        with pytest.raises(multiprocessing.managers.RemoteError, match="TooLate"):
            manager.TooLate()


def test_typeids_that_a_user_registers_beat_comems(fork, mine):
    mine.register("list", collections.deque, exposed=("append", "popleft"))
    mine.register("dict", collections.OrderedDict, multiprocessing.managers.DictProxy)
    mine.register("Value", Counter)
    mine.register("Queue", Counter)
    with mine(ctx=fork) as manager:
        line = manager.list([1, 2])
        assert not isinstance(line, comem.List) and line.popleft() == 1
        table = manager.dict(a=1)
        assert type(table) is multiprocessing.managers.DictProxy and type(table.copy()) is collections.OrderedDict
        assert manager.Value(1).add() == 2 == manager.Queue(1).add()
    with comem.Manager() as manager:
        assert type(manager.list()) is comem.managers.ListProxy and type(manager.dict()) is comem.managers.DictProxy


def test_what_is_registered_with_either_base_class_counts(run_script):
    done = run_script(
        """
        import collections, multiprocessing, multiprocessing.managers as standard
        multiprocessing.set_start_method("fork")        # a function without a name does not pickle
        standard.SyncManager.register("dict", collections.OrderedDict, standard.DictProxy)
        import comem
        standard.SyncManager.register("Value", lambda *args: args, exposed=("__len__",))
        standard.SyncManager.register("Counter", collections.Counter, exposed=("most_common",))
        with comem.Manager() as manager:
            assert type(manager.dict(a=1)) is standard.DictProxy
            assert type(manager.dict().copy()) is collections.OrderedDict
            assert len(manager.Value("i", 1)) == 3 and manager.Counter("aab").most_common(1) == [("a", 2)]
            assert isinstance(manager.list(), comem.List)
        comem.managers.SyncManager.register("list", collections.deque, exposed=("popleft",))
        comem.managers.SyncManager.register("number", int, exposed=("__add__",))
        with comem.Manager() as manager:
            assert manager.list([1, 2]).popleft() == 1 and manager.number(5)._callmethod("__add__", (1,)) == 6
        assert not hasattr(standard.SyncManager, "number")
        """
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(LINE.format(r"dict\(\)"), done.stderr)


# ---- start(initializer) ----------------------------------------------------------------------------------------------

INITIALIZED = """
where = []

def initialize(*arguments):
    where.append((os.getpid(), arguments))

def initialized():
    return where

def fail():
    os._exit(1)

class Manager(comem.managers.SyncManager):
    pass

Manager.register("where", initialized, exposed=("__getitem__", "__len__"))

if __name__ == "__main__":
    manager = Manager(ctx=context)
    manager.start(initialize, (1, "two"))
    process = manager._process
    assert process in multiprocessing.active_children()
    print(len(where), manager.where()._callmethod("__getitem__", (0,)) == (process.pid, (1, "two")))
    assert manager.where()._callmethod("__len__") == 1 and manager.list([1]) == [1]
    manager.shutdown()
    print(process.exitcode)
    failing = Manager(ctx=context)
    try:
        failing.start(fail)
    except EOFError:
        print("failed")
    try:
        failing.list()
    except multiprocessing.ProcessError as error:
        print(error)
    failing.start()
    print(failing.list([1]))
    for wrong in (5, "print"):
        try:
            Manager().start(wrong)
        except TypeError:
            print("no callable")
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_an_initializer_runs_in_the_server_at_once_and_never_here(served, method):
    out = served(method, INITIALIZED, r"start\(initializer\)")
    assert out.splitlines() == ["0 True", "0", "failed", "server not yet started", "[1]", "no callable", "no callable"]


# ---- address= and connect() ------------------------------------------------------------------------------------------

CONNECT = """
import sys, multiprocessing.managers
address = sys.argv[2] if sys.argv[3] == "path" else (sys.argv[2], int(sys.argv[3]))
if sys.argv[1] == "comem":
    import comem.managers as managers
else:
    managers = multiprocessing.managers
class Manager(managers.SyncManager):
    pass
Manager.register("words", exposed=("append", "__getitem__"))
manager = Manager(address=address, authkey=b"secret", serializer=sys.argv[4])
manager.connect()
words = manager.words()
words.append(sys.argv[1])
assert type(manager.list()) is multiprocessing.managers.ListProxy
print(words._callmethod("__getitem__", (-1,)), manager.dict(a=1))
assert manager.address == address
"""


@pytest.mark.parametrize("family, serializer", [("path", "pickle"), ("port", "xmlrpclib")])
def test_with_an_address_it_is_a_standard_manager(fork, tmp_path, mine, family, serializer):
    words = []
    mine.register("words", lambda: words, exposed=("append", "__getitem__", "__len__"))
    address = str(tmp_path / "socket") if family == "path" else ("127.0.0.1", 0)
    options = {"shutdown_timeout": 5.0} if sys.version_info >= (3, 11) else {}
    manager = mine(address, b"secret", serializer, fork, **options)
    with pytest.raises(AssertionError):
        manager.list()
    with manager:
        address = manager.address
        assert address[1] != 0
        assert type(manager.list([1])) is multiprocessing.managers.ListProxy
        assert type(manager.dict(a=1)) is multiprocessing.managers.DictProxy
        assert type(manager.Value("i", 1)) is multiprocessing.managers.ValueProxy
        process = manager._process
        with pytest.raises(multiprocessing.ProcessError):
            manager.start()
        for number, program in enumerate(["comem", "standard"], 1):
            arguments = [program, address, "path"] if family == "path" else [program, address[0], str(address[1])]
            command = [sys.executable, "-c", CONNECT, *arguments, serializer]
            assert subprocess.check_output(command, timeout=LIMIT).decode() == f"{program} {{'a': 1}}\n"
            assert manager.words()._callmethod("__len__") == number
    assert process.exitcode == 0 and words == []


def test_a_connected_manager_works_in_children(fork, mine):
    with mine(("127.0.0.1", 0), ctx=fork) as manager:
        connected = comem.managers.SyncManager(manager.address)
        connected.connect()
        shared = connected.list()

        def child(connected):
            connected.shutdown()
            shared.append(type(connected.list()) is multiprocessing.managers.ListProxy)

        process = fork.Process(target=child, args=(connected,))
        process.start()
        process.join()
        spawn = multiprocessing.get_context("spawn")
        spawned = spawn.Process(target=comem.managers.SyncManager.shutdown, args=(connected,))
        spawned.start()
        spawned.join()
        assert spawned.exitcode == 0 and shared[:] == [True]
        with pytest.raises(multiprocessing.AuthenticationError):
            mine(manager.address, b"wrong").connect()


def test_get_server_is_the_standard_one(mine):
    server = mine().get_server()
    try:
        assert isinstance(server, multiprocessing.managers.Server)
        assert server.registry["list"][0] is builtins.list
    finally:
        server.listener.close()
    with comem.Manager() as manager, pytest.raises(multiprocessing.ProcessError):
        manager.get_server()


def test_another_manager_connects_to_the_address_of_a_started_one(fork, mine):
    with mine(ctx=fork) as manager:
        assert multiprocessing.active_children() == []
        assert manager._number_of_objects() == 0 and manager._debug_info() == ""
        other = multiprocessing.managers.SyncManager(manager.address)
        other.connect()
        words = other.list(["one"])
        assert manager._number_of_objects() == 1 and "['one']" in manager._debug_info()
        assert words[:] == ["one"]
    assert comem.managers.SyncManager().address is None


@pytest.mark.parametrize("serializer", ["pickle", "xmlrpclib"])
def test_a_manager_with_a_key_and_serializer_of_its_own(fork, serializer):
    """The server has them, and children that get the manager as an argument."""
    with comem.Manager(authkey=b"secret", serializer=serializer, ctx=fork) as manager:
        queue = manager.Queue()
        queue.put(1)

        def child(manager):
            other = manager.Queue()
            other.put(5)
            queue.put(other.get())

        process = fork.Process(target=child, args=(manager,))
        process.start()
        process.join()
        assert process.exitcode == 0
        assert (queue.get(timeout=LIMIT), queue.get(timeout=LIMIT)) == (1, 5)


# ---- CPython's own tests ---------------------------------------------------------------------------------------------

QUICK = ["SyncManagerTypes", "Containers", "Lock", "Event", "Queue", "MyManager", "RemoteManager", "ManagerRestart"]


def test_cpythons_own_tests_of_managers_pass():
    """Those that take no time; `make conformance` runs all."""
    pytest.importorskip("test._test_multiprocessing", reason="this Python comes without tests of its own")
    program = os.path.join(os.path.dirname(__file__), os.pardir, "conformance", "managers.py")
    command = [sys.executable, "-m", "comem", program]
    for name in QUICK:
        command += ["-k", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT)
    text = done.stdout.decode()
    assert done.returncode == 0, text
    assert int(re.search(r"Ran (\d+) tests", text).group(1)) >= 30
