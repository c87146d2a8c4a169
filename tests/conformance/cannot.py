"""Which of CPython's own tests cannot pass, in which face, and why. conformance.py fails when one of these passes."""

import collections

Cannot = collections.namedtuple("Cannot", "test faces reason since before")
BOTH = ("native", "manager")


def both(test, reason, since=(3, 9), before=(4,)):
    return Cannot(test, BOTH, reason, since, before)


def native(test, reason, since=(3, 9), before=(4,)):
    return Cannot(test, ("native",), reason, since, before)


def manager(test, reason, since=(3, 9), before=(4,)):
    return Cannot(test, ("manager",), reason, since, before)


# Each by the class that defines the test: its subclasses inherit the reason. `since` and `before`: on these Pythons only.
CANNOT = [
]


def reasons(face, version):
    """The tests that cannot pass in this face on this Python, each with its reason."""
    return {one.test: one.reason for one in CANNOT if face in one.faces and one.since <= version < one.before}
