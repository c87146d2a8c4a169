"""What a module makes at its top in a child is the child's own, and PrivateCopyWarning says so."""

import textwrap

from starting import BEGIN, every_method, fresh_interpreter


PRIVATE = """
import comem
shared = comem.List([1])
table = comem.Dict.fromkeys("ab")
manager = comem.Manager()
with comem.managers.SyncManager() as inner:
    pass
copied = shared.copy()
value = comem.Value("q", 5)

def make():
    return comem.List(), comem.Manager()

made = make()
same = comem.var("same", [])
named = comem.var("named", factory=comem.Dict)
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
    comem.List()                                    # this process is none that warns, but those that it forks are
    queue = context.SimpleQueue()
    for _ in range(2):
        process = context.Process(target=load, args=(queue,))
        process.start()
        print(queue.get())
        process.join()
"""


@every_method
def test_a_module_that_makes_an_object_of_its_own_in_a_child_is_told_so(program, method, module):
    expected = [(True, True, True, "private.py", line) for line in (3, 4, 5, 6, 8, 9)]
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
            exec("import comem; comem.List()", {"__name__": None})
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
