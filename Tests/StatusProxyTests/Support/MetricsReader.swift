// Reads Prometheus' text format 0.0.4 strictly: any error of form fails the test.

/// A complete exposition: its families and their samples.
struct MetricsReader {
    struct Fault: Error { var line: String, reason: String }

    struct Sample {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    private(set) var types: [String: String] = [:]
    private(set) var samples: [Sample] = []
    private var helps: Set<String> = []
    private var series: Set<String> = []
    /// Samples of a family are contiguous, below their HELP and TYPE.
    private var family = ""

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Fault(line: "", reason: "no line end at the end") }
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
            try take(String(line))
        }
        try checkHistograms()
    }

    /// The value of the one series with that name and those labels; nil if there is none. The service's
    /// own names are given without their prefix.
    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        let name = name.hasPrefix("process_") ? name : "status_proxy_" + name
        return samples.first { $0.name == name && $0.labels == labels }?.value
    }

    private mutating func take(_ line: String) throws {
        if line.hasPrefix("# HELP ") {
            let name = try word(2, of: line)
            guard helps.insert(name).inserted else { throw Fault(line: line, reason: "HELP again") }
            family = name
        } else if line.hasPrefix("# TYPE ") {
            let name = try word(2, of: line)
            guard name == family, types[name] == nil else {
                throw Fault(line: line, reason: "TYPE without its HELP")
            }
            types[name] = try word(3, of: line)
            guard types[name] != "counter" || name.hasSuffix("_total") else {
                throw Fault(line: line, reason: "a counter that is no total")
            }
        } else {
            try takeSample(line)
        }
    }

    private func word(_ index: Int, of line: String) throws -> String {
        let words = line.split(separator: " ")
        guard words.count > index else { throw Fault(line: line, reason: "words are missing") }
        return String(words[index])
    }

    private mutating func takeSample(_ line: String) throws {
        guard let blank = line.lastIndex(of: " "), let value = Double(line[blank...].dropFirst())
        else { throw Fault(line: line, reason: "no value") }
        let key = String(line[..<blank])
        guard series.insert(key).inserted else { throw Fault(line: line, reason: "twice") }
        let name = String(key.prefix { $0 != "{" })
        let parts = types[family] == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
        guard types[family] != nil, parts.contains(where: { family + $0 == name }) else {
            throw Fault(line: line, reason: "outside of its family")
        }
        let labels = try Self.labels(key.dropFirst(name.count), line)
        samples.append(Sample(name: name, labels: labels, value: value))
    }

    private static func labels(_ text: Substring, _ line: String) throws -> [String: String] {
        guard !text.isEmpty else { return [:] }
        guard text.hasPrefix("{"), text.hasSuffix("}") else {
            throw Fault(line: line, reason: "braces")
        }
        var labels: [String: String] = [:]
        for pair in text.dropFirst().dropLast().split(separator: ",") {
            let halves = pair.split(separator: "=", maxSplits: 1)
            guard halves.count == 2, halves[0].allSatisfy({ $0.isLowercase || $0 == "_" }),
                halves[1].count >= 2, halves[1].hasPrefix("\""), halves[1].hasSuffix("\""),
                !halves[1].dropFirst().dropLast().contains(where: { "\"\\\n".contains($0) }),
                labels.updateValue(
                    String(halves[1].dropFirst().dropLast()), forKey: String(halves[0])) == nil
            else { throw Fault(line: line, reason: "label") }
        }
        return labels
    }

    /// Buckets grow with their bounds, and the last one has the total count.
    private func checkHistograms() throws {
        for (name, type) in types where type == "histogram" {
            let buckets = Dictionary(
                grouping: samples.filter { $0.name == name + "_bucket" },
                by: { $0.labels.filter { $0.key != "le" } })
            for (labels, buckets) in buckets {
                let bounds = buckets.compactMap { $0.labels["le"].flatMap(Double.init) }
                let counts = buckets.map(\.value)
                let count = samples.first { $0.name == name + "_count" && $0.labels == labels }
                let sum = samples.first { $0.name == name + "_sum" && $0.labels == labels }
                guard bounds.count == buckets.count, bounds == bounds.sorted(),
                    Set(bounds).count == bounds.count, bounds.last == .infinity,
                    counts == counts.sorted(), counts.last == count?.value, sum != nil
                else { throw Fault(line: name, reason: "buckets") }
            }
        }
    }
}
