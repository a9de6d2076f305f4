// Writes lines of Prometheus' text format.

import StatusCore

/// The text under construction. Label values are our own words, which need no escapes.
struct MetricsText {
    var text = ""
    var prefix = "status_proxy_"

    mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(prefix)\(name) \(help)\n# TYPE \(prefix)\(name) \(type)\n"
    }

    mutating func sample(
        _ name: String, _ labels: [(String, String)], _ value: some CustomStringConvertible
    ) {
        let pairs = labels.map { "\($0)=\"\($1)\"" }.joined(separator: ",")
        text += "\(prefix)\(name)\(pairs.isEmpty ? "" : "{\(pairs)}") \(value)\n"
    }

    /// Buckets, sum and count of one series.
    mutating func histogram(_ histogram: Histogram, _ name: String, _ labels: [(String, String)]) {
        var total = 0
        for (bound, count) in zip(histogram.bounds.texts, histogram.counts) {
            total += count
            sample("\(name)_bucket", labels + [("le", bound)], total)
        }
        sample("\(name)_bucket", labels + [("le", "+Inf")], histogram.count)
        sample("\(name)_sum", labels, LogWriter.secondsText(.nanoseconds(histogram.nanoseconds)))
        sample("\(name)_count", labels, histogram.count)
    }
}
