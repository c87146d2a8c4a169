"""How processes end: whatever way, nothing is left behind, nothing is printed, and the others go on."""

import os
import signal

import pytest

import comem
from starting import every_method
from test_lifetime import growth

SMALL_STORE = {"COMEM_SIZE_LIMIT": "4M"}

ENDS = {
    "_exit": "os._exit(0)",
    "exec": "os.execv('/bin/true', ['true'])",
    "SIGTERM": "os.kill(os.getpid(), signal.SIGTERM)",
    "SIGINT": "signal.signal(signal.SIGINT, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGINT)",
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "SIGSEGV": "os.kill(os.getpid(), signal.SIGSEGV)",
    "SIGABRT": "os.abort()",
}
every_end = pytest.mark.parametrize("end", list(ENDS))


# ---- a process among others ------------------------------------------------------------------------------------------


@every_end
def test_a_child_that_ends_while_its_threads_work_costs_nothing(script_passes, leftovers, end):
    """What it held comes back, and a lock that one of its threads had is free."""
    script_passes(
        f"""
        import os, signal, sys, threading, time, comem

        shared, counts = comem.List(), comem.Dict()

        def work():
            while True:
                shared.append("x" * 3000)
                counts.add("n", 1)
                shared.pop()

        def child(number):
            held = [comem.List(["y" * 100_000]) for _ in range(10)]
            counts["held"] = held[number % 10]
            for _ in range(3):
                threading.Thread(target=work, daemon=True).start()
            before = counts.get("n", 0)
            while counts.get("n", 0) < before + 20:
                time.sleep(0)
            {ENDS[end]}

        for number in range(12):
            pid = os.fork()
            if pid == 0:
                child(number)
            os.waitpid(pid, 0)
            assert counts["held"] == ["y" * 100_000]
            assert len(shared) <= 3
            shared.clear()
        """,
        **SMALL_STORE,
    )


@every_end
def test_a_program_that_ends_by_itself_leaves_nothing(run_script, leftovers, end):
    done = run_script(
        f"""
        import os, signal, threading, comem

        shared = comem.Dict(words=comem.List(["x" * 100_000]))
        shared["itself"] = shared
        threading.Thread(target=lambda: [shared.add("n", 1) for _ in iter(int, 1)], daemon=True).start()
        {ENDS[end]}
        """
    )
    assert done.returncode == (-getattr(signal, end) if end.startswith("SIG") else 0)
    assert done.stdout == "" and done.stderr == ""


def test_an_exec_keeps_no_object_for_a_process_that_lives_on(script_passes, leftovers):
    """The process has the same number and is alive; what it held before is nobody's."""
    script_passes(
        """
        import os, time, comem

        shared = comem.List()
        sleepers = []
        for _ in range(30):
            pid = os.fork()
            if pid == 0:
                held = [comem.List(["y" * 100_000]) for _ in range(10)]
                shared.append(len(held))
                os.execv("/bin/sleep", ["sleep", "100"])
            sleepers.append(pid)
            while len(shared) < len(sleepers):
                time.sleep(0.001)
        for pid in sleepers:
            assert os.waitpid(pid, os.WNOHANG) == (0, 0)
            os.kill(pid, 9)
            os.waitpid(pid, 0)
        """,
        **SMALL_STORE,
    )


def test_a_program_that_execs_itself_begins_anew(script_passes, leftovers):
    """It has no descriptor and no mapping of the store it had, and makes another."""
    printed = script_passes(
        """
        import os, sys, comem

        def descriptors():
            return sorted(os.listdir("/proc/self/fd"))

        with open("/proc/self/maps") as maps:
            assert "comem (deleted)" not in maps.read()
        before = descriptors()
        left = int(os.environ.get("LEFT", "10"))
        assert os.environ.get("BEFORE", str(before)) == str(before)
        shared = comem.List([left])
        if left > 0:
            os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "LEFT": str(left - 1), "BEFORE": str(before)})
        print(shared)
        """
    )
    assert printed == "List([0])\n"


@pytest.mark.parametrize("how", ["subprocess", "posix_spawn", "system"])
def test_a_program_that_is_started_inherits_no_descriptor(script_passes, leftovers, how):
    printed = script_passes(
        f"""
        import os, subprocess, sys, comem

        shared = comem.List([1])
        own = [fd for fd in os.listdir("/proc/self/fd") if os.path.islink("/proc/self/fd/" + fd)
               and "comem" in os.readlink("/proc/self/fd/" + fd)]
        assert own
        look = "import os; print([fd for fd in os.listdir('/proc/self/fd') if os.path.islink('/proc/self/fd/' + fd) and 'comem' in os.readlink('/proc/self/fd/' + fd)])"
        if {how!r} == "subprocess":
            subprocess.run([sys.executable, "-c", look], close_fds=False, check=True)
        elif {how!r} == "posix_spawn":
            pid = os.posix_spawn(sys.executable, [sys.executable, "-c", look], os.environ)
            assert os.waitpid(pid, 0)[1] == 0
        else:
            assert os.system(sys.executable + ' -c "' + look + '"') == 0
        """
    )
    assert printed == "[]\n"


def test_a_handler_that_exits_in_the_middle_of_work_says_nothing(script_passes, leftovers):
    """SIGTERM as programs handle it: SystemExit out of whatever call is under way."""
    script_passes(
        """
        import os, signal, sys, time, comem

        shared, counts = comem.List(), comem.Dict()

        def child(number):
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
            for n in range(10_000_000):
                shared.extend([(number, n), "x" * 2000])
                counts.update(one=n, two=n)
                del shared[-2:]

        for number in range(30):
            pid = os.fork()
            if pid == 0:
                child(number)
            while "two" not in counts:
                time.sleep(0.0001)
            time.sleep(0.001 * (number % 5))
            os.kill(pid, signal.SIGTERM)
            assert os.WEXITSTATUS(os.waitpid(pid, 0)[1]) == 7
            assert counts["one"] == counts["two"] and len(shared) in (0, 2)
            counts.clear(), shared.clear()
        """
    )


# ---- daemons ---------------------------------------------------------------------------------------------------------


def test_a_daemon_outlives_the_program_and_has_its_objects(script_passes, leftovers):
    """Double fork: parent and child are gone, and with the daemon the store."""
    printed = script_passes(
        """
        import os, time, comem

        shared = comem.List(["of the parent"])
        nested = comem.Dict(inner=shared)
        main = os.getpid()
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.setsid()
            shared.append("of the child")
            if os.fork():
                os._exit(0)
            while os.getppid() != 1 and os.path.exists(f"/proc/{main}") and open(f"/proc/{main}/stat").read().split()[2] != "Z":
                time.sleep(0.005)
            mine = [comem.List(["x" * 1000]) for _ in range(100)]
            nested["inner"].extend(["of the daemon", len(mine)])
            os.write(1, f"{shared}\\n".encode())
            os._exit(0)
        os.wait()
        """
    )
    assert printed == "List(['of the parent', 'of the child', 'of the daemon', 100])\n"


def test_a_daemon_that_closed_all_descriptors_goes_on_with_what_it_had(script_passes, leftovers):
    """While another process has the store it even grows: that one lends its descriptor."""
    printed = script_passes(
        """
        import os, comem

        shared = comem.List(["of the parent"])
        if os.fork() == 0:
            os.setsid()
            shared.append("before")                     # it is attached
            os.closerange(3, 4096)
            null = os.open("/dev/null", os.O_RDWR)
            os.dup2(null, 0)
            shared.append("after")
            shared.extend(range(500_000))
            mine = comem.Dict({n: "x" * 100 for n in range(10_000)})
            shared.append(len(mine))
            os._exit(0)
        assert os.wait()[1] == 0
        print(shared[:3], len(shared), shared[-1])
        """
    )
    assert printed == "['of the parent', 'before', 'after'] 500004 10000\n"


def test_a_daemon_that_closed_all_descriptors_goes_on_with_stores_by_name(script_passes, leftovers):
    """Those that it opened before, of which another process has one, and one that it opens afterwards."""
    printed = script_passes(
        f"""
        import os, time, comem

        name = "ends-{leftovers.mark}"
        if os.fork() == 0:
            os.setsid()
            store, own = comem.open(name), comem.open(name + "-own")
            words, alone = store.list("words"), own.list("words")
            words.append("before")
            while len(words) < 2:
                time.sleep(0.001)
            os.closerange(3, 4096)
            words.append("after")
            with comem.open(name + "-late") as late:
                late.dict("counts")["late"] = 1
            words.extend(range(100_000))
            alone.extend(range(100_000))
            if os.fork() == 0:
                words.append("from the child")
                alone.extend(words)
                os._exit(0)
            os.wait()
            os._exit(0)
        with comem.open(name) as store:
            words = store.list("words")
            while len(words) < 1:
                time.sleep(0.001)
            words.append("of the parent")
            os.wait()
            print(words[:3], len(words), words[-1])
        with comem.open(name + "-late", create=False) as late:
            print(late["counts"])
        with comem.open(name + "-own", create=False) as own:
            print(len(own["words"]))
        comem.unlink(name), comem.unlink(name + "-late"), comem.unlink(name + "-own")
        """
    )
    assert printed == "['before', 'of the parent', 'after'] 100004 from the child\nDict({'late': 1})\n200004\n"


@every_end
def test_a_store_by_name_is_whole_whatever_way_its_users_end(script_passes, leftovers, end):
    """And nothing of what they held stays in it."""
    script_passes(
        f"""
        import os, signal, threading, time, comem

        name = "ends-{leftovers.mark}"
        for number in range(15):
            pid = os.fork()
            if pid == 0:
                store = comem.open(name, size_limit=4 << 20)
                words, counts = store.list("words"), store.dict("counts")
                held = [words.copy() for _ in range(5)]
                counts["text"] = "y" * 500_000
                words.append([number, ["x" * 1000] * 100])
                threading.Thread(target=lambda: [counts.add("n", 1) for _ in iter(int, 1)], daemon=True).start()
                before = counts.get("n", 0)
                while counts.get("n", 0) < before + 20:
                    time.sleep(0)
                {ENDS[end]}
            os.waitpid(pid, 0)
            with comem.open(name, create=False) as store:
                assert len(store["words"]) == 1 and store["words"].pop()[0] == number
                assert len(store["counts"].pop("text")) == 500_000
        comem.unlink(name)
        """
    )


# ---- multiprocessing -------------------------------------------------------------------------------------------------


@every_method
def test_a_pool_that_renews_its_workers_costs_nothing(program, leftovers, method):
    printed = program(
        method,
        """
        def work(shared):
            shared.append(os.getpid())
            return comem.List(["x" * 20_000])

        def descriptors():
            return len(os.listdir("/proc/self/fd"))

        if __name__ == "__main__":
            shared = comem.List()
            with context.Pool(2, maxtasksperchild=1) as pool:
                pool.map(work, [shared] * 2, chunksize=1)
                before = descriptors()
                for _ in range(4):
                    for made in pool.map(work, [shared] * 5, chunksize=1):
                        assert len(made[0]) == 20_000
                pool.close()
                pool.join()
            # Two workers have up to four, and both may have been just between two when the count was taken.
            assert descriptors() <= before + 4, (descriptors(), before)
            print(len(shared), len(set(shared)) >= 11)
        """,
        **SMALL_STORE,
    )
    assert printed == "22 True\n"


@every_method
def test_daemonic_processes_end_with_the_program(program, leftovers, method):
    program(
        method,
        """
        def work(shared):
            shared.append(os.getpid())
            while True:
                shared.append("x" * 1000)
                shared.pop()

        if __name__ == "__main__":
            shared = comem.List()
            for _ in range(2):
                context.Process(target=work, args=(shared,), daemon=True).start()
            while len(shared) < 2:
                time.sleep(0.001)
        """,
    )


# ---- notebooks -------------------------------------------------------------------------------------------------------


def test_a_cell_that_is_run_again_frees_what_it_made_before():
    """Names are bound anew, in an order in which the new objects refer to the old ones."""
    cell = compile(
        """
previous = globals().get("words")
words = comem.List(["x" * 300] * 50)
counts = comem.Dict({n: str(n) * 20 for n in range(50)})
words.append(comem.List([counts.copy()]))
counts["words"] = words
manager = comem.Manager()
table = manager.dict({"words": manager.list(words[:3])})
class Job:
    def __init__(self, shared):
        self.shared = shared
jobs = comem.List([counts["words"], (words, 1)])
shown = repr(words)[:20]
last = words
previous is None or previous.append(words)
del previous
""",
        "<cell>",
        "exec",
    )
    namespace = {}
    exec("import comem", namespace)
    assert growth(500, lambda: exec(cell, namespace)) == 0


def test_a_cell_with_globals_and_stores_by_name_costs_nothing(leftovers):
    cell = compile(
        """
config = comem.var("config of the cell", {"a": ["x" * 300] * 20})
config["a"] = ["y" * 300] * 20
with comem.open(name) as store:
    store.list("words").append("x" * 300)
    store.dict("counts").update({n: [n] for n in range(20)})
    total = store.var("total", 0)
    total.add(1)
    del store["words"], store["counts"]
comem.forget("config of the cell")
""",
        "<cell>",
        "exec",
    )
    namespace = {"name": f"ends-{leftovers.mark}"}
    exec("import comem", namespace)
    descriptors = []
    try:
        for _ in range(2):
            assert growth(100, lambda: exec(cell, namespace)) == 0
            descriptors.append(len(os.listdir("/proc/self/fd")))
        assert descriptors[0] == descriptors[1]
        with comem.open(namespace["name"]) as store:
            assert store["total"].get() == 400
    finally:
        comem.unlink(namespace["name"])


# ---- the interpreter's end -------------------------------------------------------------------------------------------


def test_sys_exit_in_a_thread_ends_the_thread_alone(run_script, leftovers):
    done = run_script(
        """
        import sys, threading, comem

        shared, counts = comem.List(), comem.Dict()

        def work(number):
            for n in range(100):
                shared.append((number, n))
                counts.add(number, 1)
            sys.exit(number)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(len(shared), sorted(counts.values()) == [100] * 8)
        sys.exit(5)
        """
    )
    assert done.returncode == 5
    assert done.stdout == "800 True\n" and done.stderr == ""


def test_whatever_runs_at_exit_has_its_objects(script_passes, leftovers):
    """Handlers registered before comem and multiprocessing, and so run after those that these register; finalizers; all others."""
    printed = script_passes(
        """
        import atexit, weakref
        atexit.register(lambda: print(counts["end"], shared))
        import multiprocessing.util
        import comem
        multiprocessing.util.Finalize(None, lambda: shared.append("the last finalizer"), exitpriority=-200)
        multiprocessing.util.Finalize(None, lambda: print(sorted(shared)), exitpriority=-50)
        shared, counts = comem.List(), comem.Dict()

        class Thing:
            pass

        thing = Thing()
        weakref.finalize(thing, lambda: shared.append("finalize"))
        atexit.register(lambda: counts.update(end=comem.List(["made at exit"])))
        """
    )
    assert printed == "['finalize']\nList(['made at exit']) List(['finalize', 'the last finalizer'])\n"


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "raise SystemExit"])
def test_an_end_with_threads_in_every_call_is_clean(script_passes, leftovers, end):
    script_passes(
        f"""
        import itertools, os, pickle, sys, threading, time, comem

        shared, counts, manager = comem.List(range(100)), comem.Dict(), comem.Manager()

        class Late:
            def __del__(self):
                self.made = comem.Dict(late=self.kept)
                self.kept.append(len(self.made))

        def change():
            for n in itertools.count():
                counts[n % 500] = comem.List([n])
                counts["value"] = (n, "x" * 100, shared)
                shared[n % 100] = n

        def read():
            while True:
                for item in shared: pass
                counts.copy(), str(counts)[:10], [*counts.items()]
                pickle.loads(pickle.dumps(shared))

        def make():
            while True:
                late = Late()
                late.kept = manager.list([comem.Dict(a=1)])
                pid = os.fork()
                if pid == 0:
                    os._exit(0)
                os.waitpid(pid, 0)

        late = Late()
        late.kept = comem.List()
        late.circle = late
        for target in (change, change, read, make):
            threading.Thread(target=target, daemon=True).start()
        time.sleep(0.1)
        {end}
        """,
        "-Wignore::DeprecationWarning",  # from 3.12 on: of a fork beside threads
    )


def test_the_end_waits_for_no_thread_that_waits_for_a_stopped_process(script_passes, leftovers):
    """Daemon threads sleep on a lock whose holder is stopped; the interpreter ends, and the other is as it was."""
    script_passes(
        """
        import os, signal, threading, time, comem

        shared = comem.List(range(100_000))
        pid = os.fork()
        if pid == 0:
            while True:
                shared.reverse()                                # nearly all of it with the lock held
        end, our_end = os.pipe()
        if os.fork() == 0:
            os.close(our_end)
            os.read(end, 1)                                     # when the main process is gone
            os.kill(pid, signal.SIGKILL)
            os._exit(0)
        for _ in range(1000):                                   # until it was stopped with the lock held
            time.sleep(0.002)                                   # else it is stopped again where it stands
            os.kill(pid, signal.SIGSTOP)
            os.waitpid(pid, os.WUNTRACED)
            thread = threading.Thread(target=shared.append, args=(1,), daemon=True)
            thread.start()
            thread.join(0.1)
            if thread.is_alive():
                break
            os.kill(pid, signal.SIGCONT)
        else:
            raise AssertionError("it never had the lock")
        """
    )
