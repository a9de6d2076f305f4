-- A file of version 3, as its programs made it: upstreams rest behind a breaker.

CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    boot_id TEXT,
    clock_offset INTEGER NOT NULL,
    last_time INTEGER NOT NULL
) STRICT;
CREATE TABLE looks (
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    first_seen_wall INTEGER NOT NULL,
    opens INTEGER NOT NULL,
    token INTEGER,
    known INTEGER NOT NULL,
    news_token INTEGER,
    miss_kind TEXT,
    miss_http_status INTEGER,
    miss_code TEXT,
    miss_message TEXT,
    miss_repeats INTEGER,
    miss_ended INTEGER,
    miss_ended_wall INTEGER,
    answer_status TEXT,
    answer_done INTEGER,
    answer_created_wall INTEGER,
    answer_checked_wall INTEGER,
    answer_told INTEGER,
    answer_bytes BLOB,
    PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE calls (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    before INTEGER,
    reserved INTEGER NOT NULL,
    reserved_wall INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    state INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    sent INTEGER,
    outcome TEXT
) STRICT;
CREATE INDEX calls_by_end ON calls (source, ended, unknown);
CREATE TABLE sources (
    source TEXT PRIMARY KEY,
    paused_until INTEGER,
    smallest_gap INTEGER,
    breaker_until INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE call_counts (
    source TEXT NOT NULL,
    period INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    PRIMARY KEY (source, period, unknown)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER call_entered AFTER INSERT ON calls BEGIN
    INSERT INTO call_counts
        VALUES (NEW.source, NEW.ended >> 37, NEW.unknown, 1)
        ON CONFLICT (source, period, unknown) DO UPDATE SET calls = calls + 1;
END;
CREATE TRIGGER call_moved AFTER UPDATE OF ended ON calls
WHEN NEW.ended >> 37 <> OLD.ended >> 37 BEGIN
    UPDATE call_counts SET calls = calls - 1 WHERE source = OLD.source
        AND period = OLD.ended >> 37 AND unknown = OLD.unknown;
    DELETE FROM call_counts WHERE calls = 0 AND source = OLD.source
        AND period = OLD.ended >> 37 AND unknown = OLD.unknown;
    INSERT INTO call_counts
        VALUES (NEW.source, NEW.ended >> 37, NEW.unknown, 1)
        ON CONFLICT (source, period, unknown) DO UPDATE SET calls = calls + 1;
END;
CREATE TRIGGER call_dropped AFTER DELETE ON calls BEGIN
    UPDATE call_counts SET calls = calls - 1 WHERE source = OLD.source
        AND period = OLD.ended >> 37 AND unknown = OLD.unknown;
    DELETE FROM call_counts WHERE calls = 0 AND source = OLD.source
        AND period = OLD.ended >> 37 AND unknown = OLD.unknown;
END;
PRAGMA application_id = 1936749176; PRAGMA user_version = 3;
