"""Call gaps: rows A to H of the contract's table against caches and status-proxy, all judged by the
sandbox's audit of what arrived."""

import concurrent.futures
import http.client
import json
import multiprocessing
import pathlib
import threading
import time

from . import machine
from .machine import say
from .peers import free_port, wait_until_listening
from .processes import Program

INTERVAL = 5
SECONDS = 20
POLLERS = 20
EVERY = 0.1
CELLS_AT_ONCE = 10
ORDER = "00000000-0000-4000-8000-000000002200"
UPSTREAM_PATH = f"/api/v2/orders/actions/{ORDER}"
# A healthy upstream takes as long: requests that arrive meanwhile are joined, or they are not.
FAULTS = {
    "healthy": {"kind": "delay", "milliseconds": 100},
    "500": {"kind": "status", "status": 500},
    "404": {"kind": "status", "status": 404},
    "reset": {"kind": "reset"},
    "slow": {"kind": "delay", "milliseconds": 7000},
}


class Row:
    """One scenario: what is wrong, from when on, and what the limit allows."""

    def __init__(self, name, fault="healthy", warm=True, calls_max=5, seconds=SECONDS, restart=False):
        self.name, self.fault, self.warm = name, fault, warm
        self.calls_max, self.seconds, self.restart = calls_max, seconds, restart


ROWS = [
    Row("A healthy", warm=False),
    Row("B warm, upstream 500", "500"),
    Row("C warm, connections reset", "reset"),
    Row("D warm, upstream takes 7 s", "slow", calls_max=3),
    Row("E cold, upstream 500", "500", warm=False),
    Row("F cold, 404", "404", warm=False),
    Row("G cold, connections reset", "reset", warm=False),
    # All within one interval: half of it before the kill, and no longer after it.
    Row("H restart (KILL) within the interval", warm=False, calls_max=1, seconds=1.5, restart=True),
]


# MARK: Peers

def run(arguments, folder, environment=None):
    """On any core: nothing here is about CPU."""
    name = pathlib.Path(str(arguments[0])).name
    return Program(arguments, None, environment, folder / f"{name}.log", folder)


class Peer:
    """A cache in front of the sandbox. It adds the credential and keeps an answer for INTERVAL."""

    name = ""
    path = UPSTREAM_PATH

    def __init__(self, folder, upstream_port):
        self.folder, self.upstream_port, self.port = folder, upstream_port, free_port()
        self.program = None

    def start(self):
        self.program = run(self.command(), self.folder, self.environment())
        wait_until_listening(self.port, self.program)

    def kill(self):
        if self.program:
            self.program.kill()

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}


class Nginx(Peer):
    """Stale on errors, one fill at a time, refreshed in the background: the advice of its manual."""

    name = "nginx"

    def command(self):
        path = self.folder / "nginx.conf"
        path.write_text(f"""\
user root;
daemon off;
worker_processes 1;
pid {self.folder}/nginx.pid;
error_log {self.folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {self.folder}/body;
    proxy_temp_path {self.folder}/proxy;
    proxy_cache_path {self.folder}/cache keys_zone=actions:1m inactive=1h use_temp_path=off;
    upstream orders {{ server 127.0.0.1:{self.upstream_port}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{self.port};
        location / {{
            proxy_pass http://orders;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Authorization "Bearer sandbox-token";
            proxy_read_timeout 10s;
            proxy_cache actions;
            proxy_cache_valid 200 404 {INTERVAL}s;
            proxy_cache_lock on;
            proxy_cache_use_stale error timeout updating http_500 http_502 http_503 http_504;
            proxy_cache_background_update on;
        }}
    }}
}}
""")
        return [machine.find("nginx"), "-c", path, "-e", self.folder / "error.log"]


class HAProxy(Peer):
    """Its cache stores only 200, and does not join requests for what it has not stored."""

    name = "HAProxy"

    def command(self):
        path = self.folder / "haproxy.cfg"
        path.write_text(f"""\
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 10s
cache actions
    total-max-size 16
    max-age {INTERVAL}
frontend callers
    bind 127.0.0.1:{self.port}
    http-request cache-use actions
    http-response set-header Cache-Control max-age={INTERVAL}
    http-response cache-store actions
    default_backend orders
backend orders
    http-request set-header Authorization "Bearer sandbox-token"
    server orders 127.0.0.1:{self.upstream_port}
""")
        # A cache does not look at requests that came with a credential: it is added behind it.
        return [machine.find("haproxy"), "-db", "-f", path]


class Varnish(Peer):
    """Stale from grace while a background fetch fails; a 404 is kept like a 200."""

    name = "Varnish"
    imports = backend_fetch = on_error = ""
    choice = "set req.backend_hint = orders;"

    def command(self):
        path = self.folder / "default.vcl"
        path.write_text(f"""\
vcl 4.1;
{self.imports}
backend orders {{
    .host = "127.0.0.1"; .port = "{self.upstream_port}"; .first_byte_timeout = 10s;
}}
{self.backend_fetch}
sub vcl_recv {{ {self.choice} return (hash); }}
sub vcl_backend_fetch {{ set bereq.http.Authorization = "Bearer sandbox-token"; }}
sub vcl_backend_response {{
    if (beresp.status >= 500) {{
        {self.on_error}
        if (bereq.is_bgfetch) {{ return (abandon); }}
        set beresp.ttl = 0s;
        return (deliver);
    }}
    set beresp.ttl = {INTERVAL}s;
    set beresp.grace = 1h;
    return (deliver);
}}
""")
        return [machine.find("varnishd"), "-F", "-j", "none", "-n", self.folder / "work", "-a",
                f"127.0.0.1:{self.port}", "-f", path, "-s", "malloc,16m", "-p", "thread_pools=1"]


class VarnishSaintmode(Varnish):
    """A failing upstream is taken out for an interval."""

    name = "Varnish + saintmode"
    imports = "import saintmode;"
    choice = "set req.backend_hint = calm.backend();"
    on_error = f"saintmode.blacklist({INTERVAL}s);"
    backend_fetch = """\
sub vcl_init { new calm = saintmode.saintmode(orders, 1); }
"""


class StatusProxy(Peer):
    name = "status-proxy"
    path = f"/actions/{ORDER}"

    def command(self):
        return [machine.STATUS_PROXY]

    def environment(self):
        return {
            "LISTEN_PORT": str(self.port),
            "ORDERS_URL": f"http://127.0.0.1:{self.upstream_port}/api",
            "ORDERS_TOKEN": "sandbox-token",
            "ORDERS_MIN_INTERVAL": f"{INTERVAL}s",
            "ORDERS_MAX_INTERVAL": f"{INTERVAL}s",
            "ORDERS_TIMEOUT": "10s",
            "STORE_URL": f"sqlite:{self.folder}/store.sqlite",
        }


PEERS = [Nginx, Varnish, VarnishSaintmode, HAProxy, StatusProxy]


# MARK: Callers

class Crowd:
    """Pollers on kept connections, and what they got: a status, or `lost`."""

    def __init__(self, port, path):
        self.port, self.path = port, path
        self.got, self.slowest = {}, 0.0
        self.lock = threading.Lock()

    def poll(self, seconds):
        pollers = [threading.Thread(target=self.run, args=(seconds,)) for _ in range(POLLERS)]
        for poller in pollers:
            poller.start()
        for poller in pollers:
            poller.join()

    def run(self, seconds):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        start = due = time.monotonic()
        while time.monotonic() < start + seconds:
            began = time.monotonic()
            try:
                link.request("GET", self.path)
                answer = link.getresponse()
                answer.read()
                word = str(answer.status)
            except (OSError, http.client.HTTPException):
                link.close()
                word = "lost"
            with self.lock:
                self.got[word] = self.got.get(word, 0) + 1
                self.slowest = max(self.slowest, time.monotonic() - began)
            due = max(due + EVERY, time.monotonic())
            time.sleep(max(0.0, min(due, start + seconds) - time.monotonic()))
        link.close()


# MARK: A cell

def play(peer_class, row, folder):
    """One peer in one scenario: what the upstream saw, and what the callers got."""
    folder.mkdir(parents=True)
    upstream_port = free_port()
    sandbox = run([machine.SANDBOX, "--port", upstream_port, "--pending", "24h"], folder)
    peer = peer_class(folder, upstream_port)
    try:
        wait_until_listening(upstream_port, sandbox)
        peer.start()
        crowd = Crowd(peer.port, peer.path)
        if row.warm:
            warm(peer)
        ask(upstream_port, "PUT", "/sandbox/faults/orders", json.dumps(FAULTS[row.fault]))
        crowd.poll(row.seconds)
        if row.restart:
            peer.kill()
            peer.start()
            crowd.poll(row.seconds)
        audit = ask(upstream_port, "GET", "/sandbox/audit")["orders"]
        return {"calls": audit["calls"], "gap": audit["smallest_gap_seconds"], "got": crowd.got,
                "slowest": crowd.slowest}
    finally:
        peer.kill()
        sandbox.kill()


def warm(peer):
    link = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=30)
    link.request("GET", peer.path)
    status = link.getresponse().status
    link.close()
    if status != 200:
        raise RuntimeError(f"{peer.name}: not warmed, {status}")


def ask(port, method, path, body=None):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        link.request(method, path, body)
        answer = link.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"the sandbox answered {answer.status} to {method} {path}")
        return json.loads(answer.read() or "null")
    finally:
        link.close()


# MARK: The table

def measure(folder):
    """Every cell, some at a time: they wait more than they work."""
    peers = [peer for peer in PEERS if is_there(peer)]
    cells = {}
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(CELLS_AT_ONCE, context) as pool:
        for number, row in enumerate(ROWS):
            for peer in peers:
                place = folder / f"{number}-{peer.__name__}"
                cells[row.name, peer.name] = pool.submit(play, peer, row, place)
        for (row, peer), cell in cells.items():
            cells[row, peer] = cell.result()
            say(f"{row}: {peer}: {cells[row, peer]}")
    return {"peers": [peer.name for peer in peers], "cells": cells}


def is_there(peer):
    if peer is not VarnishSaintmode:
        return True
    modules = pathlib.Path("/usr/lib").glob("*/varnish/vmods/libvmod_saintmode.so")
    if any(modules):
        return True
    say("no varnish-modules: Varnish with saintmode is left out")
    return False


def is_broken(row, cell):
    """Too many calls, or two that are too close; gaps are to the microsecond."""
    too_close = cell["gap"] is not None and cell["gap"] < INTERVAL
    return cell["calls"] > row.calls_max or too_close


def markdown(result):
    lines = [
        "| scenario | " + " | ".join(result["peers"]) + " | allowed |",
        "|---" * (len(result["peers"]) + 2) + "|",
    ]
    for row in ROWS:
        told = [text(row, result["cells"][row.name, peer]) for peer in result["peers"]]
        lines.append(f"| {row.name} | " + " | ".join(told) + f" | ≤ {row.calls_max} |")
    return "\n".join(lines)


def text(row, cell):
    gap = "" if cell["gap"] is None else f", gap {cell['gap']:.2f} s"
    calls = f"{cell['calls']}{gap}"
    calls = f"**{calls}**" if is_broken(row, cell) else calls
    got = sorted(cell["got"].items(), key=lambda pair: -pair[1])
    words = ", ".join(f"{word} × {count:,}" for word, count in got)
    slow = f", up to {cell['slowest']:.1f} s" if cell["slowest"] >= 2 else ""
    return f"{calls}<br>{words}{slow}"
