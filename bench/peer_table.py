"""The table of other libraries: runs peers.py for each of them, in turns with comem, and shows what came of it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from statistics import median

from peers import PEERS
from report import nanoseconds, times

OPERATIONS = {"get": "`d[k]`", "set": "`d[k] = v`", "append": "`append(v)`", "queue": "`put` and `get`"}
ROUNDS = 3
TIME_LIMIT = 60  # seconds, for one operation: peers hang
FAILURES = ("missing", "failed")


def run(peer: str, operation: str) -> dict:
    """What peers.py says of it. It leads a session of its own, of which nothing is left behind."""
    program = [sys.executable, str(Path(__file__).with_name("peers.py")), peer, operation]
    child = subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        said, complaints = child.communicate(timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        return {"failed": f"hangs: not done in {TIME_LIMIT} s"}
    finally:
        end_session(child)
    try:
        return json.loads(said.splitlines()[-1])
    except (IndexError, ValueError):
        last = (complaints.strip().splitlines() or ["it says nothing"])[-1]
        return {"failed": f"ends with {child.returncode}: {last}"}


def end_session(leader: subprocess.Popen):
    try:
        os.killpg(leader.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # as it should be: all have ended
    leader.communicate()


def measured(peer: str, operation: str) -> dict:
    """Medians of the rounds, each with a sample of comem's right before the peer's; or what one round says instead."""
    found, pairs = {}, []
    for _ in range(ROUNDS):
        ours = run("comem", operation)
        found = run(peer, operation)
        if found.get("ns") is None:
            return found
        pairs.append((ours.get("ns"), found["ns"]))
    found["ns"] = median(theirs for _, theirs in pairs)
    if all(ours for ours, _ in pairs):
        found["comem_ns"] = median(ours for ours, _ in pairs)
        found["ratio"] = median(ours / theirs for ours, theirs in pairs)
    return found


def measure() -> dict:
    """As build/bench.json has it. Prints the table line by line."""
    print(line(["peer", *(name.replace("`", "") for name in OPERATIONS.values())]), flush=True)
    results = {}
    for peer in PEERS:
        if peer != "comem":
            results[peer] = {operation: measured(peer, operation) for operation in OPERATIONS}
            print(line(cells(peer, results[peer])), flush=True)
    return results


def cell(found: dict) -> str:
    """The peer's time, and comem's divided by it."""
    said = next((found[key] for key in FAILURES if key in found), None)
    if said is not None or found.get("ns") is None:
        return said or "-"
    ratio = f", comem {times(found['ratio'])}" if "ratio" in found else ""
    return nanoseconds(found["ns"]) + ratio


def title(peer: str, found: dict) -> str:
    versions = {each["version"] for each in found.values() if "version" in each}
    return " ".join([peer, *versions])


def cells(peer: str, found: dict) -> list:
    texts = [cell(each) for each in found.values()]
    return [title(peer, found), *(texts if len(set(texts)) > 1 else texts[:1])]


def line(columns: list) -> str:
    widths = [22, *[26] * len(OPERATIONS)]
    return "  ".join(f"{text:<{width}}" for text, width in zip(columns, widths)).rstrip()


def markdown(results: dict) -> str:
    """The table for a document."""
    lines = ["| " + " | ".join(["peer", *OPERATIONS.values()]) + " |", "|---" * (1 + len(OPERATIONS)) + "|"]
    for peer, found in results.items():
        columns = cells(peer, found)
        lines.append("| " + " | ".join([*columns, *[""] * (1 + len(OPERATIONS) - len(columns))]) + " |")
    return "\n".join(lines)
