"""comem.Manager(): the face of multiprocessing's, in every respect that programs see."""

import copy
import json
import multiprocessing
import multiprocessing.managers
import os
import pickle
import time

import pytest

import comem
import comem.managers
from conftest import Child
from starting import every_method


@pytest.fixture
def manager():
    with comem.Manager() as manager:
        yield manager


# ---- the manager -----------------------------------------------------------------------------------------------------


def test_the_manager_is_a_standard_manager(manager):
    assert isinstance(manager, multiprocessing.managers.SyncManager)
    assert isinstance(manager, comem.managers.SyncManager)


def test_a_manager_starts_no_process():
    children = f"/proc/self/task/{os.getpid()}/children"
    before = open(children).read()  # other tests may have started a forkserver
    manager = comem.Manager()
    manager.list([1]), manager.dict(a=1)
    assert open(children).read() == before
    manager.shutdown()


def test_objects_are_gone_after_shutdown_in_every_process():
    manager = comem.Manager()
    shared, other = manager.list([1, 2]), comem.List(["native"])
    holder = comem.List([shared])
    go, done = os.pipe()

    def child():
        os.read(go, 1)
        try:
            shared[0]
        except comem.GoneError as error:
            return str(error)

    process = Child(child)
    manager.shutdown()
    os.write(done, b"x")
    assert process.result()
    for act in (
        lambda: shared[0],
        lambda: shared.__setitem__(0, 1),
        lambda: len(shared),
        lambda: shared.append(1),
        lambda: shared.extend([1]),
        lambda: shared.extend([]),
        lambda: shared.insert(0, 1),
        lambda: shared.pop(),
        lambda: shared.pop(0),
        lambda: shared.remove(1),
        lambda: shared.clear(),
        lambda: shared.index(1),
        lambda: shared.count(1.5),
        lambda: shared.count(object()),
        lambda: shared.reverse(),
        lambda: shared.sort(),
        lambda: shared.sort(key=str),
        lambda: shared.copy(),
        lambda: shared[:],
        lambda: shared.__setitem__(slice(None), []),
        lambda: shared.__delitem__(0),
        lambda: shared.__delitem__(slice(None)),
        lambda: shared + [],
        lambda: shared * 0,
        lambda: shared.__iadd__([]),
        lambda: shared.__imul__(2),
        lambda: shared < [1],
        lambda: list(shared),
        lambda: 1 in shared,
        lambda: shared == [1, 2],
        lambda: pickle.dumps(shared),
        lambda: copy.deepcopy(shared),
        lambda: manager.list(),
        lambda: holder[0].append(1),
    ):
        with pytest.raises(comem.GoneError):
            act()
        with pytest.raises((BrokenPipeError, EOFError)):
            act()
    assert other == ["native"]
    assert "__str__()' failed" in str(shared)
    assert repr(shared).startswith("<ListProxy object, typeid 'list' at 0x")
    assert isinstance(holder[0], comem.managers.ListProxy)
    hash(shared)
    holder.clear()


def test_dicts_are_gone_after_shutdown():
    manager = comem.Manager()
    shared = manager.dict(a=1)
    loop, holder = iter(shared), comem.Dict(shared=shared)
    manager.shutdown()
    for act in (
        lambda: shared["a"],
        lambda: shared.__setitem__("a", 1),
        lambda: shared.__delitem__("a"),
        lambda: "a" in shared,
        lambda: len(shared),
        lambda: iter(shared),
        lambda: reversed(shared),
        lambda: shared.get("a"),
        lambda: shared.pop("a"),
        lambda: shared.pop("a", 1),
        lambda: shared.popitem(),
        lambda: shared.setdefault("a"),
        lambda: shared.update(),
        lambda: shared.update(a=1),
        lambda: shared.update(holder),
        lambda: comem.Dict(shared),
        lambda: shared.clear(),
        lambda: shared.copy(),
        lambda: shared.keys(),
        lambda: shared.values(),
        lambda: shared.items(),
        lambda: shared.add("a"),
        lambda: shared.add("a", 1j),
        lambda: shared.cas("a", 1, 2),
        lambda: shared.update_if("a", print),
        lambda: shared | {},
        lambda: {} | shared,
        lambda: shared.__ior__({}),
        lambda: shared == {"a": 1},
        lambda: {"a": 1} == shared,
        lambda: dict(shared),
        lambda: pickle.dumps(shared),
        lambda: copy.deepcopy(shared),
        lambda: manager.dict(),
        lambda: holder["shared"].clear(),
    ):
        with pytest.raises(comem.GoneError):
            act()
    assert list(loop) == ["a"]
    assert "__str__()' failed" in str(shared) and repr(shared).startswith("<DictProxy object, typeid 'dict' at 0x")
    assert type(holder["shared"]) is comem.managers.DictProxy
    hash(shared)
    holder.clear()


def test_leaving_the_block_shuts_down():
    with comem.Manager() as manager:
        shared = manager.list([1])
    with pytest.raises(comem.GoneError):
        len(shared)


def test_shutdown_acts_once_and_only_in_the_process_that_made_the_manager():
    manager = comem.Manager()
    shared = manager.list([1])

    def child():
        manager.shutdown()
        with manager:
            shared.append(2)
        return True

    Child(child).result()
    assert shared == [1, 2]
    manager.shutdown()
    manager.shutdown()
    with pytest.raises(comem.GoneError):
        len(shared)


def test_a_manager_ends_nothing_of_another():
    first, second = comem.Manager(), comem.Manager()
    kept, inner = second.list(["kept"]), first.list(["inner"])
    kept.append(inner)
    first.shutdown()
    assert kept[0] == "kept"
    with pytest.raises(comem.GoneError):
        len(kept[1])
    second.shutdown()


def test_dropping_the_manager_ends_nothing():
    shared = comem.Manager().list([1])
    shared.append(2)
    assert shared == [1, 2]


def test_the_end_of_the_process_that_made_the_manager_ends_nothing():
    holder = comem.List()

    def child():
        manager = comem.Manager()
        holder.append(manager.list(["from the child"]))

    Child(child).result()
    assert holder[0] == ["from the child"]
    assert type(holder[0]) is comem.managers.ListProxy


def test_a_child_may_use_the_managers_it_inherits(manager):
    outer = manager.list()
    Child(lambda: outer.append(manager.list(["of a child"]))).result()
    assert outer[0] == ["of a child"]


def test_a_manager_can_be_pickled_and_works_but_its_shutdown_does_nothing_elsewhere(fork, manager):
    queue = fork.SimpleQueue()
    outer = manager.list()

    def child():
        received = queue.get()
        outer.append(received.list(["in the same scope"]))
        received.shutdown()

    process = fork.Process(target=child)
    process.start()
    queue.put(manager)
    process.join()
    assert process.exitcode == 0
    assert outer[0] == ["in the same scope"]
    manager.shutdown()
    with pytest.raises(comem.GoneError):
        len(outer)


def test_states_are_those_of_the_standard_manager():
    manager = comem.managers.SyncManager()
    with pytest.raises(multiprocessing.ProcessError):
        manager.list()
    with pytest.raises(multiprocessing.ProcessError):
        pickle.dumps(manager)
    manager.shutdown()
    with manager:
        assert manager.list([1]) == [1]
        with pytest.raises(multiprocessing.ProcessError):
            manager.start()
    with pytest.raises(multiprocessing.ProcessError):
        manager.start()
    with pytest.raises(multiprocessing.ProcessError):
        with manager:
            pass
    assert manager.join() is None


def test_lists_are_made_from_iterables(manager):
    assert manager.list() == []
    assert manager.list((1, 2)) == [1, 2]
    assert manager.list(iter("ab")) == ["a", "b"]
    assert manager.list(manager.list([1])) == [1]
    with pytest.raises(TypeError):
        manager.list(1)
    with pytest.raises(TypeError):
        manager.list([], [])


def test_dicts_are_made_as_the_built_in_one_is(manager):
    assert manager.dict() == {}
    assert manager.dict({"a": 1}) == manager.dict(a=1) == manager.dict([("a", 1)]) == {"a": 1}
    assert manager.dict({"a": 1}, a=2, self=3) == manager.dict(manager.dict(a=2, self=3)) == {"a": 2, "self": 3}
    for arguments in ((1,), ([1],), ({}, {})):
        with pytest.raises(TypeError):
            manager.dict(*arguments)


def test_deep_refuses_a_plain_container_that_would_be_a_copy():
    with comem.Manager(deep=True) as deep:
        for shared in (deep.list(), comem.List()):
            with pytest.raises(TypeError, match="'set'.*shares all the way down"):
                shared.append(set())


# ---- the proxy -------------------------------------------------------------------------------------------------------


def test_the_proxy_is_a_standard_proxy_and_a_list_of_comem(manager):
    shared = manager.list()
    assert isinstance(shared, multiprocessing.managers.ListProxy)
    assert isinstance(shared, multiprocessing.managers.BaseProxy)
    assert isinstance(shared, comem.List)
    assert type(shared).__name__ == "ListProxy"
    assert type(shared) is comem.managers.ListProxy


def test_the_list_operations_are_a_lists(manager):
    shared = manager.list([1, 2])
    shared.append("three")
    shared.extend((4, 5.0))
    shared += [None]
    assert shared == [1, 2, "three", 4, 5.0, None]
    assert len(shared) == 6
    assert shared.pop() is None
    assert shared[0] == 1 and shared[-1] == 5.0 and shared[True] == 2
    shared[1] = b"two"
    assert list(shared) == [1, b"two", "three", 4, 5.0]
    assert list(reversed(shared)) == [5.0, 4, "three", b"two", 1]
    assert 4 in shared and 6 not in shared
    for error, sentence, act in (
        (IndexError, "list index out of range", lambda: shared[5]),
        (IndexError, "list assignment index out of range", lambda: shared.__setitem__(5, 0)),
        (TypeError, "list indices must be integers or slices, not str", lambda: shared["a"]),
        (TypeError, "function", lambda: shared.append(lambda: None)),
    ):
        with pytest.raises(error, match=sentence):
            act()
    shared.clear()
    assert shared == []


def test_the_dict_proxy_is_a_standard_proxy_and_a_dict_of_comem(manager):
    shared = manager.dict(a=1)
    assert isinstance(shared, multiprocessing.managers.DictProxy) and isinstance(shared, comem.Dict)
    assert type(shared) is comem.managers.DictProxy and type(shared).__name__ == "DictProxy"
    assert comem.managers.DictProxy[str, int].__origin__ is comem.managers.DictProxy
    handle, plain = copy.copy(shared), copy.deepcopy(shared)
    handle["b"] = 2
    assert shared == {"a": 1, "b": 2} and type(handle) is comem.managers.DictProxy
    assert type(plain) is type(shared.copy()) is type(shared._getvalue()) is dict
    assert plain == {"a": 1} and shared.copy() == shared._getvalue() == {"a": 1, "b": 2}
    assert hash(handle) == hash(shared) == hash(pickle.loads(pickle.dumps(shared))) != hash(manager.dict(shared))
    assert json.dumps(shared.copy()) == '{"a": 1, "b": 2}'
    assert shared._callmethod("keys") == ["a", "b"] and shared._callmethod("__getitem__", ("b",)) == 2
    assert shared._callmethod("pop", ("z", 3)) == 3 and shared._callmethod("update", (), {"c": 3}) is None
    assert shared._callmethod("__repr__") == str(shared) and shared._callmethod("#GETVALUE") == shared.copy()
    assert shared._token.typeid == "dict" and shared._token.id == handle._token.id
    shared._close()
    shared.label = "mine"
    assert shared.__dict__ == {"label": "mine"}
    for act in (comem.managers.DictProxy, lambda: comem.managers.DictProxy({}), lambda: shared.__init__({})):
        with pytest.raises(TypeError):
            act()
    assert shared == {"a": 1, "b": 2, "c": 3}


def test_text_of_a_dict_is_that_of_the_standard_proxy():
    with comem.Manager() as ours, multiprocessing.get_context("fork").Manager() as theirs:
        shared, standard = (manager.dict({"a": 1, 2: "two"}) for manager in (ours, theirs))
        assert str(shared) == str(standard) == "{'a': 1, 2: 'two'}"
        assert repr(shared).replace(hex(id(shared)), "") == repr(standard).replace(hex(id(standard)), "")
        shared["nested"] = ours.dict(self=shared)
        assert str(shared["nested"]).startswith("{'self': <DictProxy object, typeid 'dict' at 0x")


def test_text_is_that_of_the_standard_proxy():
    with comem.Manager() as ours:
        shared = ours.list([1, "two"])
        nested = ours.list([shared])
        with multiprocessing.get_context("fork").Manager() as theirs:
            standard = theirs.list([1, "two"])
            assert str(shared) == str(standard) == "[1, 'two']"
            ours_repr, theirs_repr = repr(shared), repr(standard)
            assert ours_repr.replace(hex(id(shared)), "") == theirs_repr.replace(hex(id(standard)), "")
        assert str(nested).startswith("[<ListProxy object, typeid 'list' at 0x")
        nested.append(nested)
        assert len(str(nested)) < 200


def test_equality_is_by_content_and_hash_by_identity(manager):
    shared, equal = manager.list([1]), manager.list([1])
    assert shared == equal == [1]
    assert shared == comem.List([1])
    handle = pickle.loads(pickle.dumps(shared))
    assert hash(handle) == hash(shared) != hash(equal)
    assert {shared: "found"}[handle] == "found"
    holder = comem.List([shared])
    assert hash(holder[0]) == hash(shared)
    assert Child(lambda: hash(shared)).result() == hash(shared)


def test_copies(manager):
    inner = manager.list([1])
    shared = manager.list([inner])
    handle, plain = copy.copy(shared), copy.deepcopy(shared)
    handle.append(2)
    assert shared == [[1], 2]
    assert type(handle) is comem.managers.ListProxy
    assert type(plain) is list and plain == [[1]]
    assert type(shared._getvalue()) is list and shared._getvalue() == [[1], 2]


def test_the_face_belongs_to_the_object_not_to_the_handle(manager):
    native, proxy = comem.List(), manager.list()
    native.append(proxy)
    proxy.append(native)
    assert type(native[0]) is comem.managers.ListProxy
    assert type(proxy[0]) is comem.List
    assert type(pickle.loads(pickle.dumps(proxy))) is comem.managers.ListProxy


def test_a_process_that_never_imported_the_managers_reads_a_managers_list(script_passes):
    script_passes(
        """
        import os, sys, comem

        holder = comem.List()
        if os.fork() == 0:
            holder.append(comem.Manager().list(["from a manager"]))
            os._exit(0)
        assert os.wait()[1] == 0
        assert "multiprocessing.managers" not in sys.modules
        assert str(holder[0]) == "['from a manager']"
        assert type(holder[0]) is comem.managers.ListProxy
        """
    )


def test_underscored_names_that_programs_use_work(manager):
    shared = manager.list([1, 2])
    assert shared._callmethod("__len__") == 2
    assert shared._callmethod("append", (3,)) is None
    assert shared._callmethod("__getitem__", (2,)) == 3
    assert shared._callmethod("__repr__") == "[1, 2, 3]"
    assert shared._callmethod("#GETVALUE") == [1, 2, 3]
    assert shared._callmethod(methodname="pop", args=(), kwds={}) == 3
    assert isinstance(shared._token, multiprocessing.managers.Token)
    assert shared._token.typeid == "list"
    assert shared._token.id == copy.copy(shared)._token.id != manager.list()._token.id
    shared._close()
    assert shared == [1, 2]


def test_a_handle_has_attributes_of_its_own(manager):
    shared = manager.list()
    shared.label = "mine"
    assert shared.label == "mine"
    assert shared.__dict__ == {"label": "mine"}
    assert not hasattr(copy.copy(shared), "label")


@pytest.mark.parametrize("proxy", [comem.managers.ListProxy, comem.managers.DictProxy, comem.managers.ValueProxy])
def test_nothing_resolves_to_the_standard_remote_calls(proxy):
    proxy_classes = [
        cls
        for cls in vars(multiprocessing.managers).values()
        if isinstance(cls, type) and issubclass(cls, multiprocessing.managers.BaseProxy)
    ]
    names = {name for cls in proxy.__mro__ if cls in proxy_classes for name in dir(cls)}
    names = {name for name in names if not name.startswith("_") or name.startswith("__")}
    names |= {"_callmethod", "_getvalue"}
    assert len(names) > 30
    for name in sorted(names):
        owner = next(cls for cls in proxy.__mro__ if name in vars(cls))
        if owner in proxy_classes:
            assert not callable(vars(owner)[name]) and not isinstance(vars(owner)[name], (classmethod, property)), name


def test_a_proxy_is_made_by_a_manager_alone(manager):
    with pytest.raises(TypeError):
        comem.managers.ListProxy()
    with pytest.raises(TypeError):
        comem.managers.ListProxy([1])
    assert comem.managers.ListProxy[int].__origin__ is comem.managers.ListProxy


# ---- cost ------------------------------------------------------------------------------------------------------------


def per_call(function, count):
    best = min(timed(function, count) for _ in range(5))
    return best / count


def timed(function, count):
    start = time.perf_counter()
    for _ in range(count):
        function()
    return time.perf_counter() - start


def test_the_manager_face_costs_what_the_native_one_does(manager):
    native, proxy = comem.List([1000]), manager.list([1000])
    best = 9.0
    for _ in range(5):
        best = min(best, per_call(lambda: proxy[0], 20_000) / per_call(lambda: native[0], 20_000))
    assert best < 1.3


def test_a_manager_leaves_the_start_method_to_be_set(script_passes):
    """A Manager() at module level settled the default context: set_start_method() under the main guard failed."""
    printed = script_passes(
        """
        import multiprocessing, comem
        words = comem.Manager().list()
        multiprocessing.set_start_method("fork")
        process = multiprocessing.Process(target=words.append, args=["one"])
        process.start()
        process.join()
        print(words)
        """
    )
    assert printed == "['one']\n"


# ---- managers in children ----------------------------------------------------------------------------------------------


@every_method
def test_a_manager_in_a_child_outlives_it_and_is_of_the_same_store(program, method):
    """In daemonic workers, too, where the standard one refuses; the end of who made it, also by a kill, ends nothing."""
    out = program(
        method,
        """
        def work(results, kill):
            assert multiprocessing.current_process().daemon
            manager = comem.Manager()
            words = manager.list(["made"])
            results.append(words)                   # a reference: only within one store
            results.append(manager.dict(here=words))
            with comem.Manager() as inner:
                results.append(inner.list(["shut down"]))
            if kill:
                os.kill(os.getpid(), signal.SIGKILL)

        if __name__ == "__main__":
            for kill in (False, True):
                results = comem.List()
                process = context.Process(target=work, args=(results, kill), daemon=True)
                process.start()
                process.join()
                results[0].append("used")
                try:
                    len(results[2])
                except comem.GoneError:
                    print(process.exitcode, results[0][:], results[1]["here"][:])
        """,
    )
    assert out == "0 ['made', 'used'] ['made', 'used']\n-9 ['made', 'used'] ['made', 'used']\n"


@every_method
def test_only_its_maker_shuts_a_manager_down(program, method):
    out = program(
        method,
        """
        def work(manager, words):
            manager.shutdown()
            words.append("child")
            manager.list().append(1)

        if __name__ == "__main__":
            with comem.Manager() as manager:
                words = manager.list()
                process = context.Process(target=work, args=(manager, words))
                process.start()
                process.join()
                print(process.exitcode, words)
        """,
    )
    assert out == "0 ['child']\n"
