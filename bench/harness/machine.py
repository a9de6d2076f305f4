"""The prerequisites of a run: system packages, our release build, the C tools, Hummingbird."""

import os
import pathlib
import platform
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH = ROOT / "bench"
BUILD = BENCH / ".build"
SCRATCH = ROOT / ".build-bench"
RELEASE = SCRATCH / "release"
STATUS_PROXY = RELEASE / "status-proxy"
SANDBOX = RELEASE / "upstream-sandbox"
HUMMINGBIRD_FOLDER = BENCH / "hummingbird-peer"
HUMMINGBIRD = HUMMINGBIRD_FOLDER / ".build" / "release" / "HummingbirdPeer"

# A program that shows whether a package is there, and the package.
PACKAGES = {
    "nginx": "nginx", "haproxy": "haproxy", "varnishd": "varnish", "wrk": "wrk", "gcc": "gcc",
    "valgrind": "valgrind", "taskset": "util-linux",
}
SERVICES = {"nginx", "haproxy", "varnish"}

TOOLS = {
    "floor": ["floor/floor.c"],
    "origin": ["tools/origin.c"],
    "load": ["tools/load.c"],
    "miss": ["miss/miss.c", "-lcurl"],
    "count.so": ["allocations/count.c", "-shared", "-fPIC"],
    "sigsuspend.so": ["tools/sigsuspend.c", "-shared", "-fPIC"],
}


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def find(program):
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")


def install_packages():
    missing = [package for program, package in PACKAGES.items() if not find(program)]
    if not os.path.exists("/usr/include/x86_64-linux-gnu/curl/curl.h") and not os.path.exists(
            "/usr/include/aarch64-linux-gnu/curl/curl.h"):
        missing.append("libcurl4-openssl-dev")
    if missing:
        install(missing)
    # Debian starts what it installs; we run our own, with our own configuration.
    for service in SERVICES & set(missing):
        subprocess.run(["service", service, "stop"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)


def install_saintmode():
    """Varnish's modules have no program to look for."""
    if not any(pathlib.Path("/usr/lib").glob("*/varnish/vmods/libvmod_saintmode.so")):
        install(["varnish-modules"])


def install(missing):
    if os.geteuid() != 0:
        sys.exit(f"bench: run this first: sudo apt-get update && sudo apt-get install -y "
                 f"{' '.join(missing)}")
    say(f"installing {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
    subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=True,
        env=environment, stdout=subprocess.DEVNULL)


def build_service():
    """As the Dockerfile builds it: Swift's libraries are in the program."""
    for product in ("status-proxy", "upstream-sandbox"):
        say(f"building {product}")
        subprocess.run(
            ["swift", "build", "-c", "release", "--static-swift-stdlib", "--product", product,
             "--scratch-path", SCRATCH], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def build_tools():
    BUILD.mkdir(exist_ok=True)
    for name, arguments in TOOLS.items():
        subprocess.run(
            ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", BUILD / name,
             *arguments], cwd=BENCH, check=True)


def build_hummingbird():
    say("building Hummingbird (some minutes the first time; --skip-hummingbird leaves it out)")
    subprocess.run(["swift", "build", "-c", "release", "--static-swift-stdlib"],
                   cwd=HUMMINGBIRD_FOLDER, check=True, stdout=subprocess.DEVNULL)


def description():
    """What the figures depend on, as pairs of name and value."""
    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
         if line.startswith("model name")), platform.machine())
    facts = [("processor", f"{model}, {os.cpu_count()} cores"),
             ("kernel", platform.release()),
             ("load at the start", " ".join(f"{load:.1f}" for load in os.getloadavg())),
             ("Swift", version(["swift", "--version"])),
             ("status-proxy", version(["git", "-C", ROOT, "log", "-1", "--format=%h %cs"])),
             ("gcc", version(["gcc", "--version"])),
             ("nginx", version([find("nginx"), "-v"])),
             ("HAProxy", version([find("haproxy"), "-v"])),
             ("Varnish", version([find("varnishd"), "-V"])),
             ("wrk", version(["wrk", "--version"]))]
    if HUMMINGBIRD.exists():
        facts.append(("Hummingbird", hummingbird_version()))
    return facts


def version(command):
    done = subprocess.run(command, capture_output=True, text=True)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else "?"


def hummingbird_version():
    done = subprocess.run(
        ["git", "-C", HUMMINGBIRD_FOLDER / ".build" / "checkouts" / "hummingbird", "describe",
         "--tags"], capture_output=True, text=True)
    return done.stdout.strip() or "?"
