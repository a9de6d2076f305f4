"""Fresh hits as real clients ask for them: CPU by request head, one peer after the other, in one run."""

from statistics import median

from . import machine
from .load import LoadFailure, load
from .machine import say
from .peers import CALLER_KEY, PATH, Floor, HAProxy, Nginx, StatusProxy, StatusProxyWithKeys, raw_answer, tag

FOLDER = machine.BENCH / "heads"
CONNECTIONS = 64
WARM_UP_SECONDS = 0.5
# The floor with the same head, and caches that need more.
FLOOR_MOST = {"bare": 1.15}
FLOOR_MOST_ELSE = 1.25
HAPROXY_LEAST = 1.25
NGINX_LEAST = 1.4


class TextLog(StatusProxy):
    settings = {"LOG_FORMAT": "text"}


class Row:
    """One way to ask."""

    def __init__(self, name, lines=(), service=StatusProxy, path=PATH, caches=(), **options):
        self.name = name
        self.lines = list(lines)
        self.service = service
        self.path = path
        self.caches = caches
        self.options = options

    def head(self, peer):
        """The lines behind Host; `{tag}` is the tag of what the peer has."""
        lines = [*self.lines, *(f"{name}: {value}" for name, value in peer.headers.items())]
        if any("{tag}" in line for line in lines):
            found = tag(raw_answer(peer.port)[0])
            lines = [line.replace("{tag}", found) for line in lines]
        return "\r\n".join(lines)


def recorded(name):
    return [line for line in (FOLDER / name).read_text().splitlines() if line]


def rows():
    everywhere = (HAProxy, Nginx)
    names = ["bare", *sorted(path.name for path in FOLDER.iterdir() if path.name != "bare")]
    axios = recorded("axios")
    return [
        *(Row(name, recorded(name) if name != "bare" else (), caches=everywhere)
          for name in names),
        Row("bare, `?source=orders`", path=PATH + "?source=orders", caches=everywhere),
        Row("axios, HEAD", axios, caches=everywhere, head=True),
        Row("axios, 304", [*axios, "If-None-Match: {tag}"], caches=everywhere, expect=304),
        Row("axios, caller keys", axios, StatusProxyWithKeys),
        Row("axios, text log", axios, TextLog, caches=everywhere),
    ]


def measure(rounds, seconds, folder, answer):
    """{row: {peer: CPU µs a request, the median}}."""
    running, samples = {}, {}
    try:
        for kind in (StatusProxy, StatusProxyWithKeys, TextLog, HAProxy, Nginx):
            running[kind] = kind(folder / f"heads-{kind.__name__}", answer).__enter__()
        wanted = rows()
        for row in wanted:
            running[row] = floor(row, running[row.service], folder, answer)
        for number in range(1, rounds + 1):
            for row in wanted:
                say(f"heads, round {number} of {rounds}: {row.name}")
                for kind in (row, row.service, *row.caches):
                    take(row, kind, running, seconds, samples)
    finally:
        for peer in running.values():
            peer.__exit__()
    return {name: {peer: median(found) for peer, found in peers.items()}
            for name, peers in samples.items()}


def floor(row, service, folder, answer):
    """The floor, which answers with what the service answers to that head."""
    answered = type(answer).__new__(type(answer))
    answered.whole, answered.body = raw_answer(service.port, row.path, row.head(service), **row.options)
    answered.origin = answer.origin
    made = Floor(folder / f"heads-floor-{id(row)}", answered)
    made.headers = service.headers
    made.check = lambda: None
    return made.__enter__()


def take(row, kind, running, seconds, samples):
    peer = running[kind]
    # The floor ignores tags: it sends the same answer to every request.
    head = row.head(running[row.service] if kind is row else peer)
    options = {"connections": CONNECTIONS, "lines": head, **row.options}
    name = "floor" if kind is row else "status-proxy" if kind is row.service else kind.__name__.lower()
    try:
        load(peer.port, row.path, seconds=WARM_UP_SECONDS, **options)
        before = peer.cpu_seconds()
        told = load(peer.port, row.path, seconds=seconds, **options)
        if not told["answers"]:
            raise LoadFailure(f"nothing was answered: {told}")
        cpu = (peer.cpu_seconds() - before) / told["answers"] * 1e6
        samples.setdefault(row.name, {}).setdefault(name, []).append(cpu)
    except LoadFailure as failure:
        say(f"heads, {row.name}, {name}: left out: {failure}")
