"""The canonical form of keys that the extension does not know itself: the same for equal keys in every process.

canonical() gives the plain key that a key is equal to, if there is one; else a Typed, which has a type's name and what tells its
objects from each other. Plain are None, numbers, str, bytes, and tuples and frozensets of what is plain or Typed. Nothing in
them depends on the process: no hash, no address, no order of a set or of attributes. The extension makes bytes of them, and
there 1, 1.0 and True become the same.
"""

from __future__ import annotations

import copyreg
import dataclasses
import datetime
import enum
import functools
import numbers
import operator
import pathlib
import sys
import types
import uuid
from decimal import Decimal
from typing import Any, Callable, Iterator

from . import _engine

__all__ = ["Typed", "canonical"]

_SHARED = tuple(getattr(_engine, name) for name in ("List", "Dict", "Value") if hasattr(_engine, name))
_MICROSECOND = datetime.timedelta(microseconds=1)
_DIGITS_MAX = 4000  # of a Decimal that is compared with ints: of others the int would take for ever


class Typed(tuple):  # type: ignore[type-arg]
    """(name, state): a key that is equal to no plain one. The names of types have a colon, other names have none."""

    __slots__ = ()
    __hash__ = tuple.__hash__

    def __eq__(self, other: object) -> bool:
        return type(other) is Typed and tuple.__eq__(self, other)


def canonical(key: Any) -> Any:
    """The canonical form of `key`. TypeError: it can be no key."""
    try:
        return _key(key)
    except RecursionError:
        raise TypeError(f"cannot use an object of type '{type(key).__name__}' as a key that contains itself, or too much within") from None


def _key(key: Any) -> Any:
    cls = type(key)
    if cls in _PLAIN:
        return _PLAIN[cls](key)
    if issubclass(cls, _SHARED):
        raise TypeError(f"cannot use a shared object as a key: '{cls.__name__}'; use a name for it, a str say")
    hash(key)  # TypeError: unhashable
    for owner in cls.__mro__:
        if "__comem_key__" in owner.__dict__:
            return _object(owner, key.__comem_key__())
    for base, plain in _PLAIN.items():
        if _compares_as(cls, base):
            return plain(key)
    for candidate in _candidates(key):
        if hash(candidate) == hash(key) and bool(candidate == key):
            return _key(candidate)
    return _other(key, cls)


def _other(key: Any, cls: type) -> Any:
    """The canonical form of a key that is equal to no plain one."""
    if isinstance(key, Decimal) and key.is_finite():
        return _vast(key) if _is_vast(key) else Typed(("rational", key.as_integer_ratio()))
    if isinstance(key, numbers.Rational):  # may be equal to a Decimal
        try:
            return Typed(("rational", (int(key.numerator), int(key.denominator))))
        except TypeError:
            pass  # numpy says of its time spans that they are ints
    if isinstance(key, enum.Enum) and _compares_as(cls, enum.Enum):
        return _object(cls, key._name_ if type(key).__members__.get(key._name_) is key else key._value_)
    if _is_value_dataclass(cls):
        return _object(cls, [getattr(key, field.name) for field in dataclasses.fields(key) if field.compare])
    for base, state in _STATE.items():
        if _compares_as(cls, base):
            return _object(base, state(key))
    if _is_global(key):
        return _global(key)
    if _hashed_by_identity(cls) and not isinstance(_reduce(key), str):
        raise TypeError(
            f"cannot use an object of type '{cls.__name__}' as a key: it is compared by identity, so a copy of it could"
            " never be found again; give the class __eq__ and __hash__, or __comem_key__"
        )
    return _reduced(key, cls)


# ---- plain keys ----

_PLAIN: dict[type, Callable[[Any], Any]] = {
    type(None): lambda key: None,
    int: int.__index__,
    bool: int.__index__,
    float: float.__float__,
    str: str.__str__,
    bytes: lambda key: bytes.__getitem__(key, slice(None)),
    tuple: lambda key: tuple([_key(item) for item in tuple.__iter__(key)]),
    frozenset: lambda key: frozenset([_key(item) for item in frozenset.__iter__(key)]),
    complex: lambda key: complex(key.real, key.imag),
}


def _compares_as(cls: Any, base: Any) -> bool:
    """Whether cls is base, or inherits its way to compare."""
    return issubclass(cls, base) and cls.__eq__ is base.__eq__ and cls.__hash__ is base.__hash__


def _hashed_by_identity(cls: Any, base: Any = object) -> bool:
    return cls.__hash__ is base.__hash__


def _is_local(cls: type) -> bool:
    """Whether a class stands inside a function, so that a module does not have it."""
    return "<locals>" in cls.__qualname__


def _candidates(key: Any) -> Iterator[Any]:
    """The plain values that a key with a comparison of its own may be equal to: numpy's scalars, Decimal, Fraction."""
    if isinstance(key, (str, bytes)):
        yield _PLAIN[str if isinstance(key, str) else bytes](key)
    elif isinstance(key, numbers.Complex) and not isinstance(key, numbers.Real):
        yield complex(key)
    elif isinstance(key, Decimal) and _is_vast(key):
        return
    else:
        for convert, base in (operator.index, int), (int, int), (float, float):
            try:
                yield _PLAIN[base](convert(key))
            except (TypeError, ValueError, ArithmeticError):
                pass  # it is no number of this kind


def _is_vast(key: Decimal) -> bool:
    """Whether a Decimal is too large or too fine to be made an int or a fraction of ints."""
    exponent = key.as_tuple().exponent
    return isinstance(exponent, int) and (exponent < -_DIGITS_MAX or key.adjusted() > _DIGITS_MAX)


def _vast(key: Decimal) -> Typed:
    sign, digits, exponent = key.as_tuple()
    text = "".join(map(str, digits))
    bare = text.rstrip("0")
    return Typed(("decimal", (sign, bare, exponent + len(text) - len(bare)) if bare else (0, "", 0)))  # type: ignore[operator]


# ---- keys with a known state ----


def _since(microseconds: int, key: Any) -> tuple[str, int]:
    """Times with an offset are compared by what they are without it, and are unequal to those that have none."""
    offset = key.utcoffset()
    return ("naive", microseconds) if offset is None else ("aware", microseconds - offset // _MICROSECOND)


def _time(key: Any) -> tuple[str, int]:
    key = key.replace(fold=0)  # which of two equal times in a night it is counts in neither comparing nor hashing
    seconds = (key.hour * 60 + key.minute) * 60 + key.second
    return _since(seconds * 1000000 + key.microsecond, key)


def _datetime(key: Any) -> tuple[str, int]:
    key = key.replace(fold=0)  # as _time()
    return _since((key.replace(tzinfo=None) - datetime.datetime.min) // _MICROSECOND, key)


def _path(key: Any) -> tuple[str, str]:
    """Pure and concrete paths of one system are equal."""
    return ("windows", str(key).lower()) if isinstance(key, pathlib.PureWindowsPath) else ("posix", str(key))


_STATE: dict[type, Callable[[Any], Any]] = {
    datetime.date: datetime.date.toordinal,
    datetime.datetime: _datetime,
    datetime.time: _time,
    datetime.timedelta: lambda key: key // _MICROSECOND,
    datetime.timezone: lambda key: key.utcoffset(None) // _MICROSECOND,
    uuid.UUID: lambda key: key.int,
    pathlib.PurePath: _path,
}


def _is_value_dataclass(cls: type) -> bool:
    """Whether cls compares as a dataclass does, by its own or an inherited comparison."""
    owner: Any = next((base for base in cls.__mro__ if "__dataclass_params__" in base.__dict__), object)
    parameters = owner.__dict__.get("__dataclass_params__")
    by_fields = parameters is not None and parameters.eq and (parameters.frozen or parameters.unsafe_hash)
    return by_fields and _compares_as(cls, owner)


def _is_global(key: Any) -> bool:
    if isinstance(key, type):
        return _compares_as(type(key), type)
    if isinstance(key, types.BuiltinFunctionType):
        return isinstance(key.__self__, (types.ModuleType, type(None)))
    return isinstance(key, types.FunctionType)


def _name(key: Any) -> str:
    """The name by which every process finds a class or function."""
    module = getattr(key, "__module__", None) or getattr(getattr(key, "__self__", None), "__name__", None)
    name = _full_name(str(module), key.__qualname__)
    try:
        found = functools.reduce(getattr, key.__qualname__.split("."), sys.modules[str(module)])
    except (AttributeError, KeyError):
        found = None
    if found is not key and key not in (type(None), type(NotImplemented), type(...)):  # which pickle knows
        raise TypeError(
            f"cannot use {key!r} in a key: it is not found as {name}, so a copy would not be either; define it at the top"
            " of a module"
        )
    return name


def _full_name(module: str, name: str) -> str:
    return f"{'__main__' if module == '__mp_main__' else module}:{name}"  # in a spawned child, the same script


def _global(key: Any) -> Typed:
    return Typed(("global", _name(key)))


def _object(cls: type, state: Any) -> Typed:
    return Typed((_local_name(cls) if _is_local(cls) else _name(cls), _state(state)))


def _local_name(cls: type) -> str:
    return _full_name(cls.__module__, cls.__qualname__)


# ---- every other type ----


def _reduce(key: Any) -> Any:
    """What pickle would keep of an object; a str is the name of the only one there is."""
    reduce = copyreg.dispatch_table.get(type(key))
    return key.__reduce_ex__(4) if reduce is None else reduce(key)


def _reduced(key: Any, cls: type) -> Typed:
    parts = _reduce(key)
    if isinstance(parts, str):
        return Typed(("global", _full_name(getattr(key, "__module__", cls.__module__), parts)))
    function, arguments, state, items, pairs = (tuple(parts) + (None, None, None))[:5]
    return _object(cls, (function, arguments, state, None if items is None else list(items), dict(pairs or ())))


def _state(part: Any) -> Any:
    """The canonical form of a part of an object, which need be no key itself."""
    cls = type(part)
    if cls is tuple:
        return tuple([_state(item) for item in part])
    if cls is list:
        return Typed(("list", tuple([_state(item) for item in part])))
    if cls in (set, frozenset):
        return Typed(("set", frozenset([_state(item) for item in part])))
    if cls is dict:
        return Typed(("dict", frozenset([(_state(key), _state(value)) for key, value in part.items()])))
    if cls is bytearray:
        return Typed(("bytearray", bytes(part)))
    if issubclass(cls, type) and _is_local(part):
        return Typed(("global", _local_name(part)))
    try:
        return _key(part)
    except TypeError:  # its type cannot tell whether it is equal to another; what it consists of can
        return _reduced(part, cls)
