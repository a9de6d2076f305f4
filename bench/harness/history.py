"""The cost of decisions in empty stores, and in stores with a million actions and as many calls."""

import re
import sqlite3
import subprocess
from statistics import mean, median

from . import misses
from .database import binaries
from .machine import say
from .peers import start_sandbox, start_service
from .report import table

ROWS = 1_000_000
# Besides the ids that are requested.
FIRST_ROW = 1 << 32
DURATION = re.compile(r"^history LOG:  duration: ([\d.]+) ms  (parse|bind|execute) (\w+):")
# The columns that distinguish copies of a row. Tokens grow with time, and these calls are older.
ID = {
    "PostgreSQL": f"'{misses.FAMILY}' || lpad(to_hex({FIRST_ROW} + number), 12, '0')",
    "SQLite": f"printf('{misses.FAMILY}%012x', {FIRST_ROW} + number)",
}
NUMBERS = {
    "PostgreSQL": f"generate_series(1, {ROWS}) number",
    "SQLite": f"""(WITH RECURSIVE n(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM n
        WHERE number < {ROWS}) SELECT number FROM n)""",
}
TABLES = ["entries", "documents", "calls", "completions"]


def copies(store, name, columns):
    """Fills a table with copies of its first row."""
    new = {"id": ID[store], "token": "token - number"}
    place = f"status_proxy.{name}" if store == "PostgreSQL" else name
    values = ", ".join(f"{new[column]} AS {column}" if column in new else column
                       for column in columns)
    return f"INSERT INTO {place} ({', '.join(columns)}) SELECT {values}" \
           f" FROM (SELECT * FROM {place} LIMIT 1) one, {NUMBERS[store]}"


class Postgres:
    def __init__(self, database):
        self.database, self.name = database, database.new()
        self.url = (f"postgresql://postgres@127.0.0.1:{database.port}/{self.name}?sslmode=disable"
                    "&gssencmode=disable&application_name=history"
                    "&options=-c%20log_min_duration_statement%3D0")

    def psql(self, text):
        return subprocess.run(
            [binaries() / "psql", "-h", "127.0.0.1", "-p", str(self.database.port), "-U",
             "postgres", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", text, self.name],
            check=True, capture_output=True, text=True).stdout.split()

    def fill(self):
        for name in TABLES:
            self.psql(copies("PostgreSQL", name, self.psql(
                f"SELECT attname FROM pg_attribute WHERE attnum > 0"
                f" AND attrelid = 'status_proxy.{name}'::regclass ORDER BY attnum")))
        self.psql("VACUUM ANALYZE")

    def mark(self):
        return self.database.output.stat().st_size

    def statements(self, mark):
        """Milliseconds in the server, by statement."""
        found = {}
        with open(self.database.output) as log:
            log.seek(mark)
            for line in log:
                if match := DURATION.match(line):
                    span, step, name = match.groups()
                    spans = found.setdefault(name, [])
                    if step == "execute":
                        spans.append(0)
                    if spans:
                        spans[-1] += float(span)
        return found


class SQLite:
    def __init__(self, folder):
        self.path = folder / "history.sqlite"
        self.url = f"sqlite:{self.path}"

    def fill(self):
        with sqlite3.connect(self.path) as link:
            for name in TABLES:
                columns = [row[1] for row in link.execute(f"PRAGMA table_info({name})")]
                link.execute(copies("SQLite", name, columns))
        link.close()

    def mark(self):
        return 0

    def statements(self, _):
        return {}


def measure(database, folder):
    """By store, when empty and when full: microseconds of misses, milliseconds by statement."""
    sandbox, upstream_port = start_sandbox(folder)
    try:
        return {name: story(name, store, folder, upstream_port, place * 100_000)
                for place, (name, store) in enumerate(
                    {"PostgreSQL": Postgres(database), "SQLite": SQLite(folder)}.items())}
    finally:
        sandbox.stop()


def story(name, store, folder, upstream_port, first):
    found = []
    for number, filled in enumerate(["empty", f"{ROWS:,} actions and calls"]):
        say(f"history: {name}, {filled}")
        if number > 0:
            store.fill()
        service, port = start_service(folder, upstream_port, store.url)
        try:
            mark = store.mark()
            times = []
            for part in range(misses.ROUNDS):
                times += misses.calls(
                    f"http://127.0.0.1:{port}/actions/{misses.FAMILY}",
                    first + (number * misses.ROUNDS + part) * 1000)
        finally:
            service.stop()
        found.append({"miss_us": median(times), "statements": store.statements(mark)})
    return found


def markdown(result):
    rows = []
    for name, (empty, full) in result.items():
        rows.append([f"{name}: a miss, p50", *[
            f"{found['miss_us'] / 1000:.2f} ms" for found in (empty, full)]])
        for statement in sorted(full["statements"]):
            cells = []
            for found in (empty, full):
                spans = sorted(found["statements"].get(statement, []))
                cells.append(f"{mean(spans):.2f} ms, at most {spans[-1]:.1f} ({len(spans)} ×)"
                             if spans else "–")
            rows.append([f"{name}: `{statement}`", *cells])
    return table("Decisions by what is stored", ["", "empty", f"{ROWS:,} actions and calls"], rows)
