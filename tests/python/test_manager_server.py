"""The server process behind a manager: when it starts, who uses it, and that it ends."""

import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

import comem
import comem.managers
from conftest import LIMIT, Child
from starting import BEGIN, every_method, fresh_interpreter
from test_manager_types import LINE, served  # noqa: F401 (a fixture)


@pytest.fixture
def manager(fork):
    with comem.Manager(ctx=fork) as manager:
        yield manager


def server_of(manager):
    """Its process; it runs."""
    assert manager._process.is_alive()
    return manager._process


# ---- start -----------------------------------------------------------------------------------------------------------


def test_one_line_on_stderr_says_what_the_first_server_is_for(served):  # noqa: F811
    served(
        "fork",
        """
        multiprocessing.set_start_method("fork", force=True)   # a raw fork cannot talk to its parent's forkserver
        with comem.Manager() as first, comem.Manager() as second:
            first.list([1])
            first.Event(), first.Lock(), second.Queue(), first.Event()
            pid = os.fork()
            if pid == 0:
                comem.Manager().Queue()
                os._exit(0)
            os.waitpid(pid, 0)
        """,
        r"Event\(\)",
    )


def test_without_stderr_a_server_starts_all_the_same(script_passes):
    script_passes(
        """
        import multiprocessing, sys, comem
        multiprocessing.set_start_method("fork")        # the server is not to import this file, which has no guard
        for stream in (None, open(0, closefd=False)):
            sys.stderr = stream
            with comem.Manager() as manager:
                manager.Event().set()
        stream.close()
        """
    )


def test_of_threads_that_come_together_one_starts_the_server(fork):
    for _ in range(5):
        with comem.Manager(ctx=fork) as manager:
            barrier = threading.Barrier(8)
            made = []

            def make():
                barrier.wait()
                made.append(manager.Event())

            threads = [threading.Thread(target=make) for _ in range(8)]
            _ = [thread.start() for thread in threads]
            _ = [thread.join() for thread in threads]
            assert len({event._token.address for event in made}) == 1 and len(made) == 8
            assert multiprocessing.active_children() == [server_of(manager)]


def test_the_server_has_the_start_method_of_the_manager():
    for method, name in (("fork", "ForkProcess"), ("spawn", "SpawnProcess"), ("forkserver", "ForkServerProcess")):
        with comem.Manager(ctx=multiprocessing.get_context(method)) as manager:
            manager.Event()
            assert type(server_of(manager)).__name__ == name


def test_a_forked_server_holds_nothing_that_was_opened_after_the_managers_start(fork):
    """Its parent's closing of a pipe or socket is the end of it, as it is beside a server started with the manager."""
    kept_reader, kept = os.pipe()

    class Mine(comem.managers.SyncManager):
        pass

    Mine.register("write", lambda text: os.write(kept, text))
    with Mine(ctx=fork) as manager:
        reader, writer = os.pipe()
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        event = manager.Event()
        os.close(writer)
        child.stdin.close()
        assert os.read(reader, 1) == b"" and child.stdout.read() == b"" and child.wait() == 0
        manager.write(b"in the server")
        assert os.read(kept_reader, 100) == b"in the server" and not event.is_set()
        manager.list([1]), manager.Queue().put(manager.list([2]))
        for descriptor in (reader, kept_reader, kept):
            os.close(descriptor)
        child.stdout.close()
        assert server_of(manager)


def test_a_server_that_cannot_be_started_leaves_nothing(fork):
    class Local(comem.managers.SyncManager):
        pass

    before = os.listdir("/proc/self/fd")
    with Local(ctx=multiprocessing.get_context("spawn")) as manager:  # which would have to import Local
        for _ in range(2):
            with pytest.raises((AttributeError, pickle.PicklingError)):
                manager.Lock()
        assert manager.list([1]) == [1] and manager._number_of_objects() == 0
    assert multiprocessing.active_children() == []
    assert len(os.listdir("/proc/self/fd")) <= len(before) + 2  # the resource tracker's, and the store's


# ---- end -------------------------------------------------------------------------------------------------------------


def test_shutdown_ends_the_server_once_and_only_where_the_manager_was_made(fork):
    manager = comem.Manager(ctx=fork)
    shared, event = manager.list(), manager.Event()
    process = server_of(manager)

    def child():
        manager.shutdown()
        with manager:
            event.set()
        shared.append("child")

    Child(child).result()
    assert shared == ["child"] and event.is_set()
    manager.join(0)
    assert manager._process is process
    manager.shutdown()
    assert process.exitcode == 0
    manager.join()
    manager.shutdown()
    with pytest.raises(comem.GoneError):
        manager.Event()
    with pytest.raises(OSError):
        threading_free_use(event)
    assert manager.address == event._token.address


def threading_free_use(proxy):
    """Use it in a thread that has no connection yet."""
    errors = []

    def use():
        try:
            proxy.is_set()
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    raise errors[0]


def test_a_waiter_for_something_in_the_server_is_woken_by_shutdown(fork):
    manager = comem.Manager(ctx=fork)
    queue, waiting = manager.Queue(), comem.List()

    def child():
        waiting.append(1)
        try:
            queue.get()
        except (EOFError, OSError):
            return "woken"

    process = Child(child)
    while not waiting or manager._number_of_objects() == 0:
        pass
    manager.shutdown()
    assert process.result() == "woken"


def test_dropping_the_manager_ends_its_server_when_nobody_has_an_object_there(fork):
    manager = comem.Manager(ctx=fork)
    manager.Event(), manager.Queue()
    process = server_of(manager)
    del manager
    gc.collect()
    assert process.exitcode == 0


def test_dropping_the_manager_ends_nothing_that_others_hold(fork):
    manager = comem.Manager(ctx=fork)
    kept, queue = manager.list(["kept"]), manager.Queue()
    go, done = os.pipe()

    def child():
        assert os.read(go, 1)
        queue.put("still there")
        return queue.get(timeout=LIMIT), kept[:]

    process = fork.Process(target=lambda: child() == ("still there", ["kept"]) or os._exit(1))  # counted in the server
    process.start()
    server = server_of(manager)
    while "refcount=2" not in manager._debug_info():
        pass
    del manager, queue
    gc.collect()
    assert server.is_alive() and kept == ["kept"]
    os.write(done, b"x")
    process.join()
    assert process.exitcode == 0
    with comem.Manager(ctx=fork) as other:  # whoever starts a server ends those that nobody uses any more
        other.Event()
        server.join(LIMIT)
    assert server.exitcode == 0
    os.close(go), os.close(done)


@every_method
def test_the_end_of_the_program_ends_its_servers(served, leftovers, method):  # noqa: F811
    out = served(
        method,
        """
        if __name__ == "__main__":
            manager = comem.Manager(ctx=context)
            queue, kept = manager.Queue(), comem.Dict()
            kept["queue"] = queue
            import atexit
            atexit.register(lambda: print(queue.qsize()))
        """,
        r"Queue\(\)",
    )
    assert out == "0\n"


ORPHANS = """
def work(queue, manager, inner):
    manager.Event().set()                           # the parent's server, or this process's own
    queue.put(os.getpid())
    inner.put(manager.address)
    time.sleep(1000)

if __name__ == "__main__":
    queue = context.SimpleQueue()
    with_server, without = comem.Manager(ctx=context), comem.Manager(ctx=context)
    inner = with_server.Queue()
    processes = [context.Process(target=work, args=(queue, manager, inner)) for manager in (with_server, without)]
    _ = [process.start() for process in processes]
    _ = [queue.get() for _ in processes]
    _ = [inner.get() for _ in processes]
    print(with_server._process.pid, processes[0].pid, processes[1].pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_no_server_outlives_a_kill_of_the_process_that_started_it(leftovers, tmp_path, method):
    """Although children of that process live on, which had its descriptors if they were forked."""
    (tmp_path / "script.py").write_text(BEGIN + textwrap.dedent(ORPHANS))
    program = subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py")],
        env={**os.environ, "METHOD": method, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    server, *children = map(int, program.stdout.readline().split())
    before = set(leftovers.processes())
    assert {server, *children} < before and len(before) >= 5  # the program, two servers, two children
    program.kill()
    program.wait()
    while server in leftovers.processes():
        pass
    assert set(children) <= set(leftovers.processes())
    for child in children:
        os.kill(child, signal.SIGKILL)
    leftovers.check()
    assert method == "forkserver" or not list(tmp_path.glob("pymp-*"))  # where the killed process itself has made one
    program.stdin.close(), program.stdout.close()


def test_a_program_that_execs_another_takes_its_server_along(script_passes, leftovers):
    out = script_passes(
        """
        import multiprocessing, os, sys, comem
        multiprocessing.set_start_method("fork")        # the server is not to import this file, which has no guard
        sys.stderr = None
        manager = comem.Manager()
        manager.Event()
        pid = str(manager._process.pid)
        waits = "import os, sys; print(os.waitpid(int(sys.argv[1]), 0)[1])"  # it is a child of the new program
        os.execv(sys.executable, [sys.executable, "-c", waits, pid])
        """
    )
    assert out == "0\n"


def test_the_server_ignores_an_interrupt_from_the_keyboard(manager):
    event = manager.Event()
    os.kill(server_of(manager).pid, signal.SIGINT)
    event.set()
    assert event.is_set()


# ---- managers in other processes -------------------------------------------------------------------------------------

IN_CHILDREN = """
def work(manager, results, number):
    before = len(multiprocessing.active_children())
    queue = manager.Queue()
    queue.put(number)
    daemonic = multiprocessing.current_process().daemon
    results.append((number, daemonic, before, queue.get(), manager.address, len(multiprocessing.active_children())))
    pickle.loads(pickle.dumps(manager)).Event().set()
    manager.shutdown()
    with manager:
        queue.put(5)

def by_pool(given):
    manager, results, number = given
    work(*given)
    with manager.Pool(1) as pool:
        assert pool.apply(abs, (-number,)) == number

def check(started):
    manager = comem.Manager(ctx=context)
    results = manager.list()
    if started:
        event = manager.Event()
    else:
        process = context.Process(target=work, args=(manager, results, 0))
        process.start()
        process.join()
        assert process.exitcode == 0
    with context.Pool(1) as pool:
        pool.map(by_pool, [(manager, results, number) for number in (1, 2)], 1)
    print([(number, daemonic, before, got, (address == manager._address) == started, after == (not started))
            for number, daemonic, before, got, address, after in results])
    assert multiprocessing.active_children() == [manager._process] * started
    manager.shutdown()

if __name__ == "__main__":
    check(True)
    check(False)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_manager_works_in_children_by_the_parents_server_or_one_of_their_own(run_script, leftovers, method):
    """In daemonic ones, too. What a child starts ends with it, and what its parent started goes on."""
    done = run_script(BEGIN + textwrap.dedent(IN_CHILDREN), METHOD=method)
    assert done.returncode == 0, done.stderr
    children = [(1, True, 0, 1, True, True), (2, True, 0, 2, True, True)]
    by_own = [(0, False, 0, 0, True, True), (1, True, 0, 1, True, True), (2, True, 1, 2, True, True)]
    assert done.stdout == f"{children}\n{by_own}\n"


def test_a_child_made_by_os_fork_ends_in_good_order(run_script, leftovers):
    """multiprocessing's own finalizers in it wait for no process of its parent's."""
    done = run_script(
        """
        import multiprocessing, os, sys, comem
        manager = comem.Manager(ctx=multiprocessing.get_context("fork"))
        event = manager.Event()
        pid = os.fork()
        if pid == 0:
            manager.Event().set()
            with comem.Manager(ctx=multiprocessing.get_context("fork")) as own:
                own.Event().set()
            comem.Manager(ctx=multiprocessing.get_context("fork")).Event().set()
            sys.exit(5)
        print(os.WEXITSTATUS(os.waitpid(pid, 0)[1]), event.is_set())
        assert multiprocessing.active_children() == [manager._process]
        """
    )
    assert done.stdout == "5 False\n" and done.stderr.count("\n") == 1, done.stderr


def test_pickles_of_a_manager_find_the_server_when_it_is_there(manager):
    copy = pickle.loads(pickle.dumps(manager))
    holder = comem.List([manager])
    event = manager.Event()
    for other in (copy, holder[0], pickle.loads(pickle.dumps(manager))):
        assert other.Event()._token.address == event._token.address
        assert other.address == manager.address and other._number_of_objects() == manager._number_of_objects()
    del copy, other
    gc.collect()
    assert server_of(manager) and not event.is_set()


def test_a_copy_may_start_the_server(fork):
    manager = comem.Manager(ctx=fork)
    event = pickle.loads(pickle.dumps(manager)).Event()
    assert manager.Event()._token.address == event._token.address
    manager.shutdown()
    assert multiprocessing.active_children() == []


# ---- where nothing is made -------------------------------------------------------------------------------------------

UNBOUND = """
manager = comem.Manager()
lock, queue, space, shared = manager.Lock(), manager.Queue(), manager.Namespace(a=1), manager.list()
address, number = manager.address, manager._number_of_objects()
initialized = comem.managers.SyncManager()
initialized.start(print, ("in the server",))

def work(results, given):
    with given:
        results.append([type(lock).__mro__[2].__name__, str(queue)[:27]])
        results.append(isinstance(queue, multiprocessing.managers.BaseProxy))
    results.append([address, number])
    for use in (lambda: lock.acquire(), lambda: lock.__enter__(), lambda: queue.put(1), lambda: space.a,
                lambda: setattr(space, "a", 1), lambda: pickle.dumps(queue), lambda: manager.Lock(),
                lambda: manager.list(), lambda: initialized.Lock()):
        try:
            use()
        except RuntimeError as error:
            results.append("comem.var" in str(error) and "__main__" in str(error))
        else:
            results.append(use)

if __name__ == "__main__":
    results = comem.List()
    process = context.Process(target=work, args=(results, lock))
    process.start()
    process.join()
    print(process.exitcode, results)
"""


@fresh_interpreter
def test_a_childs_import_of_main_starts_no_server(run_script, leftovers, method):
    """And never raises; what is made there stands for nothing."""
    done = run_script(BEGIN + textwrap.dedent(UNBOUND), METHOD=method)
    assert done.returncode == 0 and done.stderr.count("needs a server") == 1, done.stderr
    shown = ["AcquirerProxy", "<BaseProxy object, typeid 'Q"[:27]]
    lines = ["in the server", f"0 List([List({shown}), True, List([None, 0]), {', '.join(['True'] * 9)}])"]
    assert sorted(done.stdout.splitlines()) == sorted(lines)  # the server prints when its buffer is written
