"""What the tests share: a limit for each, scripts run on their own, children made by fork."""

import faulthandler
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time

import pytest

from leftovers import Leftovers
from starting import BEGIN
from watchdog import Watchdog

LIMIT = 60  # seconds that a process which a test starts may take; it hangs if it takes longer
TEST_LIMIT = 90  # the same for a whole test, which fails then
HARD_LIMIT = 120  # for one that hangs in C: the run ends

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in what a shell runs in the background; programs inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def terminal(config):
    """The stderr that pytest does not capture, as its own plugin for faulthandler finds it."""
    try:
        from _pytest.faulthandler import fault_handler_stderr_fd_key

        return config.stash[fault_handler_stderr_fd_key]
    except (ImportError, KeyError):
        return sys.__stderr__


@pytest.fixture
def leftovers(monkeypatch):
    """What the test's processes leave behind; when the test is over, that has to be nothing."""
    found = Leftovers()
    monkeypatch.setenv(Leftovers.VARIABLE, found.mark)
    yield found
    found.check()


@pytest.fixture(scope="session")
def watchdog(pytestconfig):
    faulthandler.register(signal.SIGUSR1, terminal(pytestconfig))
    dog = Watchdog(HARD_LIMIT, terminal(pytestconfig))
    yield dog
    dog.stop()
    faulthandler.unregister(signal.SIGUSR1)


@pytest.fixture(autouse=True)
def no_test_hangs(request, watchdog):
    def stop(number, frame):
        pytest.fail(f"it takes longer than {TEST_LIMIT} seconds")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(TEST_LIMIT)
    watchdog.begin(request.node.nodeid)
    yield
    signal.alarm(0)
    watchdog.end()


@pytest.fixture
def fork():
    """The multiprocessing context whose children are made by fork."""
    return multiprocessing.get_context("fork")


class Child:
    """A forked process that runs a function; result() is what it returned. It knows nothing of multiprocessing."""

    def __init__(self, function, *arguments):
        reader, writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(LIMIT)
                os.close(reader)
                result = pickle.dumps(function(*arguments))
                with open(writer, "wb") as stream:
                    stream.write(result)
                status = 0
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                sys.stderr.flush()
                os._exit(status)
        os.close(writer)
        self._stream = open(reader, "rb")

    def result(self):
        data = self._stream.read()
        assert self.wait() == 0, "the child failed"
        return pickle.loads(data)

    def wait(self):
        """The exit code, or minus the signal that killed it."""
        self._stream.close()
        _, status = os.waitpid(self.pid, 0)
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        return self.wait()


def store_file(name):
    """Where the store of that name is."""
    return f"/dev/shm/comem-{os.geteuid()}-{name}"


@pytest.fixture
def store_name():
    """A name for a store, which is removed afterwards if it was made."""
    name = f"test-{os.getpid()}-{time.time_ns()}"
    yield name
    if os.path.lexists(store_file(name)):
        os.unlink(store_file(name))


@pytest.fixture
def run_script(tmp_path):
    """Runs a script in a fresh interpreter: run_script(text, **environment) gives its completed process."""

    def run(text, *options, **environment):
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(text))
        return subprocess.run(
            [sys.executable, *options, str(path)],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            timeout=LIMIT,
        )

    return run


@pytest.fixture
def script_passes(run_script):
    """The same for a script that must exit with 0 and write nothing to stderr; gives what it printed."""

    def run(text, *options, **environment):
        done = run_script(text, *options, **environment)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    return run


@pytest.fixture
def program(script_passes):
    """Runs a script that starts processes by a method of starting.py: program(method, text, **environment)."""

    def run(method, text, **environment):
        return script_passes(BEGIN + textwrap.dedent(text), METHOD=method, **environment)

    return run


@pytest.fixture
def module(tmp_path):
    """Puts a module where programs find it: program(method, text, **module(text of the module))."""

    def make(text, name="shared_module"):
        (tmp_path / f"{name}.py").write_text(text)
        return {"PYTHONPATH": str(tmp_path)}

    return make


@pytest.fixture
def folder():
    """On tmpfs, and anybody may go in."""
    path = tempfile.mkdtemp(dir="/dev/shm", prefix="comem-test-")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path)
