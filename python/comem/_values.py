"""Values that are pickles: how the extension makes them, and what it raises when one cannot be loaded.

The shared objects in a value are its references, counted while it is stored; its pickle has their numbers. A pickle that an
object's own method makes meanwhile is none of the value's, and has names, as any other. A standard manager's proxy in it
keeps what it stands for in the server.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import sys
import weakref
from typing import Any

from . import _engine

__all__ = ["Unreadable", "ValueUnreadable", "dumps", "loads", "unreadable"]

_SHARED = tuple(getattr(_engine, name) for name in ("List", "Dict", "Value") if hasattr(_engine, name))


class ValueUnreadable(pickle.UnpicklingError):
    """A stored value cannot be unpickled in this process: its class or module is not there, or refuses.

    The value stays where it is, for others to read; len(), del, keys() and repr() work all the same. class_name, reason and
    where say what it is, why it cannot be read, and its key or index ("key 'a'", "item 3"; None: not known).
    """

    __module__ = "comem"  # where programs, tracebacks and pickles name it

    def __init__(self, class_name: str, reason: str, where: str | None = None) -> None:
        super().__init__(class_name, reason, where)
        self.class_name, self.reason, self.where = class_name, reason, where

    def __str__(self) -> str:
        return f"{self.where or 'a value'}, an object of class {self.class_name}, cannot be unpickled here: {self.reason}"

    def _at(self, where: str) -> None:
        if self.where is None:
            self.where = where
            self.args = (self.class_name, self.reason, where)


class Unreadable:
    """What stands for such a value in a repr()."""

    def __init__(self, error: ValueUnreadable) -> None:
        self._text = f"<unreadable {error.class_name.rpartition('.')[2]}>"

    def __repr__(self) -> str:
        return self._text


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, buffers: list[pickle.PickleBuffer], held: list[Any]) -> None:
        super().__init__(file, 5, buffer_callback=buffers.append)
        self._held = held

    def reducer_override(self, part: Any) -> Any:
        if type(part) is _engine.Unbound:
            part.__reduce__  # any attribute makes it what it stands for
        if not issubclass(type(part), _SHARED):  # isinstance() would believe what an object says of itself
            _refuse_connection(part)
            _keep_served(part)
            return NotImplemented
        self._held.append(part)
        return _reference, (type(part), len(self._held) - 1)


class _KeyPickler(_Pickler):
    """The same for a key: classes that stand inside a function go by name, as in its canonical form."""

    def reducer_override(self, part: Any) -> Any:
        if issubclass(type(part), type) and "<locals>" in part.__qualname__:
            name = _local_name(part)
            _local_classes[name] = part
            return _local_class, name
        return super().reducer_override(part)


def _refuse_connection(part: Any) -> None:
    """TypeError: a pipe's end. Its pickle has the number of a descriptor, which is another file's elsewhere."""
    connection = sys.modules.get("multiprocessing.connection")
    if connection is not None and isinstance(part, connection._ConnectionBase):
        raise TypeError(f"cannot pickle '{type(part).__name__}' object")


def _keep_served(part: Any) -> None:
    """If it is a standard manager's proxy, have its object stay in the server."""
    managers = sys.modules.get("multiprocessing.managers")
    if managers is not None and issubclass(type(part), managers.BaseProxy):
        from . import _server

        _server.keep(part)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, buffers: list[Any], held: list[Any]) -> None:
        super().__init__(file, buffers=buffers)
        self._held = held

    def find_class(self, module: str, name: str) -> Any:
        if module == __name__ and name == _reference.__name__:
            return self._reference
        return super().find_class(module, name)

    def _reference(self, cls: type, number: int) -> Any:
        part = self._held[number]
        return part if type(part) is cls else _engine._handle(cls, part)


def _reference(cls: type, number: int) -> Any:
    """In a value's pickle: its reference of that number, as an object of class cls."""
    raise pickle.UnpicklingError("a part of a stored value's pickle, which cannot be loaded on its own")


# Of keys: the last class of each name, for as long as the program has it.
_local_classes: weakref.WeakValueDictionary[tuple[str, str], type] = weakref.WeakValueDictionary()


def _local_name(cls: type) -> tuple[str, str]:
    return "__main__" if cls.__module__ == "__mp_main__" else cls.__module__, cls.__qualname__


def _local_class(module: str, name: str) -> type:
    """In a key's pickle: the class that stands inside a function."""
    found = _local_classes.get((module, name))
    if found is None:
        raise pickle.UnpicklingError("the class stands inside a function, and this process has used no key of it")
    return found


def dumps(value: Any) -> tuple[bytes, list[pickle.PickleBuffer], list[Any]]:
    """Its pickle, the buffers that belong to it, and the shared objects in it. TypeError: it cannot be pickled."""
    return _dumps(value, _Pickler)


def dumps_key(key: Any) -> tuple[bytes, list[pickle.PickleBuffer], list[Any]]:
    """The same for a key."""
    return _dumps(key, _KeyPickler)


def _dumps(value: Any, pickler: type[_Pickler]) -> tuple[bytes, list[pickle.PickleBuffer], list[Any]]:
    file = io.BytesIO()
    buffers: list[pickle.PickleBuffer] = []
    held: list[Any] = []
    try:
        pickler(file, buffers, held).dump(value)
    except (RecursionError, _engine.DamagedError):
        raise  # RuntimeErrors, but not about the value's type
    except (pickle.PicklingError, AttributeError, TypeError, RuntimeError) as error:
        refused = TypeError(f"cannot store an object of type '{type(value).__name__}': {error}{_advice(error)}")
        raise refused from (error if _has_lines(error) else None)
    return file.getvalue(), buffers, held


def _has_lines(error: Exception) -> bool:
    """Whether it comes from somebody's Python code, of which a traceback shows the place, and not from pickle."""
    trace = error.__traceback__.tb_next if error.__traceback__ is not None else None
    return trace is not None and trace.tb_frame.f_globals is not globals()


def _advice(error: Exception) -> str:
    """What to do about something that cannot be pickled."""
    said = str(error)
    if "through inheritance" in said or "'socket'" in said or "'Connection'" in said:
        return "; pass it as an argument of the process"
    if said.startswith("cannot pickle"):
        return "; it belongs to this process: store what others can make one of their own from"
    if said.startswith("Can't "):
        return "; others can find only what has a name at the top of a module"
    return ""


def loads(stream: memoryview, buffers: list[Any], held: list[Any]) -> Any:
    """The value again; `held` are its references in order."""
    return _Unpickler(io.BytesIO(stream), buffers, held).load()


def _class_name(stream: memoryview) -> str:
    """The first class or function in a pickle."""
    texts: list[str] = []
    try:
        for opcode, argument, _ in pickletools.genops(bytes(stream)):
            if opcode.name == "REDUCE" or opcode.name == "STACK_GLOBAL" and texts[-1] != _local_class.__name__:
                return ".".join(texts[-2:])  # what is reduced first of all is a local class
            if isinstance(argument, str):
                texts.append(argument)
    except ValueError:
        pass  # no pickle
    return "unknown"


def unreadable(stream: memoryview, reason: BaseException | str) -> ValueUnreadable:
    """The exception for a pickle that cannot be loaded, or is not to be. `reason` is an exception or a sentence."""
    text = reason if isinstance(reason, str) else f"{type(reason).__name__}: {reason}"
    error = ValueUnreadable(_class_name(stream), text)
    error.__cause__ = reason if isinstance(reason, BaseException) else None
    return error
