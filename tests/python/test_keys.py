"""Keys: what is one key and what is not, row by row of docs/keys.md; in every process, whatever its hash seed."""

import dataclasses
import datetime
import decimal
import enum
import fractions
import multiprocessing
import os

import keys_table
import pytest
from conftest import Child
from faces import DICT_FACES

import comem


@pytest.fixture(params=DICT_FACES, ids=lambda make: make.__name__)
def face(request):
    return request.param


@pytest.mark.parametrize("row", keys_table.ROWS, ids=lambda row: row[0])
def test_a_row_of_the_table(face, row):
    name, same, others = row
    for first in same:
        shared = face({first: name})
        for key in same:
            assert shared[key] == name and key in shared
            shared[key] = name
        assert len(shared) == 1
        for key in others:
            assert key not in shared and shared.get(key) is None
        (kept,) = shared.keys()
        assert type(kept) is type(first)
        assert kept == first or first != first
        for key in same:
            assert shared.pop(key) == name
            shared[key] = name


@pytest.mark.parametrize("row", keys_table.ROWS, ids=lambda row: row[0])
def test_keys_that_are_equal_in_python_are_one_key(row):
    """The table agrees with Python itself, but for NaN."""
    name, same, others = row
    if name != "nan":
        assert all(hash(key) == hash(same[0]) and key == same[0] for key in same)
        assert not any(key == same[0] for key in others)


def test_all_keys_of_the_table_stand_in_one_dict(face):
    shared, plain = face(), {}
    for name, same, others in keys_table.ROWS:
        for key in same[:1] + others[:1]:
            if key == key and key not in plain:
                shared[key] = plain[key] = (name, repr(key))
    for key, value in plain.items():
        assert shared[key] == value
    assert len(shared) == len(plain)


def other_process(seed, function, *arguments):
    """What function(*arguments) returns in a process of that hash seed."""
    context = multiprocessing.get_context("spawn")
    kept = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = seed
    try:
        reader, writer = context.Pipe(duplex=False)
        child = context.Process(target=send, args=(writer, function, *arguments))
        child.start()
        writer.close()
        result = reader.recv()
        child.join()
    finally:
        if kept is None:
            del os.environ["PYTHONHASHSEED"]
        else:
            os.environ["PYTHONHASHSEED"] = kept
    return result


def send(writer, function, *arguments):
    writer.send(function(*arguments))


def seed_of_hashes():
    return os.environ["PYTHONHASHSEED"], hash("text")


def store_rows(shared, face):
    for name, same, _ in keys_table.ROWS:
        shared[name] = [face({key: name}) for key in same]


def look_up_rows(shared):
    return keys_table.look_up([list(shared[name]) for name, _, _ in keys_table.ROWS])


def test_keys_stored_by_one_process_are_found_by_others_of_other_hash_seeds():
    assert len({other_process(seed, seed_of_hashes)[1] for seed in ("1", "2")}) == 2
    shared = comem.Dict()
    store_rows(shared, comem.Dict)
    for seed in ("1", "2"):
        assert other_process(seed, look_up_rows, shared) == []
    shared = comem.Dict()
    other_process("3", store_rows, shared, comem.Dict)
    assert other_process("4", look_up_rows, shared) == []
    assert look_up_rows(shared) == []


# ---- refused ----


class Plain:
    pass


class SameButUnhashable:
    def __eq__(self, other):
        return True


class HashedByIdentity:
    __hash__ = object.__hash__

    def __eq__(self, other):
        return True


@pytest.mark.parametrize("key", [[], {}, set(), bytearray(b"a"), (1, [2]), (1, (2, {})), SameButUnhashable()], ids=repr)
def test_what_is_unhashable_is_a_type_error_as_in_a_dict(face, key):
    shared = face({1: 2})
    for act in (
        lambda: shared.__setitem__(key, 1),
        lambda: shared[key],
        lambda: shared.get(key),
        lambda: key in shared,
        lambda: shared.pop(key, None),
        lambda: shared.setdefault(key, 1),
        lambda: shared.__delitem__(key),
    ):
        with pytest.raises(TypeError, match="unhashable type"):
            act()
    assert shared.copy() == {1: 2}


class Hashed:
    """Says what its hash is taken of, and leaves how it is compared to identity."""

    def __init__(self, name):
        self.name = name

    def __hash__(self):
        return hash(self.name)


def test_an_object_with_a_hash_of_its_own_is_compared_by_its_state(face):
    shared = face({Hashed("a"): 1})
    assert shared[Hashed("a")] == 1 and Hashed("b") not in shared
    (kept,) = shared.keys()
    assert type(kept) is Hashed and kept.name == "a"


BY_IDENTITY = [Plain(), (1, Plain()), frozenset({Plain()}), HashedByIdentity(), object()]


@pytest.mark.parametrize("key", BY_IDENTITY, ids=lambda key: type(key).__name__)
def test_what_is_compared_by_identity_is_a_type_error_that_says_why(face, key):
    shared = face()
    for act in (lambda: shared.__setitem__(key, 1), lambda: key in shared, lambda: shared.update({key: 1})):
        with pytest.raises(TypeError, match="compared by identity, so a copy of it could never be found again"):
            act()
    assert len(shared) == 0


def test_local_classes_and_functions_are_no_keys(face):
    class Local:
        pass

    for key in (Local, lambda: None, (1, Local)):
        with pytest.raises(TypeError, match="so a copy would not be either"):
            face()[key] = 1


def local_keys():
    """Of classes that stand inside a function: an object, a dataclass, an Enum, and a tuple with all of them."""

    class Name(keys_table.Text):
        __hash__ = keys_table.Text.__hash__

        def __eq__(self, other):
            return type(other) is Name and str(self) == str(other)

    @dataclasses.dataclass(frozen=True)
    class Point:
        x: int

    class Colour(enum.Enum):
        RED = 1

    keys = [Name("a"), Point(1), Colour.RED]
    return keys + [tuple(keys)]


def test_objects_of_local_classes_are_keys(face):
    keys, others = local_keys(), local_keys()  # of other classes, of the same names
    shared = face((key, number) for number, key in enumerate(keys))
    assert [shared[key] for key in keys] == [shared.pop(key) for key in others] == [0, 1, 2, 3]
    shared.update((key, None) for key in keys)
    assert list(shared) == keys
    assert Child(lambda: list(shared) == keys and all(shared.cas(key, None, 1) for key in keys)).result()
    assert list(shared.values()) == [1] * 4


def read_local_keys(shared):
    found = [shared[key] for key in local_keys()]
    reasons = []
    for key in range(2):
        try:
            reasons.append(len(list(shared)))
        except comem.ValueUnreadable as error:
            reasons.append(str(error))
        shared.update((key, "read") for key in local_keys())
    return found, reasons


def test_keys_of_local_classes_are_found_everywhere_and_read_where_such_a_key_was_used():
    shared = comem.Dict((key, number) for number, key in enumerate(local_keys()))
    found, (reason, count) = other_process("1", read_local_keys, shared)
    assert found == [0, 1, 2, 3] and count == 4
    assert "test_keys.local_keys.<locals>.Name" in reason and "stands inside a function" in reason
    assert list(shared.values()) == ["read"] * 4


def test_values_of_local_classes_are_refused_as_ever(face):
    shared = face({key: 1 for key in local_keys()})
    for key in local_keys():
        with pytest.raises(TypeError, match="cannot store"):
            shared["value"] = key
    assert len(shared) == 4


def test_shared_objects_are_no_keys(face):
    for key in (comem.List([1]), comem.Manager().list(), comem.Manager().dict(), (comem.Manager().list(),)):
        with pytest.raises(TypeError):
            face()[key] = 1


class Angry:
    def __eq__(self, other):
        return True

    def __hash__(self):
        raise ZeroDivisionError


def test_what_a_keys_own_methods_raise_is_raised(face):
    with pytest.raises(ZeroDivisionError):
        face()[Angry()] = 1


class Ring:
    """Contains itself."""

    def __init__(self):
        self.ring = self

    def __eq__(self, other):
        return type(other) is Ring

    def __hash__(self):
        return 1


def test_a_key_that_contains_itself_is_a_type_error(face):
    with pytest.raises(TypeError, match="contains itself"):
        face()[Ring()] = 1


def test_a_key_error_carries_the_key_as_it_was_given(face):
    for key in (1.0, keys_table.Colour.RED, keys_table.Text("no"), (1, True)):
        with pytest.raises(KeyError) as caught:
            face()[key]
        assert caught.value.args[0] is key


def test_without_pickle_only_plain_keys_are_stored_but_all_are_looked_for():
    shared = comem.Manager(pickle=False).dict({1: "one", ("a", 2): "two"})
    assert shared[keys_table.Number.ONE] == "one" and shared[("a", 2.0)] == "two"
    assert keys_table.Colour.RED not in shared
    with pytest.raises(TypeError, match="pickle=False"):
        shared[keys_table.Colour.RED] = 1


def test_hypothetical_numbers_are_one_key_as_in_a_dict(face):
    numbers = [0, 1, -1, 2**53, 2**53 + 1, 2**63, 2**63 - 1, -(2**63), 2**64, 10**30, 2**1000]
    numbers += [float(number) for number in numbers] + [0.1, 1e300, float("inf")]
    numbers += [fractions.Fraction(number) for number in numbers[:11]] + [decimal.Decimal(number) for number in numbers[:11]]
    shared, plain = face(), {}
    for place, number in enumerate(numbers):
        shared[number] = plain[number] = place
    assert list(shared.values()) == list(plain.values())
    assert [shared[number] for number in numbers] == [plain[number] for number in numbers]


def test_a_number_with_a_large_exponent_is_a_key_at_once():
    shared = comem.Dict({decimal.Decimal("1e999999"): "large"})
    assert shared[decimal.Decimal("10e999998")] == "large"
    assert decimal.Decimal("1e-999999") not in shared and decimal.Decimal("2e999999") not in shared


def test_equal_times_of_a_repeated_hour_are_one_key():
    zone = pytest.importorskip("zoneinfo").ZoneInfo("Europe/Berlin")
    first = datetime.datetime(2020, 10, 25, 2, 30, tzinfo=zone)
    assert comem.Dict({first: 1}).get(first.replace(fold=1)) == 1


def test_the_type_of_none_and_tuples_too_deep():
    shared = comem.Dict({type(None): 1})
    assert shared[type(None)] == 1
    deep = ()
    for _ in range(120):
        deep = (deep,)
    with pytest.raises(TypeError, match="100 deep"):
        shared[deep] = 1
