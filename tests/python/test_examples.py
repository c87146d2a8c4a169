"""The examples print what they promise."""

import ast
import os
import re
import subprocess
import sys

import pytest

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


def test_the_lines_of_the_readme_print_all_words(script_passes):
    with open(os.path.join(EXAMPLES, "..", "README.md"), encoding="utf-8") as file:
        readme = file.read()
    lines = re.search(r"```python\n(.*?)```", readme, re.DOTALL).group(1)
    assert sorted(ast.literal_eval(script_passes(lines))) == ["four", "one", "three", "two"]
