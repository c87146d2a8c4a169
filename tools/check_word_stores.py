#!/usr/bin/env python3
"""Shared memory is written through src/os/word.h alone: this finds, in the other sources, what would get around it.

    check_word_stores.py [FILE...]     default: every source in src/

A type is shared when it is a word or has one by value: `struct slot` is, a struct with a pointer to it is not.
Refused are

    copies      memcpy() and its kin; a shared struct copied whole, or assigned to through a pointer
    atomics     the compiler's and the standard's operations, `_Atomic`, inline assembler
    inside      the member that a word keeps its value in
    casts       to a pointer through which plain numbers can be written

What is private to the process is not meant. A comment says so, with the reason, on the line or on the one above it:
`/* private: a copy on the stack */`. On the line that declares a pointer it covers all that goes through that pointer.

Types are known by name and a source is read as text, so this finds slips, not tricks.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WRITER = Path("src/os/word.h")

NUMBER = (
    r"(?:(?:un)?signed\b\s*|short\b\s*|long\b\s*|int\b\s*|double\b\s*|float\b\s*|bool\b\s*|size_t\b\s*|ssize_t\b\s*"
    r"|u?int(?:16|32|64|ptr)_t\b\s*)+"
)
BYTE = r"(?:(?:un)?signed\s+)?(?:char|u?int8_t)\s*"
RULES = [
    (
        r"\b(?:__builtin_)?(?:(?:mem|wmem)(?:cpy|move|set)|mempcpy|memccpy|explicit_bzero|bzero|bcopy|swab"
        r"|st[rp]n?cpy|stpcpy|strn?cat|strl(?:cpy|cat)|v?sprintf)(?:_chk)?\s*\(",
        "writes with no word store",
    ),
    (r"\b(?:__atomic|__sync|__c11_atomic)_\w+|\batomic_\w+|\b_Atomic\b", "atomic outside word.h"),
    (r"\b(?:__asm__|__asm|asm)\b", "assembler outside word.h"),
    (r"(?:\.|->)\s*value_\b", "the inside of a word"),
    (r"\(\s*word(?:32|64)\s*\)\s*\{", "a word made in place"),
    (r"\(\s*(?:volatile\s+)?" + NUMBER + r"(?:volatile\s*)?\*+\s*\)\s*[\w(&*]", "cast to a pointer to plain numbers"),
    (
        r"\*\s*\(\s*(?:volatile\s+)?" + BYTE + r"\*\s*\)[^;={}]*?(?<![=!<>])(?:[-+|&^]|<<|>>)?=(?!=)",
        "write through a cast",
    ),
]
ASSIGNS = re.compile(r"\s*(?:(?:[-+*/%|&^]|<<|>>)?=(?!=)|\+\+|--)")


def without_comments(text):
    """The code with comments and literals blanked, each character in its place, and the lines that are said private."""
    private = set()

    def blank(match):
        found = match.group()
        if re.match(r"/[*/]\s*private:\s*\w", found):
            first = text.count("\n", 0, match.start())
            last = first + found.count("\n")
            alone = not text[text.rfind("\n", 0, match.start()) + 1 : match.start()].strip()
            private.update(range(first, last + 1 + alone))
        return re.sub(r"[^\n]", " ", found)

    code = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.DOTALL)
    return code, private


def closing(code, start):
    """The position behind the bracket that closes the one at `start`."""
    depth = 0
    for position in range(start, len(code)):
        if code[position] in "([{":
            depth += 1
        elif code[position] in ")]}":
            depth -= 1
            if depth == 0:
                return position + 1
    return len(code)


class Types:
    """What the sources say about types: which are shared, and which members and functions lead to one."""

    def __init__(self, codes):
        bodies = {}
        for code in codes:
            for match in re.finditer(r"\b(?:struct|union)\s+(\w+)\s*\{", code):
                bodies[match.group(1)] = code[match.end() - 1 : closing(code, match.end() - 1)]
        self.shared = set()
        while True:
            more = {name for name, body in bodies.items() if self.by_value(body)} - self.shared
            if not more:
                break
            self.shared |= more
        shared = r"\b(?:word(?:32|64)" + "".join(rf"|(?:struct|union)\s+{name}" for name in sorted(self.shared)) + r")"
        self.copy = re.compile(shared + r"\s+\w+\s*=(?!\s*\{)")
        self.pointer = re.compile(
            rf"(?P<const>\bconst\s+)?{shared}\s*\*(?:\s*const\b)?\s*(?P<name>\w+)\s*(?P<call>\()?"
        )
        self.members = {m["name"] for body in bodies.values() for m in self.pointer.finditer(body) if not m["const"]}
        pointers = [match for code in codes for match in self.pointer.finditer(code)]
        self.functions = {m["name"] for m in pointers if m["call"] and not m["const"]}

    def by_value(self, body):
        names = re.findall(r"\b(?:struct|union)\s+(\w+)\s+\w", body)
        return bool(re.search(r"\bword(?:32|64)\s+\w", body)) or any(name in self.shared for name in names)


def functions(code):
    """(start, end) of each function with its parameters, and of what stands between two of them."""
    start = position = 0
    while position < len(code):
        if code[position] == "{":
            position = closing(code, position)
            yield start, position
            start = position
        else:
            position += 1
            if code[position - 1] == ";":
                yield start, position
                start = position


def struct_writes(code, private, types):
    """(position, what) for each copy of a shared struct, and each assignment to a part of one."""
    for start, end in functions(code):
        part = code[start:end]
        declared = [m for m in types.pointer.finditer(part) if not m["call"]]
        names = {m.start("name") for m in declared}
        declared = [m for m in declared if code.count("\n", 0, start + m.start()) not in private]
        pointers = {m["name"] for m in declared}
        writable = {m["name"] for m in declared if not m["const"]}
        for match in types.copy.finditer(part):
            yield start + match.start(), "a shared struct copied whole"
        for match in re.finditer(r"(?<![\w.>])(\w+)", part):
            name, before = match.group(), part[: match.start()].rstrip()
            if match.start() in names:
                continue
            if name in pointers and before.endswith("*"):
                read = re.search(r"(?:[=,;{}?:!]|(?<!sizeof)\(|\breturn)\s*\*$", before)
                if read or ASSIGNS.match(part[match.end() :]):
                    yield start + match.start(), "a shared struct copied whole"
            elif (path_end := shared_path(part, match, writable, types)) and (
                ASSIGNS.match(part[path_end:]) or before.endswith(("++", "--"))
            ):
                yield start + match.start(), "assignment into a shared struct"


def shared_path(part, root, writable, types):
    """Where the path `root->member[index].member` ends, if it leads through a pointer to a shared struct; else None."""
    name, position = root.group(), root.end()
    leads, shared = name in writable, False
    if name in types.functions and part[position : position + 1] == "(":
        leads, position = True, closing(part, position)
    while step := re.match(r"\s*(?:(->|\.)\s*(\w+)|\[)", part[position:]):
        shared = shared or (leads and step.group(1) != ".")
        leads = step.group(2) in types.members
        position = position + step.end() if step.group(1) else closing(part, position + step.end() - 1)
    return position if shared else None


def findings(text, types):
    """(line number, what) for each breach in a source."""
    code, private = without_comments(text)
    found = {(match.start(), what) for pattern, what in RULES for match in re.finditer(pattern, code)}
    found.update(struct_writes(code, private, types))
    lines = set()
    for position, what in found:
        first = code.count("\n", 0, position)
        last = first + code[position : code.find(";", position)].count("\n")
        if private.isdisjoint(range(first, last + 1)):
            lines.add((first + 1, what))
    return sorted(lines)


def main(names):
    sources = sorted(path.relative_to(ROOT) for path in (ROOT / "src").rglob("*.[ch]"))
    types = Types([without_comments((ROOT / path).read_text())[0] for path in sources])
    wanted = [Path(name).resolve().relative_to(ROOT) for name in names] or sources
    count = 0
    for path in wanted:
        if path != WRITER:
            for line, what in findings((ROOT / path).read_text(), types):
                print(f"{path}:{line}: {what}")
                count += 1
    return count > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
