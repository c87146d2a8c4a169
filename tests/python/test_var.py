"""Globals by name: the first to come makes the object, and every process of the program has that one."""

import datetime
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

import comem
from conftest import Child
from starting import every_method


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


class Text(str):
    """A str with an opinion of its own."""

    def __eq__(self, other):
        return False

    __hash__ = str.__hash__


@dataclass(frozen=True)
class Point:
    x: int
    y: float


VALUES = [
    0, 5, -1.5, True, None, "", "text", "€" * 100, b"bytes", (), (1, ("two",)), 2**100, 1j, frozenset({1}), range(3), Decimal("1.5"),
    Fraction(1, 3), Path("/a/b"), Point(1, 2.5), Text("mine"), len, datetime.date(2000, 1, 1),
]  # fmt: skip


@pytest.mark.parametrize("initial", VALUES, ids=lambda it: type(it).__name__)
def test_whatever_is_no_container_becomes_a_value(name, initial):
    for how in ({"initial": initial}, {"factory": lambda: initial}):
        made = comem.var(name, **how)
        assert type(made) is comem.Value and made.typecode is None
        assert str.__eq__(made.value, initial) if isinstance(initial, str) else made.value == initial
        assert type(made.value) is type(initial)
        comem.forget(name)


def test_a_value_is_one_kind_whatever_it_holds(name):
    total = comem.var(name, 5)
    for other in (1.5, None, "text", (1, 2), comem.Value("d", 2.5), comem.Manager().Value("i", 1)):
        assert comem.var(name, other) == total
    comem.var(name).value = "text"                      # typecode None: of any type
    assert total.value == "text"
    with pytest.raises(TypeError, match="is a Value, and was asked for as a list"):
        comem.var(name, [])
    comem.forget(name)
    comem.var(name, [])
    with pytest.raises(TypeError, match="is a list, and was asked for as a Value"):
        comem.var(name, None)


def test_a_value_with_a_type_code_is_named_itself(name):
    mine = comem.Value("q", 5)
    assert comem.var(name, mine) is mine
    comem.var(name, 0).add(2)
    assert mine.value == 7 and comem.var(name).typecode == "q"


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
    with pytest.raises(TypeError, match="comem.MISSING"):
        comem.var(name, factory=lambda: comem.MISSING)
    with pytest.raises(KeyError):
        comem.var(name)


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


def test_a_class_or_function_is_asked_for_as_a_factory(name):
    for initial in (list, lambda: []):
        with pytest.raises(TypeError, match="cannot become a global: factory= takes"):
            comem.var(name, initial)
    with pytest.raises(KeyError):
        comem.var(name)
    assert comem.var(name, comem.Value(None, list)).value is list


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
    for initial in (threading.Lock(), lambda: 1, [threading.Lock()], {"key": threading.Lock()}, {object(): 1}):
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
total = comem.var("total", 10)
"""

WORK = """
import shared_module                                # by the main module, in every child

numbers = comem.var("numbers", [0])
typed = comem.var("typed", factory=lambda: comem.Value("d", 0.5))
named = comem.var("named", comem.List(["made by every import"]))

def work(number):
    numbers.append(number)
    typed.add(number), named.append(number)
    shared_module.words.append("word")
    shared_module.table["made"].append(number)
    shared_module.total.add(number)
    comem.var("late", []).append(number)

if __name__ == "__main__":
    processes = [context.Process(target=work, args=(number,)) for number in (1, 2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print(*(process.exitcode for process in processes), sorted(numbers), shared_module.words[:],
          sorted(shared_module.table["made"]), sorted(comem.var("late")), shared_module.total.value,
          typed.value, typed.typecode, len(named))
"""


@every_method
def test_parent_and_children_have_one_object(program, method, module):
    assert program(method, WORK, **module(MODULE)) == "0 0 [0, 1, 2] ['word', 'word'] [1, 1, 2] [1, 2] 13 3.5 d 3\n"


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
        "0 0 [0, 1, 2] ['word', 'word'] [1, 1, 2] [1, 2] 13 3.5 d 3\n"
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


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_ticket_beats_a_store_that_was_there_before_it(program, method, module):
    """A module of the site is imported by a child before it has its ticket, by a forkserver before it knows what it is."""
    module('import os\nif os.environ.get("CHILD"):\n    import early\n', "sitecustomize")
    early = 'import comem, os\nwords, maker = comem.var("words", ["private"]), os.getpid()\nprivate = comem.List([1])\n'
    out = program(
        method,
        """
        words = comem.var("words", [])

        def work(queue):
            words.append("child")
            import early
            with open(f"/proc/{os.getppid()}/maps") as stream:
                queue.put([line for line in stream if "memfd" in line])
            queue.put(early.maker == os.getpid())

        if __name__ == "__main__":
            os.environ["CHILD"] = "1"
            queue = context.SimpleQueue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            stores, itself = queue.get(), queue.get()
            process.join()
            assert itself or stores == [], stores       # a forkserver that imported it
            print(process.exitcode, words)
        """,
        **module(early, "early"),
    )
    assert out == "0 List(['child'])\n"


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
