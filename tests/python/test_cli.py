"""The comem command, as a program and as python -m comem.cli."""

import contextlib
import json
import math
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

import comem

ROOT = pathlib.Path(__file__).parent.parent.parent
PROGRAM = pathlib.Path(os.environ.get("COMEM_PROGRAM", ROOT / "build/debug/cli/comem"))
MODULE = [sys.executable, "-m", "comem.cli"]
LIMIT = 60


def command(*words, program=MODULE, **options):
    return subprocess.run(
        [*program, *map(os.fsencode, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT, **options
    )


def run(*words, code=0, program=MODULE):
    """What the command prints; it must exit with `code`, and complain only if that is not 0 or 3."""
    done = command(*words, program=program)
    assert done.returncode == code, (done.stdout, done.stderr)
    if code in (0, 3):
        assert done.stderr == b""
    return done.stdout.decode("utf-8", "surrogateescape")


def complaint(*words, code=1):
    done = command(*words)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert done.stdout == b""
    text = done.stderr.decode()
    assert text.startswith("comem: ") and text.count("\n") == 1
    return text[len("comem: ") :].rstrip("\n")


def run_json(*words, code=0):
    return json.loads(run(*words, "--json", code=code))


@pytest.fixture
def name():
    """The name of a store, which is removed afterwards."""
    name = f"cli-{os.getpid()}-{time.monotonic_ns()}"
    yield name
    with contextlib.suppress(FileNotFoundError):
        path_of(name).unlink()


def path_of(name):
    return pathlib.Path(f"/dev/shm/comem-{os.geteuid()}-{name}")


def fill(name):
    with comem.open(name) as store:
        store.list("numbers").extend(range(1000))
        words = store.dict("words")
        words.update({f"word {i}": "a text that stands in a block of its own" for i in range(300)})


SLEEPER = """
import comem, sys, time
shared = comem.Manager(deep=True).list()
shared.extend(range(500))
print(flush=True)
time.sleep(1000)
"""


@contextlib.contextmanager
def other(script, *words):
    """Another program, once it has printed a line; it is killed afterwards."""
    process = subprocess.Popen([sys.executable, "-c", script, *words], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() != b"", "the other program failed"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def sleeper():
    with other(SLEEPER) as process:
        yield process


# ---- the command line


def test_help_names_every_subcommand_and_each_has_its_own():
    text = run("--help")
    for subcommand in ("ls", "stat", "show", "check", "rm"):
        assert f"\n  {subcommand} " in text
        own = run(subcommand, "--help")
        assert own.startswith(f"usage: comem {subcommand}")
        assert ("--json" in own) == (subcommand != "rm")
        assert run("help", subcommand) == own
    assert run("help") == run("-h") == text


def test_nothing_to_do_gives_the_help_as_a_complaint():
    done = command()
    assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", run("--help"))


def test_the_version_is_the_librarys():
    assert run("--version") == f"comem {comem.__version__}\n"


COMMANDS = "there are ls, stat, show, check, export, import and rm; try comem --help"


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["nonsense"], f"no such command: nonsense; {COMMANDS}"),
        (["ls", "more"], "one word too many: more; try comem ls --help"),
        (["ls", "--repair"], "no such option: --repair; try comem ls --help"),
        (["ls", "-j"], "no such option: -j; try comem ls --help"),
        (["ls", "--json=1"], "no such option: --json=1; try comem ls --help"),
        (["help", "nonsense"], f"no such command: nonsense; {COMMANDS}"),
        (
            ["stat"],
            "comem stat takes a STORE: a name, as comem.open() takes it; a path, with a slash; or pid:N, the own store of "
            "process N; try comem stat --help",
        ),
        (
            ["rm"],
            "comem rm takes a NAME: the name of a store, as comem.open() takes it, or its path, with a slash; "
            "try comem rm --help",
        ),
        (["import"], "comem import takes a FILE: what comem export wrote, or - for stdin; try comem import --help"),
        (
            ["import", "file"],
            "comem import takes a NAME: the name of a store, as comem.open() takes it, or its path, with a slash; "
            "try comem import --help",
        ),
        (["show", "a", "--limit"], "--limit takes a number, not ''; try comem show --help"),
        (["show", "a", "--limit", "-1"], "--limit takes a number, not -1; try comem show --help"),
        (["show", "a", "--limit=1x"], "--limit takes a number, not 1x; try comem show --help"),
        (["\x1b[31m"], f"no such command: '\\x1b[31m'; {COMMANDS}"),
    ],
)
def test_a_wrong_command_line_is_said_in_one_line_and_exits_with_2(words, sentence):
    assert complaint(*words, code=2) == sentence


def test_words_behind_two_dashes_are_no_options():
    assert "--json" in complaint("stat", "--", "--json")


@pytest.mark.skipif(not PROGRAM.exists(), reason="the program in C is not built here; make test builds it first")
def test_the_program_and_the_module_print_the_same_bytes_and_exit_with_the_same_codes(name):
    fill(name)
    commands = [
        [],
        ["--help"],
        ["help", "ls"],
        ["--version"],
        ["nonsense"],
        ["stat", name],
        ["stat", name, "--json"],
        ["show", name],
        ["show", name, "numbers"],
        ["show", name, "words", "--limit", "3", "--json"],
        ["show", name, "nothing"],
        ["show", "999999999"],
        ["check", name],
        ["check", name, "--json"],
        ["check", name, "--repair"],
        ["check", "pid:999999999"],
        ["rm", "not-there"],
        ["rm", "-f", "not-there"],
    ]
    for words in commands:
        one, other = command(*words), command(*words, program=[str(PROGRAM)])
        assert (one.returncode, one.stdout, one.stderr) == (other.returncode, other.stdout, other.stderr), words
        assert one.stdout + one.stderr != b"" or words[0] == "rm"


def test_the_command_writes_behind_what_python_wrote(script_passes):
    script = "import sys, comem.cli; print('first'); comem.cli.main(['--version']); print('last')"
    assert script_passes(script) == f"first\ncomem {comem.__version__}\nlast\n"


def test_a_reader_that_goes_away_is_no_complaint(name):
    with comem.open(name) as store:
        store.list("numbers").extend(range(300000))
    for program in [MODULE] + ([[str(PROGRAM)]] if PROGRAM.exists() else []):
        shown = subprocess.Popen(
            [*program, "show", "--all", name, "numbers"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert shown.stdout.read(5) == b"[0, 1"
        shown.stdout.close()
        assert shown.stderr.read() == b""
        shown.stderr.close()
        assert shown.wait(LIMIT) == 1


def test_output_that_cannot_be_written_is_a_complaint():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*MODULE, "--help"], stdout=full, stderr=subprocess.PIPE, timeout=LIMIT)
    assert done.returncode == 1 and done.stderr.startswith(b"comem: the output could not be written")


def listing():
    """The rows of ls by name. Other stores of this user may be there, even unreadable ones."""
    done = command("ls", "--json")
    assert done.returncode in (0, 1)
    return {row["store"]: row for row in json.loads(done.stdout)}


def printed_row(name):
    return next(line.split() for line in command("ls").stdout.decode().splitlines() if line.startswith(name + " "))


# ---- finding stores


@pytest.mark.parametrize(
    "store, sentence",
    [
        ("pid:", "pid:N takes the number of a process, not "),
        ("pid:0", "pid:N takes the number of a process, not 0"),
        ("pid:one", "pid:N takes the number of a process, not one"),
        ("pid:999999999", "there is no process 999999999"),
        ("pid:1x", "pid:N takes the number of a process, not 1x"),
    ],
)
@pytest.mark.parametrize("subcommand", ["stat", "show", "check"])
def test_a_process_that_is_none_is_said_to_be(subcommand, store, sentence):
    assert complaint(subcommand, store) == sentence


def test_a_process_without_a_store_is_said_to_have_none():
    with other("import time; print(flush=True); time.sleep(1000)") as process:
        assert complaint("stat", f"pid:{process.pid}") == f"process {process.pid} has no store of its own"


@pytest.mark.parametrize("subcommand", ["stat", "show", "check"])
def test_a_store_that_is_not_there_or_none_is_said_to_be(subcommand, tmp_path, name):
    assert "there is no" in complaint(subcommand, name)
    path_of(name).write_bytes(b"something else" * 10000)
    path_of(name).chmod(0o600)
    assert "no comem store" in complaint(subcommand, name)
    path_of(name).unlink()
    path_of(name).symlink_to("/etc/passwd")
    assert "link" in complaint(subcommand, name)
    path_of(name).unlink()
    os.mkfifo(path_of(name))
    complaint(subcommand, name)
    path_of(name).unlink()


@pytest.mark.parametrize("subcommand", ["stat", "show", "check", "export"])
def test_a_number_that_is_no_store_may_be_meant_as_a_process(subcommand):
    said = f"{path_of(999999999)}: there is no such store; that of process 999999999 is pid:999999999"
    assert complaint(subcommand, "999999999") == said


def test_ls_shows_stores_with_and_without_a_name(name, sleeper):
    fill(name)
    rows = listing()
    named, own = rows[name], rows[f"pid:{sleeper.pid}"]
    assert named["path"] == str(path_of(name)) and named["processes"] == 0 and not named["removed"]
    assert 0 < named["used"] < named["size"] and named["problem"] is None and not named["strange"]
    assert own["path"].startswith(f"/proc/{sleeper.pid}/fd/") and own["processes"] == 1
    assert printed_row(name)[-1] == str(path_of(name)) and printed_row(name)[3] == "0"


def test_ls_shows_a_store_of_several_processes_once_and_after_the_oldest():
    script = "import comem, os, time; kept = comem.List([1]); pid = os.fork(); kept.append(2); print(flush=True) if pid else 0; time.sleep(1000)"
    with other(script) as process:
        rows = listing()
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert rows[f"pid:{process.pid}"]["processes"] == 2 and f"pid:{children[0]}" not in rows
        for child in children:
            os.kill(int(child), signal.SIGKILL)


def complaint_of_ls(name):
    """What ls says of a store that it cannot read, which has a row with dashes."""
    done = command("ls", "--json")
    row = next(row for row in json.loads(done.stdout) if row["store"] == name)
    assert row["size"] is None and printed_row(name)[1:4] == ["-", "-", "-"]
    path, problem = path_of(name), row["problem"].replace(f"{path_of(name)}: ", "")
    assert f"comem: {path}: {problem}\n" in done.stderr.decode()
    return problem, done.returncode


def test_ls_goes_on_after_a_store_that_is_damaged(name):
    fill(name)
    os.truncate(path_of(name), 8192)
    said, code = complaint_of_ls(name)
    assert said == "the store is cut short: not even its header is whole" and code == 1


def test_ls_does_not_fail_for_what_is_no_store_of_this_users(name):
    def rest():
        return command("ls").returncode

    before = rest()  # others may be there, and damaged
    path_of(name).write_bytes(b"nothing of ours")
    path_of(name).chmod(0o600)
    assert complaint_of_ls(name) == ("this is no comem store", before)
    path_of(name).unlink()
    fill(name)
    path_of(name).chmod(0o644)
    assert complaint_of_ls(name) == ("others than its owner may use the store; chmod 600 takes that from them", before)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_ls_does_not_fail_for_another_users_damaged_store(name):
    before = command("ls").returncode
    fill(name)
    os.truncate(path_of(name), 8192)
    os.chown(path_of(name), 65534, -1)
    assert complaint_of_ls(name)[1] == before


def test_a_removed_store_that_is_in_use_is_listed_by_its_descriptor_and_can_be_looked_at(name):
    with comem.open(name) as store:
        store.list("numbers").append(1)
        assert "1 process goes on using it" in run("rm", name)
        removed = [path for path, row in listing().items() if row["removed"] and path.startswith(f"/proc/{os.getpid()}/")]
        assert [root["name"] for root in run_json("stat", removed[-1])["roots"]] == ["numbers"]


# ---- stat


def test_stat_counts_objects_and_names_the_biggest(name):
    fill(name)
    stat = run_json("stat", name)
    assert stat["store"] == name and stat["path"] == str(path_of(name))
    assert stat["objects"]["list"]["count"] == 1 and stat["objects"]["dict"]["count"] == 2
    assert {(root["name"], root["kind"], root["length"]) for root in stat["roots"]} == {
        ("numbers", "list", 1000),
        ("words", "dict", 300),
    }
    words = next(root["object"] for root in stat["roots"] if root["name"] == "words")
    assert stat["biggest"][0]["object"] == words
    assert stat["biggest"][0]["bytes"] > 300 * (64 + 40) and stat["objects"]["list"]["bytes"] >= 16000
    total = sum(kind["bytes"] for kind in stat["objects"].values())
    assert total == stat["used"] and stat["used"] < stat["size"] <= stat["limit"]
    text = run("stat", name)
    assert "  words: dict of 300\n" in text and f"store        {name}\n" in text


def test_stat_tells_who_takes_part(name):
    script = "import comem, sys, time; s = comem.open(sys.argv[1]); s.list('numbers'); print(flush=True); time.sleep(1000)"
    with other(script, name) as process:
        processes = run_json("stat", name)["processes"]
        assert [one["pid"] for one in processes] == [process.pid]
        assert [thread["thread"] for thread in processes[0]["threads"]] == [process.pid]
        process.kill()
        process.wait()
        stat = run_json("stat", name)
        assert stat["processes"] == [] and stat["dead_threads"] == 1
        assert "dead, and not cleaned up after yet" in run("stat", name)


HOLDER = """
import comem, sys
store = comem.open(sys.argv[1])
words, numbers = store.dict("words"), store.list("numbers")
numbers.extend(range(200000))
print(flush=True)
while True:
    numbers.reverse()
"""


def stop_with_lock(process, name):
    """Stops the process while it has a lock."""
    for _ in range(200):
        os.kill(process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        threads = run_json("stat", name)["processes"][0]["threads"]
        if threads[0].get("has_lock") == "list":
            return threads[0]
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.003)
    pytest.fail("it was never stopped with a lock")


def test_a_stopped_process_with_a_lock_disturbs_neither_ls_nor_stat_nor_check(name):
    with other(HOLDER, name) as process:
        thread = stop_with_lock(process, name)
        assert thread["object"] in [root["object"] for root in run_json("stat", name)["roots"]]
        assert f"thread {process.pid}, has the lock of list {thread['object']:#x}" in run("stat", name)
        assert listing()[name]["processes"] == 1
        check = run_json("check", name)
        assert check["mode"] == "live" and check["problems"] == [] and check["stuck_operations"] == 1


BUILDER = """
import comem, sys
numbers = comem.open(sys.argv[1]).list("numbers")
items = [f"a text that stands in a block of its own {number}" for number in range(150000)]
print(flush=True)
while True:
    numbers.extend(items)
    numbers.clear()
"""


def test_what_a_stopped_process_is_building_is_counted_and_not_reported(name):
    with other(BUILDER, name) as process:
        for _ in range(100):
            os.kill(process.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            check = run_json("check", name)
            assert check["problems"] == [] and check["more"] == 0
            if check["stuck_operations"] == 1 and check["excused"] > 1000:
                return
            os.kill(process.pid, signal.SIGCONT)
            time.sleep(0.01)
    pytest.fail("it was never stopped while it built something")


# ---- show

VALUES = [
    None, True, False, 0, -5, 2**63 - 1, 2**64, -(2**200), 1.5, 1e300, -0.0, 5e-324, "", "text", "caf\u00e9", "\U0001f600",
    "it's", 'say "it"', "back\\slash", "\n\t\r", "\x00\x1b", "\udc80", "\x80\x9b\x9f", "\xad\u202e\u2028\ufeff\U000e0001", b"", b"\x00\xff'", (), (1,), (1, "a", (2,)), [], [1, [2]],
    {}, {"a": 1}, {1: {"b": [None]}}, set(), {3}, frozenset(), frozenset({4}), 1 + 2j, bytearray(b"xy"), 10**30,
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=ascii)
def test_show_prints_a_value_as_python_does(name, value):
    with comem.open(name) as store:
        store.list("all").append((value,))
    assert run("show", name, "all") == f"[{(value,)!r}]\n"


def from_json(value):
    """What show --json says, as Python's values."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (key, held), *_ = value.items()
        makers = {
            "$tuple": lambda: tuple(from_json(held)),
            "$set": lambda: set(from_json(held)),
            "$frozenset": lambda: frozenset(from_json(held)),
            "$bytes": lambda: bytes.fromhex(held),
            "$bytearray": lambda: bytearray.fromhex(held),
            "$complex": lambda: complex(*held),
            "$float": lambda: float(held),
            "$dict": lambda: {from_json(key): from_json(item) for key, item in held},
        }
        if key in makers:
            return makers[key]()
    return {key: from_json(item) for key, item in value.items()}


@pytest.mark.parametrize("value", [*VALUES, math.inf, -math.inf, {"$a": 1}, {"a": {"$b": 2}}, {(1, 2): 3}], ids=ascii)
def test_show_json_has_a_form_for_every_value(name, value):
    with comem.open(name) as store:
        store.list("all").append((value,))
    assert from_json(run_json("show", name, "all")) == [(value,)]


def test_show_json_says_that_a_float_is_not_a_number(name):
    with comem.open(name) as store:
        store.list("all").append(math.nan)
    assert run_json("show", name, "all") == [{"$float": "nan"}]


def test_show_keeps_to_its_bounds_and_says_what_it_leaves_out(name):
    with comem.open(name) as store:
        store.list("numbers").extend(range(1000))
        store.list("text").append("\u00e4" * 1000)
        store.dict("keys").update({key: -key for key in range(5000)})
        deep = 1
        for _ in range(20):
            deep = [deep]
        store.list("deep").append((deep,))
    assert run("show", name, "numbers", "--limit", "3") == "[0, 1, 2, ... 997 more]\n"
    assert run_json("show", name, "numbers", "--limit", "2") == [0, 1, {"$more": 998}]
    assert run("show", name, "numbers", "--limit", "0") == "[... 1000 more]\n"
    assert run("show", name, "numbers", "--all") == f"{list(range(1000))}\n"
    assert run("show", name, "text", "--limit", "1") == "['\u00e4\u00e4\u00e4\u00e4\u00e4'... (2000 bytes)]\n"
    assert run_json("show", name, "text", "--limit", "1") == [{"$text": "\u00e4" * 5, "$size": 2000}]
    assert run("show", name, "keys", "--limit", "2") == "{0: 0, 1: -1, ... 4998 more}\n"
    assert run_json("show", name, "keys", "--limit", "2") == {"$dict": [[0, 0], [1, -1], {"$more": 4998}]}
    assert "... 1 more" in run("show", name, "deep") and run("show", name, "deep", "--all").count("[") == 21


def test_show_prints_objects_within_objects_and_those_inside_themselves(name):
    with comem.open(name) as store:
        outer, inner = store.list("outer"), store.dict("inner")
        outer.append(inner)
        inner["outer"] = outer
        inner["n"] = 1
    assert run("show", name, "outer") == "[{'outer': [...], 'n': 1}]\n"
    assert run_json("show", name, "outer") == [{"outer": {"$again": "list"}, "n": 1}]


def test_show_finds_values_of_keys_that_only_python_knows(name):
    import datetime

    with comem.open(name) as store:
        keys = store.dict("keys")
        for day in range(1, 29):
            keys[datetime.date(2000, 1, day)] = day
    assert run("show", name, "keys", "--limit", "3").count(": ") == 3


def test_show_lists_roots_with_their_kinds(name):
    fill(name)
    assert run("show", name) == "numbers: list of 1000\nwords: dict of 300\n"
    assert run_json("show", name)[1] == {"name": "words", "kind": "dict", "length": 300}


def test_show_says_which_roots_there_are_when_one_is_not(name):
    with comem.open(name) as store:
        assert complaint("show", name, "nothing") == f"{name}: there is no root named 'nothing', nor any other"
        store.list("pages")
        assert complaint("show", name, "page") == f"{name}: there is no root named 'page'; there is 'pages'"
        store.list("\x1b[2J")
        assert complaint("show", name, "a\nb").endswith("there is no root named 'a\\nb'; there are 'pages', '\\x1b[2J'")
        for number in range(8):
            store.list(f"root {number}")
        assert complaint("show", name, "page", "--json").endswith(", 'root 4', 'root 5' and 2 more")


def test_show_reaches_the_own_store_of_a_process_and_leaves_it_in_order(sleeper):
    store = f"pid:{sleeper.pid}"
    assert run("show", store) == ""
    assert "no root named" in complaint("show", store, "x")
    assert run_json("stat", store)["dead_threads"] == 0


@pytest.mark.parametrize("root", ["\x1b[2J", "a\nb", "\u202egnp", "\u0085", "'", '"\\', " ", "\U0001f600", "\ud800"])
def test_names_cannot_disturb_a_terminal_nor_json(name, root):
    with comem.open(name) as store:
        store.list(root)
    for words in (["show", name], ["stat", name]):
        text = run(*words)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", text)
    assert [one["name"] for one in run_json("show", name)] == [root]
    assert [one["name"] for one in run_json("stat", name)["roots"]] == [root]
    with contextlib.suppress(UnicodeEncodeError):
        assert run("show", name, root) == "[]\n"


# ---- check


def header_word(name, offset):
    with open(path_of(name), "rb") as store:
        store.seek(offset)
        return int.from_bytes(store.read(8), sys.byteorder)


def write_word(name, offset, value):
    with open(path_of(name), "r+b") as store:
        store.seek(offset)
        store.write(value.to_bytes(8, sys.byteorder))


def root_object(name, root):
    return next(one["object"] for one in run_json("stat", name)["roots"] if one["name"] == root)


LINKS = 32  # in an object's header


def test_check_of_a_quiet_store_finds_nothing_or_says_what(name):
    fill(name)
    assert run("check", name) == "quiet: nobody takes part\nnothing found\n"
    numbers = root_object(name, "numbers")
    write_word(name, numbers + LINKS, 7)
    text = run("check", name, code=1)
    assert f"object {numbers:#x} counts 7 links, 1 cells refer to it\n1 problem\n" in text
    check = run_json("check", name, code=1)
    assert check["mode"] == "quiet" and check["problems"] == [f"object {numbers:#x} counts 7 links, 1 cells refer to it"]


def test_repair_makes_right_what_it_can_and_says_so(name):
    fill(name)
    numbers = root_object(name, "numbers")
    write_word(name, numbers + LINKS, 7)
    text = run("check", name, "--repair", code=3)
    assert text == f"repaired: object {numbers:#x} counts 7 links, 1 cells refer to it\n1 repaired, 0 left\n"
    assert run("check", name, "--repair") == "nothing found\n"
    write_word(name, numbers + LINKS, 0)
    report = run_json("check", name, "--repair", code=3)
    assert report["repaired"] == 1 and report["left"] == 0 and report["problems"][0]["repaired"] is True
    assert run("check", name) == "quiet: nobody takes part\nnothing found\n"
    with comem.open(name) as store:
        assert list(store["numbers"]) == list(range(1000))


def test_repair_says_what_it_cannot_make_right(name):
    fill(name)
    numbers = root_object(name, "numbers")
    table = header_word(name, numbers + 88) & (1 << 36) - 1
    write_word(name, table + 16, 10**15)  # its length
    done = command("check", name, "--repair")
    assert done.returncode == 4
    assert f"cannot be repaired: table {table:#x} has {10**15} items" in done.stdout.decode()
    report = run_json("check", name, "--repair", code=4)
    assert report["left"] > 0 and {one["repaired"] for one in report["problems"]} == {False}
    write_word(name, table + 16, 1000)
    assert run("check", name) == "quiet: nobody takes part\nnothing found\n"


def test_repair_refuses_a_store_that_somebody_has_open(name, sleeper):
    fill(name)
    with comem.open(name):
        done = command("check", name, "--repair")
        assert (done.returncode, done.stdout) == (4, b"")
        assert done.stderr.startswith(f"comem: {name}: ".encode()) and b"open" in done.stderr
    assert "in use as long as it is there" in complaint("check", "--repair", f"pid:{sleeper.pid}", code=4)
    assert "there is no" in complaint("check", "--repair", "not-there", code=4)


def test_a_copy_of_a_store_in_use_is_found_and_repaired(name):
    fill(name)
    copy = name + "-copy"
    with comem.open(name) as store:
        store["numbers"].append(1)
        path_of(copy).write_bytes(path_of(name).read_bytes())
        path_of(copy).chmod(0o600)
    try:
        assert "nobody can open it until it is repaired" in run("check", copy, code=1)
        assert run_json("check", copy, code=1)["unclean"] is True
        complaint("show", copy)
        assert "1 repaired, 0 left" in run("check", copy, "--repair", code=3)
        assert run("show", copy) == "numbers: list of 1001\nwords: dict of 300\n"
    finally:
        comem.unlink(copy)


def test_the_dead_are_no_damage_and_repair_cleans_up_after_them(name):
    script = "import comem, sys, time; s = comem.open(sys.argv[1]); x = s.list('numbers'); print(flush=True); time.sleep(1000)"
    with other(script, name) as process:
        process.kill()
        process.wait()
    text = run("check", name)
    assert "1 thread died, and nobody cleaned up since" in text and text.endswith("nothing found\n")
    assert run("check", name, "--repair") == "cleaned up after 1 thread that died\nnothing found\n"
    assert run("check", name) == "quiet: nobody takes part\nnothing found\n"


WRITER = """
import comem, sys
store = comem.open(sys.argv[1])
numbers, words = store.list("numbers"), store.dict("words")
print(flush=True)
number = 0
while True:
    number += 1
    words[f"word {number % 500}"] = "a text that stands in a block of its own" * (number % 7)
    numbers.append(("one", number))
    if number % 100 == 0:
        numbers.insert(0, [number])
        del numbers[: len(numbers) // 2]
        words.pop(f"word {number % 500}", None)
"""


def test_a_store_that_two_processes_write_to_is_checked_live_and_nothing_is_found(name):
    fill(name)
    with other(WRITER, name), other(WRITER, name):
        for _ in range(3):
            check = run_json("check", name)
            assert check["mode"] == "live" and check["processes"] == 2 and check["problems"] == []
            assert run("check", name).startswith("live: 2 processes; what each of ")
            assert run_json("stat", name)["objects"]["list"]["count"] >= 1
            run("show", name, "words")


def test_damage_is_found_in_a_store_that_is_written_to(name):
    fill(name)
    with comem.open(name) as store:
        store.list("untouched")
    untouched = root_object(name, "untouched")
    write_word(name, untouched + LINKS, 9)
    with other(WRITER, name):
        assert f"object {untouched:#x} counts 9 links, 1 cells refer to it" in run("check", name, code=1)
    write_word(name, untouched + LINKS, 1)


def test_damaged_files_give_a_sentence_and_never_more(name):
    fill(name)
    whole = path_of(name).read_bytes()
    size = len(whole)
    data = next(place for place in range(0x10000, size, 0x10000) if any(whole[place : place + 16]))
    cases = {
        "empty": b"",
        "short": whole[:100],
        "no tables": whole[:0x10000],
        "cut": whole[: size - 4096],
        "half": whole[: size // 2],
        "zeros": bytes(size),
        "other fingerprint": whole[:8] + bytes(8) + whole[16:],
        "window": whole[:40] + (2**60).to_bytes(8, sys.byteorder) + whole[48:],
        "committed": whole[:128] + (2**40).to_bytes(8, sys.byteorder) + whole[136:],
        "ones behind the header": whole[:192] + b"\xff" * (17152 - 192) + whole[17152:],
        "data of ones": whole[:data] + b"\xff" * (size - data),
    }
    for case, content in cases.items():
        path_of(name).write_bytes(content)
        for words in (["stat", name], ["check", name], ["ls"], ["show", name], ["stat", name, "--json"]):
            done = command(*words)
            assert done.returncode in (0, 1), (case, words, done.returncode, done.stderr)
            if done.returncode == 1 and words[0] != "check":
                assert done.stderr.startswith(b"comem: ")
        assert command("check", name).returncode == 1, case


# ---- rm


def test_rm_removes_and_says_who_goes_on_using_it(name):
    fill(name)
    assert run("rm", name) == ""
    assert not path_of(name).exists()
    with comem.open(name) as store:
        numbers = store.list("numbers")
        assert run("rm", name) == f"{name}: removed; 1 process goes on using it until closed\n"
        numbers.append(1)
        assert list(numbers) == [1]


def test_rm_complains_of_each_that_is_not_there_and_removes_the_others(name):
    fill(name)
    done = command("rm", "not-there", name, "pid:1", "nor-this")
    assert done.returncode == 1 and not path_of(name).exists()
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 3 and "not-there" in lines[0] and "nor-this" in lines[2]
    assert lines[1] == "comem: pid:1 has no name to take away: it goes with the last process that has it"
    assert run("rm", "-f", "not-there") == run("rm", "--force", "not-there") == ""


def test_rm_leaves_what_is_no_store(name):
    path_of(name).write_bytes(b"something else")
    path_of(name).chmod(0o600)
    complaint("rm", name)
    assert path_of(name).read_bytes() == b"something else"
    path_of(name).unlink()


# ---- completion


def complete(*words, cwd=None):
    """What bash proposes for the last word."""
    script = f"""
    comem() {{ {sys.executable} -m comem.cli "$@"; }}
    . {ROOT}/cli/comem.bash
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_WORDBREAKS=$' \\t\\n'
    _comem
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "-c", script, "bash", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd, timeout=LIMIT
    )
    assert done.stderr == b""
    return done.stdout.decode().split()


def test_bash_completes_subcommands_options_and_stores(name, sleeper):
    fill(name)
    assert complete("comem", "s") == ["stat", "show"]
    assert complete("comem", "show", "--l") == ["--limit"]
    assert complete("comem", "rm", "--j") == []
    assert complete("comem", "stat", name[:-2]) == [name]
    assert f"pid:{sleeper.pid}" in complete("comem", "check", "pid:")
    assert complete("comem", "rm", f"pid:{sleeper.pid}") == []
    with comem.open(name) as store:
        assert complete("comem", "show", name, "") == [root for root in store.roots() if " " not in root]
