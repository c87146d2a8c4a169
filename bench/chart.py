"""The chart of the figures of a run, as an SVG that needs nothing else: a line for an operation, a mark for each time.

Times are on a logarithmic scale, since from comem to what it is compared with are up to five powers of ten. A mark says in
`data-row` which row of the table it is from. Colours follow the reader's: light, or dark.
"""

from html import escape
from math import ceil, floor, log10
from typing import Callable, Iterable, NamedTuple

from report import nanoseconds


class Side(NamedTuple):
    """Whose times a kind of mark shows."""

    name: str
    figure: str  # of the row
    shape: Callable


def circle(x: float, y: float) -> str:
    return f'circle cx="{x:.1f}" cy="{y:.1f}" r="6"'


def square(x: float, y: float) -> str:
    return f'rect x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10"'


def diamond(x: float, y: float) -> str:
    return f'path d="M{x:.1f} {y - 7:.1f}l7 7-7 7-7-7z"'


def triangle(x: float, y: float) -> str:
    return f'path d="M{x:.1f} {y - 6:.1f}l7 12h-14z"'


SIDES = {
    "comem": Side("comem", "comem_ns", circle),
    "plain": Side("built-in list or dict", "peer_ns", square),
    "standard": Side("multiprocessing", "peer_ns", diamond),
    "c": Side("comem from C", "comem_ns", circle),
    "lmdb": Side("LMDB from C", "peer_ns", triangle),
}

# What is done, and the rows that have times of it.
OPERATIONS = (
    ("items[i]", {"plain": "list.get", "standard": "manager.list.get", "lmdb": "c.list.get"}),
    ("items.append(v)", {"plain": "list.append", "standard": "manager.list.append", "lmdb": "c.list.append"}),
    ("d[k]", {"plain": "dict.get", "standard": "manager.dict.get", "lmdb": "c.dict.get"}),
    ("d[k] = v", {"plain": "dict.set", "standard": "manager.dict.set", "lmdb": "c.dict.set"}),
    ("value.add(1), value += 1", {"standard": "value.add"}),
    ("items.insert(0, v), of 100k", {"plain": "list.insert0"}),
    ("items[:], of 10k", {"plain": "list.slice_all", "standard": "manager.slice_all"}),
    ("list(items), of 10k", {"standard": "list.list"}),
    ("dict(d), of 10k", {"standard": "dict.dict"}),
    ("d.copy(), of 10k", {"standard": "manager.copy"}),
    ("d.items(), of 10k", {"standard": "manager.items"}),
    ("manager.list()", {"standard": "start.list"}),
    ("Manager()", {"standard": "start.manager"}),
)

WIDTH, TOP, LINE = 900, 92, 30
LEFT, RIGHT = 262, WIDTH - 40  # of the scale
UNITS = ("ns", "µs", "ms", "s")

STYLE = """
    .card { fill: #ffffff; stroke: #d0d7de } .rule { stroke: #d0d7de } .span { stroke: #8c959f; stroke-width: 1.5 }
    .comem { fill: #00796b } .c { fill: #ffffff; stroke: #00796b; stroke-width: 2.5 } .plain { fill: #59636e }
    .standard { fill: #d1600a } .lmdb { fill: #6639ba }
    text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
    .code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace }
    .say { fill: #59636e } .mid { text-anchor: middle } .end { text-anchor: end }
    @media (prefers-color-scheme: dark) {
      .card { fill: #161b22; stroke: #30363d } .rule { stroke: #30363d } .span { stroke: #6e7681 }
      .comem { fill: #4db6ac } .c { fill: #161b22; stroke: #4db6ac } .plain { fill: #9da7b3 }
      .standard { fill: #f0883e } .lmdb { fill: #b392f0 } text { fill: #e6edf3 } .say { fill: #9da7b3 }
    }
"""


class Mark(NamedTuple):
    side: str
    row: str
    time: float  # nanoseconds


def marks(rows: dict, of: dict) -> list:
    """The marks of one operation: comem's is that of the first row, which is the one against the built-in type if any."""
    first = next(iter(of.values()))
    wanted = [("comem", first), *of.items(), *(("c", row) for side, row in of.items() if side == "lmdb")]
    found = ((side, row, rows.get(row, {}).get(SIDES[side].figure)) for side, row in wanted)
    return [Mark(side, row, time) for side, row, time in found if time is not None]


def scale(times: Iterable[float]) -> tuple:
    """The powers of ten between which all times are."""
    times = list(times)
    return floor(log10(min(times))), max(ceil(log10(max(times))), floor(log10(min(times))) + 1)


def place(time: float, low: int, high: int) -> float:
    return LEFT + (RIGHT - LEFT) * (log10(time) - low) / (high - low)


def shape(mark: Mark, x: float, y: float) -> str:
    side = SIDES[mark.side]
    said = escape(f"{mark.row}: {side.name}, {nanoseconds(mark.time)}")
    element = side.shape(x, y)
    return f'<{element} class="{mark.side}" data-row="{mark.row}"><title>{said}</title></{element.split()[0]}>'


def legend() -> list:
    parts, x = [], 36
    for name, side in SIDES.items():
        parts += [f'<{side.shape(x, 56)} class="{name}"/>', f'<text x="{x + 14}" y="60.5">{side.name}</text>']
        x += 48 + 7 * len(side.name)
    return parts


def operation(what: str, found: list, y: float, at: Callable) -> list:
    """A line from the shortest time to the longest, and the marks on it."""
    places = [at(mark.time) for mark in found]
    return [
        f'<text class="code end" x="{LEFT - 20}" y="{y + 4.5}">{escape(what)}</text>',
        f'<path class="span" d="M{min(places):.1f} {y}H{max(places):.1f}"/>',
        *(shape(mark, x, y) for mark, x in zip(found, places)),
    ]


def svg(machine: dict, rows: dict) -> str:
    """The chart of a run, as build/bench.json has it; operations that were not measured are left out."""
    found = [(what, marks(rows, of)) for what, of in OPERATIONS]
    found = [(what, of) for what, of in found if of]
    low, high = scale(mark.time for _, of in found for mark in of)
    bottom = TOP + LINE * len(found)
    height = bottom + 62

    def at(time):
        return place(time, low, high)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title">',
        '<title id="title">What an operation takes, with comem and with what it is compared with</title>',
        f"<style>{STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        '<text x="30" y="31">Time of one operation, on a logarithmic scale: further left is faster</text>',
        *legend(),
    ]
    for power in range(low, high + 1):
        x = at(10**power)
        parts.append(f'<path class="rule" d="M{x:.1f} {TOP - 12}V{bottom}"/>')
        parts.append(f'<text class="say mid" x="{x:.1f}" y="{bottom + 18}">{10 ** (power % 3)} {UNITS[power // 3]}</text>')
    for number, (what, of) in enumerate(found):
        parts += operation(what, of, TOP + LINE * (number + 0.5) - 6, at)
    about = f"{machine['cpu']}, {machine['python']}, {machine['kernel']}. Dicts have 1,000 keys, from C 100,000 longer ones."
    parts.append(f'<text class="say" x="30" y="{bottom + 44}">{escape(about)}</text>')
    return "\n".join([*parts, "</svg>", ""])
