"""Counts that do not depend on the machine's mood: heap allocations and instructions per hit."""

import re
import struct
import subprocess

from . import machine
from .load import load
from .machine import say
from .peers import PATH, get, start_sandbox, start_service

WARM_UP_HITS = 20_000
COUNTED_HITS = 200_000
INSTRUCTION_HITS = 5_000
SLOT = struct.Struct("QQQ")


def allocations(folder):
    """Heap allocations per fresh hit, all of them and by thread."""
    say(f"counting allocations of {COUNTED_HITS} hits")
    path = folder / "allocations"
    path.unlink(missing_ok=True)
    sandbox, upstream_port = start_sandbox(folder)
    try:
        service, port = start_service(
            folder, upstream_port, LD_PRELOAD=str(machine.BUILD / "count.so"),
            ALLOCATIONS_FILE=str(path))
        try:
            return count_allocations(path, port)
        finally:
            service.stop()
    finally:
        sandbox.stop()


def count_allocations(path, port):
    load(port, connections=64, count=WARM_UP_HITS)
    before = read_slots(path)
    load(port, connections=64, count=COUNTED_HITS)
    after = read_slots(path)
    calls = {thread: after[thread][0] - before.get(thread, (0, 0))[0] for thread in after}
    size = sum(after[thread][1] - before.get(thread, (0, 0))[1] for thread in after)
    return {
        "hits": COUNTED_HITS,
        "per_hit": sum(calls.values()) / COUNTED_HITS,
        "bytes_per_hit": size / COUNTED_HITS,
        "by_thread": sorted(
            (count / COUNTED_HITS for count in calls.values() if count), reverse=True),
    }


def read_slots(path):
    """Calls and bytes by thread."""
    return {
        thread: (calls, size) for thread, calls, size in SLOT.iter_unpack(path.read_bytes())
        if thread}


# MARK: Instructions

def instructions(folder, hits=INSTRUCTION_HITS):
    """Instructions per hit: the difference between two runs, one with twice the hits, so that
    start, warm-up and end cancel. One connection, so that every hit is a batch of its own."""
    once, functions_once = callgrind(folder, hits)
    twice, functions_twice = callgrind(folder, 2 * hits)
    per_hit = {
        name: (count - functions_once.get(name, 0)) / hits
        for name, count in functions_twice.items()}
    return {
        "hits": hits,
        "per_hit": (twice - once) / hits,
        "functions": sorted(per_hit.items(), key=lambda pair: -pair[1])[:40],
    }


def callgrind(folder, hits):
    say(f"counting instructions of {hits} hits")
    profile = folder / f"callgrind.{hits}"
    program = folder / "status-proxy.symbols"
    # Valgrind 3.19 gives up on Swift's debug information; the symbols are enough.
    subprocess.run(
        ["objcopy", "--strip-debug", str(machine.STATUS_PROXY), str(program)], check=True)
    sandbox, upstream_port = start_sandbox(folder)
    try:
        service, port = start_service(
            folder, upstream_port, command=[
                machine.find("valgrind"), "--tool=callgrind", "--quiet",
                f"--callgrind-out-file={profile}", program],
            LD_PRELOAD=str(machine.BUILD / "sigsuspend.so"))
        try:
            if get(port)[0] != 200:
                raise RuntimeError("no hit to count")
            load(port, connections=1, count=hits)
        finally:
            service.stop()
    finally:
        sandbox.stop()
    return annotated(profile)


def annotated(profile):
    """The total, and what each function itself executed, by demangled name."""
    text = subprocess.run(
        ["callgrind_annotate", "--threshold=99.9", "--show-percs=no", str(profile)],
        capture_output=True, text=True, check=True).stdout
    text = subprocess.run(
        ["swift", "demangle", "--simplified"], input=text, capture_output=True, text=True,
        check=True).stdout
    total = re.search(r"^\s*([\d,]+).*PROGRAM TOTALS", text, re.MULTILINE)
    functions = {}
    for line in text[total.end():].splitlines():
        found = re.match(r"\s*([\d,]+)\s+(?:\?\?\?|[^:]*):(.*?)(?: \[[^\]]*\])?$", line)
        if found:
            name = re.sub(r"'\d+$", "", found.group(2).strip())
            functions[name] = functions.get(name, 0) + int(found.group(1).replace(",", ""))
    return int(total.group(1).replace(",", "")), functions
