from typing import Any, Optional, Tuple, Union

from . import managers as managers
from ._engine import KEEP as KEEP
from ._engine import MISSING as MISSING
from ._engine import DamagedError as DamagedError
from ._engine import Dict as Dict
from ._engine import GoneError as GoneError
from ._engine import List as List
from ._engine import Value as Value
from ._engine import __version__ as __version__
from ._engine import forget as forget
from ._engine import var as var
from ._process import PrivateCopyWarning as PrivateCopyWarning
from ._store import Store as Store
from ._store import open as open
from ._store import unlink as unlink
from ._values import ValueUnreadable as ValueUnreadable

__all__ = [
    "DamagedError",
    "Dict",
    "GoneError",
    "KEEP",
    "List",
    "MISSING",
    "Manager",
    "PrivateCopyWarning",
    "Store",
    "Value",
    "ValueUnreadable",
    "forget",
    "get_include",
    "var",
]

list = List
dict = Dict
handle_grace: float

def Manager(
    address: Optional[Union[str, Tuple[str, int]]] = None,
    authkey: Optional[bytes] = None,
    *,
    deep: bool = False,
    pickle: bool = True,
    **options: Any,
) -> managers.SyncManager: ...
def get_include() -> str: ...
