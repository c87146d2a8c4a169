"""Globals that wait for their store: in a module that a forkserver imports, until a worker uses them."""

import pytest

MODULE = """
import comem

words = comem.var("words", [])
table = comem.var("table", factory=lambda: {"made": [1]})
"""


# Each use is the first one of an object of its own, in a worker whose forkserver has preloaded them. It has to give what
# the same use of a bound one gives, and leave the same type.
UNBOUND = """
import comem

def make(kind, count):
    initial = {"List": [3, 1, 2], "Dict": {"a": 1, "b": 2}, "Value": 5}[kind]
    return [comem.var(f"{kind} {number}", initial) for number in range(count)]

many = {kind: make(kind, 60) for kind in ("List", "Dict", "Value")}
"""

USES = """
import copy, operator, weakref
import comem, pickle

def add_in_place(it, other):
    it += other
    return it

def subtract_in_place(it, other):
    it -= other
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
        len, bool, repr, str, list, hash, iter, copy.copy, copy.deepcopy, lambda it: list(reversed(it)),
        lambda it: it[0], lambda it: it[-1], lambda it: it[5], lambda it: it[1:], lambda it: 3 in it,
        lambda it: operator.getitem(it, -2), lambda it: it == [3, 1, 2], lambda it: [3, 1, 2] == it, lambda it: it != 5,
        lambda it: it < [4], lambda it: [4] > it, lambda it: it < 5, lambda it: it + [4], lambda it: [4] + it,
        lambda it: it * 2, lambda it: 2 * it, lambda it: "x" * it, lambda it: it | {}, lambda it: add_in_place(it, [4]),
        lambda it: add_to([4], it), lambda it: subtract_in_place(it, [4]), lambda it: add_in_place(it, it), lambda it: multiply_in_place(it, 2),
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
        lambda it: subtract_in_place(it, {}),
        lambda it: assign(it, "c", 3), lambda it: delete(it, "a"), lambda it: delete(it, "c"), lambda it: it.add("a"),
        lambda it: dict(it), lambda it: {**it}, lambda it: dict(**it), lambda it: it.get("a"), lambda it: list(it.items()),
        lambda it: comem.Dict(it), lambda it: comem.Dict().update(it), lambda it: operator.concat(it, it), store,
        lambda it: pickle.loads(pickle.dumps(it)) == it, lambda it: isinstance(it, comem.Dict), lambda it: it[0],
        lambda it: isinstance(it, comem.List), lambda it: sum(it.values()), lambda it: it.__class__, attribute,
    ],
    "Value": [
        len, bool, repr, str, list, iter, reversed, copy.copy, copy.deepcopy, lambda it: it.value, lambda it: it.get(), int,
        lambda it: it.set(7), lambda it: it.add(), lambda it: it.add(0.5), lambda it: it.cas(5, 6), lambda it: it.typecode,
        lambda it: setattr(it, "value", 6), lambda it: delattr(it, "value"), attribute, lambda it: it == it, lambda it: it != 5,
        lambda it: it == 5, lambda it: it < 5, lambda it: it + 1, lambda it: 1 + it, lambda it: it * 2, lambda it: 2 * it,
        lambda it: it | {}, lambda it: add_in_place(it, 1), lambda it: subtract_in_place(it, 1), lambda it: it[0], lambda it: assign(it, 0, 1),
        lambda it: delete(it, 0), lambda it: 5 in it, lambda it: hash(it) == hash(it), lambda it: {it: 1}[it], store,
        lambda it: it == comem.List([it])[0], lambda it: operator.concat(it, it), lambda it: operator.getitem(it, -1),
        lambda it: isinstance(it, comem.Value) and not isinstance(it, comem.List), lambda it: it.__class__,
        lambda it: pickle.loads(pickle.dumps(it)) == it, lambda it: f"{it}", lambda it: it(), lambda it: it @ it,
    ],
}
MADE = {"List": lambda: comem.List([3, 1, 2]), "Dict": lambda: comem.Dict({"a": 1, "b": 2}), "Value": lambda: comem.Value(None, 5)}
PLAIN = {"List": lambda it: it[:], "Dict": dict, "Value": lambda it: it.value}

def outcome(use, it):
    try:
        result = use(it)
    except Exception as error:
        text = str(error).partition(" at 0x")[0]
        for name in ("comem._engine.Unbound", "comem.List", "comem.Dict", "comem.Value"):  # as it is called before a use that it has not
            text = text.replace(name, "it")
        return type(error), text.replace("Unbound", "it").replace("List", "it").replace("Dict", "it").replace("Value", "it")
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
            bound = MADE[kind]()
            found, expected = outcome(use, unbound), outcome(use, bound)
            assert found == expected, (kind, number, found, expected)
            assert PLAIN[kind](unbound) == PLAIN[kind](bound), (kind, number)
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


def test_a_factory_may_empty_the_list_that_the_global_is_in(program, module):
    """While the list is stored: nothing else held the object that becomes the global."""
    out = program(
        "forkserver",
        """
        def work(queue):
            import shared_module as it
            kept = comem.List()
            while it.waiting:
                it.holder[:] = [it.waiting.pop()]
                kept.append((it.holder,))
            queue.put((len(kept), kept[0], it.holder))

        if __name__ == "__main__":
            context.set_forkserver_preload(["shared_module"])
            queue = context.SimpleQueue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            process.join()
            print(process.exitcode, queue.get() if process.exitcode == 0 else "")
        """,
        **module(
            """
import comem
holder = []

def make():
    holder.clear()
    it = [bytearray(40) for _ in range(1000)]  # takes the place of what is gone
    return [1]

waiting = [comem.var(f"name {number}", factory=make) for number in range(50)]
"""
        ),
    )
    assert out == "0 (50, ([],), [])\n"


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
        class Holder:
            def __init__(self, held):
                self.held = held

        def second(given):
            given.append("second")

        def first(queue):
            import shared_module
            process = context.Process(target=second, args=(shared_module.words,))
            process.start()
            process.join()
            outer = comem.List([(1, shared_module.table), Holder(shared_module.other)])
            bound = type(shared_module.table) is comem.Dict and type(shared_module.other) is comem.List
            comem.forget("other")                   # what was stored is a reference, which needs no name
            del shared_module.other
            comem.List([0] * 100)
            queue.put((bound, outer[0][1] == shared_module.table, outer[1].held[:]))
            plain = comem.Manager(pickle=False).list()
            plain.append(shared_module.third)       # as itself, not as a pickle
            plain.append((1, shared_module.fourth))
            plain[0].append(plain[1][1][0])
            queue.put(shared_module.third[:])

        if __name__ == "__main__":
            context.set_forkserver_preload(["shared_module"])
            queue = context.SimpleQueue()
            process = context.Process(target=first, args=(queue,))
            process.start()
            print(queue.get(), queue.get(), process.join(), comem.var("words"))
        """,
        **module(
            "import comem\ncomem.handle_grace = 0\n"
            + MODULE
            + 'other, third, fourth = comem.var("other", ["held"]), comem.var("3", ["third"]), comem.var("4", ["fourth"])\n'
        ),
    )
    assert out == "(True, True, ['held']) ['third', 'fourth'] None List(['second'])\n"


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
            from multiprocessing import forkserver, util
            util.get_temp_dir()                     # imports what it needs, while there is room
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
