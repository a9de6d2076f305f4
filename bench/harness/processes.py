"""Programs under measurement: started on one core, looked at through /proc, stopped by their id."""

import os
import resource
import subprocess
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SERVER_CORE = 0
LOAD_CORE = 1


def raise_descriptor_limit():
    """Ten thousand connections need as many descriptors on both sides."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Program:
    """A running program and its descendants, on one core unless that is None."""

    def __init__(self, arguments, core, environment=None, output=None, folder=None):
        self.output = output
        cores = os.sched_getaffinity(0) if core is None else {core}
        with open(output or os.devnull, "ab") as out:
            self.child = subprocess.Popen(
                [str(argument) for argument in arguments], cwd=folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                preexec_fn=lambda: os.sched_setaffinity(0, cores))

    @property
    def pid(self):
        return self.child.pid

    @property
    def is_running(self):
        return self.child.poll() is None

    def output_end(self):
        """The end of its output, for the message of a failure."""
        return read(self.output)[-2000:] if self.output else ""

    def processes(self):
        """The ids of the program and all its descendants."""
        parents = {}
        for name in os.listdir("/proc"):
            if name.isdigit():
                fields = stat_fields(name)
                if fields:
                    parents.setdefault(int(fields[1]), []).append(int(name))
        found, rest = [], [self.pid]
        while rest:
            process = rest.pop()
            found.append(process)
            rest += parents.get(process, [])
        return found

    def cpu_seconds(self):
        """User and system time of the whole tree."""
        ticks = 0
        for process in self.processes():
            fields = stat_fields(process)
            if fields:
                ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS_PER_SECOND

    def resident_bytes(self):
        """RSS of the whole tree. Differences of it are used: what processes share
        counts more than once."""
        total = 0
        for process in self.processes():
            text = read(f"/proc/{process}/statm")
            total += int(text.split()[1]) * PAGE_BYTES if text else 0
        return total

    def thread_count(self):
        return sum(len(threads(process)) for process in self.processes())

    def voluntary_switches(self):
        """How often each thread went to sleep, which is how often it woke."""
        switches = {}
        for process in self.processes():
            for thread in threads(process):
                for line in read(f"/proc/{process}/task/{thread}/status").splitlines():
                    if line.startswith("voluntary_ctxt_switches:"):
                        switches[thread] = int(line.split()[1])
        return switches

    def stop(self):
        """SIGTERM, ten seconds, then SIGKILL for whatever is left of the tree."""
        tree = self.processes() if self.is_running else []
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            pass
        for process in tree:
            if stat_fields(process) and process != os.getpid():
                kill_left_over(process)
        self.child.wait()

    def kill(self):
        """SIGKILL for the whole tree. Waits until it is gone: what is left of it could still accept
        connections."""
        tree = self.processes() if self.is_running else []
        for process in tree:
            kill(process)
        self.child.wait()
        for process in tree:
            kill_left_over(process)


def kill(process):
    try:
        os.kill(process, 9)
    except ProcessLookupError:
        pass


def kill_left_over(process):
    for _ in range(100):
        fields = stat_fields(process)
        # A zombie whose threads are still ending has its sockets open.
        if not fields or (fields[0] == "Z" and len(threads(process)) <= 1):
            return
        time.sleep(0.01)
    kill(process)


def threads(process):
    try:
        return os.listdir(f"/proc/{process}/task")
    except FileNotFoundError:
        return []


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def stat_fields(process):
    """/proc/PID/stat behind the name, which may hold blanks: state, parent, …; utime is [11]."""
    text = read(f"/proc/{process}/stat")
    return text[text.rfind(")") + 2:].split() if text else None
