"""The tables: figures in, Markdown out, each goal with whether it was reached."""

from . import heads, hits, misses
from .peers import PEERS

BEGIN = "<!-- results: begin -->"
END = "<!-- results: end -->"


def markdown(results):
    parts = [machine_part(results["machine"], results["options"])]
    if "hits" in results:
        parts += hit_parts(results["hits"])
    if "heads" in results:
        parts.append(heads_part(results["heads"]))
    if "connections" in results:
        parts.append(connections_part(results["connections"]))
    rows = service_rows(results)
    if rows:
        parts.append(table("status-proxy alone", ["", ""], rows))
    if "instructions" in results:
        parts.append(functions_part(results["instructions"]))
    parts.append(table("Goals", ["goal", "wanted", "measured", ""], goals(results)))
    parts += [f"Failed: {name}: {reason}" for name, reason in results["failed"].items()]
    return "\n\n".join(parts) + "\n"


def table(title, heads, rows):
    lines = [f"### {title}", "", "| " + " | ".join(heads) + " |",
             "|" + "|".join([" --- "] + [" ---: "] * (len(heads) - 1)) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def machine_part(facts, options):
    lines = [f"- {name}: {value}" for name, value in facts]
    return "\n".join(["### Machine", "", *lines, f"- run: `bench/run {options}`".rstrip()])


# MARK: Hits

def hit_parts(found):
    kinds = list(dict.fromkeys(kind for peer in found.values() for kind in peer))
    return [hit_part(kind, found) for kind in kinds]


def hit_part(kind, found):
    title = (f"{hits.PIPELINE_DEPTH} requests a batch, {hits.PIPELINE_CONNECTIONS} connections"
             if kind == "pipelined" else f"{kind} connection{'s' if kind != '1' else ''}")
    rows = []
    for name, kinds in found.items():
        if kind not in kinds:
            rows.append([PEERS[name].name, "failed", "", "", "", "", ""])
            continue
        figures = kinds[kind]
        low, high = figures["cpu_us_range"]
        rows.append([
            PEERS[name].name, f"{figures['cpu_us']:.2f}", f"{low:.2f}–{high:.2f}",
            f"{figures['rate']:,.0f}", f"{figures['busy'] * 100:.0f} %",
            f"{figures['p50_us']:,.0f}", f"{figures['p99_us']:,.0f}"])
    return table(
        "Fresh hits, " + title,
        ["", "CPU µs a request", "lowest–highest", "requests/s", "of its core", "p50 µs", "p99 µs"],
        rows)


def heads_part(found):
    rows = []
    for name, peers in found.items():
        ours = peers.get("status-proxy")
        row = [name, *(f"{peers[peer]:.2f}" if peer in peers else ""
                       for peer in ("status-proxy", "floor", "haproxy", "nginx"))]
        row += [f"{a / b:.2f} ×" if a and b else "" for a, b in (
            (ours, peers.get("floor")), (peers.get("haproxy"), ours), (peers.get("nginx"), ours))]
        rows.append(row)
    return table(
        f"CPU µs of a hit by the head that asks, {heads.CONNECTIONS} connections",
        ["head", "status-proxy", "floor", "HAProxy cache", "nginx", "to the floor", "HAProxy to us",
         "nginx to us"], rows)


# MARK: The other sections

def connections_part(found):
    rows = [[PEERS[name].name, f"{size / 1024:.2f}"] for name, size in found.items()]
    return table("10,000 idle keep-alive connections", ["", "KiB of RSS each"], rows)


def service_rows(found):
    rows = []
    if "start" in found:
        rows += [["start to first answer, new store", f"{found['start']['new_store_ms']:.1f} ms"],
                 ["start to first answer, old store", f"{found['start']['old_store_ms']:.1f} ms"]]
    for count, idle in found.get("idle", {}).items():
        rows.append([f"idle with {count} connections",
                     f"{idle['wakes_per_second']:.1f} wake-ups/s, "
                     f"{idle['cpu_ms_per_second']:.2f} ms CPU/s"])
    if "stored" in found:
        stored = found["stored"]
        rows += [[f"RSS, {stored['stored']:,.0f} actions of {stored['body_bytes']} bytes",
                  f"{stored['full_mb']:.0f} MB (empty: {stored['empty_mb']:.0f} MB)"],
                 ["misses while storing them, 100 callers",
                  f"{stored['misses_per_second']:,.0f}/s"]]
    for store, miss in found.get("misses", {}).items():
        rows.append([f"a miss, store: {store}",
                     f"{miss['through_us']:,.0f} µs; direct {miss['direct_us']:,.0f} µs; "
                     f"added {miss['through_us'] - miss['direct_us']:,.0f} µs; "
                     f"p99 {miss['through_p99_us']:,.0f} µs"])
    if "flight" in found:
        many = found["flight"]
        rows.append([f"{many['asked']:,} misses at once, upstream takes {many['delay_ms']} ms",
                     f"{many['answered_200']:,} answered, {many['other'] + many['lost']} not, in "
                     f"{many['seconds']:.2f} s; threads {many['threads_before']} → "
                     f"{many['threads_most']}"])
    if "allocations" in found:
        counted = found["allocations"]
        rows.append(["heap allocations a hit",
                     f"{counted['per_hit']:.3f} ({counted['bytes_per_hit']:,.0f} bytes)"])
    if "instructions" in found:
        rows.append(["instructions a hit (callgrind, user mode)",
                     f"{found['instructions']['per_hit']:,.0f}"])
    return rows


def functions_part(found):
    """Where a hit's instructions go: in functions themselves, then with what they call."""
    return "\n\n".join(
        table(f"Instructions a hit: {found['per_hit']:,.0f}; {title}", ["", "", ""], [
            [f"`{name[:110].replace('|', '∣')}`", f"{count:,.0f}",
             f"{count / found['per_hit'] * 100:.1f} %"]
            for name, count in found[key] if count >= found["per_hit"] * least])
        for key, title, least in (
            ("functions", "functions themselves", 0.01),
            ("inclusive", "functions with what they call", 0.03)))


# MARK: Goals

def goals(results):
    found, rows = results.get("hits", {}), []

    def figure(peer, kind, name):
        return found.get(peer, {}).get(kind, {}).get(name)

    def ratio(goal, most, a, b, least=False):
        """One row: a / b must be at most `most`, or at least `most`."""
        if a is None or b is None or b == 0:
            return
        value = a / b
        reached = value >= most if least else value <= most
        rows.append([goal, f"{'≥' if least else '≤'} {most:g} ×", f"{value:.2f} ×", word(reached)])

    def bound(goal, unit, most, value):
        if value is not None:
            rows.append([goal, f"≤ {most:g} {unit}", f"{value:,.2f} {unit}", word(value <= most)])

    ours = figure("status-proxy", "64", "cpu_us")
    ratio("CPU of a hit: floor", 1.15, ours, figure("floor", "64", "cpu_us"))
    for peer, least in (("haproxy", 1.25), ("nginx", 1.4), ("hummingbird", 3.5)):
        ratio(f"CPU of a hit: {PEERS[peer].name} takes more", least,
              figure(peer, "64", "cpu_us"), ours, least=True)
    for head, peers in results.get("heads", {}).items():
        cpu = peers.get("status-proxy")
        ratio(f"CPU, {head}: floor", heads.FLOOR_MOST.get(head, heads.FLOOR_MOST_ELSE), cpu,
              peers.get("floor"))
        ratio(f"CPU, {head}: HAProxy takes more", heads.HAPROXY_LEAST, peers.get("haproxy"), cpu,
              least=True)
        ratio(f"CPU, {head}: nginx takes more", heads.NGINX_LEAST, peers.get("nginx"), cpu, least=True)
    ratio("pipelined rate: HAProxy's cache", 3, figure("status-proxy", "pipelined", "rate"),
          figure("haproxy", "pipelined", "rate"), least=True)
    for kind in ("1", "64", "1000"):
        ratio(f"p99 at {kind} connections: HAProxy's cache", 1,
              figure("status-proxy", kind, "p99_us"), figure("haproxy", kind, "p99_us"))
    memory = results.get("connections", {}).get("status-proxy")
    bound("memory of an idle connection", "KiB", 1, memory and memory / 1024)
    bound("100,000 actions of 1 KB", "MB", 150, results.get("stored", {}).get("full_mb"))
    bound("start to first answer", "ms", 50, results.get("start", {}).get("new_store_ms"))
    for count, idle in results.get("idle", {}).items():
        bound(f"idle wake-ups with {count} connections", "/s", 1, idle["wakes_per_second"])
    bound("heap allocations of a hit", "", 0.001, results.get("allocations", {}).get("per_hit"))
    for store, miss in results.get("misses", {}).items():
        if store in misses.ADDED_MS_MAX:
            bound(f"latency that a miss adds, store: {store}", "ms", misses.ADDED_MS_MAX[store],
                  (miss["through_us"] - miss["direct_us"]) / 1000)
    if "flight" in results:
        many = results["flight"]
        missing = many["asked"] - many["answered_200"]
        bound(f"of {many['asked']:,} misses at once, not answered", "", 0, missing)
    return rows


def word(reached):
    return "reached" if reached else "**not reached**"


def write(path, text):
    """Puts the tables between the two marker lines of the file."""
    whole = path.read_text()
    before, rest = whole.split(BEGIN)
    after = rest.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")
