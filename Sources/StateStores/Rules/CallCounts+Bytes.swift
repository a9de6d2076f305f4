// The compact byte form of the counts, the same in files and databases.

import StatusCore

/// A version, then for each class its name and the buckets of both spans. Numbers are LEB128, signed ones
/// zigzag, ends the differences to the one before.
extension CallCounts {
    private static let version: UInt8 = 1

    var bytes: [UInt8] {
        var writer = Writer()
        writer.bytes.append(Self.version)
        for (counted, counter) in counters.sorted(by: { $0.key.name < $1.key.name }) {
            guard !counter.minute.isEmpty || !counter.day.isEmpty else { continue }
            writer.text(counted.name)
            for span in BudgetSpan.allCases { writer.ring(counter[span]) }
        }
        return writer.bytes
    }

    /// Nil if the bytes were not written by `bytes`.
    init?(bytes: [UInt8]) {
        guard bytes.first == Self.version else { return nil }
        var reader = Reader(bytes: bytes[1...])
        while !reader.isAtEnd {
            guard let counted = reader.text().flatMap(CallClass.init(name:)) else { return nil }
            for span in BudgetSpan.allCases {
                guard let ring = reader.ring() else { return nil }
                counters[counted, default: Counter()][span] = ring
            }
        }
    }

    private struct Writer {
        var bytes: [UInt8] = []

        mutating func number(_ number: UInt64) {
            var rest = number
            while rest > 0x7f {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }

        mutating func text(_ text: String) {
            number(UInt64(text.utf8.count))
            bytes += text.utf8
        }

        mutating func ring(_ ring: CallRing) {
            number(UInt64(ring.buckets.count))
            var last: Int64 = 0
            for bucket in ring.buckets {
                let step = bucket.end.nanoseconds &- last
                number(UInt64(bitPattern: (step << 1) ^ (step >> 63)))
                number(UInt64(bucket.calls))
                last = bucket.end.nanoseconds
            }
        }
    }

    private struct Reader {
        var bytes: ArraySlice<UInt8>
        var isAtEnd: Bool { bytes.isEmpty }

        mutating func number() -> UInt64? {
            var number: UInt64 = 0
            for shift in stride(from: 0, to: 64, by: 7) {
                guard let byte = bytes.popFirst() else { return nil }
                number |= UInt64(byte & 0x7f) << UInt64(shift)
                if byte < 0x80 { return number }
            }
            return nil
        }

        mutating func text() -> String? {
            guard let count = number(), count <= bytes.count else { return nil }
            defer { bytes = bytes.dropFirst(Int(count)) }
            return String(decoding: bytes.prefix(Int(count)), as: UTF8.self)
        }

        mutating func ring() -> CallRing? {
            guard let count = number(), count <= bytes.count else { return nil }
            var buckets: [CallRing.Bucket] = []
            var last: Int64 = 0
            for _ in 0..<count {
                guard let coded = number(), let calls = number(), calls <= UInt64(Int.max) else {
                    return nil
                }
                last = last &+ (Int64(bitPattern: coded >> 1) ^ -Int64(bitPattern: coded & 1))
                buckets.append(.init(end: Instant(nanoseconds: last), calls: Int(calls)))
            }
            return CallRing(buckets)
        }
    }
}

extension CallClass {
    fileprivate var name: String {
        switch self {
        case .all: "all"
        case .unknown: "unknown"
        case .notFound: "not-found"
        case .holder(let name): "@" + name
        }
    }

    fileprivate init?(name: String) {
        switch name {
        case "all": self = .all
        case "unknown": self = .unknown
        case "not-found": self = .notFound
        case _ where name.first == "@": self = .holder(String(name.dropFirst()))
        default: return nil
        }
    }
}
