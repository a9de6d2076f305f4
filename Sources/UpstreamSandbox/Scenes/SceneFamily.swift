// Unlimited ids for load: each id of a family moves on its own, from its first look-up on.

import HTTPWire
import StatusCore

enum SceneFamily {
    /// Ids of one length with one prefix in each account, followed by hexadecimal digits.
    private struct Family {
        var source: API
        var length: Int
        var summary: String
        var play: @Sendable (Moment) -> Response
        /// From the account's number in two digits; nil: the first account.
        var prefix: @Sendable (String?) -> String

        func prefix(_ account: Int) -> String {
            prefix(account == 0 ? nil : SceneID.digits(account, 2))
        }

        static func uuid(
            _ source: API, _ mark: String, _ summary: String,
            _ play: @escaping @Sendable (Moment) -> Response
        ) -> Family {
            Family(source: source, length: 36, summary: summary, play: play) {
                "00000000-0000-4000-" + mark + ($0 ?? "00") + "-"
            }
        }

        static func voucher(
            _ mark: String, _ summary: String, _ play: @escaping @Sendable (Moment) -> Response
        ) -> Family {
            Family(source: .vouchers, length: 21, summary: summary, play: play) {
                "aa_" + ($0 ?? "") + mark
            }
        }

        static func job(
            _ mark: String, _ summary: String, _ play: @escaping @Sendable (Moment) -> Response
        ) -> Family {
            Family(source: .jobs, length: 15, summary: summary, play: play) {
                mark + ($0 ?? "00") + "-"
            }
        }
    }

    private static let families: [Family] = [
        .uuid(.orders, "90", "like 1ba5fc4b…") { .json(200, OrdersBody.moving($0)) },
        .voucher("face", "like aa_0ada…") { .json(200, VouchersBody.moving($0)) },
        .voucher("fade", "ENQUEUED without a change until it is DONE") {
            .json(200, VouchersBody.waiting($0))
        },
        .voucher("feed", "DONE, with a result of 7 MiB") {
            .json(200, VouchersBody.large($0.id))
        },
        .voucher("feeb", "DONE, with a result of 1 MB") {
            .json(200, VouchersBody.sizeable($0.id))
        },
        .voucher("beef", "DONE, with an import result of 1 MB") {
            .json(200, VouchersBody.largeImport($0.id))
        },
        .uuid(.conversations, "a0", "PENDING, then SUCCESS") {
            .json(200, OrdersBody.moving($0))
        },
        .uuid(.conversations, "b0", "ERROR, which order actions do not have") {
            .json(200, OrdersBody.action($0.id, "ERROR"))
        },
        .job("job-", "queued, running, then completed") { .json(200, JobsBody.moving($0)) },
        .job("bad-", "failed, with an error") { .json(200, JobsBody.failed($0)) },
    ]

    static let summaries: [(source: API, form: String, summary: String)] = families.map {
        let prefix = $0.prefix(0)
        let digits = String(repeating: "X", count: $0.length - prefix.count)
        return ($0.source, prefix + digits, "any hexadecimal X…: \($0.summary)")
    }

    static func scene(_ source: API, _ id: String, account: Int) -> Scene? {
        let family = families.first {
            $0.source == source && isMember(id, $0.prefix(account), length: $0.length)
        }
        return family.map { family in
            Scene(source: source, id: id, summary: family.summary) { .answer(family.play($0)) }
        }
    }

    private static func isMember(_ id: String, _ prefix: String, length: Int) -> Bool {
        let rest = id.utf8.dropFirst(prefix.utf8.count)
        return id.hasPrefix(prefix) && id.utf8.count == length
            && rest.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

/// Bodies of the jobs upstream: an unknown API with its own names and words.
enum JobsBody {
    /// `{"job": {"key", "state", "percent", "made", "changed", "rows", "problems", "output"}}`.
    static func job(_ moment: Moment, _ state: String, percent: Int, rest: String = "") -> String {
        #"{"job":{"key":"\#(moment.id)","state":"\#(state)","percent":\#(percent),"#
            + #""made":"\#(moment.createdText)","changed":"\#(moment.nowText)"\#(rest)}}"#
    }

    /// queued, running with growing percent, then completed.
    static func moving(_ moment: Moment) -> String {
        if moment.elapsed < moment.pending / 6 { return job(moment, "queued", percent: 0) }
        if moment.isPending {
            return job(moment, "running", percent: Int(moment.elapsed / moment.pending * 100))
        }
        return job(
            moment, "completed", percent: 100,
            rest: #","rows":{"good":3,"bad":0},"output":{"file":"export-1.csv"}"#)
    }

    static func failed(_ moment: Moment) -> String {
        job(
            moment, "failed", percent: 40,
            rest: #","rows":{"good":1,"bad":1},"problems":["#
                + #"{"code":"E_INPUT","detail":"no such column","row":7}]"#)
    }

    static func error(_ status: Int, _ code: String, _ message: String) -> Response {
        .json(status, #"{"error":{"code":"\#(code)","message":"\#(message)"}}"#)
    }
}
