-- How many calls a window counts, and when it has room again (version 2; before, a day's calls were
-- walked): calls are counted by the period of their end, and only one period's calls are walked.

CREATE TABLE IF NOT EXISTS status_proxy.call_counts (
    source text NOT NULL,
    period bigint NOT NULL,
    unknown boolean NOT NULL,
    calls bigint NOT NULL,
    PRIMARY KEY (source, period, unknown)
);

-- Who may use the calls may count them: after an owner's upgrade nothing has to be granted again.
DO $$
DECLARE
    may record;
BEGIN
    FOR may IN
        SELECT a.privilege_type AS do,
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS who
        FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = 'status_proxy.calls'::regclass
    LOOP
        EXECUTE format('GRANT %s ON status_proxy.call_counts TO %s', may.do, may.who);
    END LOOP;
END
$$;

-- A period is 2^37 ns, 137 s, as in a SQLite file: a day has 629.
CREATE OR REPLACE FUNCTION status_proxy.period(moment bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT moment >> 37
$$;

CREATE OR REPLACE FUNCTION status_proxy.period_start(period bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT period << 37
$$;

-- Keeps the counts in step with the calls, whoever writes them.
CREATE OR REPLACE FUNCTION status_proxy.count_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM status_proxy.call_counts;
        RETURN NULL;
    END IF;
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        DELETE FROM status_proxy.call_counts c
        WHERE c.source = OLD.source AND c.period = status_proxy.period(OLD.ended)
            AND c.unknown = OLD.unknown AND c.calls = 1;
        IF NOT FOUND THEN
            UPDATE status_proxy.call_counts c SET calls = c.calls - 1
            WHERE c.source = OLD.source AND c.period = status_proxy.period(OLD.ended)
                AND c.unknown = OLD.unknown;
        END IF;
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        INSERT INTO status_proxy.call_counts AS c
        VALUES (NEW.source, status_proxy.period(NEW.ended), NEW.unknown, 1)
        ON CONFLICT (source, period, unknown) DO UPDATE SET calls = c.calls + 1;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER call_entered AFTER INSERT ON status_proxy.calls
    FOR EACH ROW EXECUTE FUNCTION status_proxy.count_calls();
CREATE OR REPLACE TRIGGER call_moved AFTER UPDATE OF ended ON status_proxy.calls
    FOR EACH ROW WHEN (status_proxy.period(NEW.ended) <> status_proxy.period(OLD.ended))
    EXECUTE FUNCTION status_proxy.count_calls();
CREATE OR REPLACE TRIGGER call_dropped AFTER DELETE ON status_proxy.calls
    FOR EACH ROW EXECUTE FUNCTION status_proxy.count_calls();
CREATE OR REPLACE TRIGGER calls_emptied AFTER TRUNCATE ON status_proxy.calls
    FOR EACH STATEMENT EXECUTE FUNCTION status_proxy.count_calls();

-- Those that were there before the triggers.
DELETE FROM status_proxy.call_counts;
INSERT INTO status_proxy.call_counts
SELECT source, status_proxy.period(ended), unknown, count(*) FROM status_proxy.calls GROUP BY 1, 2, 3;

-- Calls that ended, or can end, after a moment: of its period they are walked, later ones are counted.
CREATE OR REPLACE FUNCTION status_proxy.calls_after(
    p_source text, moment bigint, only_unknown boolean
) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    first_period constant bigint := status_proxy.period(moment);
BEGIN
    RETURN (
        SELECT count(*) FROM status_proxy.calls c
        WHERE c.source = p_source AND (c.unknown OR NOT only_unknown)
            AND c.ended > moment AND c.ended < status_proxy.period_start(first_period + 1)
    ) + (
        SELECT coalesce(sum(n.calls), 0) FROM status_proxy.call_counts n
        WHERE n.source = p_source AND (n.unknown OR NOT only_unknown) AND n.period > first_period
    );
END
$$;

-- The same or more, without walking: all calls of the moment's period count.
CREATE OR REPLACE FUNCTION status_proxy.calls_at_most(
    p_source text, moment bigint, only_unknown boolean
) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    first_period constant bigint := status_proxy.period(moment);
BEGIN
    RETURN (
        SELECT coalesce(sum(n.calls), 0) FROM status_proxy.call_counts n
        WHERE n.source = p_source AND (n.unknown OR NOT only_unknown) AND n.period >= first_period
    );
END
$$;

CREATE OR REPLACE FUNCTION status_proxy.calls_left(
    p_source text, span bigint, most bigint, t bigint
) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT greatest(0, most - status_proxy.calls_after(p_source, t - span, false))
$$;

-- How long until a window has room again: until the call that is `most`-th from the latest stops
-- counting. Zero: it has room. Goes back over whole periods, and walks the calls of the one that has the
-- wanted one.
CREATE OR REPLACE FUNCTION status_proxy.window_opens_in(
    p_source text, span bigint, most bigint, only_unknown boolean, t bigint
) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    n record;
    rank bigint := most;
    last_counted bigint;
BEGIN
    IF most <= 0 THEN
        RETURN span;
    -- Mostly a window is far from spent, and a minute's calls need not be walked to see it.
    ELSIF status_proxy.calls_at_most(p_source, t - span, only_unknown) < most THEN
        RETURN 0;
    ELSIF status_proxy.calls_after(p_source, t - span, only_unknown) < most THEN
        RETURN 0;
    END IF;
    FOR n IN
        SELECT c.period, sum(c.calls)::bigint AS calls FROM status_proxy.call_counts c
        WHERE c.source = p_source AND (c.unknown OR NOT only_unknown)
        GROUP BY c.period ORDER BY c.period DESC
    LOOP
        EXIT WHEN n.calls >= rank;
        rank := rank - n.calls;
    END LOOP;
    SELECT c.ended INTO last_counted FROM status_proxy.calls c
    WHERE c.source = p_source AND (c.unknown OR NOT only_unknown)
        AND c.ended >= status_proxy.period_start(n.period)
        AND c.ended < status_proxy.period_start(n.period + 1)
    ORDER BY c.ended DESC OFFSET rank - 1 LIMIT 1;
    -- Counts that are off, since somebody wrote past the triggers, shut a window rather too long.
    RETURN coalesce(last_counted, status_proxy.period_start(n.period + 1)) + span - t;
END
$$;

-- The same for the parts of the unknown ids' share, which are small enough to be walked: `p_holder`
-- null is the part of those that had read as 404.
CREATE OR REPLACE FUNCTION status_proxy.part_opens_in(
    p_source text, span bigint, most bigint, p_holder text, t bigint
) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    last_counted bigint;
BEGIN
    IF p_holder IS NULL THEN
        SELECT c.ended INTO last_counted FROM status_proxy.calls c
        WHERE c.source = p_source AND c.not_found ORDER BY c.ended DESC OFFSET most - 1 LIMIT 1;
    ELSE
        SELECT c.ended INTO last_counted FROM status_proxy.calls c
        WHERE c.source = p_source AND c.holder = p_holder
        ORDER BY c.ended DESC OFFSET most - 1 LIMIT 1;
    END IF;
    RETURN greatest(0, last_counted + span - t);
END
$$;
