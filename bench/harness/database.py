"""A private PostgreSQL in a folder of its own, and a wire to it that counts turns."""

import collections
import itertools
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

from . import machine
from .peers import free_port
from .processes import LOAD_CORE, Program

# A prepared statement as `log_statement=all` shows it: who sent it, and its name.
STATEMENT = re.compile(r"^(\S+) LOG:  execute (\w+): ")


def binaries():
    """Debian keeps each major version in a folder of its own."""
    versions = sorted(
        pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


def install():
    if binaries():
        return
    machine.install(["postgresql-15"])
    # Debian makes a cluster and starts it; we run our own.
    subprocess.run(["service", "postgresql", "stop"], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


class Database:
    """A server with default settings (`fsync` on), on the load's core: in production it has its own machine.

    Root may not run one: then it runs as the user that Debian's package has made.
    """

    def __init__(self, folder):
        self.folder = folder / "database"
        self.folder.mkdir()
        self.output = folder / "database.log"
        self.port = free_port()
        self.names = (f"bench{number}" for number in itertools.count())
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            folder.chmod(0o755)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        subprocess.run(
            [*self.as_user(), binaries() / "initdb", "-D", self.folder, "-A", "trust", "-U",
             "postgres", "-E", "UTF8", "--locale=C", "--no-instructions"],
            check=True, stdout=subprocess.DEVNULL, cwd="/")
        self.start()

    def start(self):
        self.program = Program(
            [*self.as_user(), binaries() / "postgres", "-D", self.folder, "-p", self.port,
             *self.settings()], LOAD_CORE, output=self.output, folder="/")
        self.wait_until_ready()

    def restart(self, pause):
        """Ends all connections, as a power failure would, and is away for that many seconds."""
        self.program.child.send_signal(signal.SIGQUIT)
        self.program.child.wait(30)
        time.sleep(pause)
        self.start()

    def settings(self):
        lines = ["listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}",
                 "log_line_prefix=%a "]
        return [part for line in lines for part in ("-c", line)]

    @staticmethod
    def as_user():
        if os.geteuid() != 0:
            return []
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]

    def wait_until_ready(self):
        for _ in range(300):
            if self.program.is_running and subprocess.run(
                    [binaries() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                    ).returncode == 0:
                return
            time.sleep(0.1)
        raise RuntimeError(f"PostgreSQL does not start:\n{self.program.output_end()}")

    def new(self):
        """The name of a new, empty database."""
        name = next(self.names)
        subprocess.run(
            [binaries() / "createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres",
             name], check=True)
        return name

    def url(self, name=None, port=None, logged_as=None):
        """With `logged_as`, the server's log shows each statement under that name."""
        url = f"postgresql://postgres@127.0.0.1:{port or self.port}/{name or self.new()}"
        plain = "?sslmode=disable&gssencmode=disable"
        if not logged_as:
            return url + plain
        return f"{url}{plain}&application_name={logged_as}&options=-c%20log_statement%3Dall"

    def statements(self, logged_as):
        """How often each prepared statement was executed, by the server's log."""
        found = collections.Counter()
        for line in self.output.read_text().splitlines():
            match = STATEMENT.match(line)
            if match and match.group(1) == logged_as:
                found[match.group(2)] += 1
        return found

    def stop(self):
        """SIGINT ends its clients' sessions, too; SIGTERM would wait for them."""
        if self.program.is_running:
            self.program.child.send_signal(signal.SIGINT)
            self.program.child.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Wire:
    """Passes bytes between its port and the server's, and counts turns: how often the client spoke
    after the server had. The messages of one turn share one round trip."""

    def __init__(self, server_port):
        self.server_port = server_port
        self.turns = 0
        self.speaker = None
        self.lock = threading.Lock()
        self.sockets = [socket.create_server(("127.0.0.1", 0))]
        self.port = self.sockets[0].getsockname()[1]
        self.run(self.accept)

    @staticmethod
    def run(work, *arguments):
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.sockets[0].accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.server_port))
            for link in (client, server):
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets += [client, server]
            self.run(self.pass_on, client, server, "client")
            self.run(self.pass_on, server, client, "server")

    def pass_on(self, source, target, speaker):
        try:
            while piece := source.recv(65536):
                with self.lock:
                    if speaker == "client" and self.speaker != "client":
                        self.turns += 1
                    self.speaker = speaker
                target.sendall(piece)
        except OSError:
            pass
        for link in (source, target):
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        for link in self.sockets:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            link.close()
