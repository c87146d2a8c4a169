"""What reaches threads, other users, other namespaces and other programs, and what a main module makes in a child."""

import os
import pickle
import struct
import subprocess
import sys
import textwrap
import threading

import pytest

import comem
from conftest import Child
from starting import BEGIN, fresh_interpreter

# ---- threads, other users, other namespaces ----------------------------------------------------------------------------


def test_threads_load_and_send():
    names = [pickle.dumps(comem.List([number])) for number in range(20)]
    failures = []

    def work():
        for number, name in enumerate(names):
            shared = pickle.loads(name)
            shared.append(0)
            if pickle.loads(pickle.dumps(shared))[0] != number:
                failures.append(number)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert [len(pickle.loads(name)) for name in names] == [5] * 20


@fresh_interpreter
def test_children_started_by_threads_at_once(program, method):
    out = program(
        method,
        """
        import threading

        def work(shared, number):
            shared.append(number)

        def start(shared, number):
            process = context.Process(target=work, args=(comem.List([shared])[0], number))
            process.start()
            process.join()
            assert process.exitcode == 0

        if __name__ == "__main__":
            shared = comem.List()
            threads = [threading.Thread(target=start, args=(shared, number)) for number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            print(sorted(shared))
        """,
    )
    assert out == "[0, 1, 2, 3]\n"


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
NOBODY = 65534


@needs_root
def test_a_child_that_becomes_another_user_goes_on():
    shared = comem.List(["root"])

    def child():
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        shared.append("nobody")
        made = comem.List(["x" * 1000] * 3000)  # the store grows
        shared.append(made)
        grandchild = Child(lambda: len(shared[2]))
        return grandchild.result(), pickle.dumps(made)

    length, data = Child(child).result()
    assert length == 3000 and shared[1] == "nobody" and len(shared[2]) == 3000
    assert len(pickle.loads(data)) == 3000


def load_elsewhere(data, before=""):
    """What a program that is none of ours prints after loading `data`."""
    code = textwrap.dedent(before) + textwrap.dedent(
        """
        import pickle, sys, comem
        try:
            shared = pickle.loads(bytes.fromhex(sys.argv[1]))
            shared.append("elsewhere")
            print(shared)
        except comem.GoneError as error:
            print("GoneError:", error)
        """
    )
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writer, 1)
        os.execv(sys.executable, [sys.executable, "-c", code, data.hex()])
    os.close(writer)
    with open(reader) as stream:
        out = stream.read()
    assert os.waitpid(pid, 0)[1] == 0
    return out


# Imports what it needs while it is still root: the folders may be closed to others.
BECOME_NOBODY = f"""
import os, pickle, comem
os.setgid({NOBODY})
os.setuid({NOBODY})
"""


@needs_root
def test_another_users_program_is_told_so():
    shared = comem.List(["mine"])
    out = load_elsewhere(pickle.dumps(shared), BECOME_NOBODY)
    assert out.startswith("GoneError:") and "another user" in out and str(os.getpid()) in out
    assert shared == ["mine"]


@needs_root
def test_root_opens_what_another_user_sent():
    code = BECOME_NOBODY + "shared = comem.List(['theirs'])\nprint(pickle.dumps(shared).hex(), flush=True)\ninput()\nprint(shared)\n"
    sender = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    data = bytes.fromhex(sender.stdout.readline().decode())
    assert load_elsewhere(data) == "List(['theirs', 'elsewhere'])\n"
    out, _ = sender.communicate(b"\n")
    assert out == b"List(['theirs', 'elsewhere'])\n"


def in_pid_namespace(function, *arguments):
    """A child in a PID namespace of its own; skips where that is not permitted."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    CLONE_NEWPID = 0x20000000

    def child():
        if libc.unshare(CLONE_NEWPID) != 0:
            return "not permitted"
        return Child(function, *arguments).result()

    result = Child(child).result()
    if result == "not permitted":
        pytest.skip("no permission to make a PID namespace")
    return result


def test_a_pid_namespace_is_no_obstacle_within_a_program():
    shared = comem.List()

    def inside():
        shared.append(os.getpid())
        return pickle.dumps(comem.List(["inside"])), pickle.loads(data)[0]

    data = pickle.dumps(comem.List(["outside"]))
    name, outside = in_pid_namespace(inside)
    assert shared == [1]
    assert outside == "outside" and pickle.loads(name) == ["inside"]


def test_another_program_in_a_pid_namespace_is_told_so():
    shared = comem.List()
    data = pickle.dumps(shared)
    out = in_pid_namespace(load_elsewhere, data)
    assert out.startswith("GoneError:") and "PID namespace" in out and str(os.getpid()) in out


# ---- other programs ----------------------------------------------------------------------------------------------------


def test_another_program_opens_the_store_at_the_sender():
    shared = comem.List(["mine"])
    assert load_elsewhere(pickle.dumps(shared)) == "List(['mine', 'elsewhere'])\n"
    assert shared == ["mine", "elsewhere"]


def test_a_program_without_a_store_takes_the_senders_for_its_own():
    outer = comem.List()
    before = """
        import pickle, sys, comem
        pickle.loads(bytes.fromhex(sys.argv[1])).append(comem.List(["made elsewhere"]))
    """
    load_elsewhere(pickle.dumps(outer), before)
    assert outer[0] == ["made elsewhere"]


def test_two_programs_with_stores_of_their_own_use_each_others_lists():
    shared = comem.List()
    before = """
        import comem
        own = comem.List(["own"])
        """
    code = """
        import os, pickle, sys
        theirs = pickle.loads(bytes.fromhex(sys.argv[1]))
        theirs.append(own[0])
        try:
            theirs.append(own)
        except ValueError as error:
            theirs.append(str(error))
        assert own == ["own"] and theirs[0] == "own"
        own.extend(theirs)
        assert own[1] == "own" and own < theirs[:1] + ["z"]
        pid = os.fork()                             # takes both along
        if pid == 0:
            own.append(1), theirs.append(2)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        assert own[-1] == 1
        assert pickle.loads(pickle.dumps(own)) == own and pickle.loads(pickle.dumps(theirs)) == theirs
        """
    load_elsewhere(pickle.dumps(shared), textwrap.dedent(before) + textwrap.dedent(code))
    assert shared[0] == "own" and "another store" in shared[1] and shared[2:] == [2, "elsewhere"]


def test_a_ticket_beats_a_store_that_was_inherited():
    code = """
        import sys, comem
        from comem import _engine
        shared = comem.List()
        descriptor, store = _engine._descriptor()
        print(os.getpid(), descriptor, store.hex(), pickle.dumps(shared).hex(), flush=True)
        sys.stdin.readline()
        print(shared[0][:], len(shared))
        """
    other = subprocess.Popen(
        [sys.executable, "-c", "import os, pickle\n" + textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        universal_newlines=True,
    )
    pid, descriptor, store, name = other.stdout.readline().split()
    inherited = comem.List(["inherited"])

    def child():
        from comem import _process

        opened = os.open(f"/proc/{pid}/fd/{descriptor}", os.O_RDWR)
        _process._attach(reduction_of(opened), bytes.fromhex(store))
        theirs = pickle.loads(bytes.fromhex(name))
        theirs.append(comem.List(["made in the child"]))
        inherited.append("still there")
        return inherited[:]

    assert Child(child).result() == ["inherited", "still there"]
    out, _ = other.communicate("\n")
    assert out == "['made in the child'] 1\n"


class reduction_of:
    """A descriptor, as multiprocessing.reduction.DupFd() leaves it in a child."""

    def __init__(self, descriptor):
        self.descriptor = descriptor

    def detach(self):
        return self.descriptor


def test_programs_send_to_each_other_and_who_is_gone_is_named(run_script):
    done = run_script(
        """
        import os, pickle, comem
        print(os.getpid(), pickle.dumps(comem.List(["gone"])).hex())
        """
    )
    pid, data = done.stdout.split()
    with pytest.raises(comem.GoneError, match=f"process {pid}, which sent it, is gone"):
        pickle.loads(bytes.fromhex(data))


STORE, SENDER, BOOT, DESCRIPTOR = (0, "=Q"), (28, "=i"), (40, "=Q"), (48, "=i")


def edited(shared, changes):
    """A pickle of `shared` with fields of the name in it changed."""
    data = bytearray(pickle.dumps(shared))
    start = data.index(struct.pack("=i", os.getpid())) - SENDER[0]
    for (offset, form), value in changes.items():
        struct.pack_into(form, data, start + offset, value)
    return bytes(data)


def test_a_number_that_another_process_got_is_not_taken_for_the_sender():
    shared = comem.List()
    with pytest.raises(comem.GoneError, match="another store"):
        pickle.loads(edited(shared, {STORE: 1}))
    with pytest.raises(comem.GoneError, match="another process that got the sender's number"):
        pickle.loads(edited(shared, {STORE: 1, SENDER: os.getppid(), DESCRIPTOR: 60_000}))
    with pytest.raises(comem.GoneError, match="another machine"):
        pickle.loads(edited(shared, {STORE: 1, BOOT: 1}))


def test_what_is_no_store_is_not_opened():
    reader, writer = os.pipe()
    shared = comem.List()
    with open(__file__) as stream:
        for fd in (reader, stream.fileno(), 0, -1):
            with pytest.raises(comem.GoneError, match="out of reach"):
                pickle.loads(edited(shared, {STORE: 1, DESCRIPTOR: fd}))
    os.close(reader), os.close(writer)


# ---- the parent's main module ------------------------------------------------------------------------------------------

UNGUARDED = """
shared = comem.List(["made by every import"])
table = comem.Dict(made="by every import")
manager = comem.Manager()
proxy = manager.list([1])
managed = manager.dict({"key": [1]}, more=2)
with comem.Manager(deep=True) as inner:
    nested = inner.list([[1]])

def work(given):
    given.append("given")
    for unbound in (table, managed):
        for use in (len, list, pickle.dumps, given.append, lambda it: it["key"], lambda it: it.get("key"), bool,
                    lambda it: it.update(key=1), lambda it: it.setdefault("key", [1]), lambda it: "key" in it,
                    lambda it: it == {}, lambda it: it.pop("key", None), lambda it: it.items()):
            try:
                if use(unbound) is not None and unbound is table:
                    len(table.items())              # a view was made; its use counts
            except RuntimeError as error:
                assert '__name__ == "__main__"' in str(error) and "comem.var" in str(error), error
            else:
                raise AssertionError(use)
    for unbound in (shared, proxy):
        for use in (len, list, repr if unbound is shared else len, pickle.dumps, lambda it: it.append(1), given.append,
                    lambda it: it == [1], lambda it: it[0], bool):
            try:
                use(unbound)
            except RuntimeError as error:
                assert '__name__ == "__main__"' in str(error) and "comem.var" in str(error), error
            else:
                raise AssertionError(use)
    assert "failed" in str(proxy) and repr(proxy) and type(hash(proxy)) is int
    try:
        manager.list()
    except RuntimeError:
        pass
    else:
        raise AssertionError("a manager that stands for nothing makes lists")
    manager.shutdown()
    given.append(comem.List(["made by the child"]))  # afterwards all is as ever
    given.append(comem.Manager().list([2]))
    given.append(comem.Dict(made=["by the child"]))

if __name__ == "__main__":
    for _ in range(2):
        given = comem.List()
        process = context.Process(target=work, args=(given,))
        process.start()
        process.join()
        print(process.exitcode, given[0], given[1][0], given[2][0], given[3]["made"][0])
    assert table == {"made": "by every import"} and managed["key"] == [1] and managed["more"] == 2
    assert shared == ["made by every import"] and proxy[:] == [1]
"""


@fresh_interpreter
def test_what_the_main_module_makes_in_a_child_stands_for_nothing(program, method):
    assert program(method, UNGUARDED) == "0 given made by the child 2 by the child\n" * 2


def test_a_forkserver_makes_no_store_for_what_it_preloads(program, tmp_path):
    (tmp_path / "preloaded.py").write_text(
        "import os, comem\nshared = comem.List([1])\nmanager = comem.Manager()\nmaker = os.getpid()\n"
    )
    out = program(
        "forkserver",
        """
        def work(queue):
            import preloaded
            with open("/proc/%d/maps" % preloaded.maker) as stream:
                queue.put([line for line in stream if "memfd" in line])
            try:
                preloaded.shared.append(1)
            except RuntimeError:
                queue.put(preloaded.maker == os.getppid())
            queue.put(comem.List(["real"]))

        if __name__ == "__main__":
            context.set_forkserver_preload(["preloaded"])
            queue = context.SimpleQueue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            print(queue.get(), queue.get(), queue.get())
            process.join()
        """,
        PYTHONPATH=str(tmp_path),
    )
    assert out == "[] True List(['real'])\n"


@fresh_interpreter
def test_comem_may_be_where_only_the_parent_looks(script_passes, method):
    """The ticket is loaded before multiprocessing sets sys.path."""
    place = os.path.dirname(os.path.dirname(comem.__file__))
    out = script_passes(
        f"import sys\nsys.path.append({place!r})\n"
        + BEGIN
        + """
def work(shared):
    shared.append("child")

if __name__ == "__main__":
    shared = comem.List()
    process = context.Process(target=work, args=(shared,))
    process.start()
    process.join()
    print(process.exitcode, shared)
""",
        "-S",
        METHOD=method,
    )
    assert out == "0 List(['child'])\n"


def test_the_import_hook_goes_once_it_has_done_its_work(script_passes):
    """And multiprocessing.spawn looks as ever, also to who reloads it."""
    script_passes(
        """
        import sys
        import comem
        hooks = [hook for hook in sys.meta_path if type(hook).__module__.startswith("comem")]
        assert len(hooks) == 1
        import multiprocessing.spawn as spawn
        assert not [hook for hook in sys.meta_path if type(hook).__module__.startswith("comem")]
        assert type(spawn.__loader__).__module__.startswith(("importlib", "_frozen")), spawn.__loader__
        assert spawn.__spec__.loader is spawn.__loader__
        import importlib
        importlib.reload(spawn)
        """
    )


TRY = """
def work(queue):
    try:
        comem.List([1])
    except comem.GoneError as error:
        queue.put(str(error))
    else:
        queue.put("a store of its own")
"""


def test_a_child_that_cannot_map_the_store_says_so_and_makes_no_other(program):
    out = program(
        "forkserver",
        TRY
        + """
import resource

if __name__ == "__main__":
    from multiprocessing import forkserver
    resource.setrlimit(resource.RLIMIT_AS, (30 << 30, resource.RLIM_INFINITY))
    forkserver.ensure_running()                     # and so its children have less room than the parent
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    queue = context.SimpleQueue()
    comem.List()                                    # 64 GiB of addresses
    process = context.Process(target=work, args=(queue,))
    process.start()
    print(queue.get())
    process.join()
""",
    )
    assert "could not join its program's store" in out and "address space" in out


@fresh_interpreter
def test_a_parent_that_lost_the_stores_descriptor_tells_its_children(program, method):
    out = program(
        method,
        TRY
        + """
if __name__ == "__main__":
    from comem import _engine
    queue = context.SimpleQueue()
    shared = comem.List([1])                        # from here on there is no other store to be had
    os.close(_engine._descriptor()[0])
    process = context.Process(target=work, args=(queue,))
    process.start()
    print(queue.get(), process.join())
    assert shared.pop() == 1                        # the parent itself goes on with what there is
""",
    )
    assert "could not join its program's store" in out and "descriptor" in out


UNGUARDED_DICTS = """
shared = comem.Dict({"made": "by every import"}, more=1)
others = [comem.Dict.fromkeys("ab", 1), comem.Manager().dict({"a": 1}, b=2)]

def work(given):
    for unbound in [shared, *others]:
        for use in (len, list, reversed, pickle.dumps, bool, dict, lambda it: "a" in it, lambda it: it["a"],
                    lambda it: it.__setitem__("a", 1), lambda it: it.__delitem__("a"), lambda it: it.get("a"),
                    lambda it: it.pop("a", 1), lambda it: it.popitem(), lambda it: it.setdefault("a", 1),
                    lambda it: it.update(), lambda it: it.update(a=1), lambda it: it.update(given),
                    lambda it: given.update(it), lambda it: it.clear(), lambda it: it.copy(), lambda it: list(it.items()),
                    lambda it: it.add("a"), lambda it: it.cas("a", 1, 2), lambda it: it.update_if("a", print),
                    lambda it: it == {"a": 1}, lambda it: it | {}, lambda it: given.setdefault("it", it)):
            try:
                use(unbound)
            except RuntimeError as error:
                assert '__name__ == "__main__"' in str(error) and "comem.var" in str(error), error
            else:
                raise AssertionError(use)
    given["child"] = {"made": "by the child"}

if __name__ == "__main__":
    given = comem.Dict()
    process = context.Process(target=work, args=(given,))
    process.start()
    process.join()
    assert process.exitcode == 0
    print(process.exitcode, dict(given["child"]), dict(shared), *map(dict, others))
"""


@fresh_interpreter
def test_dicts_that_the_main_module_makes_in_a_child_stand_for_nothing(program, method):
    assert program(method, UNGUARDED_DICTS) == (
        "0 {'made': 'by the child'} {'made': 'by every import', 'more': 1} {'a': 1, 'b': 1} {'a': 1, 'b': 2}\n"
    )
