"""Stores by name: what they are, who shares them, how long they last."""

import copy
import gc
import multiprocessing
import os
import pathlib
import pickle
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Mapping

import pytest

import comem
from conftest import Child, store_file
from starting import every_method

# ---- roots -------------------------------------------------------------------------------------------------------------


def test_the_same_name_is_the_same_store(store_name):
    with comem.open(store_name) as one, comem.open(store_name) as other:
        one.list("words").append("one")
        assert other.list("words") == ["one"]
        other.dict("counts")["one"] = 1
        assert one["counts"] == {"one": 1}


def test_another_program_shares_it(store_name, script_passes):
    """Not a child of this one in any way that comem knows of."""
    with comem.open(store_name) as store:
        store.list("words").append("one")
        out = script_passes(
            f"""
            import comem
            with comem.open({store_name!r}, create=False) as store:
                store.list("words").append("two")
                store.dict("counts").add("two")
                print(store.roots())
            """
        )
        assert out == "['words', 'counts']\n"
        assert store["words"] == ["one", "two"]
        assert store["counts"] == {"two": 1}


def test_what_is_there_outlasts_every_program(store_name, script_passes):
    script = f"import comem; shared = comem.open({store_name!r}).list('l'); shared.append(len(shared)); print(shared)"
    assert [script_passes(script) for _ in range(3)] == ["List([0])\n", "List([0, 1])\n", "List([0, 1, 2])\n"]


def test_a_store_is_a_mapping_of_its_roots(store_name):
    with comem.open(store_name) as store:
        assert isinstance(store, Mapping)
        assert (len(store), list(store), store.roots(), bool(store)) == (0, [], [], True)
        numbers, names = store.list("numbers"), store.dict("names")
        numbers.append(1)
        names[1] = "one"
        assert store.roots() == list(store) == list(store.keys()) == ["numbers", "names"]
        assert dict(store.items()) == {"numbers": [1], "names": {1: "one"}}
        assert "numbers" in store and "words" not in store and len(store) == 2
        assert store.get("words") is None
        del store["numbers"]
        assert store.roots() == ["names"]
        assert numbers == [1], "who has it goes on using it"
        assert store.list("numbers") == []
        for act in (lambda: store["words"], lambda: store.__delitem__("words")):
            with pytest.raises(KeyError) as caught:
                act()
            assert caught.value.args == ("words",)
        with pytest.raises(TypeError):
            store["words"] = comem.List()


def test_a_root_of_another_kind_is_a_type_error_that_names_both(store_name):
    with comem.open(store_name) as store:
        store.list("words")
        with pytest.raises(TypeError, match="the root 'words' is a list, and was asked for as a dict"):
            store.dict("words")


def test_var_makes_a_root_of_an_initial_value_once(store_name):
    with comem.open(store_name) as store, comem.open(store_name) as other:
        assert store.var("words", ["one"]) == ["one"]
        assert other.var("words", ["two"]) == store["words"] == ["one"]
        assert other.var("words") == other.list("words") == ["one"]
        made = store.var("counts", factory=lambda: {"a": {"b": []}})
        made["a"]["b"].append(1)
        assert other.var("counts", {}) == {"a": {"b": [1]}}
        assert store.roots() == ["words", "counts"]
        with pytest.raises(KeyError):
            store.var("nothing")
        with pytest.raises(TypeError, match="list.*dict"):
            store.var("words", {})
        with pytest.raises(TypeError, match="not both"):
            store.var("new", [], factory=list)
        with pytest.raises(TypeError, match="a 'set' cannot become a root"):
            store.var("new", set())
    with pytest.raises(comem.GoneError, match="closed"):
        store.var("words", [])


def test_var_makes_a_value_of_what_is_no_container(store_name, script_passes):
    with comem.open(store_name) as store:
        total = store.var("total", 0)
        assert type(total) is comem.Value
        script_passes(f"import comem; comem.open({store_name!r}).var('total', 0).add(5)")
        assert total.add(1) == 6
        assert store.var("pair", (1, "two")).get() == (1, "two")
        with pytest.raises(TypeError, match="the root 'total' is a Value, and was asked for as a list"):
            store.list("total")
        with pytest.raises(TypeError, match="the root 'total' is a Value, and was asked for as a list"):
            store.var("total", [])
    with pytest.raises(comem.GoneError):
        total.get()


def test_a_factory_that_closes_the_store_is_still_inside(store_name):
    store = comem.open(store_name)
    made = store.var("l", factory=lambda: store.close() or [1])
    with pytest.raises(comem.GoneError):
        len(made)
    with comem.open(store_name) as again:
        assert again["l"] == [1]


def test_a_name_in_a_store_is_no_global_of_the_program(store_name):
    with comem.open(store_name) as store:
        mine = comem.var(store_name, ["program"])
        assert store.var(store_name, ["store"]) == ["store"]
        assert comem.var(store_name) == mine == ["program"]
    comem.forget(store_name)


@pytest.mark.parametrize("root", ["wörter", "a\0b", "\ud800", "x" * 10_000, "with/slash"])
def test_any_text_names_a_root(store_name, root):
    with comem.open(store_name) as store:
        store.list(root).append(1)
        assert store.roots() == [root]
        assert store[root] == [1]
        del store[root]
        assert store.roots() == []


def test_what_names_no_root_is_refused(store_name):
    with comem.open(store_name) as store:
        with pytest.raises(ValueError, match="at least one character"):
            store.list("")
        for act in (lambda: store.list(b"bytes"), lambda: store[1], lambda: store.__delitem__(None)):
            with pytest.raises(TypeError, match="a root's name is a str"):
                act()
        with pytest.raises(TypeError, match="a root's name is a str"):
            store.var(1, [])
        with pytest.raises(ValueError, match="a root's name has at least one character"):
            store.var("", [])


def test_more_roots_than_fit_into_one_look(store_name):
    with comem.open(store_name) as store:
        for number in range(100):
            store.list(str(number))
        assert store.roots() == [str(number) for number in range(100)]


def test_what_is_by_name_shares_all_the_way_down(store_name):
    with comem.open(store_name) as store, comem.open(store_name) as other:
        store.dict("d")["a"] = {"b": []}
        other["d"]["a"]["b"].append(1)
        assert store["d"]["a"]["b"] == [1]
        assert type(store["d"]) is comem.Dict and type(store["d"]["a"]["b"]) is comem.List
        assert store["d"].copy()["a"]["b"] == [1]
        assert copy.deepcopy(store["d"])["a"]["b"] == [1]


def test_objects_of_two_stores_do_not_hold_each_other(store_name):
    with comem.open(store_name) as store:
        for container, item in ((store.list("l"), comem.List()), (comem.List(), store.list("l"))):
            with pytest.raises(ValueError, match="store"):
                container.append(item)
        copied = comem.List(store.list("l"))
        copied.append(comem.List())


def test_var_makes_a_deep_copy_of_an_object_of_another_store(store_name):
    """A Value with a type code is made by the program; in a store it would be refused."""
    with comem.open(store_name) as store:
        count = comem.Value("q", 5)
        for named in (store.var("count", count), store.var("made", factory=lambda: count)):
            assert (named.typecode, named.add(1), count.value) == ("q", 6, 5)
        assert store["count"].typecode == "q"
        mine = comem.List([1, {"count": count}, (count,)])
        mine.append(mine)
        copied = store.var("list", mine)
        assert copied[0] == 1 and copied[3][3][0] == 1, "also where it contains itself"
        assert copied[1]["count"] == copied[2][0] != count and copied[1]["count"].typecode == "q"
        copied[1]["new"] = []
        assert list(mine[1]) == ["count"]
        manager = comem.Manager()
        for root, shared in (("a", manager.list([[1]])), ("b", manager.dict({1: 2})), ("c", manager.Value("i", 3))):
            assert store.var(root, shared) is not None
        assert (store["a"], store["b"], store["c"].value) == ([[1]], {1: 2}, 3)
        assert type(store["a"]) is comem.List and type(store["c"]) is comem.Value
        try:
            assert comem.var(store_name, store["count"]).typecode == "q"
            assert comem.var(store_name).add(1) == 7 and store["count"].value == 6
        finally:
            comem.forget(store_name)


def test_of_many_that_make_a_root_one_does(store_name):
    comem.open(store_name).close()

    def make():
        with comem.open(store_name) as store:
            for root in range(50):
                store.list(str(root)).append(os.getpid())
        return True

    children = [Child(make) for _ in range(4)]
    assert all(child.result() for child in children)
    with comem.open(store_name) as store:
        assert [len(store[str(root)]) for root in range(50)] == [4] * 50


def test_of_many_that_make_a_store_one_does(store_name):
    def make(number):
        with comem.open(f"{store_name}") as store:
            store.list("l").append(number)
        return True

    children = [Child(make, number) for number in range(8)]
    assert all(child.result() for child in children)
    with comem.open(store_name, create=False) as store:
        assert sorted(store["l"]) == list(range(8))


# ---- names -------------------------------------------------------------------------------------------------------------


def test_a_name_is_a_file_of_this_user_alone(store_name):
    before = os.umask(0)
    try:
        with comem.open(store_name):
            status = os.stat(store_file(store_name))
    finally:
        os.umask(before)
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert status.st_uid == os.geteuid()


@pytest.mark.parametrize("umask", [0o777, 0o177, 0])
def test_the_mode_is_no_matter_of_the_umask(store_name, umask):
    def make():
        os.umask(umask)
        with comem.open(store_name) as store:
            store.list("l").append(1)
        return stat.S_IMODE(os.stat(store_file(store_name)).st_mode)

    assert Child(make).result() == 0o600


def test_a_path_is_a_file_where_it_says(folder, monkeypatch):
    path = pathlib.Path(folder, "counters")
    monkeypatch.chdir(folder)
    with comem.open(path) as one, comem.open(str(path)) as two, comem.open("./counters") as three:
        one.list("l").append(1)
        assert two["l"] == three["l"] == [1]
        assert one.name == two.name == str(path)
        with comem.open(pathlib.Path("counters")) as four:  # a Path is a path, also without a slash
            assert four["l"] == [1]
    assert path.exists()
    comem.unlink(path)
    assert os.listdir(folder) == []


@pytest.mark.parametrize("name", ["", ".hidden", "a:b", "a\nb", "x" * 201, "a\0b", "\ud800"])
def test_what_is_no_name_is_a_value_error(name):
    for act in (comem.open, comem.unlink):
        with pytest.raises(ValueError):
            act(name)


@pytest.mark.parametrize("name", [None, 1, b"bytes", ["a"]])
def test_a_name_of_another_type_is_a_type_error(name):
    for act in (comem.open, comem.unlink):
        with pytest.raises(TypeError):
            act(name)


def test_without_create_a_store_has_to_be_there(store_name):
    with pytest.raises(FileNotFoundError) as caught:
        comem.open(store_name, create=False)
    assert caught.value.errno == 2
    assert store_name in str(caught.value)
    assert not os.path.exists(store_file(store_name))


def test_a_folder_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        comem.open(tmp_path / "missing" / "store")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", ["1M", 1e6, b"1"])
def test_a_size_limit_that_is_no_int_is_said_to_be_bytes(store_name, limit):
    with pytest.raises(TypeError, match=re.escape(f"size_limit takes bytes as an int, 1 << 20 say, not {limit!r}")):
        comem.open(store_name, size_limit=limit)
    with pytest.raises(FileNotFoundError):
        comem.open(store_name, create=False)


def test_the_size_limit_counts_for_who_makes_it(store_name):
    with comem.open(store_name, size_limit=1 << 20) as store, comem.open(store_name, size_limit=1 << 30):
        with pytest.raises(MemoryError, match="limit"):
            store.list("l").append(b"x" * (2 << 20))
        assert store["l"] == []


@pytest.mark.parametrize("limit", [-1, 0, 1, (1 << 20) - 1])
def test_a_size_limit_below_a_mebibyte_is_refused(store_name, limit):
    with pytest.raises(ValueError, match="1 MiB"):
        comem.open(store_name, size_limit=limit)
    assert not os.path.exists(store_file(store_name))


# ---- close, unlink -----------------------------------------------------------------------------------------------------


def test_after_close_handles_are_gone(store_name):
    store = comem.open(store_name)
    words, counts = store.list("words"), store.dict("counts")
    words.extend(range(1000))
    counts.update((number, number) for number in range(1000))
    iterator, keys, reverse = iter(words), iter(counts), reversed(words)
    next(iterator), next(keys), next(reverse)
    view = counts.items()
    store.close()
    store.close()
    for act in (
        lambda: words.append(1),
        lambda: words[0],
        lambda: words[:],
        lambda: len(words),
        lambda: words == [],
        lambda: words.sort(),
        lambda: counts["a"],
        lambda: counts.get(1),
        lambda: counts.copy(),
        lambda: len(view),
        lambda: list(view),
        lambda: pickle.dumps(words),
        lambda: words.copy(),
        lambda: copy.deepcopy(counts),
        lambda: comem.List(words),
        lambda: list(iterator),
        lambda: list(reverse),
        lambda: store.list("words"),
        lambda: store["words"],
        lambda: store.roots(),
        lambda: len(store),
        lambda: pickle.dumps(store),
        lambda: store.__delitem__("words"),
    ):
        with pytest.raises(comem.GoneError):
            act()
    assert "gone" in repr(words)
    assert store_name in repr(store)
    del words, counts, iterator, keys, reverse, view
    gc.collect()
    with comem.open(store_name) as again:
        assert len(again["words"]) == len(again["counts"]) == 1000


def test_with_closes_also_after_an_exception(store_name):
    with pytest.raises(KeyError), comem.open(store_name) as store:
        shared = store.list("l")
        raise KeyError
    with pytest.raises(comem.GoneError):
        shared.append(1)


def test_closing_in_one_place_does_not_end_another(store_name):
    one, other = comem.open(store_name), comem.open(store_name)
    shared = one.list("l")
    one.close()
    shared.append(1)
    with pytest.raises(comem.GoneError, match="closed"):
        one.list("l")
    assert other["l"] == [1]
    other.close()
    with pytest.raises(comem.GoneError):
        shared.append(2)


def test_a_closed_store_says_which_it_is_and_how_to_have_it_again(store_name):
    store = comem.open(store_name)
    shared = store.list("l")
    assert repr(store) == f"comem.open({store_name!r})"
    store.close()
    assert repr(store) == f"<comem.open({store_name!r}), closed>"
    said = f"the store {store_name!r} was closed in this process; comem.open() opens it again"
    for act in (store.roots, lambda: store["l"], lambda: store.list("l"), lambda: store.var("l", [])):
        with pytest.raises(comem.GoneError, match=re.escape(said)):
            act()
    with pytest.raises(comem.GoneError, match="the store was closed in this process"):
        shared.append(1)


def test_a_dropped_store_stays_open(store_name):
    shared = comem.open(store_name).list("l")
    gc.collect()
    for number in range(1000):  # and costs nothing each time
        comem.open(store_name).list("l").append(number)
    comem.open(store_name).close()
    assert len(shared) == 1000


def test_a_dropped_store_says_nothing(store_name, script_passes):
    out = script_passes(f"import comem; comem.open({store_name!r}).list('l').append(1); print('end')", "-Wd", "-Xdev")
    assert out == "end\n"


def test_closing_in_a_child_does_not_close_it_here(store_name):
    with comem.open(store_name) as store:
        shared = store.list("l")

        def close():
            store["l"].append(1)
            store.close()
            return [type(error).__name__ for error in [catch(shared.append, 2), catch(store.roots)]]

        assert Child(close).result() == ["GoneError", "GoneError"]
        assert shared == [1]


def catch(function, *arguments):
    try:
        function(*arguments)
    except Exception as error:
        return error


def test_closing_here_does_not_close_it_in_a_child(store_name):
    reader, writer = os.pipe()
    store = comem.open(store_name)
    shared = store.list("l")

    def work():
        os.read(reader, 1)
        shared.append(1)
        return list(store["l"])

    child = Child(work)
    store.close()
    os.write(writer, b"x")
    assert child.result() == [1]
    os.close(reader)
    os.close(writer)


def test_threads_in_a_call_survive_a_close(store_name):
    """Who sleeps or works long without the interpreter's lock is still inside when another thread closes the store."""
    for _ in range(5):
        store = comem.open(store_name)
        shared = store.list("l")
        shared[:] = range(100_000)
        ends, started = [], threading.Barrier(4)

        def work():
            started.wait()
            try:
                while True:
                    shared.reverse()
                    len(shared[:])
                    store.roots()
            except comem.GoneError:
                ends.append(True)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        started.wait()
        store.close()
        for thread in threads:
            thread.join()
        assert ends == [True] * 3


def test_a_close_that_waits_for_another_process_does_not_stop_the_other_threads(store_name, script_passes):
    """The table of stores is locked while a store is closed; who closes must not want the interpreter's lock meanwhile."""
    script_passes(
        f"""
        import os, pickle, signal, threading, time, comem

        comem.open({store_name!r}).close()
        own = comem.List([1])
        end = time.monotonic() + 2

        def disturb():
            lists = [comem.open({store_name!r}).var(str(number), []) for number in range(4)]
            while time.monotonic() < end:
                for shared in lists:
                    shared[:] = ["x" * 50] * 50
                    shared.clear()

        def close():
            while time.monotonic() < end:
                store = comem.open({store_name!r})
                for number in range(50):
                    store.list(f"mine {{number}}").append("y" * 100)
                    del store[f"mine {{number}}"]
                store.close()

        def look():
            while time.monotonic() < end:
                pickle.dumps(own)

        signal.alarm(30)
        children = [os.fork() for _ in range(2) if os.getppid() == {os.getpid()}]
        if 0 in children:
            disturb()
            os._exit(0)
        threads = [threading.Thread(target=act) for act in (close, look)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for child in children:
            assert os.waitpid(child, 0)[1] == 0
        """
    )


def test_unlink_leaves_it_to_those_who_have_it(store_name):
    with comem.open(store_name) as old:
        shared = old.list("l")
        shared.append("old")
        comem.unlink(store_name)
        assert not os.path.exists(store_file(store_name))
        shared.append("still")
        with comem.open(store_name) as new:
            assert new.roots() == []
            assert shared == ["old", "still"]
    with pytest.raises(comem.GoneError):
        shared.append(1)


def test_there_is_nothing_to_unlink(store_name, tmp_path):
    for name in (store_name, tmp_path / "missing", tmp_path / "missing" / "folder"):
        with pytest.raises(FileNotFoundError):
            comem.unlink(name)


def test_a_thousand_times_open_and_close_leaves_no_descriptor_and_no_mapping(store_name):
    comem.open(store_name).close()

    def count():
        with open("/proc/self/maps") as maps:
            return len(os.listdir("/proc/self/fd")), sum(store_name in line for line in maps)

    before = count()
    for number in range(1000):
        with comem.open(store_name) as store:
            store.list("l").append(number)
    assert count() == before
    assert before[1] == 0


# ---- other processes ---------------------------------------------------------------------------------------------------


@every_method
def test_stores_and_their_objects_are_arguments(program, store_name, method):
    out = program(
        method,
        f"""
        def work(store, shared, nested):
            shared.append("shared")
            nested["a"].append("nested")
            store.list("l").append("store")
            store.close()

        if __name__ == "__main__":
            with comem.open({store_name!r}) as store:
                shared, nested = store.list("l"), store.dict("d")
                nested["a"] = shared
                process = context.Process(target=work, args=(store, shared, nested))
                process.start()
                process.join()
                print(process.exitcode, shared)
        """,
    )
    assert out == "0 List(['shared', 'nested', 'store'])\n"


@every_method
def test_a_store_at_the_top_of_a_module_is_every_process_own(program, store_name, method):
    """A name is no private copy: it may be opened wherever a module is imported, as workers of a web server do."""
    out = program(
        method,
        f"""
        store = comem.open({store_name!r})
        shared = store.list("l")

        def work(number):
            shared.append(number)
            store.dict("d").add("n")

        if __name__ == "__main__":
            processes = [context.Process(target=work, args=(number,)) for number in range(3)]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            print([process.exitcode for process in processes], sorted(shared), store["d"])
        """,
    )
    assert out == "[0, 0, 0] [0, 1, 2] Dict({'n': 3})\n"


@every_method
def test_they_go_through_queues_and_pools(program, store_name, method):
    out = program(
        method,
        f"""
        def take(jobs, results):
            jobs.get().append(1)
            results.put(jobs.get().list("l"))

        def append(pair):
            pair[0].append(pair[1])
            return pair[0]

        if __name__ == "__main__":
            store = comem.open({store_name!r})
            jobs, results = context.Queue(), context.Queue()
            jobs.put(store.list("l"))
            jobs.put(store)
            process = context.Process(target=take, args=(jobs, results))
            process.start()
            shared = results.get()
            process.join()
            with context.Pool(2) as pool:
                for back in pool.map(append, [(shared, number) for number in range(2, 10)]):
                    assert len(back) > 1
            print(process.exitcode, sorted(store["l"]))
        """,
    )
    assert out == "0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n"


def test_a_copy_is_another_handle(store_name):
    with comem.open(store_name) as store:
        with copy.copy(store) as other:
            other.list("l").append(1)
        assert store["l"] == [1]


def test_a_pickled_store_is_that_store_or_none(store_name):
    with comem.open(store_name) as store:
        name = pickle.dumps(store)
        with pickle.loads(name) as again:
            again.list("l").append(1)
        assert store["l"] == [1]
        comem.unlink(store_name)
        with pytest.raises(comem.GoneError, match="cannot be opened"):
            pickle.loads(name)
        with comem.open(store_name):
            with pytest.raises(comem.GoneError, match="was removed"):
                pickle.loads(name)


def end(store):
    return str(catch(store.list, "l"))


def test_a_pool_is_told_of_a_store_that_is_gone(store_name):
    """An OSError while a task is loaded would end the worker's loop, and the pool would wait for ever."""
    with comem.open(store_name) as store:
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool:
            assert pool.apply(end, (store,)) == "None"
            comem.unlink(store_name)
            assert "cannot be opened" in pool.apply(end, (store,))


def test_a_store_without_pickles_is_reopened_without(store_name):
    with comem.open(store_name, pickle=False) as store:
        name = pickle.dumps(store)
    with pickle.loads(name) as again:
        with pytest.raises(TypeError, match="pickle=False"):
            again.list("l").append(catch)


def test_what_came_by_a_pickle_stays_when_the_name_is_closed(store_name, script_passes, tmp_path):
    with comem.open(store_name) as store:
        (tmp_path / "name").write_bytes(pickle.dumps(store.list("l")))
        out = script_passes(
            f"""
            import comem, pickle
            shared = pickle.load(open({str(tmp_path / "name")!r}, "rb"))
            shared.append(1)
            with comem.open({store_name!r}) as store:
                store["l"].append(2)
            shared.append(3)
            print(shared)
            """,
            "-Wignore",
        )
    assert out == "List([1, 2, 3])\n"


def test_a_killed_program_leaves_it_whole(store_name):
    script = f"""
import comem
store = comem.open({store_name!r})
print("ready", flush=True)
while True:
    store.list("l").insert(0, "x" * 100)
    store.dict("d").add("n")
    if len(store["l"]) > 100:
        del store["l"][50:]
"""
    with comem.open(store_name) as store:
        for _ in range(10):
            process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
            process.stdout.readline()
            count = store.dict("d").get("n", 0)
            while store["d"].get("n", 0) < count + 20:
                pass
            process.kill()
            process.wait()
            process.stdout.close()
            assert all(item == "x" * 100 for item in store["l"][:])
            store["d"]["n"] += 0
