"""The examples print what they promise."""

import ast
import glob
import os
import re
import shutil
import subprocess
import sys

import pytest

import comem

EXAMPLES = os.path.join(os.path.dirname(__file__), "..", "..", "examples")


def output(name, *arguments, python=sys.executable, options=()):
    done = subprocess.run(
        [python, *options, os.path.join(EXAMPLES, name), *arguments],
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


def assert_ten_words(printed):
    words = ast.literal_eval(printed)
    first = ["one", "two", "three", "four", "five"]
    second = ["six", "seven", "eight", "nine", "ten"]
    assert sorted(words) == sorted(first + second)
    assert [word for word in words if word in first] == first
    assert [word for word in words if word in second] == second


@pytest.mark.parametrize("run", range(5))
def test_a_shared_list_gets_all_ten_words(run):
    assert_ten_words(output("mp_list.py"))


@pytest.mark.parametrize("options", [[], ["-m", "comem"]], ids=["plain Python", "the runner"])
def test_a_list_of_the_standard_manager_gets_all_ten_words_unchanged(options):
    assert_ten_words(output("mp_list_unchanged.py", options=options))


def pythons():
    """The interpreters of this machine: this one, those that can be called, those of pyenv."""
    found = {sys.version_info[:2]: sys.executable}
    for minor in range(9, 16):
        path = shutil.which(f"python3.{minor}")
        places = [path] if path else []
        places += sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/3.{minor}.*/bin/python")))
        for place in places:
            found.setdefault((3, minor), place)
    return [pytest.param(path, id=f"{major}.{minor}") for (major, minor), path in sorted(found.items())]


@pytest.mark.parametrize("method", [(), ("fork",), ("spawn",), ("forkserver",)], ids=lambda it: it[0] if it else "default")
@pytest.mark.parametrize("python", pythons())
def test_a_global_by_name_gets_all_ten_words(python, method):
    if subprocess.run([python, "-c", "import comem"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("comem is not installed for it")
    assert_ten_words(output("mp_global.py", *method, python=python))


def test_a_program_of_its_own_has_globals_of_its_own():
    """Started twice, by a process whose own global has the same name."""
    mine = comem.var("final_list", ["mine"])
    for _ in range(2):
        assert_ten_words(output("mp_global.py"))
    assert mine == ["mine"]
    comem.forget("final_list")


def test_three_processes_lose_no_word():
    printed = "1 and,2 cat,2 falls,3 on,2 rain,1 roof,1 sleeps,1 stairs,6 the,"
    assert output("mp_dict.py").replace("\n", ",") == printed


def page(name):
    with open(os.path.join(EXAMPLES, "..", name), encoding="utf-8") as file:
        return file.read()


def script_of(name):
    """The first script on a page."""
    return re.search(r"```python\n(.*?)```", page(name), re.DOTALL)[1]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_the_page_about_globals_does_what_it_says(script_passes, method):
    script = script_of("docs/globals.md").replace('get_context("spawn")', f"get_context({method!r})")
    assert f"get_context({method!r})" in script
    assert script_passes(script) == "['four', 'one', 'three', 'two']\n"


def test_the_script_about_dicts_counts_every_word(script_passes):
    printed = script_passes(script_of("docs/dicts.md"))
    assert ast.literal_eval(printed) == {"one": 1, "two": 3, "three": 3}
