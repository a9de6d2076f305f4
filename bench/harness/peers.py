"""The peers: how each is configured and started. All serve the same bytes of one Action."""

import contextlib
import hashlib
import http.client
import pathlib
import re
import socket
import time

from . import machine
from .processes import LOAD_CORE, SERVER_CORE, Program

ACTION = "00000000-0000-4000-8000-000000002200"
PATH = f"/actions/{ACTION}"
CALLER_KEY = "benchmark-key"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_listening(port, program, seconds=30):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if not program.is_running:
            raise RuntimeError(
                f"{program.child.args[0]} ended instead of listening:\n{program.output_end()}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{program.child.args[0]} does not listen on {port}")


def get(port, path=PATH, headers=None):
    """Status, headers and body of one GET on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


# MARK: status-proxy

def start_sandbox(folder, *options):
    port = free_port()
    sandbox = Program(
        [machine.SANDBOX, "--port", port, "--pending", "24h", *options], LOAD_CORE,
        output=folder / "sandbox.log")
    wait_until_listening(port, sandbox)
    return sandbox, port


def service_settings(port, upstream_port, store, **more):
    """All features of a deployed service are on; limits are too high to matter."""
    return {
        "LISTEN_PORT": str(port),
        "ORDERS_URL": f"http://127.0.0.1:{upstream_port}/api",
        "ORDERS_TOKEN": "sandbox-token",
        "ORDERS_MIN_INTERVAL": "10h",
        "ORDERS_MAX_INTERVAL": "20h",
        "ORDERS_CALLS_PER_MINUTE": "1000000",
        "ORDERS_TIMEOUT": "30s",
        "STORE_URL": store,
        "HTTP_MAX_CONNECTIONS": "15000",
        "HTTP_IDLE_TIMEOUT": "1h",
        "LOG_FORMAT": "json",
        **more,
    }


def start_service(
        folder, upstream_port, store=None, command=(machine.STATUS_PROXY,), **more):
    """status-proxy on the server's core, its access log in a file of the folder."""
    port = free_port()
    store = store or f"sqlite:{folder}/actions-{port}.sqlite"
    service = Program(
        command, SERVER_CORE, service_settings(port, upstream_port, store, **more),
        folder / f"service-{port}.log")
    wait_until_listening(port, service, 120)
    return service, port


def caller_keys(folder):
    """The file of caller keys, with the key that the load gives."""
    path = folder / "caller-keys"
    path.write_text(f"bench {hashlib.sha256(CALLER_KEY.encode()).hexdigest()}\n")
    return path


# MARK: What every peer serves

class Answer:
    """The answer that all peers give: the service's own, taken from it once."""

    def __init__(self, folder):
        sandbox, upstream_port = start_sandbox(folder)
        try:
            service, port = start_service(folder, upstream_port)
            try:
                get(port)
                time.sleep(1.1)  # the second answer is a hit with an Age
                self.whole, self.body = raw_answer(port)
            finally:
                service.stop()
        finally:
            sandbox.stop()
        # An upstream's answer to the caches, without the fields that only the service sends.
        self.origin = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: max-age=36000\r\n"
            f"ETag: {tag(self.whole)}\r\nContent-Length: {len(self.body)}\r\n\r\n"
        ).encode() + self.body


def tag(answer):
    return re.search(rb"\r\netag: (.*?)\r\n", answer, re.IGNORECASE)[1].decode()


def raw_answer(port, path=PATH, lines="", head=False, expect=200):
    """The bytes of an answer as they come, and those of its body."""
    with socket.create_connection(("127.0.0.1", port), 10) as link:
        lines = f"Host: 127.0.0.1:{port}\r\n{lines}".removesuffix("\r\n")
        link.sendall(f"{'HEAD' if head else 'GET'} {path} HTTP/1.1\r\n{lines}\r\n\r\n".encode())
        received = b""
        while True:
            received += link.recv(65536)
            head, gap, body = received.partition(b"\r\n\r\n")
            if not gap:
                continue
            if head or expect == 304:
                return received, body
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            if len(body) >= length:
                return received, body


# MARK: Peers

class Peer:
    """A server under measurement, warmed: its answer is in memory, its upstream is stopped."""

    name = ""
    headers: dict = {}

    def __init__(self, folder: pathlib.Path, answer: Answer):
        self.folder = folder
        self.answer = answer
        self.port = free_port()
        self.program = None
        self.helpers = []

    @property
    def programs(self):
        return [self.program, *self.helpers]

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        for program in reversed(self.programs):
            if program:
                program.stop()
        for log in self.folder.glob("*.log"):
            log.unlink()

    def start(self):
        """Starts, warms and checks the peer."""
        raise NotImplementedError

    def run(self, *arguments, environment=None):
        self.program = Program(
            arguments, SERVER_CORE, environment, self.folder / "output.log", self.folder)
        wait_until_listening(self.port, self.program)

    def check(self):
        """It must answer with the very body, also after the measurement."""
        status, _, body = get(self.port, headers=self.headers)
        if status != 200 or body != self.answer.body:
            raise RuntimeError(f"{self.name}: answered {status} with {body[:80]!r}")

    def cpu_seconds(self):
        return sum(program.cpu_seconds() for program in self.programs)

    def resident_bytes(self):
        return sum(program.resident_bytes() for program in self.programs)


def without_times(body):
    return re.sub(rb'_at":"[^"]*"', b"", body)


class StatusProxy(Peer):
    name = "status-proxy"
    settings: dict = {}

    def start(self):
        sandbox, upstream_port = start_sandbox(self.folder)
        try:
            self.program, self.port = start_service(self.folder, upstream_port, **self.settings)
            self.check()
        finally:
            sandbox.stop()
        self.check()

    def check(self):
        """The times in its body are those of its own start, so they are left out."""
        status, _, body = get(self.port, headers=self.headers)
        if status != 200 or without_times(body) != without_times(self.answer.body):
            raise RuntimeError(f"{self.name}: answered {status} with {body!r}")


class StatusProxyWithKeys(StatusProxy):
    name = "status-proxy, caller keys"
    headers = {"Authorization": f"Bearer {CALLER_KEY}"}

    def start(self):
        self.settings = {
            "CALLER_KEYS_FILE": str(caller_keys(self.folder)),
            "CALLER_REQUESTS_PER_SECOND": "1000000",
        }
        super().start()


class Floor(Peer):
    name = "floor"

    def start(self):
        path = self.folder / "answer"
        path.write_bytes(self.answer.whole)
        self.run(machine.BUILD / "floor", self.port, path)
        self.check()


class Cache(Peer):
    """A cache in front of an upstream that is stopped once the answer is stored."""

    def start(self):
        path = self.folder / "origin"
        path.write_bytes(self.answer.origin)
        origin_port = free_port()
        origin = Program([machine.BUILD / "origin", origin_port, path], LOAD_CORE)
        try:
            wait_until_listening(origin_port, origin)
            self.start_cache(origin_port)
            for _ in range(3):
                self.check()
                get(self.port, PATH + "?source=orders")
                time.sleep(0.1)
        finally:
            origin.stop()
        self.check()

    def start_cache(self, origin_port):
        raise NotImplementedError


class Nginx(Cache):
    name = "nginx proxy_cache"
    sendfile = "off"

    def start_cache(self, origin_port):
        path = self.folder / "nginx.conf"
        path.write_text(f"""\
user root;
daemon off;
worker_processes 1;
pid {self.folder}/nginx.pid;
error_log {self.folder}/error.log;
events {{ worker_connections 15000; }}
http {{
    access_log {self.folder}/access.log combined buffer=64k flush=1s;
    sendfile {self.sendfile};
    tcp_nodelay on;
    keepalive_timeout 3600;
    keepalive_requests 1000000000;
    open_file_cache max=10000 inactive=1h;
    open_file_cache_valid 1h;
    client_body_temp_path {self.folder}/body;
    proxy_temp_path {self.folder}/proxy;
    proxy_cache_path {self.folder}/cache keys_zone=actions:10m inactive=10h use_temp_path=off;
    server {{
        listen 127.0.0.1:{self.port} backlog=4096;
        location / {{
            proxy_pass http://127.0.0.1:{origin_port};
            proxy_cache actions;
            proxy_cache_valid 200 10h;
        }}
    }}
}}
""")
        self.run(machine.find("nginx"), "-c", path, "-e", self.folder / "error.log")


class NginxSendfile(Nginx):
    name = "nginx, sendfile on"
    sendfile = "on"


class HAProxy(Cache):
    """It would count two descriptors for each connection and refuse to start with too few for that;
    a cache's hit needs one."""

    name = "HAProxy cache"
    log = ""

    def start_cache(self, origin_port):
        path = self.folder / "haproxy.cfg"
        path.write_text(f"""\
global
    nbthread 1
    maxconn 15000
    no strict-limits
    {self.log}
defaults
    mode http
    {"log global" if self.log else ""}
    {"option httplog" if self.log else ""}
    timeout connect 5s
    timeout client 1h
    timeout server 30s
    timeout http-keep-alive 1h
cache actions
    total-max-size 16
    max-object-size 10000
    max-age 36000
frontend callers
    bind 127.0.0.1:{self.port} backlog 4096
    http-request cache-use actions
    http-response cache-store actions
    default_backend origin
backend origin
    server origin 127.0.0.1:{origin_port}
""")
        self.run(machine.find("haproxy"), "-db", "-f", path)


class HAProxyLogging(HAProxy):
    name = "HAProxy, log to a file"
    log = "log stdout format raw local0"


class Varnish(Cache):
    """Its log goes to shared memory; varnishncsa on the same core writes it to a file."""

    name = "Varnish"

    def start_cache(self, origin_port):
        path = self.folder / "default.vcl"
        path.write_text(f"""\
vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{origin_port}"; }}
sub vcl_backend_response {{ set beresp.ttl = 10h; }}
""")
        work = self.folder / "work"
        self.run(
            machine.find("varnishd"), "-F", "-j", "none", "-n", work, "-a",
            f"127.0.0.1:{self.port}", "-f", path, "-s", "malloc,64m", "-p", "thread_pools=1",
            "-p", "timeout_idle=3600", "-p", "listen_depth=4096")
        self.helpers = [
            Program([machine.find("varnishncsa"), "-n", work, "-w", self.folder / "access.log"],
                    SERVER_CORE)]


class Hummingbird(Peer):
    name = "Hummingbird 2"

    def start(self):
        path = self.folder / "body"
        path.write_bytes(self.answer.body)
        self.run(machine.HUMMINGBIRD, self.port, ACTION, path)
        self.check()


PEERS = {
    "status-proxy": StatusProxy, "keys": StatusProxyWithKeys, "floor": Floor,
    "haproxy": HAProxy, "haproxy-log": HAProxyLogging, "nginx": Nginx,
    "nginx-sendfile": NginxSendfile, "varnish": Varnish, "hummingbird": Hummingbird,
}
