-- Whether the store still is what it was: its clock, its home, and how every decision begins.

-- The database's clock. Not now(), which stands still within a transaction.
CREATE OR REPLACE FUNCTION status_proxy.clock() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint
$$;

-- Names the data that a decision writes into: the cluster, its timeline (another one after every
-- promotion and every recovery to a point in time), the database, and the table itself (another one
-- after a restore from a dump). What the role may not read counts as '?'.
CREATE OR REPLACE FUNCTION status_proxy.home() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    cluster text := '?';
    timeline text := '?';
BEGIN
    BEGIN
        cluster := (pg_control_system()).system_identifier;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    BEGIN
        timeline := substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    RETURN format(
        '%s/%s/%s/%s', cluster, timeline,
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        'status_proxy.meta'::regclass::oid);
END
$$;

CREATE OR REPLACE FUNCTION status_proxy.server_start() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT extract(epoch FROM pg_postmaster_start_time())::text
$$;

CREATE OR REPLACE FUNCTION status_proxy.draw(low bigint, high bigint) RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    SELECT low + floor(random() * (high - low))::bigint
$$;

-- Tokens begin at random: those of two lives that follow each other must not meet.
CREATE OR REPLACE FUNCTION status_proxy.begin_life() RETURNS void LANGUAGE sql VOLATILE AS $$
    INSERT INTO status_proxy.meta
        (epoch, revision, token, clock_offset, last_time, home, server_start)
    SELECT status_proxy.draw(1, 1::bigint << 62), 0, status_proxy.draw(1, 1::bigint << 50), 0,
        status_proxy.clock(), status_proxy.home(), status_proxy.server_start()
    ON CONFLICT DO NOTHING
$$;

-- Locks the store, reads its clock, and judges whether it still is what it was.
--
-- The first three arguments are what the caller remembers: the epoch, the highest revision and the
-- highest token seen; null at its first call. `p_latest` is the latest time that the store can show
-- if its clock runs evenly and the call is not too old to be of use: past it nothing is done.
CREATE OR REPLACE FUNCTION status_proxy.enter(
    p_epoch bigint, p_revision bigint, p_token bigint, p_latest bigint
) RETURNS status_proxy.entry LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    -- Replicas reconnect within that span after the server has started, and object if it has lost
    -- what they remember. Until then nobody is granted anything.
    roll_call constant bigint := 5000000000;
    -- How far the clock may be behind the last time written before it counts as set back.
    lag_max constant bigint := 2000000000;
    m status_proxy.meta;
    here text := status_proxy.home();
    started text := status_proxy.server_start();
    t bigint;
    trouble text;
BEGIN
    SELECT * INTO m FROM status_proxy.meta FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM status_proxy.begin_life();
        SELECT * INTO STRICT m FROM status_proxy.meta FOR UPDATE;
        trouble := 'the epoch was lost';
    END IF;
    t := status_proxy.clock() + m.clock_offset;
    IF t > p_latest THEN
        RETURN (m.epoch, m.revision, m.token, t, m.noticed, m.shut_until, true, NULL::text);
    END IF;

    IF m.home <> here THEN
        trouble := 'it is another database, or was recovered or promoted';
    ELSIF p_epoch = m.epoch AND p_revision > m.revision THEN
        trouble := 'it was set back to an earlier state';
    ELSIF m.last_time - t > lag_max THEN
        trouble := 'its clock was set back';
    END IF;
    IF trouble IS NOT NULL THEN
        -- So that every replica notices.
        m.epoch := status_proxy.draw(1, 1::bigint << 62);
    ELSIF p_epoch <> m.epoch THEN
        trouble := 'its epoch changed';
    END IF;
    IF trouble IS NOT NULL AND p_token > m.token THEN
        m.token := p_token + status_proxy.draw(1::bigint << 32, 1::bigint << 40);
    END IF;
    -- Set back: time goes on from where it was. Only slightly behind: it stands still for a moment.
    IF m.last_time - t > lag_max THEN
        m.clock_offset := m.clock_offset + m.last_time - t;
    END IF;
    t := greatest(t, m.last_time);
    IF trouble IS NOT NULL THEN m.noticed := t; END IF;
    IF m.server_start <> started THEN m.shut_until := t + roll_call; END IF;

    UPDATE status_proxy.meta
    SET epoch = m.epoch, revision = m.revision + 1, token = m.token, clock_offset = m.clock_offset,
        last_time = t, home = here, server_start = started, noticed = m.noticed,
        shut_until = m.shut_until;
    RETURN (
        m.epoch, m.revision + 1, m.token, t, m.noticed, m.shut_until, false, trouble);
END
$$;

-- The same for a caller that saw the clock go ahead of its own: time goes on from what the caller
-- expects, but not from before the last time written. One caller whose own clock stood still can so
-- not set the others back.
CREATE OR REPLACE FUNCTION status_proxy.set_back(
    p_epoch bigint, p_revision bigint, p_token bigint, p_time bigint
) RETURNS status_proxy.entry LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    step_max constant bigint := 80000000;
    m status_proxy.meta;
    t bigint;
BEGIN
    SELECT * INTO m FROM status_proxy.meta FOR UPDATE;
    t := status_proxy.clock() + m.clock_offset;
    -- Less is what the call took to get here: somebody else has set the clock back by now.
    IF t - p_time > step_max THEN
        UPDATE status_proxy.meta
        SET clock_offset = m.clock_offset - (t - greatest(p_time, m.last_time)),
            noticed = greatest(p_time, m.last_time);
    END IF;
    RETURN status_proxy.enter(p_epoch, p_revision, p_token, NULL);
END
$$;
