"""Misses: what the service adds to a call, and many of them under way at once."""

import http.client
import json
import os
import subprocess
import threading
import time
from statistics import median

from . import machine
from .load import load
from .machine import say
from .peers import start_sandbox, start_service
from .processes import SERVER_CORE

ROUNDS = 5
CALLS_PER_ROUND = 400
IN_FLIGHT = 2_000
DELAY_MS = 1_000
ORDERS_TOKEN = "Authorization: Bearer sandbox-token"
FAMILY = "00000000-0000-4000-9000-"
# The most time that a miss may add to a direct call. On the disk two commits are waited for.
ADDED_MS_MAX = {"memory": 0.3, "SQLite in memory (tmpfs)": 0.6}


def added_latency(folder, disk_folder):
    """Microseconds of a miss through the service and of a direct call, by store, in turns."""
    stores = {
        "memory": "memory:",
        "SQLite in memory (tmpfs)": f"sqlite:{folder}/miss.sqlite",
        "SQLite on disk": f"sqlite:{disk_folder}/miss.sqlite",
    }
    result = {}
    for name, store in stores.items():
        for part in disk_folder.glob("miss.sqlite*"):
            part.unlink()
        say(f"misses one by one, store: {name}")
        sandbox, upstream_port = start_sandbox(folder)
        try:
            service, port = start_service(folder, upstream_port, store)
            try:
                result[name] = in_turns(upstream_port, port)
            finally:
                service.stop()
        finally:
            sandbox.stop()
    return result


def in_turns(upstream_port, port):
    """The caller runs on the service's core, the upstream on the other: so the path to the upstream is
    the same in both cases."""
    direct, through = [], []
    for number in range(ROUNDS):
        first = number * 10_000
        direct += calls(
            f"http://127.0.0.1:{upstream_port}/api/v2/orders/actions/{FAMILY}", first,
            ORDERS_TOKEN)
        through += calls(f"http://127.0.0.1:{port}/actions/{FAMILY}", first + 5_000)
    return {"direct_us": median(direct), "through_us": median(through),
            "through_p99_us": sorted(through)[len(through) * 99 // 100]}


def calls(prefix, first, *header):
    done = subprocess.run(
        [str(machine.BUILD / "miss"), prefix, str(first), str(CALLS_PER_ROUND), *header],
        capture_output=True, text=True, timeout=300,
        preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE}))
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return [float(line) for line in done.stdout.split()]


def in_flight(folder):
    """Thousands of cold ids at once while the upstream takes a second for each."""
    say(f"{IN_FLIGHT} misses at once")
    sandbox, upstream_port = start_sandbox(folder)
    try:
        delay(upstream_port)
        service, port = start_service(folder, upstream_port)
        try:
            threads = [service.thread_count()]
            told = {}
            load_thread = threading.Thread(
                target=lambda: told.update(load(
                    port, f"/actions/{FAMILY}%", connections=IN_FLIGHT, count=IN_FLIGHT,
                    may_fail=True)))
            load_thread.start()
            while load_thread.is_alive():
                threads.append(service.thread_count())
                time.sleep(0.02)
            load_thread.join()
            return {
                "asked": IN_FLIGHT, "delay_ms": DELAY_MS, "answered_200":
                told["answers"] - told["not_200"], "other": told["not_200"], "lost": told["lost"],
                "seconds": told["seconds"], "p50_ms": told["p50_us"] / 1000,
                "max_ms": told["max_us"] / 1000, "threads_before": threads[0],
                "threads_most": max(threads),
            }
        finally:
            service.stop()
    finally:
        sandbox.stop()


def delay(upstream_port):
    link = http.client.HTTPConnection("127.0.0.1", upstream_port, timeout=10)
    body = json.dumps({"kind": "delay", "milliseconds": DELAY_MS})
    link.request("PUT", "/sandbox/faults/orders", body)
    if link.getresponse().status != 200:
        raise RuntimeError("the sandbox refused the delay")
    link.close()
