"""How an object gets to another process of the program: every way to start one and to send, whoever dies meanwhile."""

import ast
import os
import pickle
import re
import signal
import time

import comem
from conftest import Child
from starting import BEGIN, every_method, fresh_interpreter

NO_LONGER_THERE = (
    "the object is no longer there: nobody held it when its name was loaded, and a pickle keeps it for a time only "
    "(comem.handle_grace)\n"
)

# ---- every way of sending, under every start method --------------------------------------------------------------------


@every_method
def test_as_an_argument_of_a_process(program, method):
    out = program(
        method,
        """
        def work(shared, nested, manager):
            shared.append("child")
            nested["key"].append("nested")
            nested["dict"]["a"]["b"].append("deep")
            manager.list([1])                       # a new scope's work in the same store
            shared.append(comem.List(["made there"]))

        if __name__ == "__main__":
            shared, inner, manager = comem.List(["parent"]), comem.List(), comem.Manager()
            table = comem.Dict({"a": {"b": []}})
            nested = {"key": inner, "dict": table}
            process = context.Process(target=work, args=(shared, nested), kwargs={"manager": manager})
            process.start()
            process.join()
            print(process.exitcode, shared[:2], shared[2][:], inner[:], table["a"]["b"][:])
        """,
    )
    assert out == "0 ['parent', 'child'] ['made there'] ['nested'] ['deep']\n"


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


def test_the_script_of_the_page_does_what_it_says(script_passes):
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "processes.md"), encoding="utf-8") as file:
        script = re.search(r"```python\n(.*?)```", file.read(), re.DOTALL).group(1)
    assert ast.literal_eval(script_passes(script)) == [number * number for number in range(10)]


# ---- who holds it meanwhile ------------------------------------------------------------------------------------------


@every_method
def test_what_an_exited_producer_put_into_a_queue_is_there(program, method):
    out = program(
        method,
        """
        def produce(queue):
            holder = ("in a value", comem.List(["inner of a value"]))
            queue.put(comem.List([comem.List(["inner", "x" * 1000]), "outer", holder]))

        if __name__ == "__main__":
            queue = context.Queue()
            process = context.Process(target=produce, args=(queue,))
            process.start()
            process.join()
            comem.List([1])                         # whatever is swept is swept by now
            outer = queue.get()
            print(process.exitcode, outer[1], outer[0][0], len(outer[0][1]), outer[2][1][0])
        """,
    )
    assert out == "0 outer inner 1000 inner of a value\n"


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


# As the first of its arguments it keeps a child from loading the others.
SLOW = """
class Slow:
    def __init__(self, seconds):
        self.seconds = seconds

    def __reduce__(self):
        return time.sleep, (self.seconds,)
"""

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
        + SLOW
        + """
def work(_, shared, path):
    with open(path, "w") as stream:
        stream.write(shared[0])

if __name__ == "__main__":
    comem.handle_grace = 0
    path = sys.argv[0] + ".out"
    process = context.Process(target=work, args=(Slow(0.5), comem.Manager().list(["kept"]), path))
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
        SLOW
        + """
def work(_, shared, log):
    log.append(shared[0])

def start(log):
    comem.handle_grace = 0
    process = context.Process(target=work, args=(Slow(0.3), comem.List(["kept"]), log))
    process.start()
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    log = comem.List()
    process = context.Process(target=start, args=(log,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    pid = os.fork()                                 # sweeps: what the dead one held is given back
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
        + SLOW
        + """
def work(_, shared):
    pass

def start_and_kill():
    process = context.Process(target=work, args=(Slow(60), comem.List(["x" * 500_000])))
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
def test_parents_killed_while_they_start_children_cost_nothing(run_script, method):
    """Wherever that was: the child may have been told of its record, or have it, or neither."""
    done = run_script(
        BEGIN
        + USED
        + """
import random

def work(shared, log):
    log.append(len(shared))

def parent(log):
    comem.handle_grace = 0
    while True:
        shared = [comem.List(["x" * 20_000]) for _ in range(20)]
        context.Process(target=work, args=(shared, log)).start()

def start_and_kill(log):
    process = context.Process(target=parent, args=(log,))
    process.start()
    while len(log) == 0:                            # some child has come all the way, before it is about killing
        time.sleep(0.01)
    time.sleep(0.1 + chance.random() * 0.3)
    process.kill()
    process.join()
    time.sleep(0.3)

if __name__ == "__main__":
    chance, log = random.Random(1), comem.List()
    for rounds in range(10):                        # on a busy machine more children live at once: it may grow for a while
        before = used()
        for _ in range(4):
            start_and_kill(log)
        if rounds > 0 and used() - before < 400_000:
            print("no larger than before")
            break
""",
        METHOD=method,
    )
    # Not its stderr: a child whose parent died before it had sent all says so there.
    assert done.returncode == 0 and done.stdout == "no larger than before\n"  # a leak would be 400 kB for each of the four


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
    assert out == NO_LONGER_THERE


@every_method
def test_a_pool_is_told_of_what_is_gone(program, method):
    """A pool takes an OSError from its pipe for the end, leaves without a word, and map() would wait for ever."""
    out = program(
        method,
        """
        class Gone:
            "Loaded, it is a list that is no longer there."

            def __init__(self, name):
                self.name = name

            def __reduce__(self):
                return pickle.loads, (self.name,)

        def work(argument):
            return argument[0]

        def name():
            comem.handle_grace = 0
            return pickle.dumps(comem.List([1]))

        def make(_):
            return Gone(name())

        if __name__ == "__main__":
            with context.Pool(2) as pool:
                for attempt in range(3):
                    try:
                        pool.map(work, [Gone(name())])
                    except comem.GoneError as error:
                        print(error)
                result = pool.map(make, [1])[0]
                try:
                    print(len(result))
                except comem.GoneError as error:
                    print(error)
                comem.handle_grace = 60
                print(pool.map(work, [comem.List([5])]))
        """,
    )
    assert out == NO_LONGER_THERE * 4 + "[5]\n"


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


@every_method
def test_when_the_main_process_is_killed_nothing_is_left_either(run_script, method):
    done = run_script(
        BEGIN
        + """
def work(shared):
    shared.append(os.getpid())
    while shared[0] == "go on":
        time.sleep(0.01)
    time.sleep(0.2)                                 # by then the parent is dead
    shared.extend([comem.List([number]) for number in range(10)])
    os._exit(0)

if __name__ == "__main__":
    shared = comem.List(["go on"])
    for fd in os.listdir("/proc/self/fd"):
        try:
            if "memfd:comem" in os.readlink("/proc/self/fd/" + fd):
                print(os.stat("/proc/self/fd/" + fd).st_ino, flush=True)
                break
        except OSError:
            pass
    processes = [context.Process(target=work, args=(shared,)) for _ in range(3)]
    for process in processes:
        process.start()
    while len(shared) < 4:
        time.sleep(0.01)
    shared[0] = "end"
    os.kill(os.getpid(), signal.SIGKILL)
""",
        METHOD=method,
    )
    assert done.returncode == -signal.SIGKILL and done.stderr == ""
    inode = int(done.stdout)
    deadline = time.monotonic() + 10
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


# ---- dicts -----------------------------------------------------------------------------------------------------------


@every_method
def test_dicts_get_there_with_what_they_hold(program, method):
    out = program(
        method,
        """
        class Job:
            def __init__(self, number):
                self.number = number

        def work(native, managed, manager):
            native["jobs"].append(managed.pop("job").number)
            native["nested"]["made"] = comem.Dict({(1, "a"): None})
            managed.update(manager.dict(child=os.getpid() != native["parent"]))
            for _ in range(1000):
                native.add("count")
                managed.add("count", 2)

        if __name__ == "__main__":
            manager = comem.Manager()
            native, managed = comem.Dict(parent=os.getpid(), jobs=[], nested={}), manager.dict(job=Job(5))
            processes = [context.Process(target=work, args=(native, managed, manager))]
            processes[0].start()
            for _ in range(1000):
                native.add("count")
                managed.add("count", 2)
            processes[0].join()
            print(processes[0].exitcode, native["jobs"][:], dict(native["nested"]["made"]), native["count"])
            print(managed)
        """,
    )
    first, second = out.splitlines()
    assert first == "0 [5] {(1, 'a'): None} 2000"
    assert eval(second) == {"child": True, "count": 4000}
