"""The vectors of tests/vectors, which the tests in C read as well: the same bytes mean the same in both languages."""

import math
import pathlib
import re

import pytest

import comem
from comem import _engine

VECTORS = pathlib.Path(__file__).parent.parent / "vectors" / "values.txt"


def lines(word):
    """(number, fields) of each line that begins with the word."""
    for number, line in enumerate(VECTORS.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith(word + " "):
            yield number, line.split(" ", 3 if word == "key" else 2)[1:]


NUMBERS = {"nan": math.nan, "inf": math.inf, "nanj": complex(0, math.nan), "infj": complex(0, math.inf)}


def meaning(text):
    """A value as the vectors write it."""
    return eval(re.split(" with | as ", text)[0], NUMBERS)


def unpack(data):
    return _engine._unpack(comem.List(), b"" if data == "-" else bytes.fromhex(data))


def test_there_are_vectors_of_every_word():
    assert all(len(list(lines(word))) > 5 for word in ("value", "read", "wrong", "key", "nokey"))


def test_values_are_read_as_the_vectors_say():
    for word in ("value", "read"):
        for number, (data, text) in lines(word):
            assert repr(unpack(data)) == text, number


def test_values_are_packed_as_the_vectors_say():
    for number, (data, text) in lines("value"):
        assert _engine._pack(comem.List(), unpack(data)).hex() == data, number
    for number, (data, text) in lines("read"):
        assert _engine._pack(comem.List(), unpack(data)).hex() != data, number


def test_what_nothing_packs_is_damaged():
    for number, (data, reason) in lines("wrong"):
        with pytest.raises(comem.DamagedError):
            unpack(data)
            pytest.fail(f"line {number}: {reason}")


def test_every_value_cut_short_or_with_a_byte_more_is_damaged():
    for number, (data, _) in lines("value"):
        for size in {*range(0, min(len(data), 64), 2), len(data) // 2 - len(data) // 2 % 2}:
            with pytest.raises(comem.DamagedError):
                unpack(data[:size] or "-")
                pytest.fail(f"line {number}, cut to {size // 2} bytes")
        with pytest.raises(comem.DamagedError):
            unpack(data + "c0")


def test_containers_with_items_that_have_no_hash_are_damaged():
    for data in ("d5029190", "d5039180", "819001"):
        with pytest.raises(comem.DamagedError):
            unpack(data)


def is_typed(data):
    """Whether there is a type's name in it: the canonical form of an object, never a value."""
    return re.search("(d[4-8]|c7..)0992", data) is not None


def test_keys_meet_as_the_vectors_say():
    for number, (data, form, text) in lines("key"):
        if is_typed(data):
            with pytest.raises(comem.DamagedError):
                unpack(data)
            continue
        stored = comem.Dict({unpack(data): number})
        assert stored[unpack(form)] == number, number
        if "nan" not in text:
            assert stored[meaning(text)] == number, number


def test_what_is_no_key_is_none():
    for number, (data, text) in lines("nokey"):
        if not is_typed(data):
            with pytest.raises(TypeError):
                comem.Dict({1: 2})[unpack(data)]
