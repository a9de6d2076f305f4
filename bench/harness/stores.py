"""Stores side by side: hits, what a miss adds, and what one refresh says to PostgreSQL."""

import functools
import http.client
import json
import time
from statistics import median

from . import hits, misses
from .database import Wire
from .machine import say
from .peers import StatusProxy, get, start_sandbox, start_service
from .report import table

REFRESHES = 200
INTERVAL_SECONDS = 6


# MARK: Hits

class OnStore(StatusProxy):
    """A warmed service on a store of its own."""

    def __init__(self, make_store, folder, answer):
        super().__init__(folder, answer)
        self.settings = {"store": make_store()}
        self.name = self.settings["store"].partition(":")[0]


def fresh_hits(database, rounds, seconds, connections, quick, answer):
    """Medians by store and kind of load, and what the database was told in all that time."""
    stores = {
        "memory": lambda: "memory:",
        "SQLite": lambda: f"sqlite:{quick}/hits-{time.monotonic_ns()}.sqlite",
        "PostgreSQL": lambda: database.url(logged_as="hits"),
    }
    peers = {name: functools.partial(OnStore, make) for name, make in stores.items()}
    medians = hits.measure(peers, rounds, seconds, connections, quick, answer)
    return {"medians": medians, "told": database.statements("hits")}


# MARK: Misses

def added_latency(databases, quick, disk):
    """Microseconds of cold calls, straight to the upstream and through a service on each store, in
    turns. All services run all the time; only one of them has something to do."""
    stores = {
        "memory": "memory:",
        "SQLite in memory (tmpfs)": f"sqlite:{quick}/miss.sqlite",
        "SQLite on disk": f"sqlite:{disk}/miss.sqlite",
        **{f"PostgreSQL {where}": database.url() for where, database in databases.items()},
    }
    sandbox, upstream_port = start_sandbox(quick)
    services = {}
    try:
        for name, store in stores.items():
            services[name] = start_service(quick, upstream_port, store)
        return in_turns(upstream_port, {name: port for name, (_, port) in services.items()})
    finally:
        for service, _ in services.values():
            service.stop()
        sandbox.stop()


def in_turns(upstream_port, ports):
    upstream = f"http://127.0.0.1:{upstream_port}/api/v2/orders/actions/{misses.FAMILY}"
    found = {}
    for number in range(misses.ROUNDS):
        say(f"misses, round {number + 1} of {misses.ROUNDS}")
        first = number * 100_000
        found.setdefault("direct", []).extend(
            misses.calls(upstream, first, misses.ORDERS_TOKEN))
        for place, (name, port) in enumerate(ports.items(), 1):
            found.setdefault(name, []).extend(misses.calls(
                f"http://127.0.0.1:{port}/actions/{misses.FAMILY}", first + place * 10_000))
    return {name: {"p50_us": median(times), "p99_us": sorted(times)[len(times) * 99 // 100]}
            for name, times in found.items()}


# MARK: The messages of one refresh

class Replica:
    """A service whose statements are counted by the server's log, and its turns on the wire."""

    def __init__(self, name, database, shared, quick, upstream_port):
        self.name, self.database = name, database
        self.wire = Wire(database.port)
        self.service, self.port = start_service(
            quick, upstream_port, database.url(shared, self.wire.port, name),
            ORDERS_MIN_INTERVAL=f"{INTERVAL_SECONDS}s", ORDERS_MAX_INTERVAL=f"{INTERVAL_SECONDS}s")

    def stop(self):
        self.service.stop()
        self.wire.close()

    def counts(self):
        time.sleep(0.5)  # until the last message is sent, and in the log
        return self.wire.turns, self.database.statements(self.name)

    def ask(self):
        """For every action, one after the other."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        for number in range(REFRESHES):
            link.request("GET", f"/actions/{misses.FAMILY}{number:012x}")
            reply = link.getresponse()
            body = reply.read()
            if reply.status != 200:
                raise RuntimeError(f"answered {reply.status}: {body[:200]!r}")
        link.close()


def refresh_cost(database, quick):
    """Turns and statements for one action, by what happens to it: [(what, turns, statements)]."""
    say(f"what {REFRESHES} refreshes say to PostgreSQL")
    sandbox, upstream_port = start_sandbox(quick)
    shared = database.new()
    replicas = []
    try:
        for name in ("one", "two"):
            replicas.append(Replica(name, database, shared, quick, upstream_port))
        return story(*replicas, upstream_port)
    finally:
        for replica in replicas:
            replica.stop()
        sandbox.stop()


def story(one, two, upstream_port):
    rows = []

    def count(what, asked, calls, watched=None):
        """`calls`: how many the upstream must have seen, or the figure is of something else."""
        watched = watched or asked
        turns, statements = watched.counts()
        seen = upstream_calls(upstream_port)
        asked.ask()
        turns_after, statements_after = watched.counts()
        if upstream_calls(upstream_port) - seen != calls:
            raise RuntimeError(f"{what}: {upstream_calls(upstream_port) - seen} calls")
        rows.append((what, (turns_after - turns) / REFRESHES, {
            name: number / REFRESHES for name, number in (statements_after - statements).items()}))

    count("the first call for an action", one, REFRESHES)
    count("a hit", one, 0)
    time.sleep(INTERVAL_SECONDS + 1)
    count("a refresh", one, REFRESHES)
    count("an action that another replica has just refreshed, asked for the first time", two, 0)
    time.sleep(INTERVAL_SECONDS + 1)
    count("a refresh by another replica, of an action that this one holds", one, REFRESHES, two)
    return rows


def upstream_calls(port):
    return json.loads(get(port, "/sandbox/audit")[2])["orders"]["calls"]


# MARK: Report

def markdown(results):
    return "\n\n".join([
        hits_part(results["hits"]), misses_part(results["misses"]),
        refresh_part(results["refresh"])]) + "\n"


def hits_part(found):
    medians = found["medians"]
    names = list(medians)
    rows = []
    for kind in medians[names[0]]:
        title = "16 requests a batch" if kind == "pipelined" else f"{kind} at a time"
        figures = [medians[name][kind] for name in names]
        rows.append([f"{title}: CPU µs a hit", *[
            f"{figure['cpu_us']:.2f} ({figure['cpu_us_range'][0]:.2f}–"
            f"{figure['cpu_us_range'][1]:.2f})" for figure in figures],
            ratio(figures, "cpu_us")])
        rows.append([f"{title}: hits/s", *[f"{figure['rate']:,.0f}" for figure in figures],
                     ratio(figures, "rate")])
    told = ", ".join(f"{name} × {count}" for name, count in found["told"].most_common())
    return table("Fresh hits by store", ["", *names, "PostgreSQL : SQLite"], rows) + (
        f"\n\nStatements to PostgreSQL in all that time: {told}.")


def ratio(figures, name):
    return f"{figures[-1][name] / figures[-2][name]:.2f} ×"


def misses_part(found):
    direct = found["direct"]
    rows = [[name, f"{figures['p50_us']:,.0f}", f"{figures['p99_us']:,.0f}",
             f"{figures['p50_us'] - direct['p50_us']:,.0f}"] for name, figures in found.items()]
    return table("A miss by store", ["", "p50 µs", "p99 µs", "added to direct, µs"], rows)


def refresh_part(rows):
    return table("Statements to PostgreSQL for one action", ["", "round trips", "statements"], [
        [what, f"{turns:.2f}", ", ".join(
            f"`{name}` {number:.2f}" for name, number in statements.items()) or "none"]
        for what, turns, statements in rows])
