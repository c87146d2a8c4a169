"""Stores by name that are refused, each with its sentence; and who may have one: its user alone."""

import os
import pickle
import stat
import struct
import subprocess
import sys

import pytest

import comem
from conftest import Child, store_file

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")

FINGERPRINT, WINDOW, PAGE_TABLE, BOOT, COMMITTED = 8, 40, 56, 88, 128  # offsets in the header, docs/format.md


@pytest.fixture
def closed(folder):
    """The path of a store that was made, used and closed in good order, by another process."""
    path = f"{folder}/store"

    def make():
        with comem.open(path) as store:
            store.list("l").extend(range(1000))
            store.dict("d")["key"] = "value"
        return True

    assert Child(make).result()
    return path


def patch(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def refusal(path, **options):
    """What opening it raises; in a child, which may be another user."""
    try:
        comem.open(path, **options).close()
    except Exception as error:
        return error
    return None


def as_nobody(function, *arguments):
    def run():
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        return function(*arguments)

    return Child(run).result()


def assert_refused(path, error_type, sentence):
    """Twice, in two processes, and the file stays what it is."""
    with open(path, "rb") as file:
        before = file.read(1 << 16)
    for create in (True, False):
        error = Child(refusal, path).result()
        assert type(error) is error_type, error
        assert sentence in str(error)
    assert open(path, "rb").read(1 << 16) == before


# ---- damaged, foreign, other ---------------------------------------------------------------------------------------------


def test_a_whole_one_opens(closed):
    assert refusal(closed) is None


def test_text_is_no_store(folder):
    path = f"{folder}/store"
    with open(path, "w") as file:
        file.write("some text\n" * 10_000)
    os.chmod(path, 0o600)
    assert_refused(path, OSError, "no comem store")
    with pytest.raises(OSError, match="no comem store"):
        comem.unlink(path)
    assert os.path.exists(path)


def test_a_file_that_is_no_store_is_said_to_be_none_whosever_it_is_and_whoever_may_read_it(folder):
    """Not that others may use "the store", which chmod 600 would change: that would break the file's use."""
    path = f"{folder}/readable"
    with open(path, "w") as file:
        file.write("some text\n" * 10_000)
    os.chmod(path, 0o644)
    assert_refused(path, OSError, "no comem store")
    for act in (comem.open, comem.unlink):
        for other in (path, "/etc/passwd"):
            with pytest.raises(OSError, match="no comem store") as raised:
                act(other)
            assert raised.type is OSError
    if os.geteuid() == 0:
        assert "no comem store" in str(as_nobody(refusal, path))
        os.chmod(path, 0o600)
        assert "another user" in str(as_nobody(refusal, path))
    done = subprocess.run([sys.executable, "-m", "comem.cli", "stat", "/etc/passwd"], stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1 and b"no comem store" in done.stderr


@pytest.mark.parametrize("size", [0, 5])
def test_next_to_nothing_is_no_store(folder, size):
    path = f"{folder}/store"
    with open(path, "wb") as file:
        file.write(b"comem\0\r\n"[:size])
    os.chmod(path, 0o600)
    assert_refused(path, OSError, "no comem store")


@pytest.mark.parametrize("size", [8, 100, 1 << 12, 1 << 16, 1 << 20, 0x4820000, 0x4830000])
def test_a_truncated_store_is_damaged(closed, size):
    os.truncate(closed, size)
    assert_refused(closed, comem.DamagedError, "store")


def test_a_store_of_another_version_is_refused(closed):
    patch(closed, FINGERPRINT, b"\1" * 8)
    assert_refused(closed, OSError, "another version of comem")


@pytest.mark.parametrize("offset", [WINDOW, PAGE_TABLE, COMMITTED])
@pytest.mark.parametrize("number", [0, 1, 1 << 12, 1 << 62, (1 << 64) - 1])
def test_a_header_that_contradicts_itself_is_damage(closed, offset, number):
    patch(closed, offset, struct.pack("<Q", number))
    assert_refused(closed, comem.DamagedError, "store")


def test_a_device_or_folder_is_no_store(folder):
    os.mkfifo(f"{folder}/pipe", 0o600)
    os.mkdir(f"{folder}/folder", 0o700)
    for path in (f"{folder}/pipe", f"{folder}/folder", "/dev/null", "/dev/zero"):
        error = Child(refusal, path).result()
        assert isinstance(error, OSError) and not isinstance(error, comem.GoneError), (path, error)


def test_a_file_system_that_does_not_keep_a_mapping_is_refused():
    error = Child(refusal, "/proc/comem-test").result()
    assert isinstance(error, OSError), error


@pytest.mark.parametrize("name", ["x/" + "é" * 200, "é" * 100, "x" + "é" * 90, "/tmp/\udcff" * 20])
def test_a_sentence_with_a_name_cut_inside_a_character_is_said(name):
    with pytest.raises(FileNotFoundError):
        comem.open(name, create=False)


@pytest.mark.parametrize("name", ["é" * 100, "x" + "é" * 100, "xx" + "€" * 100, "\ud800"])
def test_a_root_of_another_kind_is_said_to_be_whatever_its_name(folder, name):
    with comem.open(f"{folder}/store") as store:
        store.list(name)
        with pytest.raises(TypeError, match="is a list, .*dict"):
            store.dict(name)


@pytest.fixture
def in_use(folder):
    """The path of a store that a killed process had open, as the end of the machine would leave it."""
    path = f"{folder}/store"

    def use():
        store = comem.open(path)
        store.list("l").extend(range(1000))
        os.kill(os.getpid(), 9)

    assert Child(use).wait() == -9
    return path


def test_a_store_in_use_when_the_machine_stopped_is_damaged(in_use):
    patch(in_use, BOOT, b"\x5a" * 8)
    assert_refused(in_use, comem.DamagedError, "comem check")


def test_a_store_closed_in_good_order_outlasts_the_machine(closed):
    patch(closed, BOOT, b"\x5a" * 8)
    with comem.open(closed) as store:
        assert store["l"] == list(range(1000))
        assert store["d"] == {"key": "value"}
        store["l"].append(1)
    with comem.open(closed) as store:
        assert len(store["l"]) == 1001


@pytest.mark.parametrize("how", ["plain", "fork", "spawn"])
def test_a_program_that_ends_leaves_it_in_good_order_without_a_close(folder, script_passes, how):
    """On a disk it may outlast the machine then."""
    path = f"{folder}/store"
    script_passes(
        f"""
        import comem, multiprocessing

        def work():
            comem.open({path!r}).list("l").append(1)

        if __name__ == "__main__":
            if {how!r} == "plain":
                work()
            else:
                store = comem.open({path!r})
                process = multiprocessing.get_context({how!r}).Process(target=work)
                process.start()
                process.join()
                store.list("l")
        """
    )
    patch(path, BOOT, b"\x5a" * 8)
    with comem.open(path) as store:
        assert store["l"] == [1]


def test_a_store_that_a_killed_process_used_opens(in_use):
    assert refusal(in_use) is None


SMALL = "import comem, resource; resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))\n"


def test_too_small_an_address_space_is_a_memory_error(closed, script_passes):
    out = script_passes(f"{SMALL}try:\n comem.open({closed!r})\nexcept MemoryError as error: print(error)")
    assert closed in out and "ulimit -v" in out


def test_a_store_made_in_a_small_address_space_opens_everywhere(folder, script_passes):
    path = f"{folder}/store"
    assert script_passes(f"{SMALL}comem.open({path!r}).list('l').append(1)") == ""
    with comem.open(path) as store:
        assert store["l"] == [1]


# ---- other users, links, modes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o606, 0o610, 0o666])
def test_a_store_that_others_may_use_is_refused(closed, mode):
    os.chmod(closed, mode)
    assert_refused(closed, PermissionError, "chmod 600")


@needs_root
def test_another_users_store_is_refused(closed):
    error = as_nobody(refusal, closed)
    assert type(error) is PermissionError and error.errno == 13
    os.chown(closed, NOBODY, NOBODY)
    assert_refused(closed, PermissionError, "another user")  # also by root
    assert as_nobody(refusal, closed) is None


@needs_root
def test_a_store_that_another_user_planted_is_refused(store_name):
    """In /dev/shm everybody may make files of any name."""
    path = store_file(store_name)

    def plant():
        with comem.open(path) as store:
            store.list("l").append("planted")
        return os.stat(path).st_uid

    assert as_nobody(plant) == NOBODY
    assert_refused(path, PermissionError, "another user")
    for act in (comem.open, comem.unlink):
        with pytest.raises(PermissionError, match="another user"):
            act(store_name)
    assert os.path.exists(path)


def removal(name):
    try:
        comem.unlink(name)
    except PermissionError as error:
        return str(error)


@needs_root
def test_another_user_does_not_remove_it(store_name):
    comem.open(store_name).close()
    assert "another user" in as_nobody(removal, store_file(store_name))
    assert os.path.exists(store_file(store_name))


@needs_root
def test_each_user_has_a_store_of_the_same_name(store_name):
    """So that nobody can take a name away from another."""
    with comem.open(store_name) as store:
        store.list("l").append("mine")

        def open_own():
            with comem.open(store_name) as own:
                found = own.roots()
            comem.unlink(store_name)
            return found

        assert as_nobody(open_own) == []
        assert store["l"] == ["mine"]


def plant_link(path, target):
    os.symlink(target, path)
    return True


def test_a_link_is_not_followed(folder, closed):
    link = f"{folder}/link"
    for target in (closed, f"{folder}/missing"):
        os.symlink(target, link)
        error = Child(refusal, link).result()
        assert type(error) is PermissionError and "symbolic link" in str(error)
        with pytest.raises(PermissionError, match="symbolic link"):
            comem.unlink(link)
        assert os.path.islink(link)
        os.unlink(link)
    assert not os.path.exists(f"{folder}/missing")
    assert os.path.exists(closed)


@needs_root
def test_a_link_that_another_user_planted_is_not_followed(store_name, closed, folder):
    for target in (closed, f"{folder}/missing"):
        assert as_nobody(plant_link, store_file(store_name), target)
        with pytest.raises(PermissionError, match="symbolic link"):
            comem.open(store_name)
        os.unlink(store_file(store_name))
    assert not os.path.exists(f"{folder}/missing")


@needs_root
def test_a_hard_link_gives_another_user_nothing(closed):
    """It is the same file: of the same user and mode."""
    other = f"{closed}-link"
    os.link(closed, other)
    with comem.open(closed) as store, comem.open(other) as same:
        same["l"].append("by the other name")
        assert store["l"][-1] == "by the other name"
    assert type(as_nobody(refusal, other)) is PermissionError


@needs_root
def test_an_object_of_another_users_store_is_out_of_reach(closed):
    """Its pickle names the process that has it, where the store would be opened."""
    with comem.open(closed) as store:
        name = pickle.dumps(store["l"])
        program = f"""
import comem, os, pickle
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
try:
    pickle.loads({name!r})
except comem.GoneError as error:
    print(error)
"""
        out = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, universal_newlines=True, timeout=60)
    assert "belongs to another user, or lets nobody look into it" in out.stdout


@needs_root
def test_a_root_process_does_not_take_what_another_user_sends(closed):
    """Root may open everything; a user could so have it map a store of the user's own, with pickles in it."""
    os.chown(closed, NOBODY, NOBODY)
    os.chmod(os.path.dirname(closed), 0o777)
    reader, writer = os.pipe()
    done, end = os.pipe()

    def send():
        shared = comem.open(closed).list("l")
        os.write(writer, pickle.dumps(shared))
        os.read(done, 1)
        return True

    def run():
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        return send()

    child = Child(run)
    name = os.read(reader, 1000)
    try:
        program = f"import comem, pickle\ntry:\n pickle.loads({name!r})\nexcept comem.GoneError as e: print(e)"
        out = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, universal_newlines=True, timeout=60)
    finally:
        os.write(end, b"x")
        assert child.result()
        for descriptor in (reader, writer, done, end):
            os.close(descriptor)
    assert "another user" in out.stdout


# ---- what an exec'd program inherits --------------------------------------------------------------------------------------

OPEN_FILES = """
import os
folder = "/proc/self/fd"
print([os.readlink(f"{folder}/{number}") for number in os.listdir(folder) if os.path.lexists(f"{folder}/{number}")])
"""


def test_no_descriptor_leaks_into_an_execd_program(store_name, closed, folder):
    """Neither of a store that was there or was made, nor of the program's own."""
    shared = comem.List()
    with comem.open(store_name) as store, comem.open(closed), comem.open(folder + "/another"):
        store.list("l").append(1)
        done = subprocess.run(
            [sys.executable, "-c", OPEN_FILES], close_fds=False, stdout=subprocess.PIPE, universal_newlines=True, timeout=60
        )
        assert "pipe" in done.stdout
        assert not [text for text in ("comem", "/dev/shm") if text in done.stdout], done.stdout
        assert shared == []


def test_every_descriptor_of_a_store_closes_on_exec(closed):
    with comem.open(closed):
        links = {number: os.readlink(f"/proc/self/fd/{number}") for number in descriptors()}
        ours = [int(number) for number, target in links.items() if target == closed]
        assert ours
        assert not any(os.get_inheritable(number) for number in ours)
    assert closed not in [os.readlink(f"/proc/self/fd/{number}") for number in descriptors()]


def descriptors():
    return [number for number in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{number}")]


# ---- pickles -----------------------------------------------------------------------------------------------------------


class Job:
    """What only a pickle can store."""

    def __init__(self):
        self.number = 1


def test_without_pickle_nothing_is_stored_that_needs_one(store_name):
    with comem.open(store_name, pickle=False) as store:
        shared, table = store.list("l"), store.dict("d")
        shared.append([1, {"a": (2, 3)}])
        table["nested"] = {"a": []}
        for act in (
            lambda: shared.append(Job()),
            lambda: shared.extend([1, Job()]),
            lambda: shared.insert(0, Job()),
            lambda: shared.__setitem__(0, Job()),
            lambda: shared.__setitem__(slice(0, 1), [Job()]),
            lambda: table.__setitem__("job", Job()),
            lambda: table.setdefault("job", Job()),
            lambda: table.update(job=Job()),
            lambda: table["nested"]["a"].append(Job()),
            lambda: shared[0].append(Job()),
        ):
            with pytest.raises(TypeError, match="pickle=False"):
                act()
        assert shared == [[1, {"a": (2, 3)}]]
        assert table == {"nested": {"a": []}}


def loaded(*_):
    raise AssertionError("code of a pickle was run")


class Trap:
    """Loading it says so."""

    def __reduce__(self):
        return loaded, ()


@pytest.fixture
def trapped(store_name):
    """The name of a store with pickles in it, stored by another process."""

    def store():
        with comem.open(store_name) as store:
            store.list("l").extend([1, Trap(), "x"])
            store.dict("d").update(trap=Trap(), other=[Trap()])
        return True

    assert Child(store).result()
    return store_name


def test_without_pickle_none_is_loaded_whoever_stored_it(trapped):
    with comem.open(trapped, pickle=False) as store:
        shared, table = store["l"], store["d"]
        for act in (
            lambda: shared[1],
            lambda: shared[:],
            lambda: list(shared),
            lambda: shared.pop(1),
            lambda: table["trap"],
            lambda: table.get("trap"),
            lambda: table.pop("trap"),
            lambda: table.setdefault("trap", 1),
            lambda: list(table.values()),
            lambda: list(table.items()),
            lambda: table["other"][0],
            lambda: comem.List(shared),
            lambda: shared.copy(),
            lambda: store.list("m").extend(shared),
            lambda: store.dict("n").update(table),
        ):
            with pytest.raises(comem.ValueUnreadable, match="pickle=False"):
                act()
        assert store["m"] == [] and store["n"] == {}
        assert (len(shared), shared[0], shared[2], list(table)) == (3, 1, "x", ["trap", "other"])
        assert "unreadable" in repr(shared) and "unreadable" in repr(table)
        del shared[1], table["trap"]
        assert shared == [1, "x"]


def test_without_pickle_one_place_is_enough(trapped):
    """Also for objects that were opened otherwise, and for those that come by a pickle of their own."""
    with comem.open(trapped) as loose:
        shared = loose["l"]
        with comem.open(trapped, pickle=False):
            with pytest.raises(comem.ValueUnreadable, match="pickle=False"):
                shared[1]
            with pytest.raises(comem.ValueUnreadable, match="pickle=False"):
                pickle.loads(pickle.dumps(shared))[1]


def test_without_pickle_is_of_this_process_alone(trapped):
    with comem.open(trapped, pickle=False):
        program = f"import comem, test_open_refused as t; comem.open({trapped!r}).list('other').append(t.Job())"
        subprocess.run([sys.executable, "-c", program], cwd=os.path.dirname(__file__), check=True, timeout=60)
        with comem.open(trapped) as store:
            assert len(store["other"]) == 1


def test_a_fork_of_a_process_without_pickle_is_without(trapped):
    with comem.open(trapped, pickle=False) as store:

        def read():
            try:
                store["l"][1]
            except comem.ValueUnreadable as error:
                return str(error)

        assert "pickle=False" in Child(read).result()


def test_a_mode_is_looked_at_through_every_path(closed):
    """Also where a handle's pickle leads to the store: made free for all meanwhile, it is no longer trusted."""
    with comem.open(closed) as store:
        name = pickle.dumps(store["l"])
        os.chmod(closed, 0o666)
        program = f"import comem, pickle\ntry:\n pickle.loads({name!r})\nexcept comem.GoneError as e: print(e)"
        out = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, universal_newlines=True, timeout=60)
    assert "others than its owner" in out.stdout
    assert stat.S_IMODE(os.stat(closed).st_mode) == 0o666
