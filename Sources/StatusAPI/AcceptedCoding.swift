// Accept-Encoding (RFC 9110 12.5.3).

public import HTTPWire

/// The content coding that a caller prefers for an answer.
public enum AcceptedCoding: Sendable {
    case identity
    case gzip
    /// For answers of any size: the caller refuses the identity coding.
    case gzipOnly

    /// Reads the field's value: the one of gzip and identity with the higher weight; gzip if equal.
    init(_ value: Span<UInt8>) {
        guard !Self.isGzipFirstOfEquals(value) else {
            self = .gzip
            return
        }
        var gzip: Int?
        var identity: Int?
        var others: Int?
        value.forEachElement(of: 0..<value.count) { element in
            let coding = WeightedCoding(value, at: element)
            if value.matches("gzip", at: coding.name) || value.matches("x-gzip", at: coding.name) {
                gzip = max(gzip ?? 0, coding.weight)
            } else if value.matches("identity", at: coding.name) {
                identity = coding.weight
            } else if value.equals("*", at: coding.name) {
                others = coding.weight
            }
        }
        let weight = gzip ?? others ?? 0
        let isIdentityRefused = (identity ?? others) == 0
        self =
            weight == 0 || weight < identity ?? 0
            ? .identity : isIdentityRefused ? .gzipOnly : .gzip
    }

    /// The fast path for the value that nearly every client sends: `gzip, deflate, br`.
    private static func isGzipFirstOfEquals(_ value: Span<UInt8>) -> Bool {
        guard value.count >= 4, value.matches("gzip", at: 0..<4) else { return false }
        return value.count == 4
            || value[4] == UInt8(ascii: ",")
                && value.firstIndex(of: UInt8(ascii: ";"), in: 4..<value.count) == nil
    }

    /// Whether a body of that many bytes is compressed.
    func compresses(_ bytes: Int) -> Bool {
        switch self {
        case .identity: false
        case .gzip: bytes >= Self.gzipBytesMin
        case .gzipOnly: true
        }
    }

    /// A smaller body fits into one packet anyway.
    private static let gzipBytesMin = 1024

    /// RFC 9110 12.5.5: for every answer about actions, which may be events, or compressed.
    public static let vary = Field(name: "Vary", value: "Accept, Accept-Encoding")
    public static let field = Field(name: "Content-Encoding", value: "gzip")
}

/// `name;q=weight`.
private struct WeightedCoding {
    let name: Range<Int>
    /// In thousandths. A malformed weight counts as 0, so that the caller gets identity.
    private(set) var weight = 1000

    init(_ bytes: Span<UInt8>, at element: Range<Int>) {
        guard let semicolon = bytes.firstIndex(of: UInt8(ascii: ";"), in: element) else {
            name = element
            return
        }
        name = bytes.trimmed(element.lowerBound..<semicolon)
        weight = Self.weight(bytes, bytes.trimmed(semicolon + 1..<element.upperBound))
    }

    /// RFC 9110 12.4.2: `q=` and a number from 0 to 1 with up to three decimals.
    private static func weight(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int {
        guard range.count >= 3, range.count <= 7,
            bytes.matches("q=", at: range.lowerBound..<range.lowerBound + 2)
        else { return 0 }
        let digits = range.lowerBound + 2..<range.upperBound
        var weight = 0
        var unit = 1000
        for index in digits {
            let isPoint = index == digits.lowerBound + 1
            guard !isPoint else {
                guard bytes[index] == UInt8(ascii: ".") else { return 0 }
                continue
            }
            guard case let digit = Int(bytes[index]) - 0x30, (0...9).contains(digit) else {
                return 0
            }
            weight += digit * unit
            unit /= 10
        }
        return min(weight, 1000)
    }
}
