#!/usr/bin/env python3
"""docs/crash-coverage.md says what the crash tests have: this holds its tables against the sources.

    check_coverage_page.py [PAGE]      default: docs/crash-coverage.md

Refused are

    functions   of include/comem.h that concern objects, roots and stores and have no row, rows of functions that there are not
    names       of scenarios that there are not, scenarios that no row names, names that two scenarios have
    calls       a scenario in the row of a function that it does not call, in itself or in what it calls in its file
    random      a yes or nothing that differs from what program*.c and storm*.c call
    models      letters that the page does not explain, model files that there are not

The sources are read as text: a function that is only mentioned counts as called.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRASH = ROOT / "tests" / "crash"
HOOKED = ("scenarios*.c", "readings*.c", "named.c")
STEPPED = ("step_scenarios*.c",)
RANDOM = ("program*.c", "storm*.c")
COLUMNS = ["C", "Python", "stores and loads", "instructions", "random", "models"]


def scenarios(text):
    """For each scenario of a source, the words in its functions, those of `prepare` left out."""
    bodies = {
        match.group(1): set(re.findall(r"\w+", match.group(2)))
        for match in re.finditer(r"^\w[^\n;]*?\b(\w+)\([^\n;]*\)\n\{\n(.*?)^\}", text, re.DOTALL | re.MULTILINE)
    }

    def words(functions):
        found, left = set(), set(functions)
        while left:
            found |= left
            left = set().union(*(bodies.get(word, set()) for word in left)) - found
        return found

    rows = re.findall(r'^    \{"([^"]+)", \w+, ([\w, ]+)\},$', text, re.MULTILINE)
    return {name: words(functions.split(", ")[:1]) for name, functions in rows}


def table_rows(page):
    """The cells of each row of the tables that have these columns."""
    inside = False
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells == COLUMNS:
            inside = True
        elif not cells:
            inside = False
        elif inside and set(line) - set("|-:"):
            yield cells


def names(cell):
    return [name.strip() for name in cell.split(";") if name.strip()]


def problems(page, header, hooked, stepped, program):
    declared = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    functions = set(re.findall(r"\b(comem_(?:(?:list|dict|variable)_\w+|roots?(?:_\w+)?|open|close|unlink))\(", declared))
    explained = set(re.findall(r"^\| ([A-Z]) \| `\w+\.pml`", page, re.MULTILINE))
    rows, named = {}, {"stores and loads": set(), "instructions": set()}
    for cells in table_rows(page):
        if len(cells) != len(COLUMNS):
            yield f"the row of {cells[0]} has {len(cells)} cells"
            continue
        row = dict(zip(COLUMNS, cells))
        function = re.fullmatch(r"`(\w+)`", row["C"])
        if row["C"] in rows:
            yield f"{row['C']} has two rows"
        rows[row["C"]] = row
        for column, there in (("stores and loads", hooked), ("instructions", stepped)):
            for name in names(row[column]):
                named[column].add(name)
                if name not in there:
                    yield f"{row['C']}: there is no {name!r} in {column}"
                elif function and function.group(1) not in there[name]:
                    yield f"{row['C']}: {name!r} does not call it"
        if row["random"] not in ("", "yes"):
            yield f"{row['C']}: random is {row['random']!r}"
        elif function and (row["random"] == "yes") != (f"{function.group(1)}(" in program):
            yield f"{row['C']}: random is {row['random']!r}, and program*.c and storm*.c have it otherwise"
        if not set(row["models"].split()) <= explained:
            yield f"{row['C']}: models {row['models']!r} are not explained"
    for name in sorted(functions - {cell.strip("`") for cell in rows}):
        yield f"{name} has no row"
    for cell in rows:
        if cell.startswith("`comem_") and cell.strip("`") not in functions:
            yield f"{cell} is not in comem.h"
    for column, there in (("stores and loads", hooked), ("instructions", stepped)):
        for name in there:
            if name not in named[column]:
                yield f"{name!r} is in no row, {column}"


def texts(patterns):
    return [path.read_text() for pattern in patterns for path in sorted(CRASH.glob(pattern))]


def read_scenarios(patterns):
    """All scenarios of these files, and the names that two of them have."""
    found, twice = {}, []
    for text in texts(patterns):
        there = scenarios(text)
        twice += there.keys() & found.keys()
        found.update(there)
    return found, twice


def main(arguments):
    page = Path(arguments[0] if arguments else ROOT / "docs" / "crash-coverage.md").read_text()
    (hooked, twice_hooked), (stepped, twice_stepped) = read_scenarios(HOOKED), read_scenarios(STEPPED)
    header = (ROOT / "include" / "comem.h").read_text()
    found = list(problems(page, header, hooked, stepped, "\n".join(texts(RANDOM))))
    found += [f"two scenarios have the name {name!r}" for name in twice_hooked + twice_stepped]
    models = set(re.findall(r"`(\w+\.pml)`", page)) - {path.name for path in (ROOT / "tests" / "models").glob("*.pml")}
    found += [f"there is no model {name}" for name in sorted(models)]
    if not hooked or not stepped or not list(table_rows(page)):
        found.append("no scenarios or no tables: the sources look different from what this reads")
    for problem in found:
        print(f"docs/crash-coverage.md: {problem}")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
