"""What bench/peers.py measures of comem, and what becomes of a peer that is not there, breaks or hangs."""

import importlib.util
import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "bench"))
try:
    import peer_table
    import peers
finally:
    sys.path.pop(0)

BROKEN = """
import sys, time
sys.path.insert(0, {folder!r})
import peers
from contextlib import contextmanager

def named(function):
    peers.PEERS[function.__name__] = peers.Peer(None, contextmanager(function))

@named
def hangs():
    import os
    if os.fork() == 0:
        open({pids!r}, "w").write(str(os.getpid()))
        time.sleep(1000)
    time.sleep(1000)
    yield

@named
def dies():
    import os
    os._exit(7)
    yield

@named
def breaks():
    raise OSError("as it is")
    yield

@named
def lies():
    join = peers.mapping_and_list({{}}, [])  # of each process alone
    yield join

peers.main(*sys.argv[1:])
"""


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A program in the place of peers.py, with peers that do not work; the file that one writes its child's id to."""
    text = BROKEN.format(folder=str(Path(peers.__file__).parent), pids=str(tmp_path / "pid"))
    (tmp_path / "peers.py").write_text(text)
    monkeypatch.setattr(peer_table, "__file__", str(tmp_path / "peer_table.py"))
    return tmp_path / "pid"


needs_two_cpus = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs")


@needs_two_cpus
@pytest.mark.parametrize("operation", ["get", "set", "append"])
def test_comem_passes_the_checks_of_what_came_of_it(operation):
    found = peer_table.run("comem", operation)
    assert set(found) == {"ns"} and found["ns"] > 0


def test_comem_has_no_queue_and_no_figure_of_one():
    assert peer_table.run("comem", "queue") == {"ns": None}


@needs_two_cpus
@pytest.mark.parametrize("operation", ["get", "set", "append"])
def test_objects_that_are_not_shared_are_found_out(broken, operation):
    assert "failed" in peer_table.run("lies", operation)


@pytest.mark.skipif(importlib.util.find_spec("faster_fifo") is not None, reason="it is installed")
def test_a_peer_that_is_not_installed_says_so():
    assert peer_table.run("faster-fifo", "queue")["missing"].startswith("not installed: ")


def test_a_peer_that_breaks_or_dies_is_reported(broken):
    assert peer_table.run("breaks", "get") == {"failed": "OSError: as it is"}
    assert peer_table.run("dies", "get")["failed"].startswith("ends with 7")


def test_a_peer_that_hangs_is_ended_with_all_it_started(broken, monkeypatch):
    monkeypatch.setattr(peer_table, "TIME_LIMIT", 2)
    limit = time.monotonic() + 60
    while not broken.exists() and time.monotonic() < limit:  # on a slow machine it had not begun by then
        found = peer_table.run("hangs", "get")
        peer_table.TIME_LIMIT *= 2
    assert found["failed"].startswith("hangs")
    child = int(broken.read_text())
    while Path(f"/proc/{child}/stat").exists() and Path(f"/proc/{child}/stat").read_text().split()[2] != "Z":
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_the_table_shows_time_ratio_and_what_went_wrong():
    found = {
        "get": {"version": "1.2", "ns": 1500.0, "ratio": 0.02, "comem_ns": 30.0},
        "set": {"version": "1.2", "failed": "hangs: not done in 60 s"},
        "append": {"version": "1.2", "ns": None},
        "queue": {"version": "1.2", "ns": 20_000.0},
    }
    absent = {operation: {"missing": "not installed: no wheel"} for operation in peer_table.OPERATIONS}
    lines = peer_table.markdown({"one": found, "another": absent}).splitlines()
    assert lines[0] == "| peer | `d[k]` | `d[k] = v` | `append(v)` | `put` and `get` |"
    assert lines[2] == "| one 1.2 | 1.50 µs, comem 1/50 | hangs: not done in 60 s | - | 20.0 µs |"
    assert lines[3] == "| another | not installed: no wheel |  |  |  |"
