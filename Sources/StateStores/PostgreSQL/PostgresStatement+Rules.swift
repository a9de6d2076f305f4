// The port's requests as calls of the schema's functions. One statement each.

import StatusCore

extension PostgresStatement {
    static func lookUp(_ ids: [ActionID]) -> PostgresStatement {
        PostgresStatement(
            name: "look_up",
            sql: """
                SELECT asked.number, r.*
                FROM unnest($1::text[]) WITH ORDINALITY AS asked (id, number),
                    LATERAL status_proxy.look_up(asked.id) AS r
                ORDER BY asked.number, r.source
                """,
            values: [.array(ids.map(\.canonical))])
    }

    /// The store's last time, and the calls that have ended at `since` or later.
    static func changes(since: Instant?) -> PostgresStatement {
        PostgresStatement(
            name: "changes",
            sql: """
                SELECT m.last_time, c.token, c.id FROM status_proxy.meta m
                LEFT JOIN status_proxy.calls c
                    ON c.source = ANY ($1::text[]) AND c.ended >= $2::bigint AND c.state = 1
                """,
            values: [.array(Source.allCases.map(\.rawValue)), .instant(since)])
    }

    static func reserve(
        _ request: Reservation, _ credentials: [PostgresValue]
    ) -> PostgresStatement {
        let budget = request.budget
        return .call(
            "(r.entry).*, verdict, opens_in, kind, slot, was_unknown, minute_left, day_left,"
                + " (r.told).*",
            "reserve",
            credentials + [
                .text(request.key.source.rawValue), .text(request.key.id.canonical),
                .span(request.minInterval), .span(request.hold), .span(request.flightMax),
                .span(request.quarantine),
                .span(BudgetLimits.minuteWindow), .integer(budget.perMinute),
                .integer(BudgetLimits.unknownShare(of: budget.perMinute)),
                .span(BudgetLimits.dayWindow), .integer(budget.perDay),
                .integer(budget.perDay.map(BudgetLimits.unknownShare)),
                .flag(request.heedsBreaker), .words(request.holder),
                .integer(partOfUnknown(budget.perMinute)),
                .integer(budget.perDay.map(partOfUnknown)), .words(request.key.id.otherSpelling),
            ])
    }

    private static func partOfUnknown(_ limit: Int) -> Int {
        BudgetLimits.shareOfUnknown(BudgetLimits.unknownShare(of: limit))
    }

    /// `asked`: when it was asked for, on the store's clock. The others are told on another connection:
    /// all that notify in a database wait for each other, and decisions would wait with them.
    static func settle(
        _ settlement: Settlement, asked: Instant?, _ credentials: [PostgresValue]
    ) -> PostgresStatement {
        var opensIn: Duration?
        if case .opens(let span) = settlement.gate { opensIn = span }
        return .call(
            "(r.entry).*, gap, smallest_gap, (r.told).*", "settle",
            credentials + [
                .text(settlement.key.source.rawValue), .text(settlement.key.id.canonical),
                .integer(settlement.token.number), .instant(asked), .span(opensIn),
                .span(settlement.pause), .span(settlement.sentAgo), .span(settlement.answeredAgo),
                .words(settlement.outcome),
            ] + values(of: settlement.news) + [.null] + values(of: settlement.breaker)
                + [.words(settlement.key.id.otherSpelling)])
    }

    static let listen = PostgresStatement(name: "listen", sql: "LISTEN status_proxy", values: [])

    static func notify(sender: String, _ ids: Set<ActionID>) -> PostgresStatement {
        .call("r", "notify", [.text(sender), .array(ids.map(\.canonical))])
    }

    private static func values(of news: Settlement.News) -> [PostgresValue] {
        let none = PostgresValue.null
        switch news {
        case .none: return Array(repeating: none, count: 12)
        case .answer(let document, let checkedAt):
            return [
                .text("answer"), .text(document.status.rawValue), .flag(document.isDone),
                .integer(document.createdAt?.milliseconds), .integer(checkedAt.milliseconds),
                .blob(document.bytes), none, none, none, none, none, none,
            ]
        case .miss(let miss):
            return [
                .text("miss"), none, none, none, none, none, .text(miss.fault.kind.rawValue),
                .integer(miss.fault.httpStatus), .words(miss.fault.code),
                .words(miss.fault.message), .integer(miss.repeats), .span(miss.age),
            ]
        }
    }

    private static func values(of breaker: BreakerHint?) -> [PostgresValue] {
        switch breaker {
        case .opened(let span)?: [.span(span), .flag(false)]
        case .closed?: [.null, .flag(true)]
        case nil: [.null, .flag(false)]
        }
    }

    static func smallestGaps() -> PostgresStatement {
        PostgresStatement(
            name: "smallest_gaps",
            sql: "SELECT source, smallest_gap FROM status_proxy.sources", values: [])
    }

    static func purge(
        _ retention: Retention, _ stage: PurgeProgress.Stage, _ limits: PostgresLimits,
        _ credentials: [PostgresValue]
    ) -> PostgresStatement {
        var cursor: PurgeProgress.Cursor?
        if case .looks(let after) = stage { cursor = after }
        return .call(
            "(r.entry).*, dropped, next_id, next_source", "purge",
            credentials + [
                .flag(cursor == nil), .text(cursor?.id ?? ""), .text(cursor?.source ?? ""),
                .integer(limits.purgeStepRows), .span(retention.terminalTTL),
                .span(retention.staleMax), .span(retention.missMax), .span(JournalLimits.span),
                .span(BudgetLimits.dayWindow), .integer(limits.journalRowsMax),
            ])
    }

    /// Asks for the store's time and state, and nothing else.
    static func beat(_ credentials: [PostgresValue]) -> PostgresStatement {
        .call("r.*", "enter", credentials)
    }

    /// `credentials` end with the time from which the store's clock is to go on.
    static func setBack(_ credentials: [PostgresValue]) -> PostgresStatement {
        .call("r.*", "set_back", credentials)
    }

    static func carryOver(
        _ calls: [KeptCall], _ pauses: [Source: Instant], _ credentials: [PostgresValue]
    ) -> PostgresStatement {
        func texts(_ value: (KeptCall) -> String?) -> PostgresValue { .array(calls.map(value)) }
        func numbers(_ value: (KeptCall) -> Int64?) -> PostgresValue {
            .array(calls.map { value($0).map { "\($0)" } })
        }
        let paused = Array(pauses)
        return .call(
            "r.*", "carry_over",
            credentials + [
                numbers { $0.token.number }, texts { $0.key.source.rawValue },
                texts { $0.key.id.canonical }, numbers { $0.before?.number },
                numbers { $0.reserved.time.nanoseconds }, numbers { $0.ended.nanoseconds },
                numbers { $0.state.rawValue }, texts { $0.wasUnknown ? "t" : "f" },
                numbers { $0.sent?.nanoseconds }, texts { $0.outcome },
                numbers { $0.limits?.minInterval.nanoseconds },
                numbers { $0.limits?.flightMax.nanoseconds },
                numbers { $0.limits.map { Int64($0.budget.perMinute) } },
                numbers { $0.limits?.budget.perDay.map(Int64.init) },
                .array(paused.map { $0.key.rawValue }),
                .array(paused.map { "\($0.value.nanoseconds)" }),
            ])
    }
}
