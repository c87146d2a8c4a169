#!/usr/bin/env python3
"""Makes the reference page of the C interface from include/comem.h, on stdout: the page says what the header says.

The header is read by its form: a comment right above declarations is about them, one with a blank line behind it is
text of its section, `/* ---- name ---- */` begins a section.
"""

import re
import sys
import textwrap
from pathlib import Path

from page_text import escaped, fenced

HEADER = Path(__file__).resolve().parent.parent / "include" / "comem.h"
PIECE = re.compile(
    r"""(?P<section>/\*\ ----\ (?P<title>.*?)[ ]*-*\ \*/)
      | (?P<comment>/\*.*?\*/)
      | (?P<directive>\#(?:\\\n|[^\n])*)
      | (?P<inline>static\ inline\ (?P<prototype>.*?\))\n\{.*?\n\})
      | (?P<declaration>(?:[^;{/]|/\*.*?\*/|\{.*?\n\})+;)""",
    re.VERBOSE | re.DOTALL,
)
BEGIN, END = 'extern "C" {\n#endif', "#ifdef __cplusplus\n}"


def comment_text(comment):
    """The lines of a comment without what marks it as one."""
    lines = comment[2:-2].strip("\n").splitlines()
    first, rest = lines[0].strip(), [re.sub(r"^ \*? ?", "", line).rstrip() for line in lines[1:]]
    return "\n".join([first, *rest]).strip()


def linked(text):
    """Escaped text with names of the interface as code, those of calls as links to their entries."""

    def mark(found):
        name = found[1].replace("\\", "")
        if found[2] is None:
            return f"`{name}`"
        return f"[`{name}()`](#{name})" if found[2] == "()" else f"[`{name}`](#{name})("

    return re.sub(r"(?<![`\w])((?:COMEM|comem)(?:\\_[A-Za-z]+)+)(\(\)|\()?(?![`\w]|\\_)", mark, escaped(text))


def paragraphs(text):
    """Paragraphs, and lists where lines are `Name     what it means`, indented."""
    for block in re.split(r"\n\s*\n", text):
        lines, items = [], []
        for line in block.splitlines():
            item = re.match(r"  (\S+) {2,}(\S.*)", line)
            if item:
                items.append(f"- **{linked(item[1])}**: {linked(item[2])}")
            elif items and line.startswith("   "):
                items[-1] += " " + linked(line.strip())
            else:
                lines.append(linked(line.strip()))
        yield "\n".join(lines)
        yield "\n".join(items)


def name_of(declaration):
    bare = re.sub(r"/\*.*?\*/", "", declaration, flags=re.DOTALL).strip()
    forms = r"#define (\w+)", r"typedef .*\(\*(\w+)\)", r"typedef .*?(\w+);$", r".*?(\w+)\("
    return next(found[1] for form in forms if (found := re.match(form, bare, re.DOTALL)))


def pieces(header):
    """Sections, texts and entries of the header in their order: (kind, text, declarations)."""
    text = header[header.index(BEGIN) + len(BEGIN) : header.index(END)]
    comment, code, position = None, [], 0

    def finished():
        if code:
            yield "entry", comment, list(code)
        elif comment is not None:
            yield "text", comment, []

    while position < len(text):
        blank = re.compile(r"\s*").match(text, position)
        piece = PIECE.match(text, blank.end())
        if piece is None:
            if text[blank.end() :].strip():
                raise ValueError(f"this is no piece of a header: {text[blank.end():][:60]!r}")
            break
        trailing = piece["comment"] and "\n" not in blank[0] and code
        if trailing:
            code[-1] += " " + piece["comment"]
        elif blank[0].count("\n") > 1 or piece["section"] or (piece["comment"] and code):
            yield from finished()
            comment, code = None, []
        if piece["section"]:
            yield "section", piece["title"], []
        elif piece["comment"] and not trailing:
            comment = comment_text(piece["comment"])
        elif re.match("#define COMEM_(?!API)", piece["directive"] or ""):
            code.append(piece["directive"].rstrip())
        elif piece["inline"]:
            code.append(piece["prototype"] + ";")
        elif piece["declaration"]:
            code.append(piece["declaration"].strip())
        position = piece.end()
    yield from finished()


def entry(comment, code):
    declared = [name_of(piece) for piece in code]
    yield "### " + ", ".join(f"`{name}`" for name in declared) + f" {{ #{declared[0]} }}"
    yield "".join(f'<a id="{name}"></a>' for name in declared[1:])
    yield fenced("\n".join(re.sub(r"^COMEM_API ", "", piece) for piece in code), "c")
    if comment:
        yield from paragraphs(comment)


def page(header):
    yield "# Reference of comem.h"
    yield "Made from the header, which is the whole interface. [The guide](c-api.md) shows how the calls go together."
    title, _, text = comment_text(re.search(r"/\*.*?\*/", header, re.DOTALL)[0]).partition("\n")
    yield from paragraphs(text)
    for kind, text, code in pieces(header):
        if kind == "section":
            yield "## " + text[0].upper() + text[1:]
        elif kind == "text":
            yield from paragraphs(text)
        else:
            yield from entry(text, code)


def main():
    sys.stdout.write("\n\n".join(part for part in page(HEADER.read_text(encoding="utf-8")) if part) + "\n")


if __name__ == "__main__":
    main()
