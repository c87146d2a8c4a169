"""The table, for a terminal and for a document."""

from fractions import Fraction
from typing import Iterable, Optional

from rows import ROWS, Row, falls_short

HEADINGS = ("row", "comem", "peer", "", "measured", "at most", "")
ABSENT = "-"


def nanoseconds(time: float) -> str:
    for unit, size in (("ns", 1), ("µs", 1e3), ("ms", 1e6)):
        if time < 1000 * size or unit == "ms":
            number = time / size
            return f"{number:.{0 if number >= 100 else 1 if number >= 10 else 2}f} {unit}"


def times(ratio: float) -> str:
    """2.5 × when comem takes longer, 1/300 when it is much faster."""
    return f"1/{1 / ratio:.0f}" if 0 < ratio < 0.3 else f"{ratio:.2f} ×"


def limit(row: Row) -> str:
    if row.unit:
        return f"{row.at_most:g} {row.unit}"
    part = Fraction(row.at_most).limit_denominator(1000)
    return f"1/{part.denominator}" if part.numerator == 1 and part < Fraction(1, 2) else f"{row.at_most:g} ×"


def verdict(found: dict) -> str:
    """What there is to say about a row besides its figures."""
    if "missing" in found or "failed" in found:
        return found.get("missing") or f"FAILED: {found['failed']}"
    said = ["falls short"] if falls_short(found) else []
    if "plain_ratio" in found:
        said.append(f"(plain ones, one each: {times(found['plain_ratio'])})")
    if found.get("overlap", 1) < 0.9:
        said.append(f"(only {found['overlap']:.0%} of the time at once)")
    return " ".join(said)


def amount(value: float, unit: Optional[str]) -> str:
    return nanoseconds(value) if unit in (None, "ns") else f"{value:.1f} {unit}"


def measured(found: dict) -> str:
    if "value" in found:
        return amount(found["value"], found.get("unit"))
    return times(found["ratio"]) if "ratio" in found else ABSENT


def cells(row: Row, found: dict) -> tuple:
    ours = found.get("comem_ns", found.get("value"))
    theirs = found.get("peer_ns")
    return (
        row.name,
        amount(ours, found.get("unit")) if ours is not None else ABSENT,
        nanoseconds(theirs) if theirs is not None else ABSENT,
        row.peer,
        measured(found),
        limit(row),
        verdict(found),
    )


def line(columns: Iterable[str]) -> str:
    """One line of the table; numbers to the right, names to the left."""
    widths = [max(len(row.name) for row in ROWS), 10, 8, max(len(row.peer) for row in ROWS), 10, 8, 0]
    aligned = "<>><>><"
    return "  ".join(f"{text:{side}{width}}" for text, side, width in zip(columns, aligned, widths)).rstrip()


def machine_lines(machine: dict) -> str:
    engine = [f"comem {machine['comem']}"] if "comem" in machine else []
    if "compiler" in machine:
        engine += [f"C by {machine['compiler']}", f"LMDB {machine['lmdb']}"]
    system = f"{machine['kernel']}, {machine['libc']}"
    hardware = f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['memory_gib']} GiB; {system}"
    return "\n".join((hardware, ", ".join([f"{machine['python']} ({machine['python_compiler']})", *engine])))


def summary(rows: dict) -> str:
    """One sentence on what falls short, was not measured or failed."""
    short = [name for name, found in rows.items() if falls_short(found)]
    missing = [name for name, found in rows.items() if "missing" in found]
    failed = [name for name, found in rows.items() if "failed" in found]
    parts = [f"{len(short)} of {len(rows)} rows fall short: {', '.join(short)}." if short else ""]
    parts += [f"Failed: {', '.join(failed)}." if failed else ""]
    parts += [f"Not measured: {', '.join(missing)}." if missing else ""]
    return " ".join(filter(None, parts)) or f"All {len(rows)} rows are within their limits."


def disturbance(machine: dict) -> str:
    """A sentence where other programs ran beside the measurement."""
    others = machine["others_running"]
    return f" The machine was busy with other work ({others:.1f} tasks): measure again." if others >= 0.5 else ""


def markdown(machine: dict, rows: dict) -> str:
    """The table for a document."""
    head = ("row", "what", "comem", "peer", "measured", "at most")
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in ROWS:
        if row.name in rows:
            name, ours, theirs, peer, result, at_most, said = cells(row, rows[row.name])
            columns = (f"`{name}`", row.what, ours, f"{theirs}, {peer}", f"{result} {said}".strip(), at_most)
            lines.append("| " + " | ".join(columns) + " |")
    return "\n".join([*lines, "", machine_lines(machine).replace("\n", "; ") + "."])
