// Bodies of the jobs upstream: an unknown API with its own names and words.

import HTTPWire
import StatusCore

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
