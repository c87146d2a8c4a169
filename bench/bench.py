"""Measures comem beside what it replaces. `make bench` runs it; bench/README.md says how to read the table.

    bench.py [--rows NAME...] [--quick] [--strict] [--json PATH] [--c-bench PATH]
    bench.py --peers [--json PATH]
    bench.py --markdown [peers] [--json PATH]
    bench.py --chart [SVG] [--json PATH]

Exit status: 0, also when a row falls short of its limit; 1 when one failed, with --strict also when one falls short.
"""

import argparse
import json
import sys
from pathlib import Path

try:
    import comem  # noqa: F401
except ImportError as error:
    sys.exit(f"comem cannot be imported ({error}): 'make bench' builds it.")

import chart
import machine
import peer_table
import report
from plan import BUILD, QUICK, Plan
from rows import ROWS, falls_short, measured

CHART = Path(__file__).resolve().parent.parent / "docs/images/speed.svg"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures comem beside what it replaces.")
    names = [row.name for row in ROWS]
    parser.add_argument("--rows", nargs="+", metavar="NAME", choices=names, default=names, help=", ".join(names))
    parser.add_argument("--quick", action="store_true", help="fewer and smaller samples: seconds, noisier figures")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a row falls short")
    parser.add_argument("--json", type=Path, metavar="PATH", default=BUILD / "bench.json", help="build/bench.json")
    parser.add_argument("--c-bench", type=Path, metavar="PATH", default=Plan().c_bench, help="the C program")
    parser.add_argument("--peers", action="store_true", help="measure other libraries that this interpreter has")
    parser.add_argument(
        "--markdown", nargs="?", choices=["rows", "peers"], const="rows", help="print a table of the last run for a document"
    )
    parser.add_argument("--chart", nargs="?", type=Path, const=CHART, metavar="SVG", help="draw the last run's chart")
    return parser.parse_args()


def run(plan: Plan, names: list) -> dict:
    """Measures the named rows and prints the table line by line."""
    about = machine.describe(plan)
    print(report.machine_lines(about), "\n", sep="")
    before = machine.others_running()
    print(report.line(report.HEADINGS), flush=True)
    rows = {}
    for row in ROWS:
        if row.name in names:
            rows[row.name] = measured(row, plan)
            print(report.line(report.cells(row, rows[row.name])), flush=True)
    about["others_running"] = max(before, machine.others_running())
    return {"machine": about, "rows": rows}


def save(path: Path, results: dict):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n")


def of_last_run(given: argparse.Namespace) -> int:
    """What adds to the results of the last run, or shows them."""
    results = json.loads(given.json.read_text())
    if given.peers:
        results["peers"] = peer_table.measure()
        save(given.json, results)
    if given.markdown == "rows":
        print(report.markdown(results["machine"], results["rows"]))
    if given.markdown == "peers":
        print(peer_table.markdown(results["peers"]))
    if given.chart:
        given.chart.write_text(chart.svg(results["machine"], results["rows"]))
    return 0


def main() -> int:
    given = arguments()
    if given.peers or given.markdown or given.chart:
        return of_last_run(given)
    plan = (QUICK if given.quick else Plan())._replace(c_bench=given.c_bench)
    results = run(plan, given.rows)
    save(given.json, results)
    print("\n" + report.summary(results["rows"]) + report.disturbance(results["machine"]))
    failed = any("failed" in row for row in results["rows"].values())
    short = any(falls_short(row) for row in results["rows"].values())
    return int(failed or (short and given.strict))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
