"""Memory and wake-ups: idle connections, stored actions, the start, the idle process."""

import json
import socket
import time
from statistics import median

from . import machine
from .load import HeldConnections, LoadFailure, load
from .machine import say
from .peers import (PEERS, StatusProxy, free_port, get, service_settings, start_service,
                    wait_until_listening)
from .processes import LOAD_CORE, SERVER_CORE, Program

IDLE_CONNECTIONS = 10_000
IDLE_SECONDS = 10
# Longer than Dispatch keeps a thread that has nothing to do.
SETTLE_SECONDS = 8
STORED_ACTIONS = 100_000
STORED_BYTES = 1024
STARTS = 11


def idle_connections(names, folder, answer):
    """Bytes of RSS per idle keep-alive connection that has had a request answered, by peer."""
    result = {}
    for name in names:
        say(f"{IDLE_CONNECTIONS} idle connections: {name}")
        try:
            with PEERS[name](folder / name, answer) as peer:
                load(peer.port, headers=peer.headers, connections=64, seconds=1)
                time.sleep(1)
                before = peer.resident_bytes()
                with HeldConnections(peer.port, IDLE_CONNECTIONS, peer.headers):
                    time.sleep(1)
                    held = peer.resident_bytes() - before
                result[name] = held / IDLE_CONNECTIONS
        except (LoadFailure, RuntimeError) as failure:
            say(f"{name}: left out: {failure}")
    return result


def wake_ups(folder, answer):
    """How often threads of the idle service wake and what CPU that takes, by open connections."""
    result = {}
    with StatusProxy(folder / "status-proxy", answer) as peer:
        result["0"] = idle_span(peer)
        for count in (64, IDLE_CONNECTIONS):
            with HeldConnections(peer.port, count):
                result[str(count)] = idle_span(peer)
    return result


def idle_span(peer):
    say(f"watching the idle service for {IDLE_SECONDS} s")
    time.sleep(SETTLE_SECONDS)
    before, cpu = peer.program.voluntary_switches(), peer.cpu_seconds()
    time.sleep(IDLE_SECONDS)
    after = peer.program.voluntary_switches()
    # The few wake-ups of a thread that has ended meanwhile are not counted.
    wakes = sum(count - before.get(thread, 0) for thread, count in after.items())
    return {
        "wakes_per_second": wakes / IDLE_SECONDS,
        "cpu_ms_per_second": (peer.cpu_seconds() - cpu) / IDLE_SECONDS * 1000,
    }


# MARK: Stored actions

def stored_actions(folder):
    """RSS of the service with a hundred thousand finished actions of 1 KB, requested one by one."""
    say(f"storing {STORED_ACTIONS} actions")
    padding = STORED_BYTES
    for _ in range(2):  # the first answer shows how long the padding must be
        origin, origin_port = start_orders(folder, padding)
        service = None
        try:
            for part in folder.glob("stored.sqlite*"):
                part.unlink()
            service, port = start_service(
                folder, origin_port, f"sqlite:{folder / 'stored.sqlite'}")
            _, _, body = get(port, "/actions/00000000-0000-4000-9000-ffffffffffff")
            if len(body) != STORED_BYTES:
                padding += STORED_BYTES - len(body)
                continue
            empty = service.resident_bytes()
            told = load(
                port, "/actions/00000000-0000-4000-9000-%", connections=100, count=STORED_ACTIONS)
            time.sleep(2)
            return {
                "body_bytes": len(body),
                "empty_mb": empty / 1e6,
                "full_mb": service.resident_bytes() / 1e6,
                "stored": metric(port, "status_proxy_actions_stored"),
                "misses_per_second": told["answers"] / told["seconds"],
            }
        finally:
            if service:
                service.stop()
            origin.stop()
    raise RuntimeError(f"an action of {STORED_BYTES} bytes could not be made: {len(body)}")


def start_orders(folder, padding):
    """An orders upstream that knows every id: FAILED, with an error as long as is needed."""
    errors = [{"code": f"CODE_{number}", "message": "x" * (padding // 8)} for number in range(8)]
    errors[0]["message"] += "x" * (padding % 8)
    body = json.dumps({
        "id": "{id}", "status": "FAILED", "created_at": "2026-11-01T10:00:00.120Z",
        "updated_at": "2026-11-01T10:00:05.731Z", "errors": errors}, separators=(",", ":"))
    length = len(body.replace("{id}", "0" * 36))
    path = folder / "orders"
    path.write_text(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n\r\n{body}", newline="")
    port = free_port()
    origin = Program([machine.BUILD / "origin", port, path], LOAD_CORE)
    wait_until_listening(port, origin)
    return origin, port


def metric(port, name):
    for line in get(port, "/metrics")[2].decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    return None


# MARK: Start

def starts(disk_folder):
    """Milliseconds from starting the program to its first answer: a new store, and an old one."""
    path = disk_folder / "start.sqlite"
    result = {"new_store_ms": [], "old_store_ms": []}
    for _ in range(STARTS):
        for part in disk_folder.glob("start.sqlite*"):
            part.unlink()
        result["new_store_ms"].append(start_once(path, disk_folder))
        result["old_store_ms"].append(start_once(path, disk_folder))
    return {name: median(found) for name, found in result.items()}


def start_once(path, folder):
    port = free_port()
    settings = service_settings(port, 1, f"sqlite:{path}")
    began = time.monotonic()
    service = Program([machine.STATUS_PROXY], SERVER_CORE, settings, folder / "start.log")
    try:
        while time.monotonic() - began < 30:
            try:
                with socket.create_connection(("127.0.0.1", port), 5) as link:
                    link.sendall(b"GET /readyz HTTP/1.1\r\nHost: bench\r\n\r\n")
                    if link.recv(4096).startswith(b"HTTP/1.1 200"):
                        return (time.monotonic() - began) * 1000
            except OSError:
                time.sleep(0.0005)
        raise RuntimeError("status-proxy did not get ready")
    finally:
        service.stop()
