"""The examples print what they promise."""

import ast
import doctest
import os
import re
import subprocess
import sys

import pytest

import comem

EXAMPLES = os.path.join(os.path.dirname(__file__), "..", "..", "examples")


def output(name):
    done = subprocess.run(
        [sys.executable, os.path.join(EXAMPLES, name)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_a_plain_global_stays_empty():
    assert output("mp_list_issue.py") == "[]\n"


@pytest.mark.parametrize("run", range(5))
def test_a_shared_list_gets_all_ten_words(run):
    words = ast.literal_eval(output("mp_list.py"))
    first = ["one", "two", "three", "four", "five"]
    second = ["six", "seven", "eight", "nine", "ten"]
    assert sorted(words) == sorted(first + second)
    assert [word for word in words if word in first] == first
    assert [word for word in words if word in second] == second


def test_three_processes_lose_no_word():
    printed = "1 and,2 cat,2 falls,3 on,2 rain,1 roof,1 sleeps,1 stairs,6 the,"
    assert output("mp_dict.py").replace("\n", ",") == printed


def page(name):
    with open(os.path.join(EXAMPLES, "..", name), encoding="utf-8") as file:
        return file.read()


def script_of(name):
    """The first script on a page."""
    return re.search(r"```python\n(.*?)```", page(name), re.DOTALL).group(1)


def test_the_lines_of_the_readme_print_all_words(script_passes):
    assert sorted(ast.literal_eval(script_passes(script_of("README.md")))) == ["four", "one", "three", "two"]


def test_the_script_about_dicts_counts_every_word(script_passes):
    printed = script_passes(script_of("docs/dicts.md"))
    assert ast.literal_eval(printed) == {"one": 1, "two": 3, "three": 3}


@pytest.mark.parametrize("name", ["README.md", "docs/dicts.md"])
def test_what_a_page_shows_is_what_the_interpreter_prints(name):
    example = doctest.DocTestParser().get_doctest(page(name), {"comem": comem}, name, name, 0)
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0
