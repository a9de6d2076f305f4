"""List calls: many voucher actions watched at the default intervals, and what the upstream sees."""

import concurrent.futures
import http.client
import json
import time

from . import machine
from .machine import say
from .peers import free_port, wait_until_listening
from .processes import Program

WATCHED = 100
# Actions of the sandbox that stay ENQUEUED for that long from their first look-up on, and then end.
PENDING = 600
# Ids that nobody knows get half of the budget, 30 calls a minute: the last is known after 200 s.
SPREAD = 260
WATCH = 60


def settings(upstream_port, port):
    """Everything that is not named has its default: 30 s, 60 calls a minute, 2,400 a day."""
    return {
        "LISTEN_PORT": str(port), "VOUCHERS_URL": f"http://127.0.0.1:{upstream_port}",
        "VOUCHERS_APP_ID": "sandbox-app", "VOUCHERS_APP_TOKEN": "sandbox-app-token",
        "STORE_URL": "memory:", "LOG_LEVEL": "warning",
    }


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WATCH + 30)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def audit(port):
    return get(port, "/sandbox/audit")["vouchers"]


def watch(port, name, ended):
    """A client that waits for the end, a minute at a time."""
    end = time.monotonic() + PENDING + SPREAD + 2 * WATCH
    while time.monotonic() < end:
        try:
            if get(port, f"/actions/{name}?source=vouchers&wait={WATCH}").get("done"):
                ended.append(name)
                return
        except OSError:
            return
        # A problem is told at once: the budget is short while all are asked for the first time.
        time.sleep(5)


def measure(folder):
    """Returns what the upstream saw while all were known and pending, and in all."""
    upstream_port, port = free_port(), free_port()
    programs = []
    ended = []
    names = [f"aa_fade{number:014x}" for number in range(WATCHED)]
    try:
        programs.append(Program(
            [machine.SANDBOX, "--port", str(upstream_port), "--pending", f"{PENDING}s"], None, None,
            folder / "sandbox.log", folder))
        wait_until_listening(upstream_port, programs[-1])
        programs.append(Program(
            [machine.STATUS_PROXY], None, settings(upstream_port, port), folder / "proxy.log",
            folder))
        wait_until_listening(port, programs[-1])
        with concurrent.futures.ThreadPoolExecutor(WATCHED) as pool:
            began = time.monotonic()
            for name in names:
                pool.submit(watch, port, name, ended)
            while len(audit(upstream_port)["ids"]) < WATCHED:
                if time.monotonic() > began + SPREAD:
                    raise RuntimeError(f"not all of {WATCHED} were asked for in {SPREAD} s")
                time.sleep(1)
            known = time.monotonic()
            say(f"all {WATCHED} are known after {known - began:.0f} s")
            # One interval more, until the list has brought them together.
            time.sleep(35)
            first, start = audit(upstream_port), time.monotonic()
            time.sleep(max(0, began + PENDING - 20 - start))
            last, end = audit(upstream_port), time.monotonic()
        total = audit(upstream_port)
    finally:
        for program in reversed(programs):
            program.kill()
    return {
        "minutes": (end - start) / 60,
        "list_calls": last["list_calls"] - first["list_calls"],
        "own_calls": (last["calls"] - last["list_calls"]) - (first["calls"] - first["list_calls"]),
        "ended": len(ended), "total": total, "before": first, "at_the_end": last,
    }


def markdown(result):
    minutes, total, last = result["minutes"], result["total"], result["at_the_end"]
    ending = (total["calls"] - total["list_calls"]) - (last["calls"] - last["list_calls"])
    return "\n".join([
        f"| {WATCHED} watched voucher actions | |", "|---|---|",
        f"| measured while all were pending | {minutes:.1f} min |",
        f"| list calls a minute | {result['list_calls'] / minutes:.2f} |",
        f"| own calls a minute | {result['own_calls'] / minutes:.2f} |",
        f"| own calls while {result['ended']} ended | {ending} |",
        f"| smallest gap between two list calls | {total['list_smallest_gap_seconds']:.1f} s |",
        f"| smallest gap between two calls of one action | {total['smallest_gap_seconds']:.1f} s |",
        f"| busiest minute | {total['busiest_minute']['calls']} calls |",
    ])
