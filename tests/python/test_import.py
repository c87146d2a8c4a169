"""Importing comem: quick, without effects, and refused where it could not keep its promises."""

import os
import sys

import pytest

import comem

STATE = """
import os, sys

def state():
    with open("/proc/self/maps") as stream:
        maps = [line for line in stream if "memfd" in line or "/dev/shm" in line or "/dev/zero" in line]
    return len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd")), maps
"""


def test_an_import_starts_no_thread_opens_no_store_and_imports_no_multiprocessing(script_passes):
    script_passes(
        STATE
        + """
before = state()
import comem
comem.GoneError, comem.List, comem.Manager, comem.__version__
assert state() == before, (before, state())
assert not [name for name in sys.modules if name.startswith("multiprocessing")]
assert "threading" not in sys.modules and "subprocess" not in sys.modules
shared = comem.List()
assert state() != before        # this test would see a store
"""
    )


def test_an_import_takes_milliseconds(script_passes):
    out = script_passes(
        """
        import time
        start = time.process_time()  # its own: others may be busy
        import comem
        print(time.process_time() - start)
        """
    )
    assert float(out) < 0.05


def test_a_fork_makes_the_store_and_an_import_alone_does_not_break_it(script_passes):
    script_passes(
        STATE
        + """
import comem
before = state()[2]
pid = os.fork()
if pid == 0:
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert state()[2] != before
"""
    )


def test_a_forkserver_makes_no_store(script_passes):
    out = script_passes(
        """
        import multiprocessing, os
        import comem

        def child(queue):
            with open("/proc/%d/maps" % os.getppid()) as stream:
                queue.put([line for line in stream if "memfd" in line])
            shared = comem.List([1])
            assert shared == [1]

        if __name__ == "__main__":
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(["comem"])
            queue = context.SimpleQueue()
            for _ in range(2):
                process = context.Process(target=child, args=(queue,))
                process.start()
                print(queue.get())
                process.join()
                assert process.exitcode == 0
        """
    )
    assert out == "[]\n[]\n"


def test_multiprocessing_detaches_last_in_every_child(script_passes):
    out = script_passes(
        """
        import comem                        # before multiprocessing, which it must not import
        from comem import _engine
        real = _engine._detach

        def detach():
            print("detach", len(shared), flush=True)
            real()

        _engine._detach = detach
        import multiprocessing, multiprocessing.util

        shared = comem.List()

        def work():
            multiprocessing.util.Finalize(None, shared.append, args=("finalizer",), exitpriority=-10)
            shared.append("work")

        if __name__ == "__main__":
            context = multiprocessing.get_context("fork")
            for _ in range(2):
                process = context.Process(target=work)
                process.start()
                process.join()
            print(process.exitcode)
        """
    )
    assert out == "detach 2\ndetach 4\n0\n"


def test_whatever_runs_at_the_end_of_a_program_may_use_what_is_shared(script_passes):
    """A function registered before all others runs after them."""
    out = script_passes(
        """
        import atexit
        atexit.register(lambda: print(shared))

        class Last:
            def __del__(self):
                shared.append("del")
                print(shared)

        import multiprocessing.util, comem
        shared = comem.List(["main"])
        multiprocessing.util.Finalize(None, shared.append, args=("finalizer",), exitpriority=-1000)
        last = Last()
        """
    )
    assert out == "List(['main', 'finalizer'])\nList(['main', 'finalizer', 'del'])\n"


SUBINTERPRETER = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
import comem

isolated = sys.argv[1] == "isolated"
if sys.version_info >= (3, 13):
    identifier = interpreters.create("isolated" if isolated else "legacy")
else:
    identifier = interpreters.create(isolated=isolated)
code = '''
import os, sys

for _ in range(2):
    try:
        import comem
    except ImportError as error:
        text = str(error)
        assert "interpreter" in text and "comem" in text, text
        os.write(1, b"refused\\\\n")
    assert not [name for name in sys.modules if name.startswith("comem")]
'''
problem = interpreters.run_string(identifier, code)
assert problem is None, problem
interpreters.destroy(identifier)
shared = comem.List([1])
assert shared == [1]
"""


@pytest.mark.parametrize("kind", ["isolated", "legacy"])
def test_another_interpreter_is_refused_with_a_sentence(script_passes, kind):
    try:
        __import__("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
    except ImportError:
        pytest.skip("this Python has no module of interpreters")
    assert script_passes(f"import sys; sys.argv[1:] = [{kind!r}]\n" + SUBINTERPRETER) == "refused\nrefused\n"


def test_importing_again_works(script_passes):
    script_passes(
        """
        import sys, comem
        first = comem.List([1])
        for name in [name for name in sys.modules if name.startswith("comem")]:
            del sys.modules[name]
        import comem as again
        second = again.List([first[0]])
        assert second == [1] and first == [1]
        """
    )


def test_the_version_is_that_of_the_engine():
    assert [part.isdigit() for part in comem.__version__.split(".")] == [True] * 3


def test_the_module_has_what_it_says():
    for name in comem.__all__:
        assert hasattr(comem, name)
    assert comem.managers.SyncManager
    with pytest.raises(AttributeError):
        comem.nonsense


def test_an_exit_with_lists_alive_is_clean(script_passes):
    script_passes(
        """
        import atexit, comem

        class Late:
            def __del__(self):
                self.shared.append("at the very end")

        late = Late()
        late.shared = comem.List()
        late.shared.append(late.shared)
        iterator = iter(late.shared)
        atexit.register(late.shared.append, "atexit")
        cycle = [late]
        cycle.append(cycle)
        """
    )


def test_an_exit_with_threads_at_work_is_clean(script_passes):
    script_passes(
        """
        import threading, time, comem

        shared = comem.List()

        def work():
            while True:
                shared.append(1)
                shared.clear()

        for _ in range(3):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.05)
        """
    )


def test_dir_shows_what_is_there_and_nothing_besides(script_passes):
    script = """
import comem
names = [name for name in dir(comem) if not name.startswith("_")]
for name in names:
    getattr(comem, name)
print(*names)
"""
    expected = {*comem.__all__, "dict", "handle_grace", "list", "managers", "open", "unlink"}
    assert script_passes(script).split() == sorted(expected)
