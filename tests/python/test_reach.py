"""How an object gets to another process: every way of starting one, every way of sending, whoever dies meanwhile."""

import os
import pickle
import signal
import struct
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import comem
from conftest import Child

METHODS = ["fork", "spawn", "forkserver", "early forkserver"]
every_method = pytest.mark.parametrize("method", METHODS)
fresh_interpreter = pytest.mark.parametrize("method", METHODS[1:])

# An early forkserver runs before comem was imported anywhere. `context` is what the scripts start their processes with.
BEGIN = """
import multiprocessing, os, pickle, signal, sys, time
if os.environ["METHOD"] == "early forkserver" and __name__ == "__main__":
    from multiprocessing import forkserver
    forkserver.ensure_running()
context = multiprocessing.get_context(os.environ["METHOD"].split()[-1])
import comem
"""


@pytest.fixture
def program(script_passes):
    """Runs a script under a start method; it must end well and write nothing to stderr. Gives what it printed."""

    def run(method, text, **environment):
        return script_passes(BEGIN + textwrap.dedent(text), METHOD=method, **environment)

    return run


# ---- every way of sending, under every start method --------------------------------------------------------------------


@every_method
def test_as_an_argument_of_a_process(program, method):
    out = program(
        method,
        """
        def work(shared, nested, manager):
            shared.append("child")
            nested["key"].append("nested")
            manager.list([1])                       # a new scope's work in the same store
            shared.append(comem.List(["made there"]))

        if __name__ == "__main__":
            shared, inner, manager = comem.List(["parent"]), comem.List(), comem.Manager()
            process = context.Process(target=work, args=(shared, {"key": inner}), kwargs={"manager": manager})
            process.start()
            process.join()
            print(process.exitcode, shared[:2], shared[2][:], inner[:])
        """,
    )
    assert out == "0 ['parent', 'child'] ['made there'] ['nested']\n"


@every_method
def test_through_queues_and_pipes(program, method):
    out = program(
        method,
        """
        def work(source, pipe, simple):
            shared = source.get()
            shared.append("got")
            simple.put([shared, comem.List(["new"])])
            pipe.recv().append("through a pipe")
            pipe.send(comem.List([shared]))         # a list that holds a list

        if __name__ == "__main__":
            queue, simple = context.Queue(), context.SimpleQueue()
            here, there = context.Pipe()
            process = context.Process(target=work, args=(queue, there, simple))
            process.start()
            shared = comem.List()
            queue.put(shared)
            here.send(shared)
            again, new = simple.get()
            outer = here.recv()
            process.join()
            outer[0].append("the same")
            print(process.exitcode, shared[:], again == shared, new[:])
        """,
    )
    assert out == "0 ['got', 'through a pipe', 'the same'] True ['new']\n"


@every_method
def test_through_a_pool(program, method):
    out = program(
        method,
        """
        import functools

        def prepare(given):
            global mine
            mine = given

        def work(shared, number):
            shared.append(number)
            mine.append(number)
            return shared, number

        if __name__ == "__main__":
            common, shared = comem.List(), comem.Manager().list()
            with context.Pool(2, prepare, (common,), maxtasksperchild=2) as pool:
                results = pool.map(functools.partial(work, shared), range(10), chunksize=1)
                assert [number for _, number in results] == list(range(10))
                results[0][0].append("from the result")
                assert pool.apply_async(work, (shared, 10)).get()[1] == 10
            print(sorted(common), shared[10], len(shared))
        """,
    )
    assert out == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] from the result 12\n"


@every_method
def test_through_an_executor(program, method):
    out = program(
        method,
        """
        from concurrent.futures import ProcessPoolExecutor

        def prepare(given):
            global mine
            mine = given

        def work(shared):
            shared.append(len(mine))
            return comem.List([shared])

        if __name__ == "__main__":
            shared = comem.List()
            with ProcessPoolExecutor(2, mp_context=context, initializer=prepare, initargs=(comem.List("ab"),)) as pool:
                results = list(pool.map(work, [shared] * 4))
            results[3][0].append("nested")
            print(shared)
        """,
    )
    assert out == "List([2, 2, 2, 2, 'nested'])\n"


@every_method
def test_processes_started_by_processes_share_too(program, method):
    out = program(
        method,
        """
        def generation(shared, left):
            shared.append(left)
            if left:
                child = context.Process(target=generation, args=(shared, left - 1))
                child.start()
                child.join()
                assert child.exitcode == 0
                pid = os.fork()                     # and a raw fork in between
                if pid == 0:
                    shared.append(-left)
                    os._exit(0)
                os.waitpid(pid, 0)

        if __name__ == "__main__":
            shared = comem.List()
            generation(shared, 2)
            print(shared)
        """,
    )
    assert out == "List([2, 1, 0, -1, -2])\n"


# ---- who holds it meanwhile ------------------------------------------------------------------------------------------


@every_method
def test_what_an_exited_producer_put_into_a_queue_is_there(program, method):
    out = program(
        method,
        """
        def produce(queue):
            queue.put(comem.List([comem.List(["inner", "x" * 1000]), "outer"]))

        if __name__ == "__main__":
            queue = context.Queue()
            process = context.Process(target=produce, args=(queue,))
            process.start()
            process.join()
            comem.List([1])                         # whatever is swept is swept by now
            outer = queue.get()
            print(process.exitcode, outer[1], outer[0][0], len(outer[0][1]))
        """,
    )
    assert out == "0 outer inner 1000\n"


@every_method
def test_what_an_exited_worker_returned_is_there(program, method):
    out = program(
        method,
        """
        def make(manager, number):
            return manager.list([number, os.getpid()])

        if __name__ == "__main__":
            manager = comem.Manager()
            with context.Pool(2, maxtasksperchild=1) as pool:
                results = pool.starmap(make, [(manager, number) for number in range(6)], chunksize=1)
                time.sleep(0.1)
            print([result[0] for result in results], len({result[1] for result in results}))
        """,
    )
    assert out == "[0, 1, 2, 3, 4, 5] 6\n"


FLOOD = """
def flood():
    "Names that nobody loads, ten times as many as the store has room for."
    for number in range(200):
        pickle.dumps(comem.List(["x" * 100_000] * 2))
"""


@fresh_interpreter
def test_an_argument_is_held_until_the_child_has_loaded_it(program, method):
    out = program(
        method,
        FLOOD
        + """
if __name__ != "__main__":
    time.sleep(0.5)                                 # a child that takes its time to import the main module

def work(shared, path):
    with open(path, "w") as stream:
        stream.write(shared[0])

if __name__ == "__main__":
    comem.handle_grace = 0
    path = sys.argv[0] + ".out"
    process = context.Process(target=work, args=(comem.Manager().list(["kept"]), path))
    process.start()
    flood()
    process.join()
    with open(path) as stream:
        print(process.exitcode, stream.read())
""",
        COMEM_SIZE_LIMIT="4M",
    )
    assert out == "0 kept\n"


@fresh_interpreter
def test_an_argument_is_held_when_the_parent_is_killed(program, method):
    out = program(
        method,
        """
        if __name__ != "__main__":
            time.sleep(0.3)

        def work(shared, log):
            log.append(shared[0])

        def start(log):
            comem.handle_grace = 0
            process = context.Process(target=work, args=(comem.List(["kept"]), log))
            process.start()
            os.kill(os.getpid(), signal.SIGKILL)

        if __name__ == "__main__":
            log = comem.List()
            process = context.Process(target=start, args=(log,))
            process.start()
            process.join()
            assert process.exitcode == -signal.SIGKILL
            pid = os.fork()                         # sweeps: what the dead one held is given back
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
            deadline = time.monotonic() + 20
            while not log and time.monotonic() < deadline:
                time.sleep(0.01)
            print(log)
        """,
    )
    assert out == "List(['kept'])\n"


USED = """
def used():
    "Bytes of the store."
    for fd in os.listdir("/proc/self/fd"):
        try:
            if "memfd:comem" in os.readlink("/proc/self/fd/" + fd):
                return os.stat("/proc/self/fd/" + fd).st_blocks * 512
        except OSError:
            pass
"""


@fresh_interpreter
def test_a_child_killed_before_it_loaded_its_arguments_costs_nothing(program, method):
    program(
        method,
        USED
        + """
if __name__ != "__main__":
    time.sleep(60)

def work(shared):
    pass

def start_and_kill():
    process = context.Process(target=work, args=(comem.List(["x" * 500_000]),))
    process.start()
    process.kill()
    process.join()

if __name__ == "__main__":
    comem.handle_grace = 0
    for _ in range(4):
        start_and_kill()
    before = used()
    for _ in range(8):
        start_and_kill()
    assert used() - before < 1_000_000, used() - before
""",
    )


@fresh_interpreter
def test_arguments_are_let_go_once_they_are_loaded(program, method):
    program(
        method,
        """
        class Dropped:
            "Gone once it is loaded: then only what this process was started with could hold the list."

            def __init__(self, shared):
                self.shared = shared

            def __reduce__(self):
                return len, (self.shared,)

        def work(length, queue, back):
            back.put(length)
            queue.get()

        if __name__ == "__main__":
            comem.handle_grace = 0
            queue, back = context.SimpleQueue(), context.SimpleQueue()
            argument = Dropped(comem.List(["x" * 2_500_000]))
            process = context.Process(target=work, args=(argument, queue, back), daemon=True)
            process.start()
            assert back.get() == 1
            del argument
            rest = comem.List(["x" * 2_500_000])    # there is room for one of them
            queue.put(0)
            process.join()
            assert process.exitcode == 0
        """,
        COMEM_SIZE_LIMIT="4M",
    )


def test_a_pickle_is_loaded_often_or_never_and_also_after_its_sender_died():
    shared = comem.List([1])
    data = pickle.dumps(shared)
    copies = [pickle.loads(data) for _ in range(100)]
    assert all(copy == [1] for copy in copies)
    copies[50].append(2)
    assert shared == [1, 2]

    def send(writer):
        os.write(writer, pickle.dumps(comem.List(["of the dead"])))
        os.kill(os.getpid(), signal.SIGKILL)

    reader, writer = os.pipe()
    child = Child(send, writer)
    assert child.wait() == -signal.SIGKILL
    data = os.read(reader, 10_000)
    os.close(reader), os.close(writer)
    assert pickle.loads(data) == ["of the dead"]
    assert Child(lambda: pickle.loads(data)[0]).result() == "of the dead"


def test_pickles_that_are_never_loaded_cost_nothing_in_the_end(script_passes):
    """Without this the store would be full of names for a minute."""
    script_passes(
        """
        import pickle, comem
        first = pickle.dumps(comem.List(["first"]))
        for number in range(500):
            last = pickle.dumps(comem.List(["x" * 100_000, number]))
        assert pickle.loads(last)[1] == 499         # the oldest went
        try:
            pickle.loads(first)
        except comem.GoneError as error:
            print(error)
        """,
        COMEM_SIZE_LIMIT="4M",
    )


def test_names_go_oldest_first_and_no_more_of_them_than_have_to(script_passes):
    script_passes(
        """
        import pickle, time, comem
        names = []
        for number in range(10):
            names.append(pickle.dumps(comem.List(["x" * 100_000, number])))
            time.sleep(0.005)

        def gone():
            found = []
            for number, name in enumerate(names):
                try:
                    assert pickle.loads(name)[1] == number
                except comem.GoneError:
                    found.append(number)
            return found

        held, seen = comem.List(), set()
        while len(seen) < 20:
            try:
                held.append("y" * 100_000)
            except MemoryError:
                break
            assert gone() == list(range(len(gone()))), gone()
            seen.add(len(gone()))
        assert len(seen) > 5 and gone() == list(range(10)), seen
        assert held == ["y" * 100_000] * len(held) and len(held) > 30
        """,
        COMEM_SIZE_LIMIT="4M",
    )


@every_method
def test_a_pool_mapped_over_big_lists_in_a_loop_fits_into_a_small_store(program, method):
    out = program(
        method,
        """
        def work(shared):
            return len(shared[0])

        if __name__ == "__main__":
            manager = comem.Manager()
            with context.Pool(2) as pool:
                for _ in range(40):                 # 48 MB through a store of 4
                    assert pool.map(work, [manager.list(["x" * 300_000]) for _ in range(4)]) == [300_000] * 4
            print("done")
        """,
        COMEM_SIZE_LIMIT="4M",
    )
    assert out == "done\n"


def test_handle_grace_is_how_long_a_pickle_keeps_its_list(script_passes):
    out = script_passes(
        """
        import pickle, comem
        assert comem.handle_grace == 60

        def name(grace):
            comem.handle_grace = grace
            return pickle.dumps(comem.List([1]))

        kept, dropped = name(0.5), name(0)
        for _ in range(3):
            pickle.dumps(comem.List())              # looks for names that have run out
        assert pickle.loads(kept) == [1]
        try:
            pickle.loads(dropped)
        except comem.GoneError as error:
            print(error)
        long = comem.List([2])
        comem.handle_grace = 60
        data = pickle.dumps(long)
        comem.handle_grace = 0
        pickle.dumps(long)                          # a shorter promise takes back no longer one
        del long
        for _ in range(3):
            pickle.dumps(comem.List())
        assert pickle.loads(data) == [2]
        for wrong, error in (("x", TypeError), (-1, ValueError), (float("nan"), ValueError)):
            try:
                name(wrong)
            except error:
                pass
            else:
                raise AssertionError(wrong)
        assert pickle.loads(name(float("inf"))) == [1]
        """
    )
    assert out == "the object is no longer there\n"


@every_method
def test_a_pool_is_told_of_an_argument_that_is_gone(program, method):
    """A worker takes an OSError from its pipe for the end, leaves, and map() would wait for ever."""
    out = program(
        method,
        """
        def work(shared):
            return shared[0]

        def lists():
            for number in range(3):
                yield comem.List([number])

        if __name__ == "__main__":
            comem.handle_grace = 0
            with context.Pool(1) as pool:
                pool.apply(int)
                results, told = pool.imap(work, lists()), 0
                for _ in range(3):
                    try:
                        next(results)
                    except comem.GoneError as error:
                        told += 1
                comem.handle_grace = 60
                assert pool.map(work, list(lists())) == [0, 1, 2]
            print(told > 0)
        """,
    )
    assert out in ("True\n", "False\n")  # a worker may have been quick enough for every one


def test_two_processes_send_to_each_other_and_are_killed(script_passes):
    out = script_passes(
        """
        import os, pickle, signal, comem

        def play(own, reader, writer, rounds):
            for number in range(rounds):
                os.write(writer, pickle.dumps(comem.List([number, "x" * 1000])).ljust(512))
                got = pickle.loads(os.read(reader, 512))
                assert got[0] == number and len(got[1]) == 1000
                own.append(got)
            os.write(writer, pickle.dumps(comem.List(["last words"])).ljust(512))
            os.kill(os.getpid(), signal.SIGKILL)

        kept = comem.List()
        one, two = os.pipe(), os.pipe()
        for reader, writer in ((one[0], two[1]), (two[0], one[1])):
            if os.fork() == 0:
                play(kept, reader, writer, 200)
        print(os.wait()[1], os.wait()[1], len(kept))
        for reader in one[0], two[0]:
            print(pickle.loads(os.read(reader, 512)))
        """
    )
    assert out == "9 9 400\nList(['last words'])\nList(['last words'])\n"


# ---- threads, other users, other namespaces ----------------------------------------------------------------------------


def test_threads_load_and_send():
    names = [pickle.dumps(comem.List([number])) for number in range(20)]
    failures = []

    def work():
        for number, name in enumerate(names):
            shared = pickle.loads(name)
            shared.append(0)
            if pickle.loads(pickle.dumps(shared))[0] != number:
                failures.append(number)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert [len(pickle.loads(name)) for name in names] == [5] * 20


@fresh_interpreter
def test_children_started_by_threads_at_once(program, method):
    out = program(
        method,
        """
        import threading

        def work(shared, number):
            shared.append(number)

        def start(shared, number):
            process = context.Process(target=work, args=(comem.List([shared])[0], number))
            process.start()
            process.join()
            assert process.exitcode == 0

        if __name__ == "__main__":
            shared = comem.List()
            threads = [threading.Thread(target=start, args=(shared, number)) for number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            print(sorted(shared))
        """,
    )
    assert out == "[0, 1, 2, 3]\n"


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
NOBODY = 65534


@needs_root
def test_a_child_that_becomes_another_user_goes_on():
    shared = comem.List(["root"])

    def child():
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        shared.append("nobody")
        made = comem.List(["x" * 1000] * 3000)  # the store grows
        shared.append(made)
        grandchild = Child(lambda: len(shared[2]))
        return grandchild.result(), pickle.dumps(made)

    length, data = Child(child).result()
    assert length == 3000 and shared[1] == "nobody" and len(shared[2]) == 3000
    assert len(pickle.loads(data)) == 3000


def load_elsewhere(data, before=""):
    """What a program that is none of ours prints after loading `data`."""
    code = textwrap.dedent(before) + textwrap.dedent(
        """
        import pickle, sys, comem
        try:
            shared = pickle.loads(bytes.fromhex(sys.argv[1]))
            shared.append("elsewhere")
            print(shared)
        except comem.GoneError as error:
            print("GoneError:", error)
        """
    )
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writer, 1)
        os.execv(sys.executable, [sys.executable, "-c", code, data.hex()])
    os.close(writer)
    with open(reader) as stream:
        out = stream.read()
    assert os.waitpid(pid, 0)[1] == 0
    return out


# Imports what it needs while it is still root: the folders may be closed to others.
BECOME_NOBODY = f"""
import os, pickle, comem
os.setgid({NOBODY})
os.setuid({NOBODY})
"""


@needs_root
def test_another_users_program_is_told_so():
    shared = comem.List(["mine"])
    out = load_elsewhere(pickle.dumps(shared), BECOME_NOBODY)
    assert out.startswith("GoneError:") and "another user" in out and str(os.getpid()) in out
    assert shared == ["mine"]


@needs_root
def test_root_opens_what_another_user_sent():
    code = BECOME_NOBODY + "shared = comem.List(['theirs'])\nprint(pickle.dumps(shared).hex(), flush=True)\ninput()\nprint(shared)\n"
    sender = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    data = bytes.fromhex(sender.stdout.readline().decode())
    assert load_elsewhere(data) == "List(['theirs', 'elsewhere'])\n"
    out, _ = sender.communicate(b"\n")
    assert out == b"List(['theirs', 'elsewhere'])\n"


def in_pid_namespace(function, *arguments):
    """A child in a PID namespace of its own; skips where that is not permitted."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    CLONE_NEWPID = 0x20000000

    def child():
        if libc.unshare(CLONE_NEWPID) != 0:
            return "not permitted"
        return Child(function, *arguments).result()

    result = Child(child).result()
    if result == "not permitted":
        pytest.skip("no permission to make a PID namespace")
    return result


def test_a_pid_namespace_is_no_obstacle_within_a_program():
    shared = comem.List()

    def inside():
        shared.append(os.getpid())
        return pickle.dumps(comem.List(["inside"])), pickle.loads(data)[0]

    data = pickle.dumps(comem.List(["outside"]))
    name, outside = in_pid_namespace(inside)
    assert shared == [1]
    assert outside == "outside" and pickle.loads(name) == ["inside"]


def test_another_program_in_a_pid_namespace_is_told_so():
    shared = comem.List()
    data = pickle.dumps(shared)
    out = in_pid_namespace(load_elsewhere, data)
    assert out.startswith("GoneError:") and "PID namespace" in out and str(os.getpid()) in out


# ---- other programs ----------------------------------------------------------------------------------------------------


def test_another_program_opens_the_store_at_the_sender():
    shared = comem.List(["mine"])
    assert load_elsewhere(pickle.dumps(shared)) == "List(['mine', 'elsewhere'])\n"
    assert shared == ["mine", "elsewhere"]


def test_a_program_without_a_store_takes_the_senders_for_its_own():
    outer = comem.List()
    before = """
        import pickle, sys, comem
        pickle.loads(bytes.fromhex(sys.argv[1])).append(comem.List(["made elsewhere"]))
    """
    load_elsewhere(pickle.dumps(outer), before)
    assert outer[0] == ["made elsewhere"]


def test_two_programs_with_stores_of_their_own_use_each_others_lists():
    shared = comem.List()
    before = """
        import comem
        own = comem.List(["own"])
        """
    code = """
        import os, pickle, sys
        theirs = pickle.loads(bytes.fromhex(sys.argv[1]))
        theirs.append(own[0])
        try:
            theirs.append(own)
        except ValueError as error:
            theirs.append(str(error))
        assert own == ["own"] and theirs[0] == "own"
        own.extend(theirs)
        assert own[1] == "own" and own < theirs + ["z"]
        pid = os.fork()                             # takes both along
        if pid == 0:
            own.append(1), theirs.append(2)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        assert own[-1] == 1
        assert pickle.loads(pickle.dumps(own)) == own and pickle.loads(pickle.dumps(theirs)) == theirs
        """
    load_elsewhere(pickle.dumps(shared), textwrap.dedent(before) + textwrap.dedent(code))
    assert shared[0] == "own" and "another store" in shared[1] and shared[2:] == [2, "elsewhere"]


def test_programs_send_to_each_other_and_who_is_gone_is_named(run_script):
    done = run_script(
        """
        import os, pickle, comem
        print(os.getpid(), pickle.dumps(comem.List(["gone"])).hex())
        """
    )
    pid, data = done.stdout.split()
    with pytest.raises(comem.GoneError, match=f"process {pid}, which sent it, is gone"):
        pickle.loads(bytes.fromhex(data))


STORE, SENDER, BOOT, DESCRIPTOR = (0, "=Q"), (28, "=i"), (40, "=Q"), (48, "=i")


def edited(shared, changes):
    """A pickle of `shared` with fields of the name in it changed."""
    data = bytearray(pickle.dumps(shared))
    start = data.index(struct.pack("=i", os.getpid())) - SENDER[0]
    for (offset, form), value in changes.items():
        struct.pack_into(form, data, start + offset, value)
    return bytes(data)


def test_a_number_that_another_process_got_is_not_taken_for_the_sender():
    shared = comem.List()
    with pytest.raises(comem.GoneError, match="another store"):
        pickle.loads(edited(shared, {STORE: 1}))
    with pytest.raises(comem.GoneError, match="another process that got the sender's number"):
        pickle.loads(edited(shared, {STORE: 1, SENDER: os.getppid(), DESCRIPTOR: 60_000}))
    with pytest.raises(comem.GoneError, match="another machine"):
        pickle.loads(edited(shared, {STORE: 1, BOOT: 1}))


def test_what_is_no_store_is_not_opened():
    reader, writer = os.pipe()
    shared = comem.List()
    with open(__file__) as stream:
        for fd in (reader, stream.fileno(), 0, -1):
            with pytest.raises(comem.GoneError, match="out of reach"):
                pickle.loads(edited(shared, {STORE: 1, DESCRIPTOR: fd}))
    os.close(reader), os.close(writer)


# ---- the parent's main module ------------------------------------------------------------------------------------------

UNGUARDED = """
shared = comem.List(["made by every import"])
manager = comem.Manager()
proxy = manager.list([1])
with comem.Manager(deep=True) as inner:
    nested = inner.list()

def work(given):
    given.append("given")
    for unbound in (shared, proxy):
        for use in (len, list, repr if unbound is shared else len, pickle.dumps, lambda it: it.append(1), given.append,
                    lambda it: it == [1], lambda it: it[0], bool):
            try:
                use(unbound)
            except RuntimeError as error:
                assert '__name__ == "__main__"' in str(error) and "argument" in str(error), error
            else:
                raise AssertionError(use)
    assert "failed" in str(proxy) and repr(proxy) and type(hash(proxy)) is int
    try:
        manager.list()
    except RuntimeError:
        pass
    else:
        raise AssertionError("a manager that stands for nothing makes lists")
    manager.shutdown()
    given.append(comem.List(["made by the child"]))  # afterwards all is as ever
    given.append(comem.Manager().list([2]))

if __name__ == "__main__":
    for _ in range(2):
        given = comem.List()
        process = context.Process(target=work, args=(given,))
        process.start()
        process.join()
        print(process.exitcode, given[0], given[1][0], given[2][0])
    assert shared == ["made by every import"] and proxy[:] == [1]
"""


@fresh_interpreter
def test_what_the_main_module_makes_in_a_child_stands_for_nothing(program, method):
    assert program(method, UNGUARDED) == "0 given made by the child 2\n" * 2


def test_a_forkserver_makes_no_store_for_what_it_preloads(program, tmp_path):
    (tmp_path / "preloaded.py").write_text(
        "import os, comem\nshared = comem.List([1])\nmanager = comem.Manager()\nmaker = os.getpid()\n"
    )
    out = program(
        "forkserver",
        """
        def work(queue):
            import preloaded
            with open("/proc/%d/maps" % preloaded.maker) as stream:
                queue.put([line for line in stream if "memfd" in line])
            try:
                preloaded.shared.append(1)
            except RuntimeError:
                queue.put(preloaded.maker == os.getppid())
            queue.put(comem.List(["real"]))

        if __name__ == "__main__":
            context.set_forkserver_preload(["preloaded"])
            queue = context.SimpleQueue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            print(queue.get(), queue.get(), queue.get())
            process.join()
        """,
        PYTHONPATH=str(tmp_path),
    )
    assert out == "[] True List(['real'])\n"


@fresh_interpreter
def test_comem_may_be_where_only_the_parent_looks(script_passes, method):
    """The ticket is loaded before multiprocessing sets sys.path."""
    place = os.path.dirname(os.path.dirname(comem.__file__))
    out = script_passes(
        f"import sys\nsys.path.append({place!r})\n"
        + BEGIN
        + """
def work(shared):
    shared.append("child")

if __name__ == "__main__":
    shared = comem.List()
    process = context.Process(target=work, args=(shared,))
    process.start()
    process.join()
    print(process.exitcode, shared)
""",
        "-S",
        METHOD=method,
    )
    assert out == "0 List(['child'])\n"


def test_children_need_not_know_comem_to_be_started(script_passes):
    """The import hook is gone once it has done its work, and multiprocessing.spawn looks as ever."""
    script_passes(
        """
        import sys
        import comem
        hooks = [hook for hook in sys.meta_path if type(hook).__module__.startswith("comem")]
        assert len(hooks) == 1
        import multiprocessing.spawn as spawn
        assert not [hook for hook in sys.meta_path if type(hook).__module__.startswith("comem")]
        assert type(spawn.__loader__).__module__.startswith(("importlib", "_frozen")), spawn.__loader__
        assert spawn.__spec__.loader is spawn.__loader__
        import importlib
        importlib.reload(spawn)
        """
    )


def test_a_child_that_cannot_join_the_store_says_so_and_makes_no_other(program):
    out = program(
        "spawn",
        """
        import resource

        def work(queue):
            try:
                comem.List([1])
            except comem.GoneError as error:
                queue.put(str(error))
            else:
                queue.put("a store of its own")

        if __name__ == "__main__":
            queue = context.SimpleQueue()
            comem.List()                            # 64 GiB of addresses
            resource.setrlimit(resource.RLIMIT_AS, (70 << 30, resource.RLIM_INFINITY))
            process = context.Process(target=work, args=(queue,))
            resource.setrlimit(resource.RLIMIT_AS, (30 << 30, resource.RLIM_INFINITY))
            process.start()
            print(queue.get())
            process.join()
        """,
    )
    assert "could not join its program's store" in out and "address space" in out


# ---- what is left ------------------------------------------------------------------------------------------------------


def comem_descriptors():
    """The stores that any process of the machine has open, by inode."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                path = f"/proc/{pid}/fd/{fd}"
                if "memfd:comem" in os.readlink(path):
                    found.add(os.stat(path).st_ino)
        except OSError:
            pass
    return found


@every_method
def test_when_all_are_gone_nothing_is_left(program, method):
    """Children that ended in every way; nothing on stderr, so no message of the resource tracker either."""
    out = program(
        method,
        """
        def work(shared, end):
            shared.append(end)
            mine = [comem.List([shared]) for _ in range(10)]
            if end == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if end == "_exit":
                os._exit(0)
            if end == "wait":
                time.sleep(100)

        if __name__ == "__main__":
            shared = comem.List()
            for fd in os.listdir("/proc/self/fd"):
                try:
                    if "memfd:comem" in os.readlink("/proc/self/fd/" + fd):
                        print(os.stat("/proc/self/fd/" + fd).st_ino)
                        break
                except OSError:
                    pass
            processes = [context.Process(target=work, args=(shared, end)) for end in ("return", "kill", "_exit", "wait")]
            for process in processes:
                process.start()
            while len(shared) < 4:
                time.sleep(0.01)
            processes[-1].terminate()
            for process in processes:
                process.join()
        """,
    )
    inode = int(out)
    deadline = time.monotonic() + 10  # a forkserver ends a moment after its last client
    while inode in comem_descriptors():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@fresh_interpreter
def test_starting_children_leaves_no_descriptor(program, method):
    program(
        method,
        """
        def work(shared):
            pass

        def count():
            return len(os.listdir("/proc/self/fd"))

        def start():
            process = context.Process(target=work, args=(comem.List(),))
            process.start()
            process.join()
            process.close()

        if __name__ == "__main__":
            start()
            before = count()
            for _ in range(3):
                start()
            assert count() == before
            try:
                context.Process(target=work, args=(lambda: 0,)).start()     # cannot be pickled
            except Exception as error:
                pass
            else:
                raise AssertionError
            import gc
            error = None
            gc.collect()
            assert count() == before, (count(), before)
        """,
    )


def test_a_fork_with_400_handles_costs_no_millisecond_more_than_with_none(script_passes):
    out = script_passes(
        """
        import os, time, comem

        def fork():
            start = time.perf_counter()
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            taken = time.perf_counter() - start
            os.waitpid(pid, 0)
            return taken

        comem.List()
        with_none, with_many = [], []
        for _ in range(5):
            with_none += [fork() for _ in range(20)]
            handles = [comem.List([number]) for number in range(400)]
            with_many += [fork() for _ in range(20)]
            del handles
        print(min(with_many) - min(with_none))
        """
    )
    assert float(out) < 0.001
