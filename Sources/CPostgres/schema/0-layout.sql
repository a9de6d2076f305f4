-- The shared store's schema, version 2: who makes it, then tables, continuity, what is counted, the rules
-- as functions, one call for each decision, and what earlier programs call. status-proxy runs these
-- files by itself, in one transaction, when the schema is missing or older; a database's owner can run
-- them for a role that may not create anything:
--   cat schema/*.sql | psql
--
-- Why the rules hold for all replicas together:
-- 1. Every function that writes begins with status_proxy.enter(), which locks the one row of `meta`
--    until its transaction ends. So decisions of all replicas come one after the other, and each
--    statement after the lock sees what the decision before has committed (READ COMMITTED: a volatile
--    function's statements each take a snapshot of their own).
-- 2. A function is called as a whole transaction. No client is between the lock and its release: a
--    client that goes away leaves nothing locked, and its call either counts as a whole or not at all.
-- 3. The time is read after the lock is held, by clock_timestamp(): waiting does not count.
--
-- Times are nanoseconds of the store's clock: status_proxy.clock() plus `meta.clock_offset`, and never
-- behind `meta.last_time`. `..._wall` are milliseconds since 1970 on the clock of the replica that
-- told. A function that needs other arguments in a later version stands beside its earlier form: while
-- replicas are restarted one by one, both versions work on one schema.

BEGIN;

-- Replicas that start together do this one after the other. Each lock needs rights in this schema or to
-- make it: an advisory lock could be held for ever by any role that may connect.
DO $$
BEGIN
    IF to_regnamespace('status_proxy') IS NULL THEN CREATE SCHEMA status_proxy; END IF;
-- Another one has made it meanwhile, and was waited for.
EXCEPTION WHEN unique_violation OR duplicate_schema THEN NULL;
END
$$;

DO $$
BEGIN
    CREATE TABLE IF NOT EXISTS status_proxy.layout (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        version integer NOT NULL,
        -- Programs made for this version or a later one can work with the schema.
        usable_from integer NOT NULL
    );
EXCEPTION WHEN unique_violation OR duplicate_table OR duplicate_object THEN NULL;
END
$$;

LOCK TABLE status_proxy.layout IN SHARE ROW EXCLUSIVE MODE;
