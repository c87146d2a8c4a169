"""The chart of bench/chart.py, and the one in the documentation."""

import sys
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench"))
try:
    import chart
    from rows import ROWS
finally:
    sys.path.pop(0)

MACHINE = {"cpu": "A <processor> & more", "python": "CPython 3.13.0", "kernel": "Linux 6.1"}
SHAPES = ("circle", "rect", "path")


def figures() -> dict:
    """Of every row, all different."""
    return {row.name: {"comem_ns": 2.5 * 1.3**i, "peer_ns": 40 * 1.3**i} for i, row in enumerate(ROWS)}


def marks(svg: str) -> list:
    """(row, kind, place, what it says), and that the file is whole."""
    found = []
    for element in xml.fromstring(svg).iter():
        if "data-row" in element.attrib:
            name = element.tag.rpartition("}")[2]
            assert name in SHAPES
            x = element.get("cx") or element.get("x") or element.get("d").lstrip("M").split()[0]
            said = next(child.text for child in element)
            found.append((element.get("data-row"), element.get("class"), float(x), said))
    return found


def claimed() -> list:
    """(row, kind) of all marks that there should be."""
    pairs = [(row, side) for _, of in chart.OPERATIONS for side, row in of.items()]
    pairs += [(row, "c") for row, side in pairs if side == "lmdb"]
    return pairs + [(next(iter(of.values())), "comem") for _, of in chart.OPERATIONS]


def test_every_row_that_the_chart_claims_is_measured_and_has_its_marks():
    assert {row for row, _ in claimed()} <= {row.name for row in ROWS}
    found = marks(chart.svg(MACHINE, figures()))
    assert sorted((row, kind) for row, kind, _, _ in found) == sorted(claimed())


def test_longer_times_are_further_right_and_all_within_the_scale():
    rows = figures()
    found = marks(chart.svg(MACHINE, rows))
    times = {(row, kind): rows[row]["comem_ns" if kind in ("comem", "c") else "peer_ns"] for row, kind, _, _ in found}
    for kind in chart.SIDES:  # the anchor of a shape may be left of its middle
        of_kind = [(times[row, kind], x) for row, this, x, _ in found if this == kind]
        assert of_kind and sorted(of_kind) == sorted(of_kind, key=lambda pair: pair[1])
    assert all(chart.LEFT - 7 <= x <= chart.RIGHT for _, _, x, _ in found)


def test_a_mark_says_its_row_and_its_time():
    found = marks(chart.svg(MACHINE, {"list.get": {"comem_ns": 22.74, "peer_ns": 9.84}}))
    assert {(row, said) for row, _, _, said in found} == {
        ("list.get", "list.get: comem, 22.7 ns"),
        ("list.get", "list.get: built-in list or dict, 9.84 ns"),
    }


@pytest.mark.parametrize("absent", [{"missing": "not installed"}, {"failed": "it broke"}])
def test_what_was_not_measured_has_no_mark(absent):
    found = marks(chart.svg(MACHINE, {**figures(), "c.dict.get": absent}))
    assert sorted((row, kind) for row, kind, _, _ in found) == sorted(
        pair for pair in claimed() if pair[0] != "c.dict.get"
    )


def test_the_chart_in_the_documentation_has_every_mark():
    found = marks((ROOT / "docs/images/speed.svg").read_text())
    assert sorted((row, kind) for row, kind, _, _ in found) == sorted(claimed())
