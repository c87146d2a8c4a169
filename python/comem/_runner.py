"""python -m comem PROGRAM: runs a program, unchanged, in which multiprocessing.Manager() is comem's.

Main        The program's main module is a fresh one, and what a program sees of sys is as without us: spawned children
            import the same main, pickles find its functions, handlers of atexit its globals.
Replaced    One name, multiprocessing.managers.SyncManager, where Manager() of every context looks when it is called. It
            is replaced as soon as the module is there, so what the program imports from it, or derives, is comem's.
            Nothing is imported for it before the program does: multiprocessing's handler of atexit keeps its place.
Children    Forked ones inherit it. Spawned ones, and those of a forkserver, load it after their ticket, before main.
Forkserver  Preloads comem and not main, unless the program says what it preloads: so every child imports main itself.
The end     An exception leaves through the interpreter: exit code, SystemExit's text and death by SIGINT are its own.
            Only the traceback is cut on the way, so that it begins with the program's lines.
"""

from __future__ import annotations

import builtins
import importlib.util
import io
import os
import runpy
import sys
import types
from importlib import import_module
from importlib.machinery import SourceFileLoader, SourcelessFileLoader
from pkgutil import get_importer

from . import _engine, _process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

USAGE = """\
usage: python -m comem PROGRAM.py [ARGUMENT...]
       python -m comem -m MODULE [ARGUMENT...]

Runs a Python program, unchanged, with comem's lists and dicts in the place of multiprocessing.Manager()'s.
PROGRAM may also be a folder or a zip file with a __main__.py. Python's own options go before -m comem.

The command that looks into stores is `comem`, or `python -m comem.cli`."""


def main(words: list[str]) -> None:
    """Run the program that these words of the command line name, and raise what it raises.

    SystemExit: with 2, words that name none, or a file that cannot be opened; with a text, no such module.
    """
    if words[:1] in (["-h"], ["--help"]):
        print(USAGE)
    elif words[:1] == ["--version"]:
        print(f"comem {_engine.__version__}")
    elif not words:
        _misused("which program?")
    elif words == ["-m"]:
        _misused("-m needs the name of a module")
    elif words[0] == "-":
        _misused("a program from standard input has no file that its processes could import: save it in one")
    elif words[0].startswith("-") and words[0] != "-m":
        _misused(f"unknown option {words[0]}")
    else:
        replace()
        _run(words)


def _misused(problem: str) -> NoReturn:
    print(f"python -m comem: {problem}\n\n{USAGE}", file=sys.stderr)
    raise SystemExit(2)


# ---- the one name ----------------------------------------------------------------------------------------------------

_replaced = False


def replace() -> None:
    """From now on the standard SyncManager is comem's, in this process and in those that it starts."""
    global _replaced
    if _replaced:
        return
    _replaced = True
    # Whichever of the two is imported first imports the other.
    _process.when_imported("multiprocessing.managers", lambda _: import_module("comem.managers"))
    _process.when_imported("comem.managers", _take_the_name)
    _process.when_imported("multiprocessing.forkserver", lambda module: module.set_forkserver_preload(["comem"]))
    _process.beside_tickets.append(_Replacement())


def _take_the_name(ours: Any) -> None:
    setattr(sys.modules["multiprocessing.managers"], "SyncManager", ours.SyncManager)


class _Replacement:
    """Loading it does the same in the loading process."""

    def __reduce__(self) -> tuple[Any, ...]:
        return replace, ()


# ---- the program -----------------------------------------------------------------------------------------------------


class _Missing(Exception):
    """There is no such module, or no __main__ in it."""


def _run(words: list[str]) -> None:
    ours = sys.modules["__main__"].__dict__
    program = types.ModuleType("__main__")
    try:
        code = _module(program, words[1:]) if words[0] == "-m" else _path(program, words)
        sys.modules["__main__"] = program  # and there it stays
        exec(code, program.__dict__)
    except _Missing as error:
        raise SystemExit(f"python -m comem: {error}") from None
    except SystemExit:
        raise
    except BaseException:
        _cut_traceback((ours, globals(), runpy.__dict__))
        raise


def _fill(program: types.ModuleType, **names: Any) -> None:
    """Give it these names, but for those that main modules of this Python do not have, ours among them."""
    usual = sys.modules["__main__"].__dict__
    names.update(__annotations__={}, __builtins__=builtins)
    program.__dict__.update((name, value) for name, value in names.items() if name in usual)


def _fill_by(program: types.ModuleType, spec: Any) -> None:
    _fill(
        program,
        __cached__=spec.cached,
        __file__=spec.origin,
        __loader__=spec.loader,
        __package__=spec.parent,
        __spec__=spec,
    )


# These prepare the program's module and sys, and return its code.


def _module(program: types.ModuleType, words: list[str]) -> types.CodeType:
    sys.argv = ["-m", *words[1:]]
    _, spec, code = runpy._get_module_details(words[0], _Missing)  # type: ignore[attr-defined]
    sys.argv[0] = spec.origin
    _fill_by(program, spec)
    return code  # type: ignore[no-any-return]


def _path(program: types.ModuleType, words: list[str]) -> types.CodeType:
    path = words[0] if os.path.isabs(words[0]) else os.path.join(os.getcwd(), words[0])
    sys.argv = words
    if get_importer(path) is None:
        return _file(program, path)
    _begin_path(path, True)
    _, spec, code = runpy._get_main_module_details(_Missing)  # type: ignore[attr-defined]
    _fill_by(program, spec)
    return code  # type: ignore[no-any-return]


def _file(program: types.ModuleType, path: str) -> types.CodeType:
    try:
        with io.open_code(path) as stream:
            data = stream.read()
    except OSError as error:
        print(f"python -m comem: can't open file {path!r}: [Errno {error.errno}] {error.strerror}", file=sys.stderr)
        if "." not in os.path.basename(path):  # a program seldom has such a name
            print("The command that looks into stores is `comem`, or `python -m comem.cli`.", file=sys.stderr)
        raise SystemExit(2) from None
    _begin_path(os.path.dirname(os.path.realpath(path)), False)
    compiled = data.startswith(importlib.util.MAGIC_NUMBER)
    loader = SourcelessFileLoader("__main__", path) if compiled else SourceFileLoader("__main__", path)
    _fill(program, __cached__=None, __file__=path, __loader__=loader)
    if compiled:
        return loader.get_code("__main__")  # type: ignore[return-value]  # None is for what has no code
    return compile(data, path, "exec", dont_inherit=True)


def _begin_path(place: str, even_if_safe: bool) -> None:
    """Put the program's folder first in sys.path, where -m has put the current one, unless Python's options forbid."""
    if not getattr(sys.flags, "safe_path", sys.flags.isolated):
        sys.path[0] = place
    elif even_if_safe:
        sys.path.insert(0, place)


def _cut_traceback(ours: tuple[dict[str, Any], ...]) -> None:
    """Have the exception that is about to end the program shown without the frames in front that have these globals."""
    show = sys.excepthook

    def show_the_programs(kind: type[BaseException], error: BaseException, trace: types.TracebackType | None) -> None:
        sys.excepthook = show
        while trace is not None and any(trace.tb_frame.f_globals is namespace for namespace in ours):
            trace = trace.tb_next
        sys.last_traceback = trace
        show(kind, error.with_traceback(trace), trace)

    sys.excepthook = show_the_programs
