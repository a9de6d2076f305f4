"""An hour of mixed real load on one service with PostgreSQL: does anything grow or slow down?"""

import http.client
import json
import os
import random
import socket
import threading
import time

from . import machine
from .database import Database
from .machine import say
from .peers import free_port, wait_until_listening
from .processes import Program

DONE = "aa_000000000000000200"
PENDING = "aa_000000000000002200"
# The id of a source's action of that number.
IDS = {
    "orders": lambda number: f"00000000-0000-4000-9000-{number:012x}",
    "vouchers": lambda number: f"aa_fade{number:014x}",
    "jobs": lambda number: f"job-00-{number:08x}",
}
FAULTS = [
    {"kind": "status", "status": 500}, {"kind": "status", "status": 429, "retry_after": 3},
    {"kind": "reset"}, {"kind": "hang"}, {"kind": "half"}, {"kind": "html"},
    {"kind": "delay", "milliseconds": 1500},
]
SAMPLE_SECONDS = 15
# The last quarter is compared with the second, in which the warm-up is over.
GROWTH_MAX = {"resident_mib": 1.10, "descriptors": 1.25, "p50_ms": 1.5, "p99_ms": 2.0}
# The growth in an hour that is no leak: arenas, descriptors of callers that happen to be connected.
SLACK = {"resident_mib": 8, "descriptors": 20, "p50_ms": 0.5, "p99_ms": 20}


def any_id(numbers):
    return random.choice(list(IDS.values()))(random.randrange(numbers))


class Load:
    """Callers of every sort, each on a thread of its own, until told to stop."""

    def __init__(self, port):
        self.port = port
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.counts, self.hits = {}, []
        self.threads = [
            threading.Thread(target=self.run, args=(work, pause), daemon=True)
            for work, pause, number in [
                (self.hit, 0.04, 4), (self.cold, 0.5, 2), (self.wait, 0.2, 4),
                (self.stream, 0.2, 4), (self.batch, 0.5, 2), (self.leave, 0.3, 2),
                (self.scrape, 5, 1)]
            for _ in range(number)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60)

    def run(self, work, pause):
        connection = None
        while not self.over.wait(pause * random.uniform(0.5, 1.5)):
            connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
            try:
                outcome = work(connection)
            except (OSError, http.client.HTTPException) as error:
                outcome, connection = type(error).__name__, None
            with self.lock:
                key = work.__name__, str(outcome)
                self.counts[key] = self.counts.get(key, 0) + 1

    @staticmethod
    def get(connection, path):
        connection.request("GET", path)
        reply = connection.getresponse()
        reply.read()
        return reply.status

    def hit(self, connection):
        began = time.monotonic()
        status = self.get(connection, f"/actions/{random.choice([DONE, PENDING])}")
        with self.lock:
            self.hits.append(time.monotonic() - began)
        return status

    def cold(self, connection):
        return self.get(connection, "/actions/" + any_id(1 << 32))

    def wait(self, connection):
        return self.get(connection, f"/actions/{any_id(3)}?wait=5")

    def batch(self, connection):
        ids = [DONE, PENDING] + [make(number) for make in IDS.values() for number in range(6)]
        return self.get(connection, "/actions?" + "&".join(f"id={name}" for name in ids))

    def scrape(self, connection):
        return self.get(connection, "/metrics")

    def stream(self, _):
        """Reads for some seconds, and goes."""
        with socket.create_connection(("127.0.0.1", self.port), 90) as peer:
            peer.sendall(f"GET /actions/{PENDING}/events HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            peer.settimeout(random.uniform(1, 8))
            status = peer.recv(65536).split()[1].decode()
            try:
                while peer.recv(65536):
                    pass
            except TimeoutError:
                pass
            return status

    def leave(self, _):
        """Asks to be held, and goes away: by FIN or by RST."""
        with socket.create_connection(("127.0.0.1", self.port), 90) as peer:
            peer.sendall(f"GET /actions/{PENDING}?wait=40 HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            if random.random() < 0.5:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            time.sleep(0.2)
        return "left"

    def taken_hits(self):
        with self.lock:
            taken, self.hits = sorted(self.hits), []
        return taken


class Trouble:
    """Faults of the upstreams, twenty seconds in each minute; the database is down now and then."""

    def __init__(self, sandbox_port, database, restart_seconds):
        self.sandbox_port, self.database = sandbox_port, database
        self.over = threading.Event()
        self.counts = {"faults": 0, "store restarts": 0}
        self.threads = [
            threading.Thread(target=self.faults, daemon=True),
            threading.Thread(target=self.restarts, args=(restart_seconds,), daemon=True)]
        for thread in self.threads:
            thread.start()

    def set(self, source, fault):
        connection = http.client.HTTPConnection("127.0.0.1", self.sandbox_port, timeout=10)
        connection.request("PUT", f"/sandbox/faults/{source}", json.dumps(fault),
                           {"Content-Type": "application/json"})
        connection.getresponse().read()

    def faults(self):
        while not self.over.wait(40):
            source = random.choice(list(IDS))
            self.set(source, random.choice(FAULTS))
            self.counts["faults"] += 1
            self.over.wait(20)
            self.set(source, {"kind": "none"})

    def restarts(self, seconds):
        while not self.over.wait(seconds):
            self.database.restart(pause=5)
            self.counts["store restarts"] += 1

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60)


def sample(program, load):
    hits = load.taken_hits()
    return {
        "resident_mib": program.resident_bytes() / 2**20,
        "descriptors": len(os.listdir(f"/proc/{program.pid}/fd")),
        "threads": program.thread_count(),
        "hits": len(hits),
        "p50_ms": 1000 * hits[len(hits) // 2] if hits else 0,
        "p99_ms": 1000 * hits[len(hits) * 99 // 100] if hits else 0,
    }


def median(samples, name):
    return sorted(row[name] for row in samples)[len(samples) // 2]


def audit(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/sandbox/audit")
    return json.load(connection.getresponse())


def settings(port, sandbox_port, url):
    shared = {"MIN_INTERVAL": "2s", "MAX_INTERVAL": "4s", "CALLS_PER_MINUTE": "2000", "TIMEOUT": "3s"}
    return {
        "LISTEN_PORT": str(port), "STORE_URL": url, "CACHE_MAX_ACTIONS": "1000",
        "ORDERS_URL": f"http://127.0.0.1:{sandbox_port}/api", "ORDERS_TOKEN": "sandbox-token",
        "VOUCHERS_URL": f"http://127.0.0.1:{sandbox_port}", "VOUCHERS_APP_ID": "sandbox-app",
        "VOUCHERS_APP_TOKEN": "sandbox-app-token", "VOUCHERS_CALLS_PER_DAY": "none",
        "SOURCES": ",".join(IDS), "JOBS_KIND": "json", "JOBS_URL": f"http://127.0.0.1:{sandbox_port}",
        "JOBS_TOKEN": "sandbox-token", "JOBS_ID_PATTERN": "prefix:job-",
        "JOBS_DESCRIPTION_FILE": str(machine.ROOT / "examples" / "sandbox-jobs.json"),
        **{f"{source.upper()}_{key}": value for source in IDS for key, value in shared.items()},
    }


def measure(folder, seconds):
    port, sandbox_port = free_port(), free_port()
    programs = []
    with Database(folder) as database:
        try:
            sandbox = Program(
                [machine.SANDBOX, "--port", sandbox_port, "--calls-per-minute", "0"], None,
                output=folder / "sandbox.log")
            programs.append(sandbox)
            wait_until_listening(sandbox_port, sandbox)
            service = Program(
                [machine.STATUS_PROXY], None, settings(port, sandbox_port, database.url()),
                folder / "service.log", folder)
            programs.append(service)
            wait_until_listening(port, service)
            load = Load(port)
            trouble = Trouble(sandbox_port, database, max(30, seconds / 10))
            samples, began = [], time.monotonic()
            while time.monotonic() - began < seconds:
                time.sleep(min(SAMPLE_SECONDS, seconds / 8))
                if not service.is_running:
                    raise RuntimeError(f"the service has ended:\n{service.output_end()}")
                samples.append(sample(service, load))
                if len(samples) % 20 == 0:
                    say(f"soak: {time.monotonic() - began:.0f} s: {samples[-1]}")
            trouble.stop()
            load.stop()
            return {
                "seconds": seconds, "samples": samples, "counts": load.counts,
                "trouble": trouble.counts, "audit": audit(sandbox_port)}
        finally:
            for program in reversed(programs):
                program.stop()


def quarters(samples):
    size = len(samples) // 4
    return samples[size:2 * size], samples[-size:]


def grown(result):
    """What is higher at the end than it may be."""
    second, last = quarters(result["samples"])
    found = []
    for name, factor in GROWTH_MAX.items():
        before, after = median(second, name), median(last, name)
        if after > before * factor and after > before + SLACK[name]:
            found.append(f"{name}: {before:.1f} → {after:.1f}")
    for source in IDS:
        gap = result["audit"][source]["smallest_gap_seconds"]
        if gap is not None and gap < 2:
            found.append(f"smallest gap of {source}: {gap} s")
    return found


def markdown(result):
    second, last = quarters(result["samples"])
    rows = [f"| {name.replace('_', ' ')} | {median(second, name):.1f} | {median(last, name):.1f} |"
            for name in ["resident_mib", "descriptors", "threads", "p50_ms", "p99_ms"]]
    told = ", ".join(f"{count:,} {work} {outcome}"
                     for (work, outcome), count in sorted(result["counts"].items()))
    gaps = ", ".join(f"{source} {result['audit'][source]['smallest_gap_seconds']} s in "
                     f"{result['audit'][source]['calls']:,} calls" for source in IDS)
    trouble = ", ".join(f"{count} {name}" for name, count in result["trouble"].items())
    return "\n".join([
        "| median of | second quarter | last quarter |", "| --- | ---: | ---: |", *rows, "",
        f"{result['seconds']} s. Requests by outcome: {told}. Trouble: {trouble}. Smallest gaps"
        f" (2 s promised): {gaps}."])
