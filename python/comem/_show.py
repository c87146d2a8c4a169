"""How shared lists and dicts look in IPython and its notebooks.

Objects are made of what is shown only: a list of a million items costs what its first few cost.
"""

from __future__ import annotations

import html as _html
import reprlib
import sys
from typing import Any

from . import _engine

ROWS = 20  # of a table
TEXT = 200  # characters of one of its cells


def pretty(shared: Any, printer: Any) -> str | None:
    """Print it by IPython's printer, which cuts long ones short and breaks lines; or return what is to be printed."""
    name = type(shared).__name__
    try:
        shown = _engine._shown(shared, printer.max_seq_length + 1 if printer.max_seq_length else sys.maxsize)
    except _engine.GoneError:
        return repr(shared)
    with printer.group(len(name) + 1, f"{name}(", ")"):
        printer.pretty(shown)
    return None


class _Repr(reprlib.Repr):
    """repr() of a value, cut short at every level, in shared objects too."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = self.maxlong = TEXT

    def repr1(self, value: Any, level: int) -> str:
        if not isinstance(value, (_engine.List, _engine.Dict)):
            return super().repr1(value, level)
        try:
            shown = _engine._shown(value, max(self.maxlist, self.maxdict) + 1)
        except _engine.GoneError:
            return repr(value)
        return f"{type(value).__name__}({super().repr1(shown, level)})"


_repr = _Repr().repr


def _cell(tag: str, value: Any) -> str:
    text = _repr(value)
    return f"<{tag}>{_html.escape(text if len(text) <= TEXT else text[:TEXT] + '...')}</{tag}>"


def html(shared: Any) -> str | None:
    """A table of its first items: index or key, and value."""
    try:
        size = len(shared)
        shown = _engine._shown(shared, ROWS)
    except _engine.GoneError:
        return None  # IPython takes the plain repr() then
    rows = shown.items() if isinstance(shown, dict) else enumerate(shown)
    lines = [f"<tr>{_cell('th', key)}{_cell('td', value)}</tr>" for key, value in rows]
    if size > len(shown):
        lines.append(f"<tr><th>...</th><td>{size - len(shown):,} more</td></tr>")
    caption = _html.escape(f"{type(shared).__name__}, {size:,} item{'' if size == 1 else 's'}")
    return "\n".join([f"<table><caption>{caption}</caption>", *lines, "</table>"])
