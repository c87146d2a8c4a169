"""What Python stored comes back from `comem export` and `comem import`: equal, of the same type, in the same order."""

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import math
import os
import stat
import struct
import subprocess
import sys
import uuid

import pytest

import comem
from conftest import LIMIT, store_file


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: object


class Words(list):
    """A list with an attribute of its own."""


def run(*arguments, **options):
    """The completed `comem` with these arguments."""
    return subprocess.run([sys.executable, "-m", "comem.cli", *map(str, arguments)], timeout=LIMIT, **options)


@pytest.fixture
def sent(store_name, tmp_path):
    """Exports the store `store_name` and imports it under another name; gives that, opened."""
    path, name = tmp_path / "store.comem", store_name + "-copy"

    def send():
        run("export", store_name, path, check=True)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        run("import", path, name, check=True)
        return comem.open(name, create=False)

    yield send
    comem.open(name, create=False).close()
    comem.unlink(name)


def bits(number):
    return struct.pack("d", number)


def assert_same(one, other):
    """Equal and of the same type, all the way down; an ndarray by its content, a float by its bits."""
    assert type(one) is type(other)
    if isinstance(one, float):
        assert bits(one) == bits(other)
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for first, second in zip(one, other):
            assert_same(first, second)
        assert getattr(one, "__dict__", None) == getattr(other, "__dict__", None)
    elif isinstance(one, dict):
        assert_same(list(one.items()), list(other.items()))
    elif type(one).__name__ == "ndarray":
        assert (one.dtype, one.shape) == (other.dtype, other.shape) and (one == other).all()
    elif isinstance(one, BaseException):
        assert_same(one.args, other.args)
    else:
        assert one == other


VALUES = [
    None, True, False, 0, -1, 255, -(2**63), 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**100, -(2**100), 10**1000,
    0.0, -0.0, 0.1, 5e-324, math.inf, -math.inf, math.nan, 1 + 2j, complex(-0.0, math.inf),
    "", "a", "thirteen char", "fourteen chars", "caf\u00e9 \U0001f343", "\udc80 alone", "x" * 100_000, "\0",
    b"", b"\xff" * 14, bytearray(b"changes"), b"large" * 4_000_000,
    (), (1, "two", (3.0, None)), ("tuple", [1, [2]], {"k": {1, 2}}, frozenset({3})),
    decimal.Decimal("1.10"), fractions.Fraction(1, 3), datetime.datetime(2000, 1, 2, tzinfo=datetime.timezone.utc),
    uuid.UUID(int=5), Colour.RED, Point(1, [2, {"three": 3}]), ValueError("no", 2), int, len, ..., range(3),
    collections.OrderedDict(b=1, a=2), collections.Counter("abca"), collections.deque([1, 2], 5),
]  # fmt: skip

KEYS = [
    "z", "a", "\udc80", "a key that is longer than a cell", b"bytes", None, True, 2, 2.5, -0.0, 1e300, 2**100, -(2**64),
    (1.0, "x", (True,)), frozenset({"b", "a", 1.0}), (), 3 + 4j, decimal.Decimal("0.1"), fractions.Fraction(1, 7),
    datetime.date(2000, 1, 1), uuid.UUID(int=6), Colour.RED, Point(1, "frozen"), (Point(2, 3), "within"), int, "last",
]  # fmt: skip


def test_values_of_every_kind_come_back(store_name, sent):
    with comem.open(store_name) as store:
        store.list("values").extend(VALUES)
        there = sent()["values"]
        assert len(there) == len(VALUES)
        for i, value in enumerate(VALUES):
            assert_same(value, there[i])


def test_keys_of_every_kind_come_back_in_order_and_are_found(store_name, sent):
    with comem.open(store_name) as store:
        here = store.dict("keys")
        for i, key in enumerate(KEYS):
            here[key] = i
        del here["a"]
        there = sent()["keys"]
        assert_same(list(here.keys()), list(there.keys()))
        assert_same([key for key in KEYS if key != "a"], list(there.keys()))
        for i, key in enumerate(KEYS):
            assert there.get(key) == (None if key == "a" else i)
        assert there[1.0] == KEYS.index(True) and there[True] == KEYS.index(True)


def test_arrays_come_back(store_name, sent):
    numpy = pytest.importorskip("numpy")
    arrays = [numpy.arange(100_000), numpy.zeros((3, 4, 5), "f4"), numpy.array(["a", "bc"]), numpy.array(2.5)]
    with comem.open(store_name) as store:
        store.list("arrays").extend(arrays)
        assert_same(arrays, list(sent()["arrays"]))


def test_a_pickled_list_is_one_object_where_it_was_one(store_name, sent):
    words = Words(["one"])
    words.note = "an attribute"
    ring = [words, words]
    ring.append(ring)
    with comem.open(store_name) as store:
        store.dict("d")["value"] = (ring, words)
        back, alone = sent()["d"]["value"]
        assert back[0] is back[1] is alone and back[2] is back
        assert type(alone) is Words and alone == ["one"] and alone.note == "an attribute"


def test_shared_objects_come_back_as_one_and_in_rings(store_name, sent):
    with comem.open(store_name) as store:
        outer = store.list("outer")
        outer.append({"inner": [1]})
        outer.append(outer)
        outer.append(outer[0])
        outer.append((outer[0], "in a tuple"))
        outer.append(Point(1, outer[0]))
        store.var("same", factory=lambda: outer)
        there = sent()
        back = there["outer"]
        assert there.roots() == store.roots()
        assert back[1] == back and there["same"] == back
        back[0]["inner"].append(2)
        for found in (back[2], back[3][0], back[4].y):
            assert found["inner"] == [1, 2] and type(found) is comem.Dict
        assert outer[0]["inner"] == [1]


def test_deep_lists_come_back(store_name, sent):
    with comem.open(store_name) as store:
        innermost = store.list("deep")
        for _ in range(3000):
            innermost.append([])
            innermost = innermost[0]
        innermost.append("bottom")
        found = sent()["deep"]
        for _ in range(3000):
            assert len(found) == 1 and type(found) is comem.List
            found = found[0]
        assert found == ["bottom"]


def test_a_store_goes_through_a_pipe(store_name):
    name = store_name + "-copy"
    with comem.open(store_name) as store:
        store.dict("d").update({i: str(i) for i in range(10_000)})
        out = run("export", store_name, check=True, stdout=subprocess.PIPE).stdout
        run("import", "-", name, check=True, input=out)
        with comem.open(name, create=False) as there:
            assert list(there["d"].items()) == list(store["d"].items())
        comem.unlink(name)


def fails(*arguments):
    """What a `comem` that has to fail says."""
    done = run(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.startswith("comem: ")
    return done.stderr


def test_what_cannot_be_imported_is_refused_and_leaves_nothing(store_name, tmp_path):
    path, copy = tmp_path / "store.comem", store_name + "-copy"
    with comem.open(store_name) as store:
        store.list("l").append("zz")
    run("export", store_name, path, check=True)
    assert "there is such a file already" in fails("import", path, store_name)
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    assert "cut short" in fails("import", path, copy)
    path.write_bytes(data.replace(b"zz", b"yy"))
    assert "the checksum does not fit" in fails("import", path, copy)
    path.write_bytes(b"something else")
    assert "no export" in fails("import", path, copy)
    assert not os.path.lexists(store_file(copy))


def test_an_export_that_fails_leaves_what_was_there(store_name, tmp_path):
    path = tmp_path / "store.comem"
    path.write_text("before")
    assert "there is no such store" in fails("export", store_name, path)
    with comem.open(store_name) as store:
        store.list("l").append("x" * 1_000_000)
    limited = f"ulimit -f 100; exec {sys.executable} -m comem.cli export {store_name} {path}"
    done = subprocess.run(["sh", "-c", limited], stderr=subprocess.PIPE, timeout=LIMIT)
    assert done.returncode == 1 and b"writing failed" in done.stderr
    assert path.read_text() == "before" and os.listdir(tmp_path) == ["store.comem"]
    run("export", store_name, path, check=True)
    assert path.stat().st_size > 1_000_000 and os.listdir(tmp_path) == ["store.comem"]
