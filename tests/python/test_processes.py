"""Several processes on one list: nothing is lost, nothing comes twice, and who is killed leaves it whole."""

import gc
import os
import pickle
import random
import signal
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import comem
from conftest import Child

# ---- by fork ---------------------------------------------------------------------------------------------------------


def test_a_list_made_before_a_fork_is_the_same_in_the_child():
    shared = comem.List(["parent"])

    def child():
        shared.append("child")
        shared[0] = "changed"
        return list(shared)

    assert Child(child).result() == ["changed", "child"]
    assert shared == ["changed", "child"]
    shared.clear()
    shared.append("again")
    assert Child(lambda: list(shared)).result() == ["again"]


def test_children_of_a_process_without_a_list_share_one_store(script_passes):
    out = script_passes(
        """
        import os, pickle, comem

        reader, writer = os.pipe()
        answer, answerer = os.pipe()
        if os.fork() == 0:
            shared = comem.List(["from a child"])
            os.write(writer, pickle.dumps(shared))
            os.read(answer, 1)
            os._exit(0 if shared == ["from a child", "from its sibling"] else 1)
        if os.fork() == 0:
            shared = pickle.loads(os.read(reader, 10_000))
            shared.append("from its sibling")
            os.write(answerer, b"x")
            os._exit(0)
        print(os.wait()[1], os.wait()[1])
        """
    )
    assert out == "0 0\n"


def test_grandchildren_share_too():
    shared = comem.List()

    def generations(left):
        shared.append(left)
        if left:
            Child(generations, left - 1).result()

    Child(generations, 5).result()
    assert shared == [5, 4, 3, 2, 1, 0]


def test_the_processes_of_multiprocessing_share(fork):
    shared = comem.List()
    processes = [fork.Process(target=shared.extend, args=([number] * 3,)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert sorted(shared) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_a_list_made_in_a_child_reaches_the_parent_through_a_shared_list():
    outer = comem.List()

    def child():
        outer.append(comem.List(["made in the child", "x" * 1000]))

    Child(child).result()
    inner = outer[0]
    outer.clear()
    gc.collect()
    assert inner == ["made in the child", "x" * 1000]


def test_a_list_goes_through_a_queue_as_itself(fork):
    queue, back = fork.SimpleQueue(), fork.SimpleQueue()
    shared = comem.List([1])

    def child():
        got = queue.get()
        got.append(2)
        back.put(got)
        back.put(comem.List(["of the child"]))

    process = fork.Process(target=child)
    process.start()
    queue.put(shared)
    again, new = back.get(), back.get()
    process.join()
    assert shared == again == [1, 2]
    again.append(3)
    assert shared == [1, 2, 3]
    assert new == ["of the child"]


def test_a_pickle_outlives_its_sender():
    data = Child(lambda: pickle.dumps(comem.List(["of the dead"]))).result()
    assert pickle.loads(data) == ["of the dead"]


def test_threads_of_a_forking_process_may_work_on(fork):
    shared = comem.List()
    stop = threading.Event()

    def work():
        while not stop.is_set():
            shared.append("thread")
            shared.pop()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(30):
            assert Child(lambda: (shared.append("child"), shared.pop(), 7)[-1]).result() == 7
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert shared == []


def test_forks_and_ends_that_have_to_wait_for_others_are_clean(fork):
    held = [comem.List([number]) for number in range(2000)]  # much for a child to take over and to give back
    shared = comem.List()

    def work(number):
        for _ in range(50):
            shared.append(comem.List(["x" * 300]))
        shared.append(number)

    for _ in range(15):
        processes = [fork.Process(target=work, args=(number,)) for number in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0] * 4
        assert len(shared) == 204
        shared.clear()
    assert held == [[number] for number in range(2000)]


# ---- at once ---------------------------------------------------------------------------------------------------------


def test_appends_of_several_processes_all_arrive_in_their_order():
    shared = comem.List()

    def write(name):
        for number in range(10_000):
            shared.append(f"{name}:{number}" if number % 2 else number * 8 + name)

    children = [Child(write, name) for name in range(4)]
    for child in children:
        child.result()
    assert len(shared) == 40_000
    items = list(shared)
    for name in range(4):
        own = [x for x in items if (x % 8 == name if type(x) is int else x[0] == str(name))]
        assert own == [f"{name}:{number}" if number % 2 else number * 8 + name for number in range(10_000)]


def test_an_extend_is_seen_whole():
    shared = comem.List()
    size = 700

    def write(name):
        for _ in range(60):
            shared.extend([name] * size)

    def watch():
        lengths = set()
        while len(lengths) < 10_000 and len(shared) < 2 * 60 * size:
            length = len(shared)
            assert length % size == 0, length
            lengths.add(length)
        return True

    children = [Child(watch), Child(write, 1), Child(write, 2)]
    for child in children:
        child.result()
    items = list(shared)
    assert [len(set(items[start : start + size])) for start in range(0, len(items), size)] == [1] * 120


def test_every_item_is_popped_once():
    shared = comem.List(range(30_000))

    def take():
        taken = []
        while True:
            try:
                taken.append(shared.pop())
            except IndexError:
                return taken

    children = [Child(take) for _ in range(3)]
    taken = [child.result() for child in children]
    assert sorted(sum(taken, [])) == list(range(30_000))
    for part in taken:
        assert part == sorted(part, reverse=True)


def test_a_reader_never_sees_half_an_item():
    texts = ["a" * 40, "b" * 4000, "short", "é" * 700, b"x" * 5000, 17]
    shared = comem.List(texts)
    stop = time.monotonic() + 1.0

    def write():
        chance = random.Random(1)
        while time.monotonic() < stop:
            shared[chance.randrange(len(texts))] = chance.choice(texts)

    def read():
        while time.monotonic() < stop:
            for item in shared:
                assert item in texts
            assert all(item in texts for item in eval(str(shared)[4:]))
        return True

    children = [Child(write), Child(write), Child(read), Child(read)]
    for child in children:
        child.result()


def test_a_snapshot_is_of_one_moment():
    shared = comem.List()
    stop = time.monotonic() + 1.0

    def write():
        while time.monotonic() < stop:
            shared.extend([1] * 50)
            shared.extend([2] * 50)
            shared.clear()

    writer = Child(write)
    seen = set()
    while time.monotonic() < stop:
        copied = comem.List()
        copied.extend(shared)
        items = list(copied)
        assert items in ([], [1] * 50, [1] * 50 + [2] * 50), items
        seen.add(len(items))
    writer.result()
    assert len(seen) > 1


operations = st.lists(
    st.one_of(
        st.just(("append",)),
        st.tuples(st.just("extend"), st.integers(0, 300)),
        st.just(("pop",)),
        st.tuples(st.just("pop_many"), st.integers(0, 200)),
        st.just(("len",)),
        st.just(("read",)),
        st.just(("nested",)),
    ),
    max_size=25,
)


def run_program(shared, name, program):
    """Runs it on the list; returns what was put in, what was taken out."""
    serial = 0
    put, taken = [], []

    def item():
        nonlocal serial
        serial += 1
        text = f"{name}:{serial}:" + "x" * (serial * 7 % 90)
        put.append(text)
        return text

    def pop():
        try:
            got = shared.pop()
        except IndexError:
            return
        taken.append(got[0] if isinstance(got, comem.List) else got)

    for operation, *arguments in program:
        if operation == "append":
            shared.append(item())
        elif operation == "extend":
            shared.extend([item() for _ in range(arguments[0])])
        elif operation == "nested":
            shared.append(comem.List([item()]))
        elif operation == "pop":
            pop()
        elif operation == "pop_many":
            for _ in range(arguments[0]):
                pop()
        elif operation == "len":
            assert len(shared) >= 0
        elif operation == "read":
            for got in shared:
                assert isinstance(got, (str, comem.List))
    return put, taken


@given(st.lists(operations, min_size=2, max_size=3))
@settings(max_examples=60, deadline=None)
def test_any_programs_of_several_processes_keep_the_items(programs):
    shared = comem.List()
    children = [Child(run_program, shared, name, program) for name, program in enumerate(programs)]
    results = [child.result() for child in children]
    left = [item[0] if isinstance(item, comem.List) else item for item in shared]
    put = [item for put, _ in results for item in put]
    taken = [item for _, taken in results for item in taken]
    assert sorted(put) == sorted(left + taken)
    for name in range(len(programs)):  # what is left of one process lies in the order it was put
        serials = [int(item.split(":")[1]) for item in left if item.startswith(f"{name}:")]
        assert serials == sorted(serials)


# ---- killed ----------------------------------------------------------------------------------------------------------


def test_killed_writers_lose_nothing_that_was_in():
    shared = comem.List()
    progress = comem.List([0] * 50)

    def write(name):
        number = 0
        while True:
            shared.append(f"{name}:{number}:" + "x" * (number * 13 % 120))
            number += 1
            progress[name] = number

    survivor_stop = comem.List()

    def survive():
        number = 0
        while not survivor_stop:
            shared.append(f"50:{number}:" + "y" * (number * 7 % 120))
            number += 1
        return number

    survivor = Child(survive)
    chance = random.Random(5)
    for name in range(50):
        writer = Child(write, name)
        time.sleep(chance.random() * 0.012)
        assert writer.kill() == -signal.SIGKILL
        if len(shared) > 200_000:
            break
    survivor_stop.append(True)
    written = survivor.result()
    numbers = {}
    for item in shared:
        name, number, filling = item.split(":")
        assert len(set(filling)) <= 1
        numbers.setdefault(int(name), []).append(int(number))
    assert numbers.pop(50) == list(range(written))
    for name, own in numbers.items():
        assert own == list(range(len(own)))
        assert progress[name] <= len(own) <= progress[name] + 1


def test_killed_processes_of_every_kind_leave_a_list_that_works():
    shared = comem.List()
    outer = comem.List()

    def everything(seed):
        chance = random.Random(seed)
        while True:
            act = chance.randrange(8)
            if act == 0:
                shared.extend([seed] * chance.randrange(400))
            elif act == 1:
                shared.extend([f"{seed} " * chance.randrange(60)] * 20)
            elif act == 2 and len(shared) > 20_000:
                shared.clear()
            elif act == 3:
                outer.append(comem.List([seed, shared, "z" * chance.randrange(500)]))
            elif act == 4 and len(outer) > 50:
                outer.clear()
            else:
                try:
                    if act == 5:
                        shared[chance.randrange(100)] = "w" * chance.randrange(300)
                    elif act == 6:
                        outer.pop()
                    else:
                        shared.pop()
                except IndexError:
                    pass

    chance = random.Random(7)
    running = [Child(everything, seed) for seed in range(2)]
    for seed in range(2, 120):
        time.sleep(chance.random() * 0.01)
        running.pop(chance.randrange(2)).kill()
        running.append(Child(everything, seed))
        for item in shared:
            assert type(item) is int or set(item) <= set("0123456789 w")
    for child in running:
        child.kill()
    shared.clear()
    for item in outer:
        assert type(item[0]) is int and set(item[2]) <= {"z"} and item[1] == shared
    shared.extend(range(1000))
    assert shared == list(range(1000))
    outer.clear()
    assert outer == []


SMALL_STORE = {"COMEM_SIZE_LIMIT": "4M"}


def test_what_is_dropped_is_given_back(script_passes):
    script_passes(
        """
        import comem

        big = "x" * 100_000
        for _ in range(2000):                       # 200 MB through a store of 4
            shared = comem.List([big])
        for _ in range(2000):
            shared.append(big)
            shared.pop()
            shared[0] = big
        for _ in range(100):
            shared.extend(range(20_000))
            shared.clear()
        for _ in range(30):
            comem.List([comem.List([big[:1000]]) for _ in range(500)])
        """,
        **SMALL_STORE,
    )


def test_what_the_killed_held_is_given_back(script_passes):
    script_passes(
        """
        import os, signal, time, comem

        shared = comem.List()
        for number in range(150):
            pid = os.fork()
            if pid == 0:
                held = [comem.List(["x" * 100_000]) for _ in range(10)]
                shared.append(held[0])
                shared.append("y" * 100_000)
                if number % 3 == 0:
                    os._exit(0)
                os.kill(os.getpid(), signal.SIGKILL)
            os.waitpid(pid, 0)
            assert len(shared) == 2
            assert shared[0] == ["x" * 100_000]
            shared.clear()
        """,
        **SMALL_STORE,
    )


def shared_files():
    others = ("pym-", "sem.", "comem-")  # which a program's own store, without a name, could not be
    return {name for name in os.listdir("/dev/shm") if not name.startswith(others)}


def test_a_process_that_ends_writes_nothing_and_leaves_no_file(script_passes):
    before = shared_files()
    script_passes(
        """
        import multiprocessing, os, comem

        shared = comem.List()
        if __name__ == "__main__":
            context = multiprocessing.get_context("fork")
            processes = [context.Process(target=shared.append, args=(n,)) for n in range(5)]
            for process in processes: process.start()
            for process in processes: process.join()
            assert len(shared) == 5
        """
    )
    assert shared_files() <= before


def test_a_killed_program_leaves_no_file(run_script):
    before = shared_files()
    done = run_script(
        """
        import os, signal, comem
        shared = comem.List(["x" * 100_000])
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert done.returncode == -signal.SIGKILL
    assert shared_files() <= before


# ---- waiting ---------------------------------------------------------------------------------------------------------


def test_a_thread_that_waits_for_a_stopped_process_lets_the_others_run():
    shared = comem.List()

    def write():
        filling = ["x" * 300] * 50
        while True:
            shared.extend(filling)
            shared.clear()

    writer = Child(write)
    try:
        for attempt in range(200):  # until the writer is stopped while it holds the list
            time.sleep(0.002)
            os.kill(writer.pid, signal.SIGSTOP)
            os.waitpid(writer.pid, os.WUNTRACED)
            thread = threading.Thread(target=shared.append, args=("thread",))
            thread.start()
            thread.join(0.1)
            waits = thread.is_alive()
            if waits:
                start, count = time.monotonic(), 0
                while time.monotonic() - start < 0.2:
                    count += 1
                assert thread.is_alive()
            os.kill(writer.pid, signal.SIGCONT)
            thread.join(10)
            assert not thread.is_alive()
            if waits:
                assert count > 1000
                return
        pytest.skip("the writer was never stopped inside a call")
    finally:
        writer.kill()


# ---- full ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["one long item", "many short ones", "extend", "set", "lists"])
def test_a_full_store_says_so_and_loses_nothing(script_passes, what):
    out = script_passes(
        """
        import os, re, comem

        shared, count, what = comem.List(["first"]), 1, os.environ["WHAT"]
        added = 0
        try:
            while True:
                if what == "one long item":
                    shared.append("x" * 50_000)
                elif what == "many short ones":
                    shared.append("short")
                elif what == "extend":
                    shared.extend(["item %d" % n for n in range(1000)])
                elif what == "set":
                    shared[0] = "y" * (len(shared[0]) * 2)
                elif what == "lists":
                    shared.append(comem.List(["z" * 1000]))
                added += 1
        except MemoryError as error:
            message = str(error)
        assert re.search(r"[0-9]", message), message
        print(message)
        per = 1000 if what == "extend" else 0 if what == "set" else 1
        assert len(shared) == 1 + added * per, (len(shared), added)
        for _ in range(3):                                  # full is full, and stays whole
            try:
                shared.extend(["x" * 10_000] * 1000)
            except MemoryError:
                pass
            else:
                raise AssertionError("room after all")
        assert len(shared) == 1 + added * per
        if what == "set":
            assert set(shared[0]) == {"y"}
        else:
            assert shared[0] == "first"
        if len(shared) > 1:
            shared.pop()
        shared.clear()
        shared.append("room again")
        assert shared == ["room again"]
        shared.extend(["x" * 1000] * 300)
        assert len(shared) == 301
        """,
        COMEM_SIZE_LIMIT="2M",
        WHAT=what,
    )
    assert out.strip()


def test_a_full_store_in_one_process_is_full_in_all(script_passes):
    script_passes(
        """
        import os, comem

        shared = comem.List()
        pid = os.fork()
        if pid == 0:
            try:
                while True:
                    shared.append("x" * 10_000)
            except MemoryError:
                os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        try:
            for _ in range(1000):
                shared.append("y" * 1000)
        except MemoryError:
            pass
        else:
            raise AssertionError
        shared.clear()
        shared.extend(["z" * 1000] * 500)
        """,
        COMEM_SIZE_LIMIT="2M",
    )


def test_memory_that_python_lacks_leaves_the_item_in_the_list(script_passes):
    script_passes(
        """
        import resource, comem

        size = 300 << 20
        shared = comem.List(["first"])
        shared.append("x" * size)
        with open("/proc/self/statm") as stream:
            used = int(stream.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20), resource.RLIM_INFINITY))
        for take in (shared.pop, lambda: shared[-1], lambda: list(shared)):
            try:
                take()
            except MemoryError:
                continue
            raise AssertionError("there was memory")
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert len(shared) == 2
        assert len(shared.pop()) == size
        assert shared == ["first"]
        """
    )


def test_a_daemon_that_closes_all_descriptors_has_a_store_of_its_own(script_passes):
    """The store that was made before the fork could neither grow nor be handed to the daemon's children."""
    printed = script_passes(
        """
        import os, comem
        if os.fork() == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            out = os.dup(1)
            os.dup2(out, 2)
            os.closerange(3, 4096)
            words = comem.List()
            words.extend(range(500000))
            if os.fork() == 0:
                words.append("from the child")
                os._exit(0)
            os.wait()
            os.write(1, f"{len(words)} {words[-1]}\\n".encode())
            os._exit(0)
        os.wait()
        import time
        time.sleep(0.1)
        """
    )
    assert printed == "500001 from the child\n"
