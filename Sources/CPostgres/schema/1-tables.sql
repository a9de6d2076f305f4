-- The tables and types.

-- Which life of the store this is, and how its clock runs. Raised by every decision.
CREATE TABLE IF NOT EXISTS status_proxy.meta (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    -- Drawn anew whenever continuity was lost.
    epoch bigint NOT NULL,
    revision bigint NOT NULL,
    -- The highest token granted.
    token bigint NOT NULL,
    clock_offset bigint NOT NULL,
    last_time bigint NOT NULL,
    -- See home() and the server's start: what they were at the last decision.
    home text NOT NULL,
    server_start text NOT NULL,
    -- When continuity was last found lost; null: never.
    noticed bigint,
    -- No grants until then, whoever asks.
    shut_until bigint
);

-- Before any other lock: from here on no decision of a running replica is under way, see 1. It would
-- take its locks in another order.
SELECT FROM status_proxy.meta FOR UPDATE;

CREATE TABLE IF NOT EXISTS status_proxy.looks (
    id text NOT NULL,
    source text NOT NULL,
    first_seen bigint NOT NULL,
    opens bigint NOT NULL,
    token bigint,
    known boolean NOT NULL DEFAULT false,
    news_token bigint,
    miss_kind text,
    miss_http_status integer,
    miss_code text,
    miss_message text,
    miss_repeats integer,
    miss_ended bigint,
    -- When the id first read as 404; null when it never did, or has been answered for since.
    not_found_since bigint,
    -- The id as it was first asked for, if that is not its canonical form.
    spelling text,
    answer_status text,
    answer_done boolean,
    answer_created_wall bigint,
    answer_checked_wall bigint,
    answer_told bigint,
    answer_bytes bytea,
    PRIMARY KEY (id, source)
);

CREATE TABLE IF NOT EXISTS status_proxy.calls (
    token bigint PRIMARY KEY,
    source text NOT NULL,
    id text NOT NULL,
    before bigint,
    reserved bigint NOT NULL,
    ended bigint NOT NULL,
    -- 0 under way, 1 ended, 2 given up but perhaps seen by the upstream.
    state smallint NOT NULL,
    unknown boolean NOT NULL,
    sent bigint,
    outcome text,
    -- Of an unknown id: whether it had read as 404 before, and which key holder asked.
    not_found boolean NOT NULL DEFAULT false,
    holder text
);

ALTER TABLE status_proxy.looks
    ADD COLUMN IF NOT EXISTS not_found_since bigint,
    ADD COLUMN IF NOT EXISTS spelling text;
ALTER TABLE status_proxy.calls
    ADD COLUMN IF NOT EXISTS not_found boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS holder text;
-- The rules that a call was granted under, for audits; spans in nanoseconds.
ALTER TABLE status_proxy.calls
    ADD COLUMN IF NOT EXISTS min_interval bigint,
    ADD COLUMN IF NOT EXISTS flight_max bigint,
    ADD COLUMN IF NOT EXISTS per_minute bigint,
    ADD COLUMN IF NOT EXISTS per_day bigint;

CREATE INDEX IF NOT EXISTS calls_by_end ON status_proxy.calls (source, ended);
CREATE INDEX IF NOT EXISTS unknown_calls_by_end
    ON status_proxy.calls (source, ended) WHERE unknown;
CREATE INDEX IF NOT EXISTS not_found_calls_by_end
    ON status_proxy.calls (source, ended) WHERE not_found;
CREATE INDEX IF NOT EXISTS holders_calls_by_end
    ON status_proxy.calls (source, holder, ended) WHERE holder IS NOT NULL;

CREATE TABLE IF NOT EXISTS status_proxy.sources (
    source text PRIMARY KEY,
    paused_until bigint,
    smallest_gap bigint,
    -- A process that found the upstream failing leaves it alone until then (version 2).
    breaker_until bigint
);

ALTER TABLE status_proxy.sources ADD COLUMN IF NOT EXISTS breaker_until bigint;

DO $$
BEGIN
    -- What every decision tells of the store itself. `late`: nothing was done, see enter().
    IF to_regtype('status_proxy.entry') IS NULL THEN
        CREATE TYPE status_proxy.entry AS (
            epoch bigint, revision bigint, token bigint, now bigint, noticed bigint,
            shut_until bigint, late boolean, trouble text);
    END IF;
    -- A look as a caller of the store sees it: spans, no times.
    IF to_regtype('status_proxy.told') IS NULL THEN
        CREATE TYPE status_proxy.told AS (
            source text, opens_in bigint, first_seen_ago bigint, known boolean,
            answer_status text, answer_done boolean, answer_created_wall bigint,
            answer_checked_wall bigint, answer_age bigint, answer_bytes bytea,
            miss_kind text, miss_http_status integer, miss_code text, miss_message text,
            miss_repeats integer, miss_age bigint);
    END IF;
    IF NOT EXISTS (
        SELECT FROM pg_attribute a JOIN pg_type y ON y.typrelid = a.attrelid
        WHERE y.oid = 'status_proxy.told'::regtype AND a.attname = 'not_found_ago')
    THEN
        ALTER TYPE status_proxy.told ADD ATTRIBUTE not_found_ago bigint, ADD ATTRIBUTE spelling text;
    END IF;
END
$$;
