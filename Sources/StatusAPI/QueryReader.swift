// A query's parameters: `name=value` pairs joined by "&" (WHATWG URL, application/x-www-form-urlencoded).

/// The parameters of one query, decoded, in order.
struct QueryReader {
    /// More are not read: what follows is refused with the request.
    static let parametersMax = 256

    let parameters: [(name: String, value: String)]

    /// - Throws: `invalid-parameter` for a broken escape or too many parameters.
    init(_ query: String?) throws(ProblemDetails) {
        var parameters: [(String, String)] = []
        for pair in (query ?? "").split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decode(halves[0]),
                let value = Self.decode(halves.count > 1 ? halves[1] : "")
            else {
                throw .invalidParameter("The query holds a broken percent-escape.")
            }
            parameters.append((name, value))
            guard parameters.count <= Self.parametersMax else {
                throw .invalidParameter(
                    "The query has more than \(Self.parametersMax) parameters.")
            }
        }
        self.parameters = parameters
    }

    func values(_ name: String) -> [String] {
        parameters.filter { $0.name == name }.map(\.value)
    }

    /// The only value of that name; nil without one.
    func value(_ name: String) throws(ProblemDetails) -> String? {
        let values = values(name)
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
