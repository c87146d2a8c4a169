"""Globals by name: the first to come makes the object, and every process of the program has that one."""

import os
import pickle
import subprocess
import sys
import textwrap
import threading
from collections import Counter, OrderedDict, defaultdict, deque

import pytest

import comem
from conftest import Child
from starting import BEGIN, every_method, fresh_interpreter


@pytest.fixture
def name(request):
    """A name that no other test has, and that nothing has after the test."""
    yield request.node.name
    try:
        comem.forget(request.node.name)
    except KeyError:
        pass


# ---- one process -------------------------------------------------------------------------------------------------------


def test_a_list_becomes_a_shared_one_all_the_way_down(name):
    made = comem.var(name, [[1], {"key": [2]}])
    assert type(made) is comem.List and made[:] == [[1], {"key": [2]}]
    made[0].append(3), made[1]["key"].append(4)
    assert comem.var(name)[0] == [1, 3] and comem.var(name)[1]["key"] == [2, 4]


def test_a_dict_becomes_a_shared_one_all_the_way_down(name):
    made = comem.var(name, {"a": {"b": [1]}})
    assert type(made) is comem.Dict
    comem.var(name)["a"]["b"].append(2)
    assert made["a"]["b"] == [1, 2]


def test_the_callers_own_list_is_not_the_shared_one(name):
    mine = [1]
    made = comem.var(name, mine)
    mine.append(2)
    assert made == [1]


def test_what_holds_itself_holds_itself(name):
    ring = []
    ring.append(ring)
    made = comem.var(name, ring)
    made.append(1)
    assert made[0][1] == 1


def test_the_first_one_counts_whatever_others_give(name):
    first = comem.var(name, [1])
    second = comem.var(name, [2])
    second.append(3)
    assert first == [1, 3]
    assert comem.var(name, factory=lambda: pytest.fail("called")) == [1, 3]


def test_a_shared_object_is_named_itself(name):
    mine = comem.List([1])
    assert comem.var(name, mine) is mine
    comem.var(name).append(2)
    assert mine == [1, 2]
    assert comem.var(name, comem.List()) == [1, 2]


def test_an_object_of_a_manager_keeps_its_face(name):
    mine = comem.Manager().dict(a=1)
    assert comem.var(name, factory=lambda: mine) is mine
    again = comem.var(name, {})  # of the same kind
    assert type(again) is type(mine) and again == mine and hash(again) == hash(mine)


def test_a_factory_is_called_once_and_its_result_treated_like_an_initial_value(name):
    calls = []

    def make():
        calls.append(1)
        return [{"a": 1}]

    made = comem.var(name, factory=make)
    assert type(made) is comem.List and type(made[0]) is comem.Dict
    assert comem.var(name, factory=make) == made and len(calls) == 1


def test_a_factory_that_raises_names_nothing(name):
    with pytest.raises(ZeroDivisionError):
        comem.var(name, factory=lambda: 1 / 0)
    with pytest.raises(KeyError):
        comem.var(name)
    with pytest.raises(TypeError):
        comem.var(name, factory=lambda: comem.MISSING)


def test_a_factory_may_ask_for_another_global(name):
    other = name + "-other"
    made = comem.var(name, factory=lambda: [comem.var(other, [1])])
    comem.var(other).append(2)
    assert made[0] == [1, 2]
    comem.forget(other)


def test_who_comes_first_while_a_factory_runs_wins(name):
    def make():
        assert comem.var(name, ["faster"]) == ["faster"]
        return ["slower"]

    assert comem.var(name, factory=make) == ["faster"]
    comem.forget(name)

    def make_another_kind():
        comem.var(name, ["faster"])
        return {"slower": 1}

    with pytest.raises(TypeError, match="is a list, and was asked for as a dict"):
        comem.var(name, factory=make_another_kind)


def test_another_kind_of_container_is_a_type_error_that_names_both(name):
    comem.var(name, [1])
    for other in ({}, comem.Dict(), comem.Manager().dict()):
        with pytest.raises(TypeError, match=f"the global '{name}' is a list, and was asked for as a dict".replace("[", ".")):
            comem.var(name, other)
    assert comem.var(name) == [1]


def test_nothing_given_and_nothing_there_is_a_key_error(name):
    with pytest.raises(KeyError) as raised:
        comem.var(name)
    assert raised.value.args == (name,)


def test_both_given_is_a_type_error(name):
    with pytest.raises(TypeError, match="not both"):
        comem.var(name, [], factory=list)
    with pytest.raises(TypeError, match="not both"):
        comem.var(name, None, factory=list)
    with pytest.raises(TypeError, match="called"):
        comem.var(name, factory=5)


def test_arguments_are_taken_as_a_function_of_python_takes_them(name):
    assert comem.var(initial=[1], name=name) == [1] and comem.var(name=name) == [1]
    assert comem.var(name, comem.MISSING, factory=None) == [1]
    wrong = [
        (lambda: comem.var(), "at least 1"),
        (lambda: comem.var(initial=[]), "at least 1"),
        (lambda: comem.var(name, [], list), "at most 2"),
        (lambda: comem.var(name, name=name), "multiple values for argument 'name'"),
        (lambda: comem.var(name, [], initial=[]), "multiple values for argument 'initial'"),
        (lambda: comem.var(name, default=[]), "unexpected keyword argument 'default'"),
        (lambda: comem.forget(), "exactly one"),
    ]
    for call, sentence in wrong:
        with pytest.raises(TypeError, match=sentence):
            call()


@pytest.mark.parametrize("wrong", [1, None, b"bytes", ["list"]])
def test_a_name_is_a_str(wrong):
    for call in (lambda: comem.var(wrong, []), lambda: comem.var(wrong), lambda: comem.forget(wrong)):
        with pytest.raises(TypeError, match="a str, not"):
            call()


def test_a_name_is_not_empty():
    for call in (lambda: comem.var("", []), lambda: comem.var(""), lambda: comem.forget("")):
        with pytest.raises(ValueError, match="at least one character"):
            call()


class Text(str):
    """A str with an opinion of its own."""

    def __eq__(self, other):
        return False

    __hash__ = str.__hash__


@pytest.mark.parametrize("text", ["a", "x" * 100000, "grün €", "\0", "with\0zero", "\ud800 lone", "a/b"], ids=repr)
def test_any_text_is_a_name(text):
    made = comem.var(text, [1])
    assert comem.var(text) == made and comem.var(Text(text)) == made
    comem.forget(Text(text))
    with pytest.raises(KeyError):
        comem.var(text)


@pytest.mark.parametrize(
    "container",
    [set(), {1}, bytearray(b"x"), deque(), Counter(), OrderedDict(), defaultdict(list), type("MyList", (list,), {})()],
    ids=lambda it: type(it).__name__,
)
def test_a_container_without_a_shared_kind_is_refused(name, container):
    """As a value it would be a copy that everybody changes for himself."""
    for how in ({"initial": container}, {"factory": lambda: container}):
        with pytest.raises(TypeError, match="no shared kind of this container yet"):
            comem.var(name, **how)
    with pytest.raises(KeyError):
        comem.var(name)
    with pytest.raises(TypeError, match="set"):
        comem.var(name, [{1}])


def test_what_cannot_be_stored_names_nothing(name):
    for initial in ([threading.Lock()], {"key": threading.Lock()}, {object(): 1}):
        with pytest.raises(TypeError):
            comem.var(name, initial)
    with pytest.raises(KeyError):
        comem.var(name)


def test_what_was_shut_down_cannot_be_named(name):
    with comem.Manager() as manager:
        gone = manager.list()
    with pytest.raises(comem.GoneError):
        comem.var(name, gone)


def test_forget_takes_the_name_and_leaves_the_object(name):
    old = comem.var(name, [1])
    comem.forget(name)
    with pytest.raises(KeyError) as raised:
        comem.forget(name)
    assert raised.value.args == (name,)
    new = comem.var(name, [2])
    old.append(3)
    assert old == [1, 3] and new == [2]


def test_the_name_alone_keeps_the_object(name):
    comem.var(name, [comem.List(["inner"])])
    comem.List([0] * 100)
    assert comem.var(name)[0] == ["inner"]


def test_a_cell_that_is_run_again_leaves_nothing_behind(script_passes):
    """As in a notebook: the name is bound anew each time, and what is forgotten is freed."""
    script_passes(
        """
        import comem
        for _ in range(100):
            for number in range(10):
                shared = comem.var(f"shared {number}", ["x" * 10000])
            for number in range(10):
                comem.forget(f"shared {number}")
        """,
        COMEM_SIZE_LIMIT="2M",
    )


def test_a_full_store_names_nothing_and_goes_on(script_passes):
    script_passes(
        """
        import comem
        try:
            comem.var("large", ["x" * 3000000])
        except MemoryError:
            pass
        try:
            comem.var("large")
        except KeyError:
            assert comem.var("large", [1]) == [1]
        from comem import _engine
        assert _engine._check() == []
        """,
        COMEM_SIZE_LIMIT="2M",
    )


def test_threads_that_come_at_once_get_one_object(name):
    barrier, got = threading.Barrier(8), []

    def ask():
        barrier.wait()
        got.append(comem.var(name, factory=lambda: [threading.get_ident()]))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    got[0].append("the same")
    assert len(got) == 8 and all(each == got[0] and len(each) == 2 for each in got)


def test_a_forked_child_has_the_parents_globals_and_the_parent_the_childs(name):
    mine, theirs = comem.var(name, [1]), name + " of the child"

    def work():
        comem.var(name).append(2)
        comem.var(theirs, {"made": "in the child"})

    assert Child(work).result() is None
    assert mine == [1, 2] and comem.var(theirs) == {"made": "in the child"}
    comem.forget(theirs)


def test_importing_makes_no_store_and_a_global_does_in_microseconds(script_passes):
    script_passes(
        """
        import comem, sys
        shared = comem.var("shared", [1])
        assert shared == [1] and not [name for name in sys.modules if name.startswith("multiprocessing")]
        """
    )


# ---- every way of starting ---------------------------------------------------------------------------------------------

MODULE = """
import comem

words = comem.var("words", [])
table = comem.var("table", factory=lambda: {"made": [1]})
"""

WORK = """
import shared_module                                # by the main module, in every child

numbers = comem.var("numbers", [0])

def work(number):
    numbers.append(number)
    shared_module.words.append("word")
    shared_module.table["made"].append(number)
    comem.var("late", []).append(number)

if __name__ == "__main__":
    processes = [context.Process(target=work, args=(number,)) for number in (1, 2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print(*(process.exitcode for process in processes), sorted(numbers), shared_module.words[:],
          sorted(shared_module.table["made"]), sorted(comem.var("late")))
"""


@pytest.fixture
def module(tmp_path):
    """Puts a module where the programs find it."""

    def make(text, name="shared_module"):
        (tmp_path / f"{name}.py").write_text(text)
        return {"PYTHONPATH": str(tmp_path)}

    return make


@every_method
def test_parent_and_children_have_one_object(program, method, module):
    assert program(method, WORK, **module(MODULE)) == "0 0 [0, 1, 2] ['word', 'word'] [1, 1, 2] [1, 2]\n"


# What the newest Pythons do by themselves: the forkserver imports the main module, once, before any child.
IMPORT_MAIN = """
import os, sys
from multiprocessing import process, spawn

process.current_process()._inheriting = True
try:
    spawn.import_main_path(os.environ["MAIN"])
finally:
    del process.current_process()._inheriting
"""
PRELOAD_MAIN = """
if __name__ == "__main__":
    os.environ["MAIN"] = os.path.abspath(__file__)
    context.set_forkserver_preload(["import_main"])
"""


@pytest.mark.parametrize("method", ["forkserver"])
def test_a_forkserver_that_imports_main_leaves_its_globals_to_the_workers(program, method, module):
    module(IMPORT_MAIN, "import_main")
    assert program(method, PRELOAD_MAIN + WORK, **module(MODULE)) == (
        "0 0 [0, 1, 2] ['word', 'word'] [1, 1, 2] [1, 2]\n"
    )


def test_a_global_of_a_preloaded_module_binds_in_the_worker_and_the_forkserver_makes_no_store(program, module):
    preloaded = MODULE + "import os\nmaker, kinds = os.getpid(), [type(words).__name__, type(table).__name__]\n"
    out = program(
        "forkserver",
        """
        def work(queue):
            import shared_module
            with open(f"/proc/{shared_module.maker}/maps") as stream:
                stores = [line for line in stream if "memfd" in line]
            queue.put((shared_module.maker == os.getppid(), shared_module.kinds, stores))
            shared_module.words.append("worker")
            queue.put(type(shared_module.words) is comem.List and isinstance(shared_module.table, comem.Dict))

        if __name__ == "__main__":
            context.set_forkserver_preload(["shared_module"])
            queue = context.SimpleQueue()
            for _ in range(2):
                process = context.Process(target=work, args=(queue,))
                process.start()
                print(*queue.get(), queue.get())
                process.join()
                assert process.exitcode == 0
            print(comem.var("words"))
        """,
        **module(preloaded),
    )
    line = "True ['Unbound', 'Unbound'] [] True\n"
    assert out == line * 2 + "List(['worker', 'worker'])\n"


@every_method
def test_whoever_comes_first_makes_it(program, method):
    """Many processes ask at once; all get one object, and of the factories' results one is kept."""
    out = program(
        method,
        """
        def work(gate, seen):
            while not gate:
                pass
            for number in range(20):
                shared = comem.var(f"raced for {number}", factory=lambda: [os.getpid()])
                seen.append((number, shared[0]))
                shared.append("seen")

        if __name__ == "__main__":
            gate, seen = comem.List(), comem.List()
            processes = [context.Process(target=work, args=(gate, seen)) for _ in range(4)]
            for process in processes:
                process.start()
            time.sleep(0.5)
            gate.append("open")
            for process in processes:
                process.join()
            makers = [{maker for place, maker in seen if place == number} for number in range(20)]
            print([process.exitcode for process in processes], {len(each) for each in makers},
                  {len(comem.var(f"raced for {number}")) for number in range(20)})
            from comem import _engine
            assert _engine._check() == []
        """,
    )
    assert out == "[0, 0, 0, 0] {1} {5}\n"


@every_method
def test_pools_and_their_grandchildren_have_the_globals(program, method):
    out = program(
        method,
        """
        numbers = comem.var("numbers", [])

        def work(number):
            numbers.append(number)
            return numbers

        if __name__ == "__main__":
            with context.Pool(2, maxtasksperchild=2) as pool:
                results = pool.map(work, range(6), chunksize=1)
            print(sorted(numbers), len(results[0]), results[5] == numbers)
        """,
    )
    assert out == "[0, 1, 2, 3, 4, 5] 6 True\n"


def test_two_programs_with_one_name_have_nothing_in_common(script_passes):
    """Also when one starts the other: a subprocess is a program of its own."""
    script = 'import comem, sys\nprint(comem.var("shared", []).append(1), len(comem.var("shared")), flush=True)\n'
    out = script_passes(script + f"import subprocess\nsubprocess.run([sys.executable, '-c', {script!r}], check=True)\n")
    assert out == "None 1\n" * 2


# ---- unbound -----------------------------------------------------------------------------------------------------------

# Each use is the first one of an object of its own, in a worker whose forkserver has preloaded them. It has to give what
# the same use of a bound one gives, and leave the same type.
UNBOUND = """
import comem

def lists():
    return {"a": [1, 2]}

def make(kind, count):
    initial = [3, 1, 2] if kind == "List" else {"a": 1, "b": 2}
    return [comem.var(f"{kind} {number}", initial) for number in range(count)]

many = {kind: make(kind, 60) for kind in ("List", "Dict")}
"""

USES = """
import copy, operator, weakref
import comem, pickle

def add_in_place(it, other):
    it += other
    return it

def add_to(other, it):
    other += it
    return other

def multiply_in_place(it, factor):
    it *= factor
    return it

def or_in_place(it, other):
    it |= other
    return it

def assign(it, key, value):
    it[key] = value
    return it

def delete(it, key):
    del it[key]
    return it

def attribute(it):
    it.new = 1

def store(it):
    outer = comem.List([it])
    return outer[0] == it, type(outer[0]), comem.List([(it, 1)])[0][0] == it, comem.Dict(a=it)["a"] == it

USES = {
    "List": [
        len, bool, repr, str, list, hash, iter, copy.copy, copy.deepcopy, id.__class__, lambda it: list(reversed(it)), type(len),
        lambda it: it[0], lambda it: it[-1], lambda it: it[5], lambda it: it[1:], lambda it: 3 in it,
        lambda it: operator.getitem(it, -2), lambda it: it == [3, 1, 2], lambda it: [3, 1, 2] == it, lambda it: it != 5,
        lambda it: it < [4], lambda it: [4] > it, lambda it: it < 5, lambda it: it + [4], lambda it: [4] + it,
        lambda it: it * 2, lambda it: 2 * it, lambda it: "x" * it, lambda it: it | {}, lambda it: add_in_place(it, [4]),
        lambda it: add_to([4], it), lambda it: add_in_place(it, it), lambda it: multiply_in_place(it, 2),
        lambda it: or_in_place(it, {}), lambda it: operator.concat(it, [4]), lambda it: operator.iconcat(it, [4]),
        lambda it: assign(it, -1, 9), lambda it: assign(it, slice(1), [7, 8]), lambda it: delete(it, -3),
        lambda it: it.append(4), lambda it: sorted(it), lambda it: it.nothing, attribute, store, lambda it: it(),
        lambda it: pickle.loads(pickle.dumps(it)) == it, lambda it: comem.List([0, *it]), lambda it: comem.List(it),
        lambda it: comem.List().extend(it), lambda it: isinstance(it, comem.List) and isinstance(it, comem.List),
        lambda it: isinstance(it, comem.Dict), lambda it: it.__class__, lambda it: weakref.ref(it)() is it, lambda it: [*it],
        lambda it: f"{it}", lambda it: format(it, ">9"), lambda it: int(it), lambda it: operator.index(it),
    ],
    "Dict": [
        len, bool, repr, str, list, hash, copy.copy, copy.deepcopy, lambda it: list(reversed(it)), lambda it: it["a"],
        lambda it: it["c"], lambda it: "a" in it, lambda it: it == {"a": 1, "b": 2}, lambda it: {"a": 1, "b": 2} == it,
        lambda it: it < {}, lambda it: it | {"c": 3}, lambda it: {"c": 3} | it, lambda it: it + [1], lambda it: it * 2,
        lambda it: or_in_place(it, {"c": 3}), lambda it: or_in_place({"c": 3}, it), lambda it: add_in_place(it, [1]),
        lambda it: assign(it, "c", 3), lambda it: delete(it, "a"), lambda it: delete(it, "c"), lambda it: it.add("a"),
        lambda it: dict(it), lambda it: {**it}, lambda it: dict(**it), lambda it: it.get("a"), lambda it: list(it.items()),
        lambda it: comem.Dict(it), lambda it: comem.Dict().update(it), lambda it: operator.concat(it, it), store,
        lambda it: pickle.loads(pickle.dumps(it)) == it, lambda it: isinstance(it, comem.Dict), lambda it: it[0],
        lambda it: isinstance(it, comem.List), lambda it: sum(it.values()), lambda it: it.__class__, attribute,
    ],
}

def outcome(use, it):
    try:
        result = use(it)
    except Exception as error:
        text = str(error).partition(" at 0x")[0]
        for name in ("comem._engine.Unbound", "comem.List", "comem.Dict"):  # as it is called before a use that it has not
            text = text.replace(name, "it")
        return type(error), text.replace("Unbound", "it").replace("List", "it").replace("Dict", "it")
    text = result if isinstance(result, (str, int, type)) else list(result) if hasattr(result, "__len__") else None
    return type(result), text
"""


def test_the_first_use_is_as_any_other(program, module):
    module(UNBOUND)
    out = program(
        "forkserver",
        USES
        + """
def work(queue):
    import shared_module
    assert comem._engine.Unbound is type(shared_module.many["List"][0])
    for kind, uses in USES.items():
        for number, use in enumerate(uses):
            unbound = shared_module.many[kind][number]
            bound = getattr(comem, kind)([3, 1, 2] if kind == "List" else {"a": 1, "b": 2})
            found, expected = outcome(use, unbound), outcome(use, bound)
            assert found == expected, (kind, number, found, expected)
            after = unbound[:] if kind == "List" else dict(unbound)
            assert after == (bound[:] if kind == "List" else dict(bound)), (kind, number, after)
            assert type(unbound) is getattr(comem, kind)
    queue.put("all as ever")

if __name__ == "__main__":
    context.set_forkserver_preload(["shared_module"])
    queue = context.SimpleQueue()
    process = context.Process(target=work, args=(queue,))
    process.start()
    process.join()
    assert process.exitcode == 0
    print(queue.get(), max(map(len, USES.values())) <= 60)
""",
        **module(UNBOUND),
    )
    assert out == "all as ever True\n"


FORKSERVER = """
import gc, os, pickle, weakref
import comem

words = comem.var("words", [])
same = comem.var("words", words)
said = []
for use in (len, list, bool, hash, pickle.dumps, lambda it: it.append(1), lambda it: it[0], lambda it: it == [], iter,
            lambda it: it + [1], lambda it: it.__len__(), lambda it: comem.forget("words"), lambda it: setattr(it, "a", 1),
            lambda it: [1].__contains__(it), lambda it: 1 in it, lambda it: it.__setitem__(0, 1), reversed):
    try:
        use(words)
    except RuntimeError as error:
        said.append(str(error))
    else:
        said.append(f"{use} did not raise")
looked_at = [repr(words), str(words), isinstance(words, comem.List), isinstance(words, str), words.__doc__ != None,
             hasattr(words, "__isabstractmethod__"), repr([words]), type(words).__name__]
for how in (lambda: comem.var("words", set()), lambda: comem.var(""), lambda: comem.var("words", [], factory=list)):
    try:
        how()
    except (TypeError, ValueError):
        pass
    else:
        said.append("a wrong call did not raise")

class Holder:
    shared = words

gone = comem.var("gone", [])
seen = weakref.ref(gone)
ring = []
ring.append(comem.var("ring", ring))
ring.append(gone)
del ring, gone
gc.collect()
collected = seen() is None
child = os.fork()                                   # of the forkserver's: a process like any other
if child == 0:
    words.append("of its own")
    os._exit(words != ["of its own"])
forked = os.waitpid(child, 0)[1]
maker = os.getpid()
"""


def test_in_the_forkserver_itself_a_global_is_not_used_and_says_why(program, module):
    out = program(
        "forkserver",
        """
        def work(queue):
            import shared_module as it
            queue.put((it.said, it.looked_at, it.collected, it.forked, it.maker == os.getppid()))
            it.words.append("worker")
            queue.put((it.same == it.words, it.Holder.shared is it.words, repr(it.words)))

        if __name__ == "__main__":
            context.set_forkserver_preload(["shared_module"])
            queue = context.SimpleQueue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            said, looked_at, *others = queue.get()
            print(*sorted(set(said)))
            print(*looked_at, sep="\\n")
            print(others, queue.get())
            process.join()
        """,
        **module(FORKSERVER),
    )
    sentences, *looked_at, others = out.splitlines()
    assert sentences.count("the global 'words' cannot be used here") == 1, sentences
    assert "forkserver" in sentences and "function" in sentences and "did not raise" not in sentences
    shown = "<comem global 'words', waiting: the global 'words' cannot be used here: this process is multiprocessing's forkserver"
    assert looked_at[0].startswith(shown) and looked_at[1] == looked_at[0] and looked_at[6] == f"[{looked_at[0]}]"
    assert looked_at[2:6] == ["False", "False", "True", "False"] and looked_at[7] == "Unbound"
    assert others == "[True, 0, True] (True, True, \"List(['worker'])\")"


def test_a_factory_and_its_errors_wait_for_the_worker(program, module):
    out = program(
        "forkserver",
        """
        def work(queue):
            import shared_module as it
            for use in (lambda: len(it.fails), lambda: len(it.nobody), lambda: isinstance(it.fails, list), lambda: len(it.recursive)):
                try:
                    queue.put(use())
                except Exception as error:
                    queue.put(type(error).__name__)
            queue.put(repr(it.fails))
            queue.put(type(it.made) is comem._engine.Unbound and it.made[0] == 1 and type(it.made) is comem.List)
            queue.put(type(it.other_kind).__name__)
            try:
                len(it.other_kind)
            except TypeError as error:
                queue.put(str(error))

        if __name__ == "__main__":
            comem.var("other kind", {})
            context.set_forkserver_preload(["shared_module"])
            queue = context.SimpleQueue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            for _ in range(8):
                print(queue.get())
            process.join()
        """,
        **module(
            """
import comem
fails = comem.var("fails", factory=lambda: 1 / 0)
nobody = comem.var("nobody made it")
recursive = comem.var("recursive", factory=lambda: [len(recursive)])
made = comem.var("made", factory=lambda: [1])
other_kind = comem.var("other kind", [])
"""
        ),
    )
    assert out.splitlines() == [
        "ZeroDivisionError",
        "KeyError",
        "ZeroDivisionError",
        "RecursionError",
        "<comem global 'fails', waiting: division by zero>",
        "True",
        "Unbound",
        "the global 'other kind' is a dict, and was asked for as a list",
    ]


def test_threads_that_use_an_unbound_global_at_once_use_one_object(program, module):
    out = program(
        "forkserver",
        """
        def work(queue):
            import threading, shared_module
            barrier = threading.Barrier(8)
            def use():
                barrier.wait()
                shared_module.slow.append(1)
            threads = [threading.Thread(target=use) for _ in range(8)]
            [thread.start() for thread in threads]
            [thread.join() for thread in threads]
            queue.put(shared_module.slow[:])

        if __name__ == "__main__":
            context.set_forkserver_preload(["shared_module"])
            queue = context.SimpleQueue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            print(queue.get())
            process.join()
        """,
        **module('import comem, time\nslow = comem.var("slow", factory=lambda: time.sleep(0.1) or [])\n'),
    )
    assert out == "[1, 1, 1, 1, 1, 1, 1, 1]\n"


def test_children_of_a_process_that_holds_unbound_globals_bind_them(program, module):
    out = program(
        "forkserver",
        """
        def grandchild():
            import shared_module
            shared_module.words.append("grandchild")

        def work():
            import shared_module
            pid = os.fork()
            if pid == 0:
                shared_module.words.append("forked")
                os._exit(0)
            os.waitpid(pid, 0)
            process = multiprocessing.get_context("fork").Process(target=grandchild)
            process.start()
            process.join()
            assert type(shared_module.words) is comem._engine.Unbound
            shared_module.words.append("worker")

        if __name__ == "__main__":
            context.set_forkserver_preload(["shared_module"])
            process = context.Process(target=work)
            process.start()
            process.join()
            print(process.exitcode, comem.var("words"))
        """,
        **module(MODULE),
    )
    assert out == "0 List(['forked', 'grandchild', 'worker'])\n"


@pytest.mark.parametrize("method", ["forkserver"])
def test_an_unbound_global_passes_to_other_processes(program, method, module):
    """As an argument, in a value and in a pickle: pickling binds it."""
    out = program(
        method,
        """
        def second(given):
            given.append("second")

        def first(queue):
            import shared_module
            process = context.Process(target=second, args=(shared_module.words,))
            process.start()
            process.join()
            class Holder: pass
            outer = comem.List([(1, shared_module.table)])
            queue.put(type(shared_module.table) is comem.Dict and outer[0][1] == shared_module.table)

        if __name__ == "__main__":
            context.set_forkserver_preload(["shared_module"])
            queue = context.SimpleQueue()
            process = context.Process(target=first, args=(queue,))
            process.start()
            print(queue.get(), process.join(), comem.var("words"))
        """,
        **module(MODULE),
    )
    assert out == "True None List(['second'])\n"


def test_a_child_whose_parent_has_no_comem_binds_after_the_import(script_passes):
    """It has no ticket, so while it imports main there is no store to bind to."""
    out = script_passes(
        """
        import multiprocessing
        if __name__ != "__main__":
            import comem
            words = comem.var("words", [1])
            try:
                len(words)
            except RuntimeError as error:
                said = str(error)

        def work(queue):
            queue.put((said, words[:], type(words).__name__))

        if __name__ == "__main__":
            context = multiprocessing.get_context("spawn")
            queue = context.SimpleQueue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            print(*queue.get(), sep="\\n")
            process.join()
        """
    )
    said, *bound = out.splitlines()
    assert "importing its parent's main module" in said and "worker" in said
    assert bound == ["[1]", "List"]


def test_a_child_that_cannot_map_the_store_is_told_at_the_first_use(program):
    out = program(
        "forkserver",
        """
        words = comem.var("words", [])              # in the child, too: importing does not fail

        def work(queue):
            try:
                words.append(1)
            except comem.GoneError as error:
                queue.put(str(error))

        if __name__ == "__main__":
            import resource
            from multiprocessing import forkserver
            resource.setrlimit(resource.RLIMIT_AS, (30 << 30, resource.RLIM_INFINITY))
            forkserver.ensure_running()             # and so its children have less room than the parent
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            queue = context.SimpleQueue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            print(queue.get())
            process.join()
        """,
        COMEM_SIZE_LIMIT="100M",
    )
    assert "could not join its program's store" in out and "address space" in out


# ---- private copies ----------------------------------------------------------------------------------------------------

PRIVATE = """
import comem
shared = comem.List([1])
table = comem.Dict.fromkeys("ab")
manager = comem.Manager()
with comem.managers.SyncManager() as inner:
    pass
copied = shared.copy()

def make():
    return comem.List(), comem.Manager()

made = make()
same = comem.var("same", [])
"""
NOT_SHARED = """
import warnings

def load(queue):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        import private
    private.make()
    queue.put([(each.category is comem.PrivateCopyWarning, "comem.var(" in str(each.message), "private" in str(each.message),
                os.path.basename(each.filename), each.lineno) for each in caught])

if __name__ == "__main__":
    queue = context.SimpleQueue()
    for _ in range(2):
        process = context.Process(target=load, args=(queue,))
        process.start()
        print(queue.get())
        process.join()
"""


@every_method
def test_a_module_that_makes_an_object_of_its_own_in_a_child_is_told_so(program, method, module):
    expected = [(True, True, True, "private.py", line) for line in (3, 4, 5, 6, 8)]
    assert program(method, NOT_SHARED, **module(PRIVATE, "private")) == f"{expected}\n" * 2


@fresh_interpreter
def test_a_module_imported_while_a_child_loads_its_arguments_is_told_so(run_script, method, module):
    done = run_script(
        BEGIN
        + textwrap.dedent(
            """
        import warnings
        if __name__ != "__main__":
            warnings.simplefilter("error")

        def work(given):
            pass

        if __name__ == "__main__":
            import private
            process = context.Process(target=work, args=(private.make,))
            process.start()
            process.join()
        """
        ),
        METHOD=method,
        **module("import comem\nshared = comem.List([1])\ndef make():\n    pass\n", "private"),
    )
    assert "comem.PrivateCopyWarning: every process that imports private" in done.stderr


@every_method
def test_nobody_else_is_warned(program, method, module):
    """Main's own objects, those of functions, of text that is executed, and all that a program makes before it has children."""
    out = program(
        method,
        """
        import warnings
        warnings.simplefilter("error")
        if method_is_fork := os.environ["METHOD"] == "fork":
            shared = comem.List([1])

        def work(queue):
            comem.List(), comem.Dict(), comem.Manager()
            exec("import comem; comem.List()", {})
            exec(compile("shared = comem.List()", "main", "exec"), globals())
            queue.put("quiet")

        if __name__ == "__main__":
            import private
            queue = context.SimpleQueue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            print(queue.get(), process.join())
        """,
        **module(PRIVATE, "private"),
    )
    assert out == "quiet None\n"


def test_a_raw_fork_and_a_subprocess_are_not_warned(script_passes, module):
    script_passes(
        """
        import os, subprocess, sys, warnings
        import comem
        warnings.simplefilter("error")
        comem.List()
        pid = os.fork()
        if pid == 0:
            import private
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        subprocess.run([sys.executable, "-W", "error", "-c", "import private"], check=True)
        """,
        **module(PRIVATE, "private"),
    )


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
