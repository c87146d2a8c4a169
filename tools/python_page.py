#!/usr/bin/env python3
"""Makes the reference page of the Python package from its docstrings and signatures, on stdout.

It takes the package that the interpreter running this has: what help() says is what the page says.
"""

import inspect
import re
import sys

import comem
import comem.managers
from page_text import escaped, fenced

FUNCTIONS = ("var", "forget", "Manager", "open", "unlink")


def public(names):
    return [name for name in names if not name.startswith("_")]


def documented():
    """What the page is about: for each section the names in it and what they stand for."""
    named = {name: getattr(comem, name) for name in sorted({*comem.__all__, *FUNCTIONS})}
    errors = {name: it for name, it in named.items() if isinstance(it, type) and issubclass(it, Exception)}
    kinds = {name: it for name, it in named.items() if isinstance(it, type) and name not in errors}
    functions = {name: named[name] for name in FUNCTIONS}
    functions |= {name: it for name, it in named.items() if callable(it) and name not in {*kinds, *errors, *functions}}
    managers = {f"managers.{name}": getattr(comem.managers, name) for name in public(comem.managers.__all__)}
    return {
        "Functions": functions,
        "Types": kinds,
        "Errors and warnings": errors,
        "Managers": managers,
    }


def members(kind):
    """The public methods and attributes that a class describes and none of its bases describes alike, by name."""
    for name in sorted(public(vars(kind))):
        member = vars(kind)[name]
        if isinstance(member, (classmethod, staticmethod)):
            member = member.__func__
        text = inspect.getdoc(member)
        if text and text not in [inspect.getdoc(getattr(base, name, None)) for base in kind.__mro__[1:]]:
            yield name, member


def docstring(thing):
    """A docstring as Markdown: indented lines are code in both, examples and tables become code, the rest is text."""
    for block in re.split(r"\n\s*\n", inspect.getdoc(thing) or ""):
        if block.startswith("    "):
            yield block
        elif block.startswith(">>>"):
            yield fenced(block, "pycon")
        elif re.search(r"^\w+(\(\))? {3,}\S", block, re.MULTILINE):
            yield fenced(block, "text")  # a table
        else:
            yield escaped(block)


def headline(level, name, thing):
    if not callable(thing):
        return f"{level} `{name}`"
    try:
        return f"{level} `{name}{without_self(inspect.signature(thing))}`".replace("=Ellipsis", "=...")
    except (TypeError, ValueError):  # a type whose constructor does not tell, such as an exception
        return f"{level} `{name}`"


def without_self(signature):
    parameters = [it for it in signature.parameters.values() if it.name not in ("self", "cls", "type")]
    return signature.replace(
        parameters=[it.replace(annotation=it.empty) for it in parameters], return_annotation=signature.empty
    )


def page():
    yield "# Reference of the Python package"
    yield "Made from the docstrings, which `help(comem)` shows, too."
    yield from docstring(comem)
    for section, things in documented().items():
        yield f"## {section}"
        for name, thing in things.items():
            yield headline("###", f"comem.{name}", thing) + f" {{ #{name} }}"
            yield from docstring(thing)
            for member, described in members(thing) if isinstance(thing, type) else ():
                yield headline("####", member, described) + f" {{ #{name}.{member} }}"
                yield from docstring(described)


def main():
    sys.stdout.write("\n\n".join(page()) + "\n")


if __name__ == "__main__":
    main()
