"""Which of CPython's own tests cannot pass, in which face, and why. conformance.py fails when one of these passes."""

import collections

NATIVE, MANAGER = ("native",), ("manager",)
BOTH = NATIVE + MANAGER
Cannot = collections.namedtuple("Cannot", "faces test reason since before")


def cannot(faces, test, reason, since=(3, 9), before=(4,)):
    return Cannot(faces, test, reason, since, before)


LISTS = "list_tests.CommonTest."
SEQUENCES = "seq_tests.CommonTest."
OWN_LIST = "test_list.ListTest."
MAPPING = "mapping_tests.TestMappingProtocol."
HASH_MAPPING = "mapping_tests.TestHashMappingProtocol."

LOCAL = "it stores objects of a class that pickle cannot find: a function's"
PROXY_REPR = "repr() is the standard proxy's; str() shows the items"
PROXY_DEEP = "repr() is the standard proxy's and does not look inside"
SUBCLASS = "it makes a subclass of what is a function here, the manager's method"
COPIES = "what is read out is a copy, as from a standard manager: changing it changes nothing that is shared"

# Each by the class that defines the test: its subclasses inherit the reason. `since`, `before`: Pythons,
# some of whose releases may lack the test.
CANNOT = [
    cannot(BOTH, SEQUENCES + "test_contains_order", LOCAL),
    cannot(BOTH, LISTS + "test_index", LOCAL),
    cannot(BOTH, LISTS + "test_remove", LOCAL),
    cannot(BOTH, OWN_LIST + "test_reversed_pickle", "it takes a pickled list for a copy; here it is the same list"),
    cannot(NATIVE, LISTS + "test_repr", "repr() names the type: List([0, 1, 2])"),
    cannot(NATIVE, HASH_MAPPING + "test_repr", "repr() names the type: Dict({1: 2})"),
    cannot(MANAGER, LISTS + "test_repr", PROXY_REPR),
    cannot(MANAGER, LISTS + "test_print", PROXY_REPR, before=(3, 10)),
    cannot(MANAGER, LISTS + "test_repr_deep", PROXY_DEEP),
    cannot(MANAGER, HASH_MAPPING + "test_repr", PROXY_REPR),
    cannot(MANAGER, HASH_MAPPING + "test_repr_deep", PROXY_DEEP),
    cannot(MANAGER, SEQUENCES + "test_addmul", SUBCLASS, before=(3, 15)),
    cannot(MANAGER, SEQUENCES + "test_mul", SUBCLASS, since=(3, 14)),
    cannot(MANAGER, SEQUENCES + "test_free_after_iterating", SUBCLASS),
    cannot(MANAGER, SEQUENCES + "test_getitemoverwriteiter", SUBCLASS),
    cannot(MANAGER, MAPPING + "test_copy", "copy() gives a built-in dict, as a standard proxy's"),
    cannot(MANAGER, MAPPING + "test_setdefault", COPIES),
    cannot(MANAGER, HASH_MAPPING + "test_setdefault", COPIES),
    cannot(MANAGER, MAPPING + "test_fromkeys", SUBCLASS),
    cannot(MANAGER, HASH_MAPPING + "test_fromkeys", SUBCLASS),
]  # fmt: skip


def reasons(face, version):
    """The tests that cannot pass in this face on this Python, each with its reason."""
    return {one.test: one.reason for one in CANNOT if face in one.faces and one.since <= version < one.before}


def everywhere(face):
    """Those of them that every Python's tests have."""
    return {one.test for one in CANNOT if face in one.faces and (one.since, one.before) == ((3, 9), (4,))}
