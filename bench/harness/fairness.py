"""Nobody's load is another's trouble: how long a cold request waits alone, and beside neighbours that ask
for each route as fast as they can. And the cost of ten thousand held callers."""

import contextlib
import http.client
import itertools
import json
import multiprocessing
import os
import re
import subprocess
import time

from .load import load_command, pinned
from .machine import say
from .peers import get, start_sandbox, start_service
from .processes import LOAD_CORE, raise_descriptor_limit

SECONDS = 6
# The most that neighbours may add to a cold request's latency, at the 99th percentile.
ADDED_MS_MAX = 50
FAMILY = "00000000-0000-4000-9000-"
STRANGER = "00000000-0000-4000-9000-%"
LARGE = "aa_feed00000000000001"
KNOWN = "00000000-0000-4000-8000-000000002200"
CROWDS = (2_500, 10_000)
CROWD_DELAY_MS = 4_000
# The longest that the thread that drives upstream calls may be busy at a time.
TURN_MS_MAX = 10


def ids(*names):
    return "/actions?" + "&".join(f"id={name}" for name in names)


NEIGHBOURS = [
    # Name, connections, path.
    ("hits", 64, f"/actions/{KNOWN}"),
    ("/metrics", 16, "/metrics"),
    ("/metrics", 64, "/metrics"),
    ("explain, a known id", 64, f"/actions/{KNOWN}/explain"),
    ("explain, new ids", 64, f"/actions/{STRANGER}/explain"),
    ("/sources", 64, "/sources"),
    ("/readyz", 64, "/readyz"),
    ("the page", 64, "/"),
    ("/openapi.yaml", 64, "/openapi.yaml"),
    ("batch of 100 known ids", 16, ids(*[KNOWN] * 100)),
    ("batch of 100 new ids", 16, ids(*[STRANGER] * 100)),
    ("batch: 7 MiB named 99 times, a new id", 4, ids(*[LARGE] * 99, STRANGER)),
    ("batch: 7 MiB named 8 times", 16, ids(*[LARGE] * 8)),
    ("7 MiB", 16, f"/actions/{LARGE}"),
    ("7 MiB as an event stream", 16, f"/actions/{LARGE}/events"),
    ("event stream of 100 new ids", 16, ids(*[STRANGER] * 100)),
]


# MARK: Callers

def nice(levels):
    """The one who measures goes before those who only make load: they share a core."""
    pinned()
    os.nice(levels)


def ask_cold(port, first, seconds, query, result):
    """One new id after the other on one connection; milliseconds of each."""
    pinned()
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    taken, statuses, deadline = [], {}, time.monotonic() + seconds
    while time.monotonic() < deadline:
        began = time.monotonic()
        link.request("GET", f"/actions/{FAMILY}{first + len(taken):012x}{query}")
        answer = link.getresponse()
        answer.read()
        taken.append((time.monotonic() - began) * 1000)
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        time.sleep(0.002)
    result.put((taken, statuses))


def cold(port, first, seconds=SECONDS, query=""):
    result = multiprocessing.Queue()
    asker = multiprocessing.Process(target=ask_cold, args=(port, first, seconds, query, result))
    asker.start()
    taken, statuses = result.get(timeout=seconds + 120)
    asker.join()
    taken.sort()
    return {
        "answers": len(taken), "statuses": statuses, "p50_ms": taken[len(taken) // 2],
        "p99_ms": taken[len(taken) * 99 // 100], "max_ms": taken[-1],
    }


def read_streams(port, path, first, over):
    """Opens one event stream after the other, and leaves it once it has an event for each action."""
    nice(15)
    numbers = itertools.count(first)
    while not over.is_set():
        try:
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            target = re.sub("%", lambda _: f"{next(numbers):012x}", path)
            link.request("GET", target, headers={"Accept": "text/event-stream"})
            answer = link.getresponse()
            left = max(1, path.count("id="))
            while left and (line := answer.readline()):
                left -= line.startswith(b"data:")
            link.close()
        except OSError:
            pass


class Neighbours:
    """Asks for one thing as fast as it is answered, until the block ends."""

    def __init__(self, port, connections, path, first, are_streams=False):
        self.over = multiprocessing.Event()
        self.readers, self.child = [], None
        if are_streams:
            self.readers = [
                multiprocessing.Process(
                    target=read_streams, args=(port, path, first + number * 0x10_0000, self.over),
                    daemon=True)
                for number in range(connections)]
            for reader in self.readers:
                reader.start()
            return
        self.child = subprocess.Popen(
            load_command(port, path, connections=connections, seconds=3600, first=first),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=lambda: nice(15))

    def __enter__(self):
        time.sleep(1)
        return self

    def __exit__(self, *_):
        self.over.set()
        for reader in self.readers:
            reader.terminate()
            reader.join()
        if self.child:
            self.child.kill()
            self.child.wait()


# MARK: Beside neighbours

def start(folder):
    sandbox, upstream_port = start_sandbox(folder)
    service, port = start_service(
        folder, upstream_port, VOUCHERS_URL=f"http://127.0.0.1:{upstream_port}",
        VOUCHERS_APP_ID="sandbox-app", VOUCHERS_APP_TOKEN="sandbox-app-token")
    return sandbox, upstream_port, service, port


def beside(folder, wanted=None):
    rows = []
    sandbox, _, service, port = start(folder)
    try:
        for path in (f"/actions/{KNOWN}", f"/actions/{LARGE}?source=vouchers"):
            status = get(port, path)[0]
            if status != 200:
                raise RuntimeError(f"{path}: {status}")
        first = 0x10_0000_0000
        for number, (name, connections, path) in enumerate([("alone", 0, ""), *NEIGHBOURS]):
            if wanted and name != "alone" and not re.search(wanted, name):
                continue
            say(f"a cold request beside {connections} × {name}")
            first += 0x1000_0000
            if connections == 0:
                row = cold(port, first)
            else:
                are_streams = "event stream" in name
                with Neighbours(port, connections, path, first + 0x800_0000, are_streams):
                    row = cold(port, first)
            rows.append({"name": name, "connections": connections, **row})
            # Until the work that they have left behind is done.
            time.sleep(1)
        turn = figure(port, "engine_turn_seconds_max")
    finally:
        service.stop()
        sandbox.stop()
    return {"rows": rows, "turn_ms": turn * 1000}


def figure(port, name):
    text = get(port, "/metrics")[2].decode()
    return float(re.search(rf"^status_proxy_{name} (\S+)$", text, re.MULTILINE).group(1))


# MARK: Beside sick sources

def six_sources(upstream_port):
    """One account for each source; those from 4 on are to hang."""
    names = ["orders", *(f"orders-{number}" for number in range(2, 7))]
    settings = {"SOURCES": ",".join(names)}
    for number, name in enumerate(names, 1):
        prefix = name.upper().replace("-", "_")
        settings |= {
            f"{prefix}_KIND": "mirakl-orders", f"{prefix}_TOKEN": "sandbox-token",
            f"{prefix}_URL": f"http://127.0.0.1:{upstream_port}/accounts/{number}/api",
            f"{prefix}_TIMEOUT": "2s", f"{prefix}_CALLS_PER_MINUTE": "1000000"}
    # The first one knows the ids that are measured.
    settings["ORDERS_URL"] = f"http://127.0.0.1:{upstream_port}/api"
    return settings


def beside_sick(folder):
    """A cold request of a well source while three of six hang, and while the same three answer. Three
    further clients ask those three all the time."""
    rows = []
    for hangs in (False, True):
        sandbox, upstream_port = start_sandbox(folder)
        settings = six_sources(upstream_port)
        service, port = start_service(folder, upstream_port, **settings)
        try:
            say(f"a cold request while three of six sources {'hang' if hangs else 'answer'}")
            if hangs:
                for number in (4, 5, 6):
                    put(upstream_port, f"/accounts/{number}/sandbox/faults/orders",
                        {"kind": "hang"})
            first = 0x20_0000_0000
            paths = [f"/actions/{STRANGER}?source=orders-{number}" for number in (4, 5, 6)]
            with contextlib.ExitStack() as stack:
                for number, path in enumerate(paths):
                    stack.enter_context(
                        Neighbours(port, 4, path, first + (number + 1) * 0x100_0000))
                row = cold(port, first, query="?source=orders")
            turn = figure(port, "engine_turn_seconds_max")
            rows.append({"hangs": hangs, "turn_ms": turn * 1000, **row})
        finally:
            service.stop()
            sandbox.stop()
    return rows


# MARK: Crowds

def put(upstream_port, path, body):
    link = http.client.HTTPConnection("127.0.0.1", upstream_port, timeout=10)
    link.request("PUT", path, json.dumps(body))
    if link.getresponse().status != 200:
        raise RuntimeError("the sandbox refused the fault")
    link.close()


def delay(upstream_port, milliseconds):
    put(upstream_port, "/sandbox/faults/orders", {"kind": "delay", "milliseconds": milliseconds})


def wait_for(port, count):
    deadline = time.monotonic() + 60
    while figure(port, "waiters") != count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{figure(port, 'waiters')} waiters in place of {count}")


def crowd(folder, count, leaves):
    """CPU seconds of the service for one crowd: it comes, gets its news or leaves."""
    sandbox, upstream_port, service, port = start(folder)
    try:
        delay(upstream_port, CROWD_DELAY_MS)
        before = service.cpu_seconds()
        # A crowd that leaves waits for the end of an action that does not end.
        path = f"/actions/{FAMILY}{count:012x}" + ("?wait=50" if leaves else "")
        child = subprocess.Popen(
            load_command(port, path, connections=count, count=count), stdout=subprocess.PIPE,
            text=True, preexec_fn=pinned)
        if leaves:
            wait_for(port, count)
            child.kill()
            child.communicate()
            wait_for(port, 0)
        else:
            told = json.loads(child.communicate(timeout=120)[0])
            if told["lost"] or told["not_200"]:
                raise RuntimeError(str(told))
        return {
            "count": count, "leaves": leaves, "cpu_s": service.cpu_seconds() - before,
            "turn_ms": figure(port, "engine_turn_seconds_max") * 1000,
        }
    finally:
        service.stop()
        sandbox.stop()


def crowds(folder):
    raise_descriptor_limit()
    rows = []
    for leaves in (False, True):
        for count in CROWDS:
            say(f"a crowd of {count} that {'leaves' if leaves else 'gets its news'}")
            rows.append(crowd(folder, count, leaves))
    return rows


# MARK: Report

def faults(result):
    """The bounds that were exceeded."""
    found = []
    rows = result["beside"]["rows"]
    for row in rows[1:]:
        added = row["p99_ms"] - rows[0]["p99_ms"]
        if added > ADDED_MS_MAX:
            found.append(f"{row['connections']} × {row['name']}: {added:.0f} ms more (p99)")
        if set(row["statuses"]) != {200}:
            found.append(f"{row['connections']} × {row['name']}: {row['statuses']}")
    well, sick = result["sick"]
    if sick["p99_ms"] - well["p99_ms"] > ADDED_MS_MAX or set(sick["statuses"]) != {200}:
        found.append(f"beside three sources that hang: {sick}")
    times = CROWDS[1] / CROWDS[0]
    few, many, few_leave, many_leave = result["crowds"]
    for a, b in ((few, many), (few_leave, many_leave)):
        if b["cpu_s"] > 2 * times * max(a["cpu_s"], 0.05):
            found.append(f"{b['count']} callers cost {b['cpu_s'] / a['cpu_s']:.1f} times the CPU "
                         f"of {a['count']}")
    turns = [("neighbours", result["beside"])] + [("sources", row) for row in result["sick"]]
    turns += [(f"a crowd of {row['count']}", row) for row in result["crowds"]]
    for name, row in turns:
        if row["turn_ms"] > TURN_MS_MAX:
            found.append(f"{name}: a turn of {row['turn_ms']:.1f} ms")
    return found


def markdown(result):
    rows = result["beside"]["rows"]
    lines = ["| a cold request | answers | p50, ms | p99, ms | most, ms | p99 more than alone, ms |",
             "|---|---|---|---|---|---|"]
    for row in rows:
        name = f"beside {row['connections']} × {row['name']}" if row["connections"] else "alone"
        lines.append(
            f"| {name} | {row['answers']} | {row['p50_ms']:.2f} | {row['p99_ms']:.2f} | "
            f"{row['max_ms']:.1f} | {row['p99_ms'] - rows[0]['p99_ms']:.2f} |")
    lines += ["", f"Longest turn of the queue that drives calls: {result['beside']['turn_ms']:.1f} ms "
              "of CPU.", "",
              "| a cold request at one of six sources | answers | p50, ms | p99, ms | most, ms | "
              "longest turn, ms |",
              "|---|---|---|---|---|---|"]
    for row in result["sick"]:
        what = "hang" if row["hangs"] else "answer"
        lines.append(f"| while three others {what} | {row['answers']} | {row['p50_ms']:.2f} | "
                     f"{row['p99_ms']:.2f} | {row['max_ms']:.1f} | {row['turn_ms']:.1f} |")
    lines += ["", "| a crowd | CPU, s | µs each | longest turn, ms |", "|---|---|---|---|"]
    for row in result["crowds"]:
        what = "waits and leaves" if row["leaves"] else "gets its first answer"
        lines.append(f"| {row['count']:,}, {what} | {row['cpu_s']:.2f} | "
                     f"{row['cpu_s'] / row['count'] * 1e6:.0f} | {row['turn_ms']:.1f} |")
    return "\n".join(lines)
