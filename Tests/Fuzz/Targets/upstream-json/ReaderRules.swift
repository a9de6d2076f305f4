// The rules for reading and writing JSON.

import StatusCore

enum ReaderRules {
    private static let narrow = JSONLimits(bytesMax: 512, levelsMax: 3)

    /// Reads the body with the usual and with lower limits. Returns the value, if there is one.
    static func check(_ body: [UInt8]) -> JSONValue? {
        let whole = read(body, .standard)
        checkNarrow(read(body, narrow), whole)
        switch whole {
        case .success(let value):
            checkWritten(value)
            checkUncut(body)
            checkInside(body, value)
            return value
        case .failure(let failure):
            require((0...body.count).contains(failure.offset), "\(failure) in \(body.count)")
            return nil
        }
    }

    private static func read(
        _ bytes: [UInt8], _ limits: JSONLimits
    ) -> Result<JSONValue, JSONFailure> {
        Result { () throws(JSONFailure) in try JSONReader.read(bytes, limits: limits) }
    }

    /// Limits refuse texts and change nothing else.
    private static func checkNarrow(
        _ narrow: Result<JSONValue, JSONFailure>, _ whole: Result<JSONValue, JSONFailure>
    ) {
        switch (narrow, whole) {
        case (.failure(.tooLarge), _), (.failure(.tooDeep), _): break
        case (.failure(let a), .failure(let b)): require(a == b, "\(a), with more room \(b)")
        case (.success(let a), .success(let b)): require(a.isSame(as: b), "another value")
        case (_, _): require(false, "lower limits change the verdict")
        }
    }

    /// Written and read again it is the same value; sorted, it always gives the same text.
    private static func checkWritten(_ value: JSONValue) {
        let written = JSONWriter.bytes(of: value)
        require(readOwn(written, "a written value").isSame(as: value), "another value")
        let sorted = JSONWriter.bytes(of: value, sorted: true)
        let again = JSONWriter.bytes(of: readOwn(sorted, "a sorted value"), sorted: true)
        require(sorted == again, "sorted twice, two texts")
        require(sorted.count == written.count, "sorting adds or loses bytes")
        require(written.allSatisfy { $0 >= 0x20 }, "a control byte is written")
    }

    /// An object, array or string without its end is invalid.
    private static func checkUncut(_ body: [UInt8]) {
        let end = body.lastIndex { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } ?? 0
        guard [0x7D, 0x5D, 0x22].contains(body[end]) else { return }
        if case .success = read(Array(body[..<end]), .standard) {
            require(false, "a text without its end is read")
        }
    }

    /// The same text as a member has the same value; the last of several members with one name counts.
    private static func checkInside(_ body: [UInt8], _ value: JSONValue) {
        let text = body.starts(with: [0xEF, 0xBB, 0xBF]) ? body.dropFirst(3) : body[...]
        let outside = Array("{\"a\":[],\"a\":".utf8) + text + Array(",\"b\":1}".utf8)
        switch read(outside, .standard) {
        case .success(let object):
            let expected = [JSONValue.Member("a", value), JSONValue.Member("b", .number("1"))]
            require(object.isSame(as: .object(expected)), "another value inside an object")
        case .failure(.tooDeep): break
        case .failure(let failure): require(false, "\(failure) inside an object")
        }
    }
}
