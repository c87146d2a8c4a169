"""The stubs: complete, strict, and true to what is there."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("mypy")

import comem

PROGRAM = '''
import builtins
from multiprocessing import managers as standard
from typing import Dict

import comem
from comem.managers import ListProxy, SyncManager

numbers: comem.List[int] = comem.List([1, 2])
numbers.append(3)
number: int = numbers[0] + numbers.pop()
for item in numbers:
    number = item
numbers += [4]
numbers[-1] = 5
names: comem.list[str] = comem.list()
with comem.Manager(deep=True) as manager:
    words = manager.list(["one"])
    word: str = words[0]
    proxy: ListProxy[str] = words
    standard_proxy: standard.ListProxy[str] = words
    shared: comem.List[str] = words
    standard_manager: standard.SyncManager = manager
    table: Dict[ListProxy[str], int] = {words: 1}
plain: builtins.list[int] = [*numbers]
try:
    numbers.clear()
except (comem.GoneError, comem.DamagedError):
    print(comem.__version__)
'''

WRONG = '''
import comem

comem.List([1]).append("text")  # one
comem.List([1])[0] = "text"  # two
text: str = comem.List([1])[0]  # three
comem.Manager(address="x")  # four
comem.List([1]).sort()  # five
'''


def mypy(*arguments, cwd):
    where = os.path.dirname(os.path.dirname(comem.__file__))
    installed = os.path.basename(where) == "site-packages"  # mypy looks there by itself, and refuses to be told
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env=dict(os.environ) if installed else {**os.environ, "MYPYPATH": where},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )


def test_a_typical_program_is_strictly_typed(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    done = mypy("mypy", "--strict", "program.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_wrong_programs_are_found(tmp_path):
    (tmp_path / "wrong.py").write_text(WRONG)
    done = mypy("mypy", "--strict", "wrong.py", cwd=tmp_path)
    assert "Found 5 errors" in done.stdout, done.stdout


ALLOWED = """\
# names that the standard proxy has in its stub and a shared list has not yet
comem.managers.ListProxy.(copy|count|index|insert|remove|reverse|sort)
# a decorator that the mypy of today wants and that of yesterday does not know
comem.(_engine.|managers.)?(List|list|ListProxy)
"""


def test_the_stubs_say_what_is_there(tmp_path):
    (tmp_path / "allowed").write_text(ALLOWED)
    done = mypy("mypy.stubtest", "comem", "--allowlist=allowed", "--ignore-unused-allowlist", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
