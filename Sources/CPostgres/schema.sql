-- The shared store's schema, version 1: tables, and no rules. status-proxy runs this file by itself when
-- there is none; a database's owner can run it for a role that may not create anything:
--   psql --single-transaction --file schema.sql
--
-- Replicas decide by reading rows, and write the decision in one statement, which takes effect only if
-- `meta.revision` is still the one that was read: so decisions of all replicas are serialised, and no
-- replica holds a lock between two round trips.
--
-- Times are nanoseconds of the store's clock: status_proxy.clock() plus `meta.clock_offset`, and never
-- behind `meta.last_time`. `..._wall` are milliseconds since 1970 on the wall clock of the replica that wrote.

DO $$
BEGIN
    IF to_regnamespace('status_proxy') IS NULL THEN CREATE SCHEMA status_proxy; END IF;
END
$$;

-- The version of the schema. A program that finds another one changes nothing.
CREATE TABLE status_proxy.schema_version (version integer PRIMARY KEY);
INSERT INTO status_proxy.schema_version VALUES (1);

-- The database's clock. Not now(), which is constant within a transaction.
CREATE FUNCTION status_proxy.clock() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint
$$;

-- The identity of the store, and its clock. Every decision that writes raises the revision.
CREATE TABLE status_proxy.meta (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    -- A new random number after every loss of continuity.
    epoch bigint NOT NULL,
    revision bigint NOT NULL,
    -- The highest token granted.
    token bigint NOT NULL,
    clock_offset bigint NOT NULL,
    last_time bigint NOT NULL,
    -- The identity of the data at the last write ('' in a new schema), and its server's start.
    home text NOT NULL,
    server_start text NOT NULL,
    -- The revision that was found after that start: what was written later was lost.
    start_revision bigint NOT NULL DEFAULT 0,
    -- When a loss of continuity was last detected; null: never.
    loss_detected bigint,
    -- No grants before this time.
    barrier bigint
) WITH (fillfactor = 50);

-- Tokens begin at random, so that those of successive stores do not collide.
INSERT INTO status_proxy.meta (epoch, revision, token, clock_offset, last_time, home, server_start)
SELECT 1 + floor(random() * (1::bigint << 52))::bigint, 0,
    1 + floor(random() * (1::bigint << 50))::bigint, 0, status_proxy.clock(), '',
    extract(epoch FROM pg_postmaster_start_time())::text;

-- One action at one source: its gate and its result. Its state is in `documents`.
CREATE TABLE status_proxy.entries (
    id text NOT NULL,
    source text NOT NULL,
    -- The revision of the decision that last wrote the row.
    revision bigint NOT NULL,
    -- The id's first spelling, if that is not the canonical one.
    spelling text,
    first_seen bigint NOT NULL,
    opens bigint NOT NULL,
    known boolean NOT NULL,
    lease_token bigint,
    lease_reserved bigint,
    lease_ends bigint,
    -- 0 under way, 1 ended, 2 given up but perhaps seen by the upstream.
    lease_state smallint,
    lease_unknown boolean,
    lease_not_found boolean,
    lease_holder text,
    last_end bigint,
    observation_time bigint,
    observation_token bigint,
    answer_done boolean,
    answer_checked_wall bigint,
    answer_time bigint,
    negative_kind text,
    negative_http_status integer,
    negative_code text,
    negative_message text,
    negative_repeats integer,
    negative_ended bigint,
    not_found_since bigint,
    PRIMARY KEY (id, source)
) WITH (fillfactor = 80);

CREATE TABLE status_proxy.documents (
    id text NOT NULL,
    source text NOT NULL,
    status text NOT NULL,
    done boolean NOT NULL,
    created_wall bigint,
    bytes bytea NOT NULL,
    PRIMARY KEY (id, source)
);

-- `calls` are the counts for budgets, of a bounded size.
CREATE TABLE status_proxy.sources (
    source text PRIMARY KEY,
    paused_until bigint,
    breaker_until bigint,
    smallest_gap bigint,
    calls bytea NOT NULL
) WITH (fillfactor = 50);

-- The journal: lines are added and deleted, never changed, and no decision reads them.
CREATE TABLE status_proxy.calls (
    token bigint PRIMARY KEY,
    source text NOT NULL,
    id text NOT NULL,
    reserved bigint NOT NULL,
    ends bigint NOT NULL,
    unknown boolean NOT NULL,
    not_found boolean NOT NULL,
    holder text,
    min_interval bigint,
    flight_max bigint,
    per_minute bigint,
    per_day bigint
);

CREATE TABLE status_proxy.completions (
    token bigint PRIMARY KEY,
    revision bigint NOT NULL,
    id text NOT NULL,
    state smallint NOT NULL,
    ended bigint,
    sent bigint,
    outcome text NOT NULL
);

CREATE INDEX completions_by_revision ON status_proxy.completions (revision);

-- Notifies the other replicas that actions have changed. Not part of a decision: a transaction that
-- notifies waits at its commit for all other notifying transactions of the database.
CREATE FUNCTION status_proxy.notify(p_sender text, p_ids text[]) RETURNS void LANGUAGE sql VOLATILE
AS $$
    SELECT pg_notify('status_proxy', p_sender || ' ' || id) FROM unnest(p_ids) AS id
$$;

-- For operators who have restored a copy of the data directory, without recovery to a point in
-- time, while no replica was running that could detect it: no calls until lost ones cannot matter.
CREATE FUNCTION status_proxy.quarantine() RETURNS void LANGUAGE sql VOLATILE AS $$
    UPDATE status_proxy.meta
    SET epoch = 1 + floor(random() * (1::bigint << 52))::bigint, revision = revision + 1,
        last_time = greatest(status_proxy.clock() + clock_offset, last_time),
        loss_detected = greatest(status_proxy.clock() + clock_offset, last_time)
$$;
