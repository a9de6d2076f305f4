-- Which programs the schema serves: what those made for an earlier version call, and the version's mark.

-- Version 1 knew no breakers of others, and no intervals.
CREATE OR REPLACE FUNCTION status_proxy.reserve(
    p_epoch bigint, p_revision bigint, p_token bigint, p_latest bigint,
    p_source text, p_id text, p_hold bigint, p_flight_max bigint, p_quarantine bigint,
    p_minute bigint, p_per_minute bigint, p_unknown_per_minute bigint,
    p_day bigint, p_per_day bigint, p_unknown_per_day bigint,
    OUT entry status_proxy.entry, OUT verdict text, OUT opens_in bigint, OUT kind text,
    OUT slot bigint, OUT was_unknown boolean, OUT minute_left bigint, OUT day_left bigint,
    OUT told status_proxy.told
) LANGUAGE sql VOLATILE AS $$
    SELECT * FROM status_proxy.reserve(
        p_epoch, p_revision, p_token, p_latest, p_source, p_id, NULL, p_hold, p_flight_max,
        p_quarantine, p_minute, p_per_minute, p_unknown_per_minute, p_day, p_per_day,
        p_unknown_per_day, false, NULL, p_unknown_per_minute, p_unknown_per_day, NULL)
$$;

CREATE OR REPLACE FUNCTION status_proxy.settle(
    p_epoch bigint, p_revision bigint, p_token bigint, p_latest bigint,
    p_source text, p_id text, p_slot bigint, p_asked bigint, p_opens_in bigint, p_pause bigint,
    p_sent_ago bigint, p_answered_ago bigint, p_outcome text, p_news text,
    p_answer_status text, p_answer_done boolean, p_answer_created_wall bigint,
    p_answer_checked_wall bigint, p_answer_bytes bytea,
    p_miss_kind text, p_miss_http_status integer, p_miss_code text, p_miss_message text,
    p_miss_repeats integer, p_miss_age bigint, p_teller text,
    OUT entry status_proxy.entry, OUT gap bigint, OUT smallest_gap bigint,
    OUT told status_proxy.told
) LANGUAGE sql VOLATILE AS $$
    SELECT * FROM status_proxy.settle(
        p_epoch, p_revision, p_token, p_latest, p_source, p_id, p_slot, p_asked, p_opens_in, p_pause,
        p_sent_ago, p_answered_ago, p_outcome, p_news, p_answer_status, p_answer_done,
        p_answer_created_wall, p_answer_checked_wall, p_answer_bytes, p_miss_kind,
        p_miss_http_status, p_miss_code, p_miss_message, p_miss_repeats, p_miss_age, p_teller,
        NULL, NULL, NULL)
$$;

SELECT status_proxy.begin_life();
INSERT INTO status_proxy.layout (version, usable_from) VALUES (2, 1)
ON CONFLICT (one) DO UPDATE SET version = excluded.version, usable_from = excluded.usable_from
WHERE layout.version < excluded.version;

COMMIT;
