-- The store's decisions, the same as StoreRules makes for the other stores: look up, reserve, settle,
-- purge, carry over.

CREATE OR REPLACE FUNCTION status_proxy.tell(l status_proxy.looks, t bigint)
RETURNS status_proxy.told LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (
        l.source, l.opens - t, greatest(t - l.first_seen, 0), l.known,
        l.answer_status, l.answer_done, l.answer_created_wall, l.answer_checked_wall,
        greatest(t - l.answer_told, 0), l.answer_bytes,
        l.miss_kind, l.miss_http_status, l.miss_code, l.miss_message, l.miss_repeats,
        greatest(t - l.miss_ended, 0),
        CASE WHEN l.not_found_since IS NOT NULL THEN greatest(t - l.not_found_since, 0) END,
        l.spelling);
END
$$;

-- Locks nothing and decides nothing: what it tells may be old as soon as it is told.
CREATE OR REPLACE FUNCTION status_proxy.look_up(p_id text) RETURNS SETOF status_proxy.told
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY
        SELECT told.*
        FROM status_proxy.meta m, status_proxy.looks l,
            LATERAL status_proxy.tell(
                l, greatest(status_proxy.clock() + m.clock_offset, m.last_time)) told
        WHERE l.id = p_id ORDER BY l.source;
END
$$;

-- Checks quarantine, pause, breaker, gate and budget, in this order; takes the call out of all of them,
-- or none. A quarantine lasts until no call can matter any more that a lost state had granted: neither
-- to its action's gate nor to the budget of a minute. Spans, windows and limits are the caller's.
CREATE OR REPLACE FUNCTION status_proxy.reserve(
    p_epoch bigint, p_revision bigint, p_token bigint, p_latest bigint,
    p_source text, p_id text, p_min_interval bigint, p_hold bigint, p_flight_max bigint,
    p_quarantine bigint,
    p_minute bigint, p_per_minute bigint, p_unknown_per_minute bigint,
    p_day bigint, p_per_day bigint, p_unknown_per_day bigint, p_heeds_breaker boolean,
    p_holder text, p_part_per_minute bigint, p_part_per_day bigint, p_spelling text,
    OUT entry status_proxy.entry, OUT verdict text, OUT opens_in bigint, OUT kind text,
    OUT slot bigint, OUT was_unknown boolean, OUT minute_left bigint, OUT day_left bigint,
    OUT told status_proxy.told
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    t bigint;
    until bigint;
    upstream status_proxy.sources;
    look status_proxy.looks;
    not_found boolean;
BEGIN
    entry := status_proxy.enter(p_epoch, p_revision, p_token, p_latest);
    IF entry.late THEN RETURN; END IF;
    t := entry.now;
    until := greatest(entry.noticed + p_quarantine, entry.shut_until);
    IF until > t THEN
        verdict := 'quarantined';
        opens_in := until - t;
    END IF;

    IF verdict IS NULL THEN
        SELECT * INTO upstream FROM status_proxy.sources s WHERE s.source = p_source;
        IF upstream.paused_until > t THEN
            verdict := 'paused';
            opens_in := upstream.paused_until - t;
        ELSIF p_heeds_breaker AND upstream.breaker_until > t THEN
            verdict := 'resting';
            opens_in := upstream.breaker_until - t;
        END IF;
    END IF;

    IF verdict IS NULL THEN
        SELECT * INTO look FROM status_proxy.looks l WHERE l.id = p_id AND l.source = p_source;
        -- A finished state is never asked for again while it is kept.
        IF look.opens > t OR look.answer_done THEN
            verdict := 'gate-shut';
            told := status_proxy.tell(look, t);
        END IF;
    END IF;

    IF verdict IS NULL THEN
        was_unknown := NOT EXISTS (
            SELECT FROM status_proxy.looks l WHERE l.id = p_id AND l.known);
        -- Of several windows that are spent, the one that opens last.
        not_found := was_unknown AND look.not_found_since IS NOT NULL;
        SELECT 'budget-spent', w.opens_in, w.kind INTO verdict, opens_in, kind
        FROM (
            SELECT rank, v.kind,
                status_proxy.window_opens_in(p_source, span, most, only_unknown, t) AS opens_in
            FROM (VALUES
                (1, 'minute', p_minute, p_per_minute, false),
                (2, 'day', p_day, p_per_day, false),
                (3, 'minute-unknown', p_minute, p_unknown_per_minute, true),
                (4, 'day-unknown', p_day, p_unknown_per_day, true)
            ) AS v (rank, kind, span, most, only_unknown)
            WHERE most IS NOT NULL AND (was_unknown OR NOT only_unknown)
            UNION ALL
            SELECT rank, v.kind, status_proxy.part_opens_in(p_source, span, most, holder, t)
            FROM (VALUES
                (5, 'minute-not-found', p_minute, p_part_per_minute, NULL, not_found),
                (6, 'day-not-found', p_day, p_part_per_day, NULL, not_found),
                (7, 'minute-caller', p_minute, p_part_per_minute, p_holder,
                    was_unknown AND p_holder IS NOT NULL),
                (8, 'day-caller', p_day, p_part_per_day, p_holder,
                    was_unknown AND p_holder IS NOT NULL)
            ) AS v (rank, kind, span, most, holder, counts)
            WHERE most IS NOT NULL AND counts
        ) AS w
        WHERE w.opens_in > 0 ORDER BY w.opens_in DESC, rank LIMIT 1;
    END IF;

    IF verdict IS NULL THEN
        verdict := 'granted';
        UPDATE status_proxy.meta m SET token = m.token + 1 RETURNING m.token INTO slot;
        entry.token := slot;
        INSERT INTO status_proxy.calls
            (token, source, id, before, reserved, ended, state, unknown, not_found, holder,
            min_interval, flight_max, per_minute, per_day)
        VALUES (slot, p_source, p_id, look.token, t, t + p_flight_max, 0, was_unknown, not_found,
            CASE WHEN was_unknown THEN p_holder END,
            p_min_interval, p_flight_max, p_per_minute, p_per_day);
        INSERT INTO status_proxy.looks AS l (id, source, first_seen, opens, token, spelling)
        VALUES (p_id, p_source, t, t + p_hold, slot, p_spelling)
        ON CONFLICT (id, source) DO UPDATE SET opens = excluded.opens, token = excluded.token;
    END IF;

    minute_left := status_proxy.calls_left(p_source, p_minute, p_per_minute, t);
    IF p_per_day IS NOT NULL THEN
        day_left := status_proxy.calls_left(p_source, p_day, p_per_day, t);
    END IF;
END
$$;

-- From the end of the last call that the upstream can have seen before `p_before`'s successor, to
-- that one's sending. Null when that end is not known for sure.
CREATE OR REPLACE FUNCTION status_proxy.gap(p_before bigint, p_reserved bigint, p_sent bigint)
RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    prior status_proxy.calls;
    next_token bigint := p_before;
BEGIN
    FOR step IN 1..100 LOOP
        SELECT * INTO prior FROM status_proxy.calls c WHERE c.token = next_token;
        IF NOT FOUND THEN RETURN NULL; END IF;
        IF prior.state = 1 AND prior.sent IS NULL THEN
            -- The upstream never saw that one.
            next_token := prior.before;
        ELSIF prior.state = 1 AND prior.ended <= p_reserved THEN
            RETURN p_sent - prior.ended;
        ELSE
            RETURN NULL;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

-- Records how a call ended: journal, pause, breaker, gap, gate and news. Saying it twice changes nothing
-- more. `p_asked` is when the caller said so, on the store's clock; `p_opens_in` null: the gate stays
-- held.
CREATE OR REPLACE FUNCTION status_proxy.settle(
    p_epoch bigint, p_revision bigint, p_token bigint, p_latest bigint,
    p_source text, p_id text, p_slot bigint, p_asked bigint, p_opens_in bigint, p_pause bigint,
    p_sent_ago bigint, p_answered_ago bigint, p_outcome text, p_news text,
    p_answer_status text, p_answer_done boolean, p_answer_created_wall bigint,
    p_answer_checked_wall bigint, p_answer_bytes bytea,
    p_miss_kind text, p_miss_http_status integer, p_miss_code text, p_miss_message text,
    p_miss_repeats integer, p_miss_age bigint, p_teller text,
    p_breaker_opened_for bigint, p_breaker_closed boolean,
    p_spelling text,
    OUT entry status_proxy.entry, OUT gap bigint, OUT smallest_gap bigint,
    OUT told status_proxy.told
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    t bigint;
    asked bigint;
    call status_proxy.calls;
    look status_proxy.looks;
    is_journaled boolean;
    is_kept boolean;
    news_slot bigint;
BEGIN
    entry := status_proxy.enter(p_epoch, p_revision, p_token, p_latest);
    IF entry.late THEN RETURN; END IF;
    t := entry.now;
    asked := least(t, p_asked);
    SELECT * INTO call FROM status_proxy.calls c
    WHERE c.token = p_slot AND c.source = p_source AND c.id = p_id;
    is_journaled := FOUND;
    SELECT * INTO look FROM status_proxy.looks l WHERE l.id = p_id AND l.source = p_source;
    is_kept := FOUND;
    IF is_journaled AND call.state <> 0 AND is_kept THEN
        SELECT s.smallest_gap INTO smallest_gap FROM status_proxy.sources s
        WHERE s.source = p_source;
        told := status_proxy.tell(look, t);
        RETURN;
    END IF;

    IF is_journaled THEN
        call.sent := asked - p_sent_ago;
        UPDATE status_proxy.calls c
        SET state = CASE WHEN p_opens_in IS NULL THEN 2 ELSE 1 END,
            ended = CASE WHEN p_opens_in IS NULL THEN c.ended ELSE t END,
            sent = call.sent, outcome = p_outcome
        WHERE c.token = p_slot;
        IF call.sent IS NOT NULL THEN
            gap := status_proxy.gap(call.before, call.reserved, call.sent);
        END IF;
    END IF;
    IF p_pause IS NOT NULL OR p_breaker_opened_for IS NOT NULL OR p_breaker_closed
        OR gap IS NOT NULL
    THEN
        INSERT INTO status_proxy.sources AS s (source, paused_until, breaker_until, smallest_gap)
        VALUES (p_source, t + p_pause, t + p_breaker_opened_for, gap)
        ON CONFLICT (source) DO UPDATE SET
            paused_until = greatest(s.paused_until, excluded.paused_until),
            breaker_until = CASE WHEN p_breaker_closed THEN NULL
                ELSE greatest(s.breaker_until, excluded.breaker_until) END,
            smallest_gap = least(s.smallest_gap, excluded.smallest_gap);
    END IF;
    SELECT s.smallest_gap INTO smallest_gap FROM status_proxy.sources s
    WHERE s.source = p_source;

    -- A look that is not kept (any more) comes back with what the call learned.
    IF NOT is_kept THEN
        look := NULL;
        look.id := p_id;
        look.source := p_source;
        look.first_seen := asked;
        look.opens := t;
        look.known := false;
        look.spelling := p_spelling;
    END IF;
    IF p_opens_in IS NOT NULL AND (NOT is_kept OR look.token = p_slot) THEN
        look.opens := t + p_opens_in;
    END IF;
    -- 0 is a call that is not in the journal: the store has lost it, or has dropped it.
    news_slot := CASE WHEN is_journaled THEN p_slot ELSE 0 END;
    IF p_news = 'answer' THEN
        look.known := true;
    END IF;
    -- The order of calls tells which news is newer. A forgotten call has no place in it: a store that
    -- was set back grants later tokens than that for older news. Then the ages decide.
    IF look.news_token IS NULL OR (CASE
        WHEN news_slot <> 0 AND look.news_token <> 0 THEN news_slot > look.news_token
        ELSE coalesce(
            asked - CASE WHEN p_news = 'miss' THEN p_miss_age ELSE p_answered_ago END
                > greatest(look.answer_told, look.miss_ended), true)
        END)
    THEN
        IF p_news = 'answer' THEN
            -- A finished state is never replaced by an unfinished one.
            IF p_answer_done OR look.answer_done IS NOT TRUE THEN
                look.answer_status := p_answer_status;
                look.answer_done := p_answer_done;
                look.answer_created_wall := p_answer_created_wall;
                look.answer_checked_wall := p_answer_checked_wall;
                look.answer_told := asked - p_answered_ago;
                look.answer_bytes := p_answer_bytes;
            END IF;
        END IF;
        -- An answer comes without the values of a miss, and so forgets the last one.
        IF p_news IS NOT NULL THEN
            look.miss_kind := p_miss_kind;
            look.miss_http_status := p_miss_http_status;
            look.miss_code := p_miss_code;
            look.miss_message := p_miss_message;
            look.miss_repeats := p_miss_repeats;
            look.miss_ended := asked - p_miss_age;
            IF p_news = 'answer' THEN
                look.not_found_since := NULL;
            ELSIF p_miss_kind = 'not-found' THEN
                look.not_found_since := coalesce(look.not_found_since, look.miss_ended);
            END IF;
            look.news_token := news_slot;
        END IF;
    END IF;
    INSERT INTO status_proxy.looks VALUES (look.*)
    ON CONFLICT (id, source) DO UPDATE SET
        opens = excluded.opens, known = excluded.known, news_token = excluded.news_token,
        miss_kind = excluded.miss_kind, miss_http_status = excluded.miss_http_status,
        miss_code = excluded.miss_code, miss_message = excluded.miss_message,
        miss_repeats = excluded.miss_repeats, miss_ended = excluded.miss_ended,
        not_found_since = excluded.not_found_since,
        answer_status = excluded.answer_status, answer_done = excluded.answer_done,
        answer_created_wall = excluded.answer_created_wall,
        answer_checked_wall = excluded.answer_checked_wall,
        answer_told = excluded.answer_told, answer_bytes = excluded.answer_bytes;
    told := status_proxy.tell(look, t);
    -- Only programs of version 1 have themselves named here; see notify().
    IF p_teller IS NOT NULL THEN
        PERFORM status_proxy.notify(p_teller, ARRAY[p_id]);
    END IF;
END
$$;

-- Tells the other replicas that actions have changed. No part of a decision: whoever notifies in a
-- database waits at its commit for everybody else's notifications to be written.
CREATE OR REPLACE FUNCTION status_proxy.notify(p_teller text, p_ids text[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_notify('status_proxy', p_teller || ' ' || id) FROM unnest(p_ids) AS id;
END
$$;

-- Drops what is past its use, one step over at most `p_rows` looks at a time, and at the end calls.
-- Tells after which look the next step begins; null: at the calls.
CREATE OR REPLACE FUNCTION status_proxy.purge(
    p_epoch bigint, p_revision bigint, p_token bigint, p_latest bigint,
    p_is_at_calls boolean, p_after_id text, p_after_source text, p_rows bigint,
    p_terminal_ttl bigint, p_stale_max bigint, p_miss_max bigint, p_journal_span bigint,
    p_window_max bigint, p_journal_rows bigint,
    OUT entry status_proxy.entry, OUT dropped bigint, OUT next_id text, OUT next_source text
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    t bigint;
    changed bigint;
    surplus bigint;
BEGIN
    entry := status_proxy.enter(p_epoch, p_revision, p_token, p_latest);
    IF entry.late THEN RETURN; END IF;
    t := entry.now;
    dropped := 0;
    IF NOT p_is_at_calls THEN
        SELECT l.id, l.source INTO next_id, next_source FROM status_proxy.looks l
        WHERE (l.id, l.source) > (p_after_id, p_after_source)
        ORDER BY l.id, l.source OFFSET p_rows - 1 LIMIT 1;

        UPDATE status_proxy.looks l
        SET answer_status = NULL, answer_done = NULL, answer_created_wall = NULL,
            answer_checked_wall = NULL, answer_told = NULL, answer_bytes = NULL
        WHERE (l.id, l.source) > (p_after_id, p_after_source)
            AND (next_id IS NULL OR (l.id, l.source) <= (next_id, next_source))
            AND l.answer_told
                < t - CASE WHEN l.answer_done THEN p_terminal_ttl ELSE p_stale_max END;
        GET DIAGNOSTICS dropped = ROW_COUNT;
        UPDATE status_proxy.looks l
        SET miss_kind = NULL, miss_http_status = NULL, miss_code = NULL, miss_message = NULL,
            miss_repeats = NULL, miss_ended = NULL, not_found_since = NULL
        WHERE (l.id, l.source) > (p_after_id, p_after_source)
            AND (next_id IS NULL OR (l.id, l.source) <= (next_id, next_source))
            AND l.miss_ended < t - p_miss_max;
        GET DIAGNOSTICS changed = ROW_COUNT;
        dropped := dropped + changed;
        -- Never a gate that could still be shut.
        DELETE FROM status_proxy.looks l
        WHERE (l.id, l.source) > (p_after_id, p_after_source)
            AND (next_id IS NULL OR (l.id, l.source) <= (next_id, next_source))
            AND l.answer_told IS NULL AND l.miss_ended IS NULL
            AND l.opens <= t AND l.opens < t - p_miss_max;
        GET DIAGNOSTICS changed = ROW_COUNT;
        dropped := dropped + changed;
        RETURN;
    END IF;

    -- Tokens grow with time: those past their use stand first.
    DELETE FROM status_proxy.calls c WHERE c.token IN (
        SELECT o.token FROM status_proxy.calls o ORDER BY o.token LIMIT p_rows)
    AND c.ended < t - p_journal_span;
    GET DIAGNOSTICS dropped = ROW_COUNT;
    IF dropped = 0 THEN
        surplus := (SELECT count(*) FROM status_proxy.calls) - p_journal_rows;
    END IF;
    IF surplus > 0 THEN
        -- The oldest beyond the bound, but none that a window can still count.
        DELETE FROM status_proxy.calls c WHERE c.token IN (
            SELECT o.token FROM status_proxy.calls o WHERE o.ended < t - p_window_max
            ORDER BY o.token LIMIT least(surplus, p_rows));
        GET DIAGNOSTICS dropped = ROW_COUNT;
    END IF;
END
$$;

-- Enters what a caller knows of its own calls and pauses into a store that has lost them. The gates
-- stay as they are.
CREATE OR REPLACE FUNCTION status_proxy.carry_over(
    p_epoch bigint, p_revision bigint, p_token bigint, p_latest bigint,
    p_slots bigint[], p_sources text[], p_ids text[], p_before bigint[], p_reserved bigint[],
    p_ended bigint[], p_states smallint[], p_unknown boolean[], p_sent bigint[],
    p_outcomes text[], p_min_interval bigint[], p_flight_max bigint[], p_per_minute bigint[],
    p_per_day bigint[], p_paused text[], p_paused_until bigint[]
) RETURNS status_proxy.entry LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    entry status_proxy.entry;
BEGIN
    entry := status_proxy.enter(p_epoch, p_revision, p_token, p_latest);
    IF entry.late THEN RETURN entry; END IF;
    INSERT INTO status_proxy.calls
        (token, source, id, before, reserved, ended, state, unknown, sent, outcome,
        min_interval, flight_max, per_minute, per_day)
    SELECT * FROM unnest(
        p_slots, p_sources, p_ids, p_before, p_reserved, p_ended, p_states, p_unknown, p_sent,
        p_outcomes, p_min_interval, p_flight_max, p_per_minute, p_per_day)
    ON CONFLICT (token) DO NOTHING;
    INSERT INTO status_proxy.sources AS s (source, paused_until)
    SELECT * FROM unnest(p_paused, p_paused_until)
    ON CONFLICT (source) DO UPDATE
    SET paused_until = greatest(s.paused_until, excluded.paused_until);
    RETURN entry;
END
$$;

-- For operators who have put back a copy of the data directory that was not recovered to a point in
-- time, with no replica running that could notice: no calls until lost ones cannot matter.
CREATE OR REPLACE FUNCTION status_proxy.quarantine() RETURNS void LANGUAGE sql VOLATILE AS $$
    UPDATE status_proxy.meta
    SET epoch = status_proxy.draw(1, 1::bigint << 62),
        noticed = greatest(status_proxy.clock() + clock_offset, last_time)
$$;
