"""python -m comem: a program runs as under plain Python, but for one name, which is comem's."""

import importlib.util
import os
import pathlib
import py_compile
import re
import signal
import subprocess
import sys
import textwrap
import zipfile

import pytest

from conftest import LIMIT

METHODS = ["fork", "spawn", "forkserver"]
every_method = pytest.mark.parametrize("method", METHODS)


class Folder:
    """A folder with files of a program, and the two ways of running it there."""

    def __init__(self, path):
        self.path = path

    def write(self, name, text):
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return self

    def run(self, *words, runner=True, options=(), cwd=None, **environment):
        return subprocess.run(
            [sys.executable, *options, *(["-m", "comem"] if runner else []), *words],
            cwd=cwd or self.path,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            timeout=LIMIT,
        )

    def prints(self, *words, **how):
        """What it prints under the runner, where it must end well and say nothing else."""
        done = self.run(*words, **how)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def same(self, *words, **how):
        """Its end, which must be the same in both ways."""
        plain, ours = self.run(*words, runner=False, **how), self.run(*words, **how)
        assert (ours.returncode, ours.stdout, ours.stderr) == (plain.returncode, plain.stdout, plain.stderr)
        return ours


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


# ---- the main module -------------------------------------------------------------------------------------------------

LOOK = """
import os, sys
def shown(value):
    return re.sub(" object at 0x[0-9a-f]*", "", repr(value))
import re
own = {name: shown(value) for name, value in globals().items() if name.startswith("__") and name != "__builtins__"}
print(*sorted(own.items()), sep="\\n")
print(type(__builtins__).__name__, sys.modules["__main__"].__dict__ is globals(), vars() is globals())
print(sys.argv, sys.path, sys.flags, __name__)
print(compile("1", "", "exec").co_flags, "annotations" in globals())   # nothing of ours is compiled into it
"""
WAYS = {
    "script": ["look.py", "--option", "-m", "word"],
    "a script in a folder": ["inner/look.py"],
    "a script by its whole path": ["{path}/inner/look.py"],
    "a script by a symbolic link": ["link.py"],
    "a folder": ["folder", "word"],
    "a zip file": ["program.zip", "-x"],
    "module": ["-m", "look", "--option", "word"],
    "a module of a package": ["-m", "package.look"],
    "a package": ["-m", "package", "word"],
}


def lay_out(folder):
    for name in ("look.py", "inner/look.py", "folder/__main__.py", "package/look.py", "package/__main__.py"):
        folder.write(name, LOOK)
    folder.write("package/__init__.py", "")
    (folder.path / "link.py").symlink_to("inner/look.py")
    with zipfile.ZipFile(folder.path / "program.zip", "w") as archive:
        archive.writestr("__main__.py", LOOK)
    return folder


@pytest.mark.parametrize("way", WAYS)
def test_a_program_sees_what_it_sees_without_us(folder, way):
    done = lay_out(folder).same(*[word.format(path=folder.path) for word in WAYS[way]])
    assert done.returncode == 0 and "__main__" in done.stdout


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.skipif(sys.version_info < (3, 11), reason="-P came with 3.11")
def test_a_program_with_a_safe_path_sees_what_it_sees_without_us(folder, way):
    words = [word.format(path=folder.path) for word in WAYS[way]]
    lay_out(folder).same(*words, options=["-P"], PYTHONPATH=str(folder.path))


def test_a_compiled_program_runs(folder):
    folder.write("look.py", "import sys\nprint(__file__, sys.argv, __cached__ if '__cached__' in globals() else '')\n")
    for name in ("look.pyc", "look.bin"):
        py_compile.compile(str(folder.path / "look.py"), cfile=str(folder.path / name))
        assert folder.same(name, "word").returncode == 0


def test_a_program_runs_in_a_folder_that_was_removed(folder):
    folder.write(
        "look.py", "import os, sys\nos.rmdir(sys.argv[1])\nos.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
    )
    folder.write("program.py", "import sys\nprint(sys.argv)")
    (folder.path / "gone").mkdir()
    words = [str(folder.path / "gone"), "-m", "comem", str(folder.path / "program.py"), "word"]
    done = folder.run(str(folder.path / "look.py"), *words, runner=False, cwd=folder.path / "gone")
    assert (done.stdout, done.stderr) == (f"{words[3:]}\n", "")


def test_nothing_is_imported_for_it_before_the_program_does(folder):
    folder.write("look.py", "import sys\nprint([name for name in sys.modules if name.startswith('multiprocessing')])")
    assert folder.prints("look.py") == "[]\n"


# ---- the end ---------------------------------------------------------------------------------------------------------

ENDS = {
    "nothing": "pass",
    "exit with a number": "import sys; sys.exit(7)",
    "exit with a text": "import sys; sys.exit('what went wrong')",
    "exit with None": "raise SystemExit(None)",
    "exit with True": "raise SystemExit(True)",
    "exit of a thread that goes on": """
        import threading, time
        def work():
            time.sleep(0.1)
            print('done')
        threading.Thread(target=work).start()
        raise SystemExit(3)
        """,
    "an exception": """
        def divide(number):
            return 1 / number

        def work():
            divide(0)

        work()
        """,
    "an exception of an exception": """
        def work():
            raise KeyError("first")

        try:
            work()
        except KeyError as error:
            raise ValueError("second") from error
        """,
    "an exception in another module": "import json\njson.loads('no')",
    "an exception that its own hook shows": """
        import sys, traceback
        def show(kind, error, trace):
            print(kind.__name__, error, [frame.name for frame in traceback.extract_tb(trace)])
            print(trace is error.__traceback__ is sys.last_traceback, sys.excepthook is show)
        sys.excepthook = show
        def work():
            raise ValueError("text")
        work()
        """,
    "an exception and a handler of atexit": """
        import atexit, sys
        atexit.register(lambda: print("handler", sys.exc_info()[0]))
        raise LookupError
        """,
    "a syntax error": "x = 1\nif x\n    pass\n",
    "a syntax error in a module that it imports": "import wrong\n",
    "KeyboardInterrupt": "def work():\n    raise KeyboardInterrupt\nwork()",
    "SIGINT": "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)",
    "SIGTERM": "import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(60)",
    "os._exit": "import os\nos._exit(9)",
}


@pytest.mark.parametrize("end", ENDS)
def test_it_ends_as_without_us(folder, end):
    """With the same exit code, or signal, and the same traceback, line for line."""
    folder.write("wrong.py", "def\n").write("program.py", ENDS[end])
    done = folder.same("program.py")
    expected = {"nothing": 0, "exit with None": 0, "exit with a number": 7, "KeyboardInterrupt": -signal.SIGINT}
    assert done.returncode == expected.get(end, done.returncode)


@pytest.mark.parametrize("words", [["-m", "program"], ["-m", "package"], ["folder"]], ids=str)
def test_a_traceback_of_a_module_begins_with_its_own_lines(folder, words):
    for name in ("program.py", "package/__main__.py", "folder/__main__.py"):
        folder.write(name, ENDS["an exception"])
    plain, ours = folder.run(*words, runner=False), folder.run(*words)
    first, *rest = plain.stderr.split("\n  File ")
    assert ours.stderr.split("\n  File ") == [first, *[frame for frame in rest if "runpy" not in frame]]
    assert ours.returncode == plain.returncode == 1 and "return 1 / number" in ours.stderr


def test_a_traceback_of_a_package_that_cannot_be_imported_shows_where(folder):
    folder.write("package/__init__.py", "def work():\n    1 / 0\nwork()\n").write("package/__main__.py", "")
    done = folder.run("-m", "package")
    assert done.returncode == 1 and re.findall(r'File "(.*)", line (\d)', done.stderr) == [
        (str(folder.path / "package/__init__.py"), "3"),
        (str(folder.path / "package/__init__.py"), "2"),
    ]


def test_handlers_of_atexit_see_the_globals_of_main_and_run_in_their_order(folder):
    folder.write(
        "program.py",
        """
        import atexit
        said = ["global"]
        atexit.register(lambda: print("registered before multiprocessing came", said))
        import multiprocessing, multiprocessing.util, time

        def work(reader):
            reader.recv()
            print("child", said, flush=True)

        if __name__ == "__main__":
            reader, writer = multiprocessing.get_context("fork").Pipe()
            multiprocessing.get_context("fork").Process(target=work, args=(reader,)).start()

            def last():
                import __main__
                print("registered after", said, __main__.said, flush=True)
                writer.send(None)

            atexit.register(last)
        """,
    )
    done = folder.same("program.py")
    assert done.stdout.splitlines() == [
        "registered after ['global'] ['global']",
        "child ['global']",
        "registered before multiprocessing came ['global']",
    ]


# ---- its processes ---------------------------------------------------------------------------------------------------

CHILDREN = """
import multiprocessing, os, pickle, sys
from multiprocessing import Manager
from multiprocessing.managers import SyncManager
import sibling

class Job:
    def __init__(self, number):
        self.number = number

class Own(SyncManager):
    pass

def kind():
    with Manager() as manager, multiprocessing.get_context("spawn").Manager() as other, Own() as own:
        return [type(it.list()).__module__ for it in (manager, other, own)] + [SyncManager.__module__]

def double(job):
    return Job(job.number * 2)

def work(queue, shared, depth):
    shared.append((depth, __name__, sibling.double(depth), sys.argv[1:], os.path.basename(__file__), kind()))
    queue.put(pickle.dumps([double, Job(depth)]))
    if depth:
        process = multiprocessing.Process(target=work, args=(queue, shared, depth - 1))
        process.start()
        process.join()

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    with multiprocessing.Manager() as manager:
        queue, shared = multiprocessing.SimpleQueue(), manager.list()
        process = multiprocessing.Process(target=work, args=(queue, shared, 1))
        process.start()
        for _ in range(2):
            function, job = pickle.loads(queue.get())
            print(function is double, type(job) is Job, function(job).number)
        process.join()
        print(process.exitcode, *shared, sep="\\n")
        with multiprocessing.Pool(2) as pool:
            print([job.number for job in pool.map(double, map(Job, range(4)))])
"""


@every_method
@pytest.mark.parametrize("words", [["program.py"], ["-m", "program"], ["-m", "inner.program"]], ids=str)
def test_children_import_the_same_main_and_have_the_same_manager(folder, method, words):
    """Also grandchildren; from another folder than the program's; functions and classes of main can be pickled."""
    for place in ("", "inner/"):
        folder.write(f"{place}program.py", CHILDREN)
    folder.write("sibling.py", "def double(number):\n    return [number] * 2\n")
    (folder.path / "elsewhere").mkdir()
    how = {"PYTHONPATH": str(folder.path)} if words[0] == "-m" else {"cwd": folder.path / "elsewhere"}
    words = words if words[0] == "-m" else ["../program.py"]
    ours = ["comem.managers"] * 4
    name = "__main__" if method == "fork" else "__mp_main__"
    assert folder.prints(*words, method, **how).splitlines() == [
        "True True 2",
        "True True 0",
        "0",
        *[str((depth, name, [depth] * 2, [method], "program.py", ours)) for depth in (1, 0)],
        "[0, 2, 4, 6]",
    ]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_main_is_imported_by_each_child_and_by_no_forkserver(folder, method):
    """What it makes at its top does not fail there: a Manager() in a forkserver's own import would end that."""
    folder.write(
        "program.py",
        """
        import multiprocessing, os, sys
        if __name__ == "__main__":
            multiprocessing.set_start_method(sys.argv[1])
        manager = multiprocessing.Manager()
        shared = manager.list()
        if __name__ != "__main__":
            print(type(manager).__module__, flush=True)
        imported_by = os.getpid()

        def work(given):
            given.append((multiprocessing.current_process().name, imported_by == os.getpid()))

        if __name__ == "__main__":
            for number in range(2):
                process = multiprocessing.Process(target=work, args=(shared,), name=f"child {number}")
                process.start()
                process.join()
            print(shared)
        """,
    )
    assert folder.prints("program.py", method) == "comem.managers\n" * 2 + "[('child 0', True), ('child 1', True)]\n"


def test_what_the_program_preloads_into_its_forkserver_is_what_is_preloaded(folder):
    folder.write("sibling.py", "import os\nimported_by = os.getpid()\n")
    folder.write(
        "program.py",
        """
        import multiprocessing, os, sys
        if __name__ == "__main__":
            multiprocessing.set_start_method("forkserver")
            multiprocessing.set_forkserver_preload(["sibling"])

        def work(shared):
            loaded = "sibling" in sys.modules
            import sibling
            shared[:] = [loaded, sibling.imported_by == os.getppid(), type(multiprocessing.Manager()).__module__]

        if __name__ == "__main__":
            with multiprocessing.Manager() as manager:
                shared = manager.list()
                process = multiprocessing.Process(target=work, args=(shared,))
                process.start()
                process.join()
                print(shared)
        """,
    )
    assert folder.prints("program.py", PYTHONPATH=str(folder.path)) == "[True, True, 'comem.managers']\n"


@pytest.mark.parametrize("first", ["comem", "comem.managers", "multiprocessing.managers", "multiprocessing.spawn"])
def test_it_does_not_matter_what_is_imported_first(folder, first):
    folder.write(
        "program.py",
        f"""
        import {first}
        import comem, multiprocessing
        managers = [multiprocessing.Manager(), comem.Manager(), multiprocessing.get_context("spawn").Manager()]
        kinds = {{comem.managers.SyncManager, multiprocessing.managers.SyncManager, *map(type, managers)}}
        print(kinds, isinstance(managers[0], multiprocessing.managers.BaseManager))
        """,
    )
    assert folder.prints("program.py") == "{<class 'comem.managers.SyncManager'>} True\n"


def test_without_the_runner_nothing_is_replaced(folder):
    folder.write(
        "program.py",
        """
        import comem, comem.managers, comem._runner
        import multiprocessing.managers
        print(multiprocessing.managers.SyncManager.__module__)
        """,
    )
    assert folder.prints("program.py", runner=False) == "multiprocessing.managers\n"


@every_method
def test_what_comem_does_not_make_itself_works_beside_what_it_makes(folder, method):
    """It comes from a standard server, which a line says once; without the runner all is a server's."""
    folder.write(
        "program.py",
        """
        import multiprocessing, sys
        from multiprocessing.managers import SyncManager

        class Counter:
            def __init__(self, count):
                self.count = count
            def add(self, number):
                self.count += number
                return self.count

        class Own(SyncManager):
            pass

        Own.register("Counter", Counter)

        def work(queue, lock, space, counter, table):
            with lock:
                space.done = True
                table["done"] = queue.get() + 1
            counter.add(2)

        if __name__ == "__main__":
            multiprocessing.set_start_method(sys.argv[1])
            with Own() as manager:
                queue, lock, space, table = manager.Queue(), manager.Lock(), manager.Namespace(), manager.dict()
                counter = manager.Counter(3)
                process = multiprocessing.Process(target=work, args=(queue, lock, space, counter, table))
                process.start()
                queue.put(1)
                process.join()
                table["lock"], table["list"] = lock, manager.list([queue])
                with table["lock"]:
                    table["list"][0].put("through both")
                print(space.done, table["done"], counter.add(0), queue.get(), manager.Value("i", 7).value)
        """,
    )
    plain, ours = folder.run("program.py", method, runner=False), folder.run("program.py", method)
    assert (ours.returncode, ours.stdout) == (plain.returncode, plain.stdout) == (0, "True 2 5 through both 7\n")
    assert re.fullmatch(r"comem: .* server process .*\n", ours.stderr), ours.stderr


def test_the_program_on_the_page_prints_the_same(folder):
    page = (pathlib.Path(__file__).parents[2] / "docs" / "runner.md").read_text(encoding="utf-8")
    script, printed = re.search(r"```python\n(.*?)```\s+prints `([^`]*)`", page, re.DOTALL).groups()
    folder.write("program.py", script)
    assert folder.same("program.py").stdout == printed + "\n"


# ---- wrong words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words, problem",
    [
        ([], "which program?"),
        (["-m"], "-m needs the name of a module"),
        (["-"], "a program from standard input"),
        (["-c", "print(1)"], "unknown option -c"),
        (["--wrong", "program.py"], "unknown option --wrong"),
    ],
)
def test_who_calls_it_wrong_is_told_how(folder, words, problem):
    done = folder.run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"python -m comem: {problem}")
    assert "\nusage: python -m comem PROGRAM.py" in done.stderr


@pytest.mark.parametrize("words", [["-h"], ["--help"]])
def test_who_asks_is_told_how(folder, words):
    assert folder.prints(*words).startswith("usage: python -m comem PROGRAM.py [ARGUMENT...]\n")


@pytest.mark.parametrize("words", [["none.py"], ["-m", "none"], ["empty"], ["-m", "package"]], ids=str)
def test_a_program_that_is_not_there_is_refused_as_by_python(folder, words):
    folder.write("package/__init__.py", "").write("empty/note.txt", "")
    plain, ours = folder.run(*words, runner=False), folder.run(*words)
    assert ours.stderr.partition(": ")[0] == "python -m comem"
    assert ours.stderr.partition(": ")[2] == plain.stderr.partition(": ")[2]
    assert ours.returncode == plain.returncode != 0


def test_the_modules_of_the_runner_may_be_imported():
    """Tools that look at packages do that; it runs nothing."""
    assert importlib.util.find_spec("comem.__main__")
    import comem.__main__
