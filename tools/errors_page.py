#!/usr/bin/env python3
"""Makes docs/errors.md of the cases that tests/python/test_errors.py runs.

errors_page.py            writes the page
errors_page.py --check    complains, and exits with 1, if the page is another one
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "errors.md"
sys.path.insert(0, str(ROOT / "tests" / "python"))

import errors_table

BEGIN = """\
# What does this error want to tell me?

Search this page for a piece of its sentence: each error is here with what raises it and what to do about it. Every one
was made to happen by a test, from which the page is made (`tools/errors_page.py`); `…` stands for what differs.

A call that raises has changed nothing, in no process. Where comem does what a built-in type
does, its errors are those of the built-in type. comem has four exceptions of its own:

| exception | is a | raised when |
|---|---|---|
"""


def code(text):
    """A code span in a table, a line for each of the text's."""
    assert not any(line.startswith(" ") for line in text.split("\n")), f"what is shown is not indented: {text}"
    fence = "``" if "`" in text else "`"
    spaced = [f" {line} " if "`" in line else line for line in text.replace("|", "\\|").split("\n")]
    return "<br>".join(f"{fence}{line}{fence}" for line in spaced)


def row(case):
    shown = (case.shown or case.program).strip()
    return f"| {code(f'{case.error}: {case.sentence}')} | {code(shown)} | {case.advice} |\n"


def page():
    text = BEGIN
    for name, bases, when in errors_table.EXCEPTIONS:
        text += f"| `comem.{name}` | {', '.join(code(base) for base in bases.split(', '))} | {when} |\n"
    for group in errors_table.GROUPS:
        text += f"\n## {group.title}\n"
        if group.text:
            text += f"{group.text}\n\n"
        text += "| error | raised by | what to do |\n|---|---|---|\n" + "".join(map(row, group.cases))
    return text


def main(arguments):
    if arguments == ["--check"]:
        if PAGE.read_text(encoding="utf-8") != page():
            sys.exit("docs/errors.md is not what tools/errors_page.py makes of tests/python/errors_table.py: run it")
    elif not arguments:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
