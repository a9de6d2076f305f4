"""Fresh hits, one peer after the other, several rounds: CPU, rate and latency of each."""

from statistics import median

from .load import LoadFailure, load, wrk
from .machine import say

PIPELINE_DEPTH = 16
PIPELINE_CONNECTIONS = 64
WARM_UP_SECONDS = 1


def measure(peers, rounds, seconds, connections, folder, answer):
    """Medians by peer and kind of load: {peer: {kind: {rate, cpu_us, busy, p50_us, p99_us}}}.

    `peers` are makers by name, each of a peer out of a folder and the answer.
    """
    samples = {}
    for number in range(1, rounds + 1):
        for name, make in peers.items():
            say(f"round {number} of {rounds}: {name}")
            try:
                with make(folder / name, answer) as peer:
                    measure_peer(peer, name, seconds, connections, samples)
            except (LoadFailure, RuntimeError) as failure:
                say(f"{name}: the rest of this round is left out: {failure}")
    return medians(samples)


def measure_peer(peer, name, seconds, connections, samples):
    load(peer.port, headers=peer.headers, connections=64, seconds=WARM_UP_SECONDS)
    for kind, run in loads(peer, seconds, connections).items():
        try:
            samples.setdefault((name, kind), []).append(sample(peer, run))
        except LoadFailure as failure:
            say(f"{name}, {kind}: left out: {failure}")
    peer.check()


def loads(peer, seconds, connections):
    """What is asked of a peer, by name."""
    runs = {
        str(count): lambda count=count: wrk(peer.port, count, seconds, peer.headers)
        for count in connections}
    runs["pipelined"] = lambda: load(
        peer.port, headers=peer.headers, connections=PIPELINE_CONNECTIONS, depth=PIPELINE_DEPTH,
        seconds=seconds)
    return runs


def sample(peer, run):
    before = peer.cpu_seconds()
    told = run()
    cpu = peer.cpu_seconds() - before
    return {
        "rate": told["answers"] / told["seconds"],
        "cpu_us": cpu / told["answers"] * 1e6,
        "busy": cpu / told["seconds"],
        "p50_us": told["p50_us"],
        "p99_us": told["p99_us"],
    }


def medians(samples):
    result = {}
    for (name, kind), found in samples.items():
        if not found:
            continue
        result.setdefault(name, {})[kind] = {
            figure: median(sample[figure] for sample in found) for figure in found[0]}
        figures = [sample["cpu_us"] for sample in found]
        result[name][kind]["cpu_us_range"] = [min(figures), max(figures)]
    return result
