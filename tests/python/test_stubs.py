"""The stubs: complete, strict, and true to what is there."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest
import typed

import comem

with_mypy = pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="no mypy")

PROGRAM = '''
import builtins
import ctypes
import pathlib
from multiprocessing import managers as standard
from typing import Any, Dict, Mapping, MutableMapping, MutableSequence, Optional, Sequence, Tuple, Union

import comem
from comem.managers import DictProxy, ListProxy, SyncManager, ValueProxy

numbers: comem.List[int] = comem.List([1, 2])
numbers.append(3)
number: int = numbers[0] + numbers.pop()
for item in numbers:
    number = item
numbers += [4]
numbers[-1] = 5
numbers.insert(0, number)
number = numbers.pop(0) + numbers.index(3, 1) + numbers.count(2)
numbers[1:2] = (6, 7)
del numbers[0], numbers[::2]
numbers.remove(7)
numbers.reverse()
numbers.sort(key=lambda item: -item, reverse=True)
numbers.sort()
numbers *= 2
part: builtins.list[int] = numbers[1:] + numbers[:1]
part = part + numbers
part += numbers
part = numbers + part
part = numbers + numbers
part = numbers * 2 + 2 * numbers
other: comem.List[int] = numbers.copy()
first: bool = numbers < other or numbers >= part
names: comem.list[str] = comem.list()
with comem.Manager(deep=True) as manager:
    words = manager.list(["one"])
    word: str = words[0]
    proxy: ListProxy[str] = words
    copied: builtins.list[str] = words.copy()
    copied = words + words[1:] + words * 2
    words.sort(key=len)
    words.insert(0, words.pop(0))
    standard_proxy: standard.ListProxy[str] = words
    shared: comem.List[str] = words
    standard_manager: standard.SyncManager = manager
    table: Dict[ListProxy[str], int] = {words: 1}
    scores = manager.dict(one=1)
    score_proxy: DictProxy[str, int] = scores
    standard_dict: standard.DictProxy[str, int] = scores
    shared_dict: comem.Dict[str, int] = scores
    copied_dict: builtins.dict[str, int] = scores.copy()
    key_list: builtins.list[str] = scores.keys()
    manager.dict({1: "one"}).update({2: "two"})
    number = scores["one"] + scores.pop("one", 2) + scores.add("one") + manager.dict([("two", 2)])["two"]
    made: builtins.dict[str, int] = scores.fromkeys(["a"], 1)
    dict_table: Dict[DictProxy[str, int], int] = {scores: 1}
    items_of: MutableSequence[str] = words
    best: ValueProxy[int] = manager.Value("i", 1)
    standard_value: standard.ValueProxy[int] = best
    shared_value: comem.Value[int] = best
    number = best.value + best.get() + best.add(2)
    best.set(3)
plain: builtins.list[int] = [*numbers]
names_of: comem.Dict[int, str] = comem.Dict({1: "one"})
names_of[2] = "two"
names_of.update([(3, "three")])
names_of |= {4: "four"}
name: str = names_of[1] + names_of.get(2, "") + names_of.pop(3) + names_of.setdefault(1, "x")
maybe: Optional[str] = names_of.get(5)
pair: Tuple[int, str] = names_of.popitem()
both: builtins.dict[Union[int, bool], Union[str, float]] = names_of | {True: 1.5}
for number, name in names_of.items():
    del names_of[number]
keys = names_of.keys() & {1, 2}
for number in reversed(names_of.keys()):
    pass
if names_of.cas(1, comem.MISSING, "new") and names_of.cas(1, "new", comem.MISSING):
    names_of.update_if(1, lambda value: comem.KEEP if value is comem.MISSING else value + "x")
def longest(text: Any) -> Any:
    return comem.KEEP if text is comem.MISSING else text + "x"
names_of.update_if(1, longest)
def total(values: MutableSequence[int], named: Sequence[int], table: MutableMapping[int, str]) -> int:
    return sum(values) + sum(named) + len(table)
number = total(numbers, numbers, names_of)
copied_names: comem.Dict[int, str] = names_of.copy()
mapping: Mapping[int, str] = names_of
plain_names: builtins.dict[int, str] = dict(names_of)
counts: comem.dict[str, int] = comem.dict(a=1)
number = counts.add("a") + counts.add("b", 2)
print(dict(**counts))
final_list: comem.List[str] = comem.var("final_list", [])
final_list.append("one")
totals: comem.Dict[str, int] = comem.var("totals", {"a": 1})
number = totals.add("a") + comem.var("made", factory=lambda: {"a": 1})["a"]
named: comem.List[int] = comem.var("numbers", numbers)
listed: ListProxy[str] = comem.var("words", factory=lambda: words)
total_of: comem.Value[int] = comem.var("total", 0)
number = total_of.add(1) + comem.var("total 2", factory=lambda: 5).value
same_value: comem.Value[float] = comem.var("measured", comem.Value("d", 0.5))
nobody_knows: Any = comem.var("total")
comem.forget("final_list")
warning: UserWarning = comem.PrivateCopyWarning()
counter: comem.Value[int] = comem.Value("q", 0)
number = counter.value + counter.get() + counter.add() + counter.add(5)
counter.value = 7
counter.set(number)
if counter.cas(7, 8) and counter.typecode == "q":
    print(hash(counter), counter == comem.Value("q"))
measured = comem.Value(ctypes.c_double, 0.5)
real: float = measured.value
latest = comem.Value(None, "text")
name = latest.get()
with comem.open("name", create=False, size_limit=1 << 30, pickle=False) as store:
    lines: comem.List[str] = store.list("lines")
    word_counts: comem.Dict[str, int] = store.dict("words")
    roots: builtins.list[str] = store.roots() + list(store)
    length: int = len(store)
    opened: comem.Store = store
    if "lines" in store:
        del store["lines"]
comem.unlink(store.name)
comem.open(pathlib.Path("name")).close()
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
comem.Manager(address=5)  # four
comem.List([1]).insert("text", 1)  # five
comem.List([1])[:] = ["text"]  # six
text = comem.List(["a"])[:]  # seven
comem.List([1j]).sort()  # eight
comem.Dict(a=1)["a"] = "text"  # nine
comem.Dict(a=1)[1]  # ten
comem.Dict({1: 2}).update(a=1)  # eleven
text = comem.Manager().dict(a=1)["a"]  # twelve
comem.Dict(a=1).cas("a", 1, "text")  # thirteen
comem.var("numbers", [1]).append("text")  # fourteen
comem.var(5)  # fifteen
comem.forget()  # sixteen
comem.Value(None, 1).set("text")  # seventeen
comem.Value()  # eighteen
comem.Value(None, 1).value = "text"  # nineteen
text = comem.Manager().Value("i", 1).value  # twenty
text = comem.Value("i", 1).value  # twenty-one
comem.Value("d", 0.5).set("text")  # twenty-two
comem.open(b"name")  # twenty-three
comem.open("name")["root"] = comem.List()  # twenty-four
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


def test_each_type_that_a_program_is_told_is_so(store_name):
    typed.main(store_name)


@with_mypy
def test_each_type_of_a_program_is_told(tmp_path):
    (tmp_path / "program.py").write_text(pathlib.Path(typed.__file__).read_text())
    done = mypy("mypy", "--strict", "program.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


@with_mypy
def test_a_typical_program_is_strictly_typed(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    done = mypy("mypy", "--strict", "program.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


@with_mypy
def test_wrong_programs_are_found(tmp_path):
    (tmp_path / "wrong.py").write_text(WRONG)
    done = mypy("mypy", "--strict", "wrong.py", cwd=tmp_path)
    assert "Found 24 errors" in done.stdout, done.stdout


ALLOWED = """\
# a decorator that the mypy of today wants and that of yesterday does not know
comem.(_engine.|managers.)?(List|list|ListProxy|Dict|dict|DictProxy|DictKeys|DictValues|DictItems|Value|ValueProxy|Unbound)
# the standard ones take *args, too; their server says what does not fit
comem.managers.SyncManager.(Event|Lock|Namespace|RLock)
"""


@with_mypy
@pytest.mark.skipif(sys.version_info < (3, 10), reason="the last mypy for Python 3.9 takes names of typing for ours")
def test_the_stubs_say_what_is_there(tmp_path):
    (tmp_path / "allowed").write_text(ALLOWED)
    done = mypy("mypy.stubtest", "comem", "--allowlist=allowed", "--ignore-unused-allowlist", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
