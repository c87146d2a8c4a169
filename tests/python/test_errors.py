"""Every error that docs/errors.md tells of happens as it says, and the page is made of the cases here."""

import builtins
import os
import pickle
import re
import subprocess
import sys

import pytest

import comem
import errors_table
from conftest import store_file

TOOL = os.path.join(os.path.dirname(__file__), "..", "..", "tools", "errors_page.py")
CASES = [case for group in errors_table.GROUPS for case in group.cases]
NAMES = {"myapp", "myapp-copy"}


@pytest.fixture
def store_names():
    """Takes a program or sentence, in which the stores of the table get names that nobody has."""
    mark = f"test-errors-{os.getpid()}"
    yield lambda text: text.replace("myapp", mark)
    for name in NAMES:
        try:
            os.unlink(store_file(name.replace("myapp", mark)))
        except FileNotFoundError:
            pass


def pattern(case, store_names):
    return ".*".join(map(re.escape, store_names(f"{case.error}: {case.sentence}").split("…")))


def raised(program):
    """The last line of the traceback that ends the program."""
    try:
        exec(compile(program, "program", "exec"), {"comem": comem, "__name__": "program"})
    except BaseException as error:
        kind = type(error)
        module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        return f"{module}{kind.__qualname__}: {error}"
    return "nothing"


def raised_by_script(run_script, case, program):
    """The same of all tracebacks that it leaves, a line each."""
    done = run_script("import comem\n" * ("import comem" not in program) + program, **case.environment)
    return done.stderr.splitlines()


@pytest.mark.parametrize("case", CASES, ids=lambda case: (case.shown or case.program).replace("\n", "; "))
def test_an_error_is_what_the_page_says(case, store_names, run_script):
    for name in re.findall(r"comem\.var\('(\w+)'", case.program):
        try:
            comem.forget(name)  # other tests may have it
        except KeyError:
            pass
    program = store_names(case.program)
    lines = raised_by_script(run_script, case, program) if case.script else [raised(program)]
    expected = pattern(case, store_names)
    assert [line for line in lines if re.fullmatch(expected, line, re.DOTALL)], "\n".join(lines)


@pytest.mark.parametrize("name, bases", [(name, bases) for name, bases, _ in errors_table.EXCEPTIONS])
def test_an_exception_is_a_subclass_of_those_on_the_page(name, bases):
    namespace = {**vars(builtins), "pickle": pickle}
    assert getattr(comem, name).__bases__ == tuple(eval(base, namespace) for base in bases.split(", "))


def test_no_two_cases_are_the_same():
    assert len({case.program for case in CASES}) == len(CASES)


def test_the_page_is_made_of_these_cases():
    subprocess.run([sys.executable, TOOL, "--check"], check=True)
