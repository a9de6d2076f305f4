"""Counts that do not vary with the machine's load: heap allocations and instructions per hit."""

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
FUNCTIONS_MAX = 60
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
    once = callgrind(folder, hits)
    twice = callgrind(folder, 2 * hits)
    return {
        "hits": hits,
        "per_hit": (annotated(twice)[0] - annotated(once)[0]) / hits,
        "functions": by_function(once, twice, hits),
        "inclusive": by_function(once, twice, hits, "--inclusive=yes"),
    }


def by_function(once, twice, hits, *options):
    """Instructions a hit by function, most first."""
    _, less = annotated(once, *options)
    _, more = annotated(twice, *options)
    per_hit = {name: (count - less.get(name, 0)) / hits for name, count in more.items()}
    return sorted(per_hit.items(), key=lambda pair: -pair[1])[:FUNCTIONS_MAX]


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
    return profile


def annotated(profile, *options):
    """The total, and what each function executed, by demangled name: itself, or with what it
    called."""
    text = subprocess.run(
        ["callgrind_annotate", "--threshold=99.9", "--show-percs=no", *options, str(profile)],
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
