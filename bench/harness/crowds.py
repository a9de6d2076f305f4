"""Memory under crowds of misbehaving callers and large answers, and the log volume of one caller."""

import http.client
import selectors
import socket
import threading
import time

from .load import load
from .machine import SANDBOX, STATUS_PROXY, say
from .peers import free_port, wait_until_listening
from .processes import Program, raise_descriptor_limit

PENDING = "aa_000000000000002200"
HEADS, HEAD_BYTES = 9_900, 16_000
HELD, BEHIND_BYTES = 6_000, 64 << 10
READERS = 14
ANSWERS = 32
# Longer than the service and its kernel need to release memory.
SETTLE_SECONDS = 4


class Crowd:
    """Connections that send what they can of the same bytes and then do nothing."""

    def __init__(self, port, count, data):
        self.sockets = []
        selector, rest = selectors.DefaultSelector(), {}
        for _ in range(count):
            peer = socket.create_connection(("127.0.0.1", port))
            peer.setblocking(False)
            self.sockets.append(peer)
            rest[peer] = data
            selector.register(peer, selectors.EVENT_WRITE)
        deadline = time.monotonic() + 5
        while rest and time.monotonic() < deadline:
            for key, _ in selector.select(0.1):
                peer = key.fileobj
                try:
                    rest[peer] = rest[peer][peer.send(rest[peer]):]
                except OSError:
                    rest[peer] = b""
                if not rest[peer]:
                    del rest[peer]
                    selector.unregister(peer)

    def close(self):
        for peer in self.sockets:
            peer.close()


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=90)
    connection.request("GET", path)
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, body


class Service:
    """A sandbox and the service in front of it, with the default settings except those that the scenes need."""

    def __init__(self, folder, settings=None):
        self.log = folder / "service.log"
        self.port, upstream = free_port(), free_port()
        self.sandbox = Program(
            [SANDBOX, "--port", upstream, "--calls-per-minute", 0], None)
        wait_until_listening(upstream, self.sandbox, 60)
        self.program = Program([STATUS_PROXY], None, {
            "LISTEN_PORT": str(self.port), "STORE_URL": "memory:",
            "VOUCHERS_URL": f"http://127.0.0.1:{upstream}", "VOUCHERS_APP_ID": "sandbox-app",
            "VOUCHERS_APP_TOKEN": "sandbox-app-token", "VOUCHERS_CALLS_PER_MINUTE": "100000",
            "VOUCHERS_CALLS_PER_DAY": "none", "VOUCHERS_TIMEOUT": "30s", **(settings or {}),
        }, self.log)
        wait_until_listening(self.port, self.program, 60)
        get(self.port, f"/actions/{PENDING}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.stop()
        self.sandbox.stop()

    def mebibytes(self):
        return self.program.resident_bytes() / (1 << 20)

    def reset_peak(self):
        with open(f"/proc/{self.program.pid}/clear_refs", "w") as file:
            file.write("5")

    def peak_mebibytes(self):
        with open(f"/proc/{self.program.pid}/status") as file:
            line = next(line for line in file if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024


def crowd(service, count, data):
    peers = Crowd(service.port, count, data)
    time.sleep(1)
    yield
    peers.close()


def heads(service):
    head = b"GET /livez HTTP/1.1\r\nHost: a\r\nX: "
    yield from crowd(service, HEADS, head + b"x" * (HEAD_BYTES - len(head)))


def held(service):
    ask = f"GET /actions/{PENDING}?wait=50 HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    behind = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
    yield from crowd(service, HELD, ask + behind * (BEHIND_BYTES // len(behind)))


def large(number):
    return f"/actions/aa_feed{number:014x}"


def readers(service):
    """Each gets its own answer."""
    for number in range(READERS):
        get(service.port, large(number))
    time.sleep(SETTLE_SECONDS)
    service.reset_peak()
    peers = []
    for number in range(READERS):
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(("127.0.0.1", service.port))
        peer.sendall(f"GET {large(number)} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        peers.append(peer)
    time.sleep(1)
    yield
    for peer in peers:
        peer.close()


def answers(service):
    """All are requested at once."""
    threads = [
        threading.Thread(target=get, args=(service.port, large(1000 + number)))
        for number in range(ANSWERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield


# The highest peak allowed, in MiB: between what the bounds permit and what was measured without them.
SCENES = [
    (heads, f"{HEADS} heads of {HEAD_BYTES} bytes that do not end", 125),
    (held, f"{HELD} held requests, each with {BEHIND_BYTES >> 10} KiB behind it", 150),
    (readers, f"{READERS} callers that do not read their 7 MiB", 220),
    (answers, f"{ANSWERS} upstream answers of 7 MiB at once", 420),
]


def measure(folder):
    """RSS in MiB before, at its peak during, and after each scene, each with a fresh service."""
    raise_descriptor_limit()
    result = []
    for scene, title, _ in SCENES:
        say(title)
        with Service(folder) as service:
            before = service.mebibytes()
            service.reset_peak()
            steps = scene(service)
            next(steps)
            peak = service.peak_mebibytes()
            for _ in steps:
                pass
            time.sleep(SETTLE_SECONDS)
            result.append((title, before, peak, service.mebibytes()))
    return result


LOG_SECONDS = 3
# Kilobytes a second; `all` has no bound.
LOG_MOST = {"all": None, "sampled": 200, "trouble": 1}


def log_volume(folder):
    """(LOG_REQUESTS, answers a second, kilobytes of log a second) of one connection that pipelines hits."""
    result = []
    for setting in LOG_MOST:
        say(f"LOG_REQUESTS={setting}")
        with Service(folder, {"LOG_REQUESTS": setting}) as service:
            before = service.log.stat().st_size
            told = load(
                service.port, path=f"/actions/{PENDING}", connections=1, depth=16,
                seconds=LOG_SECONDS)
            grown = service.log.stat().st_size - before
            result.append((setting, told["answers"] / told["seconds"],
                           grown / told["seconds"] / 1000))
        service.log.unlink()
    return result


def log_markdown(result):
    lines = ["| `LOG_REQUESTS` | answers/s | kB of log a second |", "|---|---:|---:|"]
    lines += [f"| `{setting}` | {answers:,.0f} | {kilobytes:,.1f} |"
              for setting, answers, kilobytes in result]
    return "\n".join(lines)


def log_faults(result):
    return [f"LOG_REQUESTS={setting}: {kilobytes:.0f} kB a second, above {LOG_MOST[setting]}"
            for setting, _, kilobytes in result
            if LOG_MOST[setting] is not None and kilobytes > LOG_MOST[setting]]


def markdown(result):
    lines = ["| RSS of the service, MiB | before | peak | after |", "|---|---|---|---|"]
    lines += [f"| {title} | {before:.0f} | {peak:.0f} | {after:.0f} |"
              for title, before, peak, after in result]
    return "\n".join(lines)


def faults(result):
    """The bounds that were exceeded."""
    return [f"{title}: a peak of {peak:.0f} MiB, above {peak_max}"
            for (title, _, peak, _), (_, _, peak_max) in zip(result, SCENES) if peak > peak_max]
