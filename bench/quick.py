"""Prints one line: how many times faster than the standard manager an append was, on this machine, just now.

It is the row manager.list.append of bench.py in small: two seconds at most.
"""

import sys

from list_rows import managed_append
from machine import others_running
from plan import QUICK
from processes import Failed, in_group
from report import disturbance, nanoseconds

others = others_running()
try:
    row = in_group(managed_append, QUICK._replace(slow_operations=2_000))
except Failed as error:
    sys.exit(f"The append could not be measured: {error}")
print(
    f"Just now, on this machine, an append through comem.Manager().list() was {1 / row['ratio']:.0f} times faster than "
    f"through the standard manager: {nanoseconds(row['comem_ns'])} against {nanoseconds(row['peer_ns'])}."
    + disturbance({"others_running": others})
)
