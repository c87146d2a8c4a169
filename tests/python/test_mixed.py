"""Programs that do not start each other, in C and in Python, on one store: the examples, as they stand."""

import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

import comem

ROOT = pathlib.Path(__file__).parent.parent.parent
MIXED = ROOT / "examples" / "mixed"
LINES = ["the rain falls on the roof", "the cat sleeps on the stairs"]


def built(name):
    """An example in C, as `make test` or `make run` builds it."""
    found = [path for path in (ROOT / "build" / kind / "examples" / name for kind in ("debug", "release")) if path.exists()]
    if not found:
        pytest.skip("the examples in C were not built")
    return str(max(found, key=os.path.getmtime))


def start(*command, **options):
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, **options)


def finish(process):
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    assert error == ""
    return out


def test_c_and_python_fill_one_list_and_count_in_one_dict(store_name):
    commands = [(built("mixed_words"),), (sys.executable, str(MIXED / "words.py"))] * 2
    processes = [start(*command, store_name, *LINES * 200) for command in commands]
    for process in processes:
        assert finish(process) == ""
    with comem.open(store_name, create=False) as store:
        lines, words = store["lines"], store["words"]
        assert sorted(lines) == sorted(LINES * 800)
        assert words == {"the": 3200, "on": 1600, **dict.fromkeys(["rain", "falls", "roof", "cat", "sleeps", "stairs"], 800)}


def test_a_program_in_c_says_what_is_wrong(store_name):
    comem.open(store_name).dict("lines")
    process = start(built("mixed_words"), store_name, "line")
    assert process.communicate(timeout=60)[1].endswith("the root 'lines' is a dict, not a list\n")
    assert process.returncode == 1
    missing = start(built("mixed_hits"), f"{store_name}-missing")
    assert "missing" in missing.communicate(timeout=60)[1]


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def test_a_collector_in_c_reads_what_servers_in_python_count(store_name):
    servers = [start(sys.executable, str(MIXED / "web.py"), store_name) for _ in range(2)]
    try:
        urls = [server.stdout.readline().strip() for server in servers]
        counts = [int(get(f"{url}a")) for _ in range(5) for url in urls]
        get(f"{urls[0]}b")
        assert counts == list(range(1, 11))
        assert finish(start(built("mixed_hits"), store_name)) == "10 /a\n1 /b\n"
    finally:
        for server in servers:
            server.send_signal(signal.SIGINT)
    for server in servers:
        server.communicate(timeout=60)


# A program that knows libcomem and nothing of Python's values stores bytes that it says are a pickle.
WRITER = """
import ctypes, pickle, struct, sys

class Value(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_size_t), ("kind", ctypes.c_uint32), ("more", ctypes.c_uint32)]

PICKLE = 8
library, name, code = ctypes.CDLL(sys.argv[1]), sys.argv[2].encode(), b"cos\\nabort\\n(tR."
frame = struct.pack("<QQ", len(code), 0) + code
store, shared = ctypes.c_void_p(), ctypes.c_void_p()
assert library.comem_open(name, None, ctypes.byref(store)) == 0
assert library.comem_root_list(store, b"l", ctypes.byref(shared)) == 0
assert library.comem_list_append(shared, Value(frame, len(frame), PICKLE, 0)) == 0
library.comem_list_release(shared)
library.comem_close(store)
"""


def test_without_pickle_what_a_program_in_c_stored_is_not_loaded(store_name):
    """Loading it would end the process at once."""
    library = str(pathlib.Path(built("mixed_words")).parent.parent / "src" / "libcomem.so")
    assert finish(start(sys.executable, "-c", WRITER, library, store_name)) == ""
    with comem.open(store_name, pickle=False) as store:
        with pytest.raises(comem.ValueUnreadable, match="pickle=False"):
            store["l"][0]
    loose = start(sys.executable, "-c", f"import comem; comem.open({store_name!r})['l'][0]")
    loose.communicate(timeout=60)
    assert loose.returncode == -signal.SIGABRT


# ---- gunicorn ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def gunicorn(store_name, tmp_path):
    """The address of two workers with the example's application."""
    pytest.importorskip("gunicorn")
    command = [sys.executable, "-m", "gunicorn", "--workers", "2", "--bind", "127.0.0.1:0", "gunicorn_app:application"]
    log = open(tmp_path / "log", "w+")
    server = subprocess.Popen(
        command, cwd=ROOT / "examples", env={**os.environ, "COMEM_STORE": store_name}, stdout=log, stderr=log
    )
    try:
        yield address(server, log.name)
    finally:
        server.terminate()
        server.wait(timeout=60)
        log.close()


def address(server, log):
    """What the server writes when it listens."""
    while server.poll() is None:
        with open(log) as file:
            for line in file:
                if "Listening at: " in line:
                    return line.split("Listening at: ")[1].split()[0]
        time.sleep(0.05)
    pytest.fail(f"gunicorn ended: {open(log).read()}")


def test_workers_of_gunicorn_count_together_also_when_one_is_killed(gunicorn, store_name):
    """They are forked before they import the application, so they have nothing in common but the name."""
    answers = [get(f"{gunicorn}/7").split() for _ in range(50)]
    assert [int(count) for _, count, _ in answers] == list(range(1, 51))
    os.kill(int(answers[-1][0]), signal.SIGKILL)
    answers += [persistent(f"{gunicorn}/7").split() for _ in range(50)]
    assert [int(count) for _, count, _ in answers] == list(range(1, 101))
    assert {square for _, _, square in answers} == {"49"}
    with comem.open(store_name, create=False) as store:
        assert store["counter"] == {"requests": 100}
        assert store["cache"] == {7: 49}


def persistent(url):
    """The connection to a worker that was killed is cut before it has counted anything."""
    for _ in range(10):
        try:
            return get(url)
        except OSError:
            time.sleep(0.1)
    return get(url)
