"""== and < of lists: scalars are compared by the engine, anything else as built-in lists, and neither shows."""

import itertools
import operator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import comem
from faces import FACES, outcome

COMPARE = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
PIECE = 256  # items that are compared at a time


@pytest.fixture(params=FACES, ids=lambda face: face.__name__)
def face(request):
    return request.param


def assert_compares_as_the_built_in(face, left, right):
    one, other = face(left), face(right)
    for compare in COMPARE:
        expected = compared(compare, left, right)
        assert compared(compare, one, other) == expected, (compare, left, right)
        assert compared(compare, one, right) == expected, (compare, left, right)
        turned = compared(compare, left, other)  # Python asks ours the other way around
        assert turned == expected or turned[0] is expected[0] is TypeError, (compare, left, right)


def compared(compare, left, right):
    kind, result = outcome(lambda _: compare(left, right), None)
    return kind, result.replace("comem.List", "list") if kind is TypeError else result


class Seven:
    """Equal to 7, and in an order with everything."""

    def __eq__(self, other):
        return other == 7

    def __lt__(self, other):
        return "smaller"

    def __gt__(self, other):
        return ["greater"]

    __hash__ = None


ITEMS = [0, 1, 7, True, 2**63 - 1, -(2**63), 2**63, 2**70, 0.5, 7.0, 2.0**70, 1e300, None, "", "7", "text of more bytes",
         "ü", "\ud800", "\U0001f600", b"", b"7", bytearray(b"7"), (7,), [7], 7j, Seven()]  # fmt: skip


def test_every_two_items_are_compared_as_in_built_in_lists(face):
    for one, other in itertools.product(ITEMS, repeat=2):
        assert_compares_as_the_built_in(face, [7, one, "x"], [7.0, other])


@pytest.mark.parametrize("at", [0, 1, PIECE - 1, PIECE, 3 * PIECE])
@pytest.mark.parametrize("item", [-1, 7.5, "text", None, (7,), [7], 2**70, "ü"], ids=repr)
def test_a_difference_is_found_wherever_it_is(face, at, item):
    plain = list(range(at))
    for tail in ([], list(range(300))):
        assert_compares_as_the_built_in(face, plain + [item] + tail, plain + [item] + tail)
        assert_compares_as_the_built_in(face, plain + [item] + tail, plain + [5] + tail)
        assert_compares_as_the_built_in(face, plain + [item] + tail, plain + [item])
        assert_compares_as_the_built_in(face, plain + [item] + tail, plain)


scalars = st.one_of(
    st.integers(-2, 2), st.booleans(), st.none(), st.sampled_from([0.0, 1.5, 2.0, -0.0, "", "a", "b", b"a", "ü", (1,)])
)


@pytest.mark.parametrize("make", FACES, ids=lambda face: face.__name__)
@given(
    common=st.lists(scalars, max_size=4), one=st.lists(scalars, max_size=3), other=st.lists(scalars, max_size=3),
    times=st.sampled_from([1, 1, 90]),
)  # fmt: skip
@settings(deadline=None, max_examples=100)
def test_any_two_lists_are_compared_as_built_in_ones(make, common, one, other, times):
    assert_compares_as_the_built_in(make, common * times + one, common * times + other)


def test_not_a_number_is_no_copy_of_itself(face):
    nan = float("nan")
    shared = face([nan])
    for other in (face([nan]), [nan]):
        assert shared != other and not shared == other
        assert not any(compare(shared, other) for compare in COMPARE[:4])
    assert shared == shared and shared <= shared and shared >= shared
    assert not shared != shared and not shared < shared and not shared > shared


def test_another_handle_of_a_list_is_that_list(face):
    shared = face([float("nan"), [1, (2,)]])
    other = comem.List([shared])[0]
    assert other is not shared and other == shared and other <= shared and not other < shared


def test_a_class_of_the_programs_is_asked_first(face):
    class Own(list):
        def __eq__(self, other):
            return type(other) is list and "own"

        def __gt__(self, other):
            return type(other) is list and "greater"

        __hash__ = None

    assert (face([1]) == Own([2])) == "own" and (Own([2]) == face([1])) is False
    assert (face([1]) < Own([2])) == "greater"

    class Shared(comem.List):
        def __eq__(self, other):
            return "shared"

        __hash__ = None

    assert (comem.List([1]) == Shared([1])) == (Shared([1]) == [1]) == ([1] == Shared([1])) == "shared"


def test_lists_of_different_length_are_unequal_whatever_they_hold(face):
    class Trouble:
        def __eq__(self, other):
            raise ZeroDivisionError

        __hash__ = None

    shared = face([1, 2])
    assert shared != [1, Trouble(), 3] and not shared == [Trouble()]
    with pytest.raises(ZeroDivisionError):
        shared == [1, Trouble()]
    with pytest.raises(ZeroDivisionError):
        shared < [1, Trouble(), 3]


def test_a_comparison_that_changes_a_list_goes_on_with_what_it_read(face):
    shared = face([7, 8, 9])

    class Clearing:
        def __eq__(self, other):
            shared.clear()
            return True

        __hash__ = None

    assert shared == [7, Clearing(), 9]
    assert shared == []
