// A query's parameters: `name=value` pairs joined by "&" (WHATWG URL,
// application/x-www-form-urlencoded). Parsed once, in place: only escaped values are copied.

import HTTPWire

/// The places of the known parameters in a query.
struct QueryParameters {
    /// A query with more parameters is refused.
    static let parametersMax = 256

    private(set) var source = Parameter()
    private(set) var wait = Parameter()
    private(set) var until = Parameter()
    /// The values of `id`, in order; empty unless `wantsIDs`.
    private(set) var ids: [Range<Int>] = []

    struct Parameter {
        /// The first value.
        fileprivate(set) var value: Range<Int>?
        fileprivate(set) var isRepeated = false

        fileprivate mutating func add(_ value: Range<Int>) {
            isRepeated = self.value != nil
            if self.value == nil { self.value = value }
        }
    }

    /// - Throws: `invalid-parameter` for too many parameters.
    init(_ query: Span<UInt8>, wantsIDs: Bool = false) throws(ProblemDetails) {
        var start = 0
        var count = 0
        while start < query.count {
            let end =
                query.firstIndex(of: UInt8(ascii: "&"), in: start..<query.count) ?? query.count
            defer { start = end + 1 }
            guard start < end else { continue }
            guard count < Self.parametersMax else {
                throw .invalidParameter(
                    "The query has more than \(Self.parametersMax) parameters. Send fewer.")
            }
            count += 1
            let nameEnd = query.firstIndex(of: UInt8(ascii: "="), in: start..<end) ?? end
            let value = min(nameEnd + 1, end)..<end
            switch Name(query, at: start..<nameEnd) {
            case .source: source.add(value)
            case .wait: wait.add(value)
            case .until: until.add(value)
            case .id: if wantsIDs { ids.append(value) }
            case nil: break
            }
        }
    }

    private enum Name {
        case source, wait, until, id

        /// Nil for an unknown name, which is ignored; so is one that cannot be decoded.
        init?(_ query: Span<UInt8>, at range: Range<Int>) {
            if query.equals("source", at: range) {
                self = .source
            } else if query.equals("wait", at: range) {
                self = .wait
            } else if query.equals("until", at: range) {
                self = .until
            } else if query.equals("id", at: range) {
                self = .id
            } else if Coding.isEscaped(query, range) {
                switch Coding.text(query, range) {
                case "source": self = .source
                case "wait": self = .wait
                case "until": self = .until
                case "id": self = .id
                default: return nil
                }
            } else {
                return nil
            }
        }
    }

    // MARK: Values

    /// Reads the only value of a parameter; nil without one.
    ///
    /// - Throws: `invalid-parameter` for a second value and for a malformed escape.
    static func value<Value>(
        of parameter: Parameter, _ name: StaticString, in query: Span<UInt8>,
        _ read: (Span<UInt8>) -> Value
    ) throws(ProblemDetails) -> Value? {
        guard let place = parameter.value else { return nil }
        guard !parameter.isRepeated else {
            throw .invalidParameter("The parameter '\(name)' occurs more than once. Send it once.")
        }
        guard Coding.isEscaped(query, place) else { return read(query.extracting(place)) }
        var text = try text(query, place, name)
        return text.withUTF8 { read($0.span) }
    }

    /// - Throws: `invalid-parameter` for a malformed escape.
    static func text(
        _ query: Span<UInt8>, _ place: Range<Int>, _ name: StaticString
    ) throws(ProblemDetails) -> String {
        guard let text = Coding.text(query, place) else {
            throw .invalidParameter(
                "The value of '\(name)' has a malformed percent-encoding. Encode a '%' as %25.")
        }
        return text
    }

    /// Digits only; nil for anything else. A number that overflows means `Int.max` (RFC 9111
    /// 1.2.2).
    static func wholeSeconds(_ text: Span<UInt8>) -> Int? {
        guard !text.isEmpty else { return nil }
        var seconds = 0
        for index in text.indices {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[index]) else { return nil }
            let (tens, isLong) = seconds.multipliedReportingOverflow(by: 10)
            let (sum, isLonger) = tens.addingReportingOverflow(Int(text[index] & 15))
            seconds = isLong || isLonger ? .max : sum
        }
        return seconds
    }

    private enum Coding {
        static func isEscaped(_ query: Span<UInt8>, _ range: Range<Int>) -> Bool {
            for index in range
            where query[index] == UInt8(ascii: "%") || query[index] == UInt8(ascii: "+") {
                return true
            }
            return false
        }

        /// Nil if an escape is malformed.
        static func text(_ query: Span<UInt8>, _ range: Range<Int>) -> String? {
            PercentCoding.decode(query.extracting(range), plusIsBlank: true)
        }
    }
}
