"""The table of docs/keys.md as Python objects: run as a script it stores each row's keys, or looks them up.

Each entry of ROWS is a row: (name, [keys that are one key], [keys that are others]). A process that stores and one that looks up
have hash seeds of their own, and make their own objects.
"""

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import ipaddress
import pathlib
import uuid

try:
    import numpy
except ImportError:
    numpy = None


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"
    LIST = [1]


class Other(enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


class Word(str, enum.Enum):
    WORD = "word"


class Flags(enum.Flag):
    A = 1
    B = 2


@dataclasses.dataclass(frozen=True)
class Frozen:
    name: str
    other: object
    ignored: int = dataclasses.field(default=0, compare=False)


@dataclasses.dataclass(frozen=True)
class FrozenToo:
    name: str
    other: object


class Text(str):
    pass


class Equal:
    """Compared by state, which has sets and dicts in any order."""

    def __init__(self, *parts):
        self.parts = parts
        self.names = {"b", "a", "c"}
        self.table = {name: [name] for name in sorted(self.names)}

    def __eq__(self, other):
        return type(other) is type(self) and self.parts == other.parts

    def __hash__(self):
        return hash(self.parts)


class Shuffled(Equal):
    def __init__(self, *parts):
        super().__init__(*parts)
        self.table = {name: [name] for name in sorted(self.names, reverse=True)}

    __eq__ = Equal.__eq__
    __hash__ = Equal.__hash__

    def __reduce__(self):
        return Shuffled, self.parts, {"table": self.table, "names": self.names}


class Own:
    """Says itself which key it is."""

    def __init__(self, number, noise):
        self.number, self.noise = number, noise

    def __eq__(self, other):
        return isinstance(other, Own) and self.number == other.number

    def __hash__(self):
        return hash(self.number)

    def __comem_key__(self):
        return ["own", self.number]


class OwnToo(Own):
    pass


Point = collections.namedtuple("Point", "x y")
UTC = datetime.timezone.utc
EAST = datetime.timezone(datetime.timedelta(hours=1))
NAMES = [f"name{i}" for i in range(30)]

ROWS = [
    ("none", [None], [0, "None", False]),
    ("small numbers", [1, 1.0, True, Number.ONE, decimal.Decimal(1), fractions.Fraction(1)], [2, 1.5, "1"]),
    ("zero", [0, -0.0, 0.0, False], [None, ""]),
    ("fractions of two", [0.5, fractions.Fraction(1, 2), decimal.Decimal("0.5")], [1, 0]),
    ("big numbers", [2**70, 2.0**70, decimal.Decimal(2**70)], [2**70 + 1, 2**71]),
    ("bigger than 64 bits by one", [2**64, 2.0**64], [2**64 - 1, -(2**64)]),
    ("numbers at the end", [-(2**63), -(2.0**63)], [2**63, -(2**63) - 1]),
    ("other fractions", [fractions.Fraction(1, 10), decimal.Decimal("0.10"), decimal.Decimal("0.1")], [0.1]),
    ("infinity", [float("inf"), decimal.Decimal("inf")], [float("-inf")]),
    ("nan", [float("nan"), float("nan")], [0]),
    ("complex", [1 + 2j, complex(1, 2)], [1 + 3j]),
    ("str", ["text", Text("text")], [b"text", "Text"]),
    ("str of an enumeration", ["word", Word.WORD], ["WORD"]),
    ("str with surrogates", ["a\udc80", Text("a\udc80")], ["a\udc81"]),
    ("long str", ["x" * 100, Text("x" * 100)], ["x" * 101]),
    ("str beyond ascii", ["\xe9\u20ac\U0001f600"], ["\xe9\u20ac"]),
    ("bytes", [b"bytes", bytes(b"bytes")], ["bytes"]),
    ("tuples", [(1, "a", (2.0,)), (True, "a", (2,)), (1, Text("a"), (2,))], [(1, "a", 2), (1, "a")]),
    ("named tuples", [Point(1, 2), (1, 2), (1.0, 2)], [(2, 1)]),
    ("frozensets", [frozenset(NAMES), frozenset(reversed(NAMES))], [frozenset(NAMES[1:]), tuple(NAMES)]),
    ("nested sets", [(frozenset({frozenset(NAMES), 1}),), (frozenset({True, frozenset(NAMES)}),)], [(frozenset({1}),)]),
    ("enumerations", [Colour.RED, Colour("red")], [Other.RED, Colour.BLUE, "red", "RED"]),
    ("enumerations of lists", [Colour.LIST], [Colour.RED]),
    ("flags", [Flags.A | Flags.B, Flags.B | Flags.A], [Flags.A, 3]),
    ("dataclasses", [Frozen("a", 1), Frozen("a", 1.0, 7)], [Frozen("a", 2), FrozenToo("a", 1), ("a", 1)]),
    ("nested dataclasses", [Frozen("a", (Colour.RED, frozenset(NAMES)))], [Frozen("a", (Other.RED, frozenset(NAMES)))]),
    ("dates", [datetime.date(2024, 2, 29)], [datetime.date(2024, 3, 1), datetime.datetime(2024, 2, 29)]),
    ("datetimes", [datetime.datetime(2024, 2, 29, 12), datetime.datetime(2024, 2, 29, 12, fold=1)], [
        datetime.datetime(2024, 2, 29, 12, tzinfo=UTC)]),
    ("aware datetimes", [datetime.datetime(2024, 2, 29, 12, tzinfo=UTC), datetime.datetime(2024, 2, 29, 13, tzinfo=EAST)], [
        datetime.datetime(2024, 2, 29, 12, tzinfo=EAST)]),
    ("times", [datetime.time(12, 30)], [datetime.time(12, 31), datetime.time(12, 30, tzinfo=UTC)]),
    ("aware times", [datetime.time(12, tzinfo=UTC), datetime.time(13, tzinfo=EAST)], [datetime.time(12, tzinfo=EAST)]),
    ("durations", [datetime.timedelta(1), datetime.timedelta(hours=24)], [datetime.timedelta(2), 86400]),
    ("time zones", [UTC, datetime.timezone(datetime.timedelta(0), "name")], [EAST]),
    ("uuids", [uuid.UUID(int=7), uuid.UUID("00000000-0000-0000-0000-000000000007")], [uuid.UUID(int=8), 7]),
    ("paths", [pathlib.Path("a/b"), pathlib.PurePosixPath("a//b")], [pathlib.Path("a"), "a/b", pathlib.PureWindowsPath("a/b")]),
    ("paths of windows", [pathlib.PureWindowsPath("A\\b"), pathlib.PureWindowsPath("a/B")], [pathlib.PureWindowsPath("a")]),
    ("addresses", [ipaddress.ip_address("127.0.0.1"), ipaddress.IPv4Address(2130706433)], [ipaddress.ip_address("127.0.0.2")]),
    ("ranges", [range(3)], [range(4)]),
    ("classes", [int], [float, Colour, "int"]),
    ("functions", [len], [functools.reduce, "len"]),
    ("singletons", [Ellipsis], [NotImplemented]),
    ("own types", [Equal(1, "a"), Equal(1.0, "a")], [Equal(2), (1, "a")]),
    ("own types in any order", [Shuffled(1, "a")], [Shuffled(2), Equal(1, "a")]),
    ("types that say their key", [Own(1, "x"), Own(1, "y"), OwnToo(1, "z")], [Own(2, "x"), ("own", 1), 1]),
    ("objects in tuples", [(Colour.RED, 1, frozenset({Colour.BLUE, 2})), (Colour.RED, True, frozenset({2.0, Colour.BLUE}))], [
        (Other.RED, 1, frozenset({Colour.BLUE, 2}))]),
]  # fmt: skip
if numpy is not None:
    ROWS += [
        ("numpy ints", [numpy.int64(3), numpy.uint8(3), 3, numpy.float32(3), numpy.float64(3)], [numpy.int64(4)]),
        ("numpy floats", [numpy.float32(0.5), numpy.float64(0.5), 0.5, numpy.float16(0.5)], [numpy.float32(0.1)]),
        ("numpy bools", [numpy.bool_(True), numpy.True_, True, 1], [numpy.bool_(False)]),
        ("numpy str", [numpy.str_("abc"), "abc"], [b"abc", numpy.str_("abd")]),
        ("numpy bytes", [numpy.bytes_(b"abc"), b"abc"], ["abc"]),
        ("numpy complex", [numpy.complex128(1 + 2j), 1 + 2j, numpy.complex64(1 + 2j)], [numpy.complex128(2)]),
        ("numpy in tuples", [(numpy.int64(1), numpy.str_("a")), (1, "a")], [(numpy.int64(2), "a")]),
        ("numpy dates", [numpy.datetime64("2024-02-29")], [numpy.datetime64("2024-03-01")]),
        ("numpy types", [numpy.dtype("i4")], [numpy.dtype("i8")]),
    ]


def store(shared):
    """Each key of each row in a dict of its own: a list of lists of dicts."""
    return [[shared({key: name}) for key in same] for name, same, _ in ROWS]


def look_up(dicts):
    """What does not hold, in words."""
    wrong = []
    for (name, same, others), row in zip(ROWS, dicts):
        for stored, table in enumerate(row):
            wrong += [f"{name}: {key!r} is not {same[stored]!r}" for key in same if table.get(key) != name]
            wrong += [f"{name}: {key!r} is {same[stored]!r}" for key in others if key in table]
            first = next(iter(table.keys()))
            if type(first) is not type(same[stored]):
                wrong.append(f"{name}: keys() gives {first!r}, not {same[stored]!r}")
    return wrong
