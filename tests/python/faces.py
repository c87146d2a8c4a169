"""What the tests of both faces share: lists and dicts of either, and what an act does to one."""

import comem

_manager = None


def native(items=()):
    return comem.List(items)


def managed(items=()):
    return manager().list(items)


def manager():
    global _manager
    if _manager is None:
        _manager = comem.Manager()
    return _manager


FACES = [native, managed]


def native_dict(*args, **values):
    return comem.Dict(*args, **values)


def managed_dict(*args, **values):
    return manager().dict(*args, **values)


DICT_FACES = [native_dict, managed_dict]


def outcome(act, target):
    """What act(target) returns, or the type and text of what it raises."""
    try:
        return ("returned", act(target))
    except Exception as error:
        return (type(error), str(error))


def assert_same(act, shared, plain):
    """act does to both lists the same, and leaves them equal."""
    seen, expected = outcome(act, shared), outcome(act, plain)
    assert seen == expected
    assert type(seen[1]) is type(expected[1])
    assert list(shared) == plain
    return seen[1]


def assert_same_dict(act, shared, plain):
    """act does to both dicts the same, and leaves them equal and in the same order."""
    seen, expected = outcome(act, shared), outcome(act, plain)
    assert seen == expected
    assert type(seen[1]) is type(expected[1])
    assert shared.copy() == plain and list(shared) == list(plain)
    return seen[1]


class Index:
    """A number that is one by __index__ alone; `before` runs first."""

    def __init__(self, number, before=lambda: None):
        self.number = number
        self.before = before

    def __index__(self):
        self.before()
        return self.number
