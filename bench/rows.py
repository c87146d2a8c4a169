"""What is measured: a table of rows, each with its peer, its limit and the function that measures it.

A row's function takes a Plan and returns the figures for the row: comem_ns, peer_ns and ratio, or value instead of
ratio where the limit is an absolute one. Each runs in a process of its own, so that it may pin itself and start with
no store.
"""

import json
import subprocess
from typing import Callable, NamedTuple, Optional

import copy_rows as copies
import dict_rows as dicts
import list_rows as lists
import loops
import store_rows as stores
import value_rows as values
import var_rows as variables
from plan import NotMeasured, Plan
from processes import Failed, cpus, in_group, pin

# ---- C, against LMDB -----------------------------------------------------------------------------------------------


def c_row(name: str) -> Callable:
    """Runs the C program, which measures in the same way."""

    def run(plan: Plan) -> dict:
        pin(cpus()[-1])
        options = ["--pairs", str(plan.pairs), "--operations", str(plan.operations)]
        row = json.loads(c_bench(plan, *options, name))
        del row["row"]
        return row

    return run


def c_bench(plan: Plan, *arguments: str) -> str:
    """What the C program prints. NotMeasured where it was not built, as it is without LMDB."""
    if not plan.c_bench.exists():
        raise NotMeasured("not installed")
    run = subprocess.run([str(plan.c_bench.resolve()), *arguments], capture_output=True, text=True)
    if run.returncode:
        raise Failed(run.stderr.strip() or f"{plan.c_bench} ended with {run.returncode}")
    return run.stdout


# ---- the table -----------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    name: str
    what: str
    peer: str
    at_most: float  # a ratio, or where there is a unit a value
    measure: Callable
    unit: Optional[str] = None


LIST, DICT = "built-in list", "built-in dict"
COPIED = "built-in lists, copied first"
MANAGER = "multiprocessing.Manager"
START = "the interpreter's start"
GET, PUT = "LMDB get transaction", "LMDB put transaction"
LOCK = "contended multiprocessing.Lock"
ALONE, SLEEPING = "one process alone", "while the writer sleeps"
PICKLE = "pickle dumps + loads"
VALUE = "multiprocessing.Value, its lock"

ROWS = (
    Row("list.get", "`items[i]`", LIST, 2.5, lists.get),
    Row("list.append", "`items.append(value)`", LIST, 4, lists.append),
    Row("list.iterate", "`for value in items`, an item", LIST, 4, lists.iterate),
    Row("list.extend", "`items.extend(values)`, an item", LIST, 20, lists.extend, "ns"),
    Row("list.insert0", "`items.insert(0, value)`, 100k items", LIST, 5, lists.insert_front(100_000)),
    Row("list.insert0.1m", "the same, 1M items", LIST, 5, lists.insert_front(1_000_000)),
    Row("list.pop0", "`items.pop(0)`, 100k items", LIST, 5, lists.pop_front(100_000)),
    Row("list.pop0.1m", "the same, 1M items", LIST, 5, lists.pop_front(1_000_000)),
    Row("list.insert_random", "`items.insert(anywhere, value)`, 1M items", LIST, 1, lists.insert_random),
    Row("list.slice_all", "`items[:]`, 10k items", LIST, 8, lists.slice_all),
    Row("list.equal", "`items == others`, 10k items each", COPIED, 3, copies.equal),
    Row("list.list", "`list(items)`, 10k items, one CPU", MANAGER, 1 / 100, copies.list_list),
    Row("list.sort", "`items.sort()`, 100k items", LIST, 2, lists.sort),
    Row("list.bytes_per_item", "the least store for 1M items, an item", "none", 18, lists.bytes_per_item, "bytes"),
    Row("dict.get", "`d[k]`, 1,000 keys", DICT, 2.3, dicts.native(loops.get)),
    Row("dict.set", "`d[k] = value`, 1,000 keys", DICT, 2, dicts.native(loops.store)),
    Row("dict.get.1m", "`d[k]`, 1M keys, in no order", DICT, 0.9, dicts.million(loops.get)),
    Row("dict.set.1m", "`d[k] = value`, the same", DICT, 0.8, dicts.million(loops.store)),
    Row("dict.nested.get", "`d['a']['b']`", DICT, 4, dicts.nested),
    Row("dict.dict", "`dict(d)`, 10k keys, one CPU", MANAGER, 1 / 100, copies.dict_dict),
    Row("dict.bytes_per_entry", "the least store, 1M or 1.1M keys", "none", 100, dicts.bytes_per_entry, "bytes"),
    Row("dict.empty.bytes", "an empty dict's part of a full store", "none", 512, dicts.empty_bytes, "bytes"),
    Row("value.nested", "`d[k] = value; d[k]`, a dict of 5 scalars", PICKLE, 0.5, dicts.value_nested),
    Row("value.large", "the same, 1 MB ndarray", PICKLE, 1, dicts.value_large),
    Row("value.add", "`Value.add(1)`", VALUE, 1 / 8, values.add),
    Row("manager.list.get", "`Manager().list()[i]`, one CPU", MANAGER, 1 / 300, lists.managed_get),
    Row("manager.list.append", "`Manager().list().append(value)`, one CPU", MANAGER, 1 / 250, lists.managed_append),
    Row("manager.dict.get", "`Manager().dict()[k]`, one CPU", MANAGER, 1 / 300, dicts.managed(loops.get)),
    Row("manager.dict.set", "`Manager().dict()[k] = value`, one CPU", MANAGER, 1 / 250, dicts.managed(loops.store)),
    Row("manager.slice_all", "`Manager().list()[:]`, 10k items, one CPU", MANAGER, 1 / 2.5, copies.slice_all),
    Row("manager.copy", "`Manager().dict().copy()`, 10k keys, one CPU", MANAGER, 1 / 2.5, copies.copy),
    Row("manager.items", "`Manager().dict().items()`, 10k keys, one CPU", MANAGER, 1 / 2.5, copies.items),
    Row("import", "`import comem`", START, 20, stores.import_comem, "ms"),
    Row("start.manager", "`Manager()`, a program's first", MANAGER, 1 / 5, lists.start_manager),
    Row("start.list", "`manager.list()`, made and dropped", MANAGER, 1 / 30, lists.start_list),
    Row("var.bind", "`comem.var(name)`, 100 names", DICT, 1000, variables.bind, "ns"),
    Row("start.spawn", "a spawned child that uses one shared list", MANAGER, 1, stores.start_spawn),
    Row("open.named", "`comem.open(name).close()`, a store that is there", "none", 150, stores.open_named, "µs"),
    Row("c.list.get", "`comem_list_get()`", GET, 1 / 20, c_row("c.list.get")),
    Row("c.list.append", "`comem_list_append()`", PUT, 1 / 10, c_row("c.list.append")),
    Row("c.dict.get", "`comem_dict_get()`, 100k keys of 16 bytes", GET, 1 / 5, c_row("c.dict.get")),
    Row("c.dict.set", "`comem_dict_set()`, the same", PUT, 1 / 8, c_row("c.dict.set")),
    Row("list.get.two", "`items[i]` in two processes at once", ALONE, 1.15, lists.get_two),
    Row("list.append.two", "`append` in two processes at once", LOCK, 0.5, lists.append_two),
    Row("dict.get.two", "`d[k]` in two processes at once", ALONE, 1.15, dicts.get_two),
    Row("dict.get.same_key", "`d[k]`, another process stores under `k`", SLEEPING, 4, dicts.get_same_key),
    Row("dict.get.other_key", "`d[k]`, another process stores under another", SLEEPING, 1.3, dicts.get_other_key),
    Row("dict.set.two", "`d[k] = value` in two processes, own keys", LOCK, 0.5, dicts.set_two),
    Row("dict.add.two", "`d.add(k, 1)` in two processes, one key", LOCK, 0.5, dicts.add_two),
    Row("value.add.two", "`Value.add(1)` in two processes, one value", VALUE, 1 / 20, values.add_two),
)


def measured(row: Row, plan: Plan) -> dict:
    """The row as build/bench.json has it: with `missing` where it cannot be measured here, `failed` where it broke."""
    try:
        found = in_group(caught, row, plan)
    except Failed as error:
        found = {"failed": str(error)}
    return {"peer": row.peer, **found, "at_most": row.at_most}


def caught(row: Row, plan: Plan) -> dict:
    try:
        return row.measure(plan)
    except NotMeasured as why:
        return {"missing": str(why)}


def falls_short(row: dict) -> bool:
    return row.get("value", row.get("ratio", 0)) > row["at_most"]
