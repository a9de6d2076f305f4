// Any path, query and fields: what is read from them is valid, and the same when it is read again.
//
// The input, a line each: method (its first letter, then `*` for the asterisk form), path, query,
// If-None-Match, Prefer, X-Request-Id, Accept, Last-Event-ID, traceparent, If-Match. A line that is
// missing or `-` is no field.

import HTTPWire
import StatusAPI

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let parts = RequestParts(copied(start, count))
    if let request = parts.overTheWire() { ReaderRules.check(request, parts) }
    return 0
}

/// One request, as described by the input.
struct RequestParts {
    private let method: Method
    private let form: TargetForm
    private let path: [UInt8]
    private let query: [UInt8]?
    private(set) var ifNoneMatch: [UInt8]?
    private(set) var prefer: [UInt8]?
    private let requestID: [UInt8]?
    private(set) var accept: [UInt8]?
    private(set) var lastEventID: [UInt8]?
    private let trace: [UInt8]?
    private(set) var ifMatch: [UInt8]?

    init(_ input: [UInt8]) {
        let lines = input.split(separator: 10, maxSplits: 9, omittingEmptySubsequences: false)
        func line(_ index: Int) -> [UInt8]? {
            guard index < lines.count, !lines[index].elementsEqual("-".utf8) else { return nil }
            return Array(lines[index])
        }
        let first = lines[0].first.map { String(Unicode.Scalar($0)) } ?? ""
        method = Method.allCases.first { $0.rawValue.hasPrefix(first) } ?? .other
        form = lines[0].dropFirst().first == UInt8(ascii: "*") ? .asterisk : .origin
        path = line(1) ?? Array("/".utf8)
        query = line(2)
        ifNoneMatch = line(3)
        prefer = line(4)
        requestID = line(5)
        accept = line(6)
        lastEventID = line(7)
        trace = line(8)
        ifMatch = line(9)
    }

    /// The same with a letter for every byte over 127.
    var plain: RequestParts {
        func plain(_ field: [UInt8]?) -> [UInt8]? { field?.map { $0 < 128 ? $0 : 0x78 } }
        var other = self
        other.ifMatch = plain(ifMatch)
        other.ifNoneMatch = plain(ifNoneMatch)
        other.prefer = plain(prefer)
        return other
    }

    /// The same through the parser; nil if the parser refuses it.
    func overTheWire() -> AskedRequest? {
        var bytes = Array(method.rawValue.utf8) + [32] + path
        if let query { bytes += [UInt8(ascii: "?")] + query }
        bytes += " HTTP/1.1\r\nHost: a\r\n".utf8
        let fields = [
            ("If-None-Match", ifNoneMatch), ("Prefer", prefer), ("X-Request-Id", requestID),
            ("Accept", accept), ("Last-Event-ID", lastEventID), ("traceparent", trace),
            ("If-Match", ifMatch),
        ]
        for case (let name, let value?) in fields {
            bytes += name.utf8 + [UInt8(ascii: ":")] + value + [13, 10]
        }
        bytes += [13, 10]
        var head = RequestHead()
        guard case .request = RequestParser().parse(bytes.span, into: &head) else { return nil }
        return AskedRequest(bytes, head)
    }
}

/// A head, and the bytes from which it was parsed.
final class AskedRequest {
    let bytes: [UInt8]
    private let head: RequestHead

    init(_ bytes: [UInt8], _ head: consuming RequestHead) {
        self.bytes = bytes
        self.head = head
    }

    var fields: RequestFields {
        let bytes = bytes
        return RequestFields(head, bytes.span)
    }

    var destination: Destination {
        let bytes = bytes
        return Router.destination(of: head, bytes.span)
    }

    var query: [UInt8] { Array(bytes[head.query ?? 0..<0]) }
    var path: ArraySlice<UInt8> { bytes[head.path] }
    var selects: Bool { head.method == .get || head.method == .head }
}
