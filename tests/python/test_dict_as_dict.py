"""A shared dict where programs have a dict: what the built-in one can do, a shared one does, in both faces."""

import collections

import pytest

import comem
from faces import DICT_FACES, managed_dict, outcome


@pytest.fixture(params=DICT_FACES, ids=lambda face: face.__name__)
def face(request):
    return request.param


# ---- fromkeys --------------------------------------------------------------------------------------------------------


class Unwilling:
    """An iterable that raises when it is read."""

    def __iter__(self):
        return self

    def __next__(self):
        raise ZeroDivisionError


def test_fromkeys_takes_what_the_built_in_takes(face):
    for arguments in (("abc",), ("aba", 1), ([],), (iter([1, 1.0, 2]), "x"), ({"k": 1},), (face(k=1), None)):
        if hasattr(arguments[0], "__next__"):
            arguments = ([*arguments[0]], *arguments[1:])
        made, expected = face().fromkeys(*arguments), dict.fromkeys(*arguments)
        assert made == expected and list(made) == list(expected)
        assert type(made) is (dict if face is managed_dict else comem.Dict)
    for arguments in ((), (1,), (None,), ([[]],), ("a", 1, 2), (Unwilling(),)):
        assert outcome(lambda target: target.fromkeys(*arguments), face()) == outcome(
            lambda target: target.fromkeys(*arguments), {}
        )


def test_fromkeys_makes_what_the_class_makes():
    class Mine(comem.Dict):
        pass

    class Counted(comem.Dict):
        def __setitem__(self, key, value):
            super().__setitem__(key, [value, len(self)])

    class Elsewhere(comem.Dict):
        def __new__(cls):
            return collections.UserDict()

    class Unmade(comem.Dict):
        def __init__(self):
            raise ZeroDivisionError

    assert type(Mine.fromkeys("ab")) is type(Mine().fromkeys("ab")) is Mine and Mine.fromkeys("ab", 1) == {"a": 1, "b": 1}
    assert Counted.fromkeys("abb", "x") == {"a": ["x", 0], "b": ["x", 2]}
    made = Elsewhere.fromkeys("ab")
    assert type(made) is collections.UserDict and made == {"a": None, "b": None}
    for act in (lambda: Unmade.fromkeys(Unwilling()), lambda: Mine.fromkeys(Unwilling()), lambda: Counted.fromkeys(Unwilling())):
        with pytest.raises(ZeroDivisionError):
            act()


def test_the_value_of_fromkeys_is_one_for_all_keys():
    made = comem.Dict.fromkeys("ab", [])
    made["a"].append(1)
    assert made["b"] == [1]
