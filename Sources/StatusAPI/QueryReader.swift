// A query's parameters: `name=value` pairs joined by "&" (WHATWG URL, application/x-www-form-urlencoded).

/// The parameters of one query, decoded, in order.
struct QueryReader {
    /// More are not read: what follows is refused with the request.
    static let parametersMax = 256

    /// A value is nil when it cannot be decoded: that matters only to who wants it.
    let parameters: [(name: String, value: String?)]

    /// - Throws: `invalid-parameter` for too many parameters.
    init(_ query: String?) throws(ProblemDetails) {
        var parameters: [(String, String?)] = []
        for pair in (query ?? "").split(separator: "&") {
            guard parameters.count < Self.parametersMax else {
                throw .invalidParameter(
                    "The query has more than \(Self.parametersMax) parameters.")
            }
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            // A name that cannot be decoded is none of ours, and unknown names are ignored.
            let name = Self.decode(halves[0]) ?? ""
            parameters.append((name, Self.decode(halves.count > 1 ? halves[1] : "")))
        }
        self.parameters = parameters
    }

    /// - Throws: `invalid-parameter` for a broken escape.
    func values(_ name: String) throws(ProblemDetails) -> [String] {
        var values: [String] = []
        for parameter in parameters where parameter.name == name {
            guard let value = parameter.value else {
                throw .invalidParameter("The value of '\(name)' holds a broken percent-escape.")
            }
            values.append(value)
        }
        return values
    }

    /// The only value of that name; nil without one.
    func value(_ name: String) throws(ProblemDetails) -> String? {
        let values = try values(name)
        guard values.count < 2 else {
            throw .invalidParameter("The parameter '\(name)' is given more than once.")
        }
        return values.first
    }

    private static func decode(_ text: Substring) -> String? {
        PercentCoding.decode(
            text.contains("+") ? String(text.map { $0 == "+" ? " " : $0 }) : String(text))
    }
}
