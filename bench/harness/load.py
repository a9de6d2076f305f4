"""Load from the other core: wrk for single requests, tools/load for the rest."""

import json
import os
import re
import subprocess

from . import machine
from .peers import PATH
from .processes import LOAD_CORE

UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000}


class LoadFailure(Exception):
    """The load did not run as intended: its figures are invalid."""


def pinned():
    os.sched_setaffinity(0, {LOAD_CORE})


def wrk(port, connections, seconds, headers=None):
    """Requests, seconds, and latencies in microseconds, of single requests on kept connections."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    for name, value in (headers or {}).items():
        command += ["-H", f"{name}: {value}"]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{PATH}"], capture_output=True, text=True,
        preexec_fn=pinned, timeout=seconds + 60)
    text = done.stdout
    trouble = re.search(r"(Non-2xx.*|Socket errors:.*)", text)
    total = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", text)
    if trouble or not total:
        raise LoadFailure(trouble.group(1) if trouble else text + done.stderr)
    return {
        "answers": int(total.group(1)),
        "seconds": float(total.group(2)) * UNITS[total.group(3)] / 1e6,
        "p50_us": wrk_latency(text, "50"),
        "p99_us": wrk_latency(text, "99"),
    }


def wrk_latency(text, percent):
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)$", text, re.MULTILINE)
    if not found:
        raise LoadFailure(f"no latency in: {text}")
    return float(found.group(1)) * UNITS[found.group(2)]


def load_command(port, path, headers=None, **options):
    command = [str(machine.BUILD / "load"), str(port), path]
    for name, value in options.items():
        command += [f"--{name}"] + ([] if value is True else [str(value)])
    for name, value in (headers or {}).items():
        command += ["--header", f"{name}: {value}"]
    return command


def load(port, path=PATH, headers=None, timeout=600, may_fail=False, lines="", **options):
    """The output of tools/load; its options by name. `lines`: header lines, with CR LF between them."""
    if lines:
        options["header"] = lines
    done = subprocess.run(
        load_command(port, path, headers, **options), capture_output=True, text=True,
        preexec_fn=pinned, timeout=timeout)
    if not done.stdout:
        raise LoadFailure(done.stderr)
    told = json.loads(done.stdout)
    if not may_fail and (told["lost"] or told["not_200"]):
        raise LoadFailure(str(told))
    return told


class HeldConnections:
    """Connections that each had one request answered and then stay open, idle."""

    def __init__(self, port, count, headers=None):
        self.child = subprocess.Popen(
            load_command(port, PATH, headers, connections=count, count=count, hold=True),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=pinned)
        line = self.child.stdout.readline()
        told = json.loads(line) if line else {}
        if told.get("answers") != count or told["lost"] or told["not_200"]:
            self.close()
            raise LoadFailure(f"{count} connections were wanted: {told}")

    def close(self):
        self.child.stdin.close()
        self.child.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
