// The rules for every accepted request, restated independently of the parser: plainly, over whole
// arrays.

import HTTPWire

enum AcceptedRequestRules {
    static func check(_ request: SeenRequest, _ limits: WireLimits) {
        checkText(request)
        checkBounds(request, limits)
        checkHost(request)
        checkLength(request)
        checkCodings(request)
        checkConnection(request)
    }

    /// No byte that another reader could take for an end, and no space that would split a part.
    private static func checkText(_ request: SeenRequest) {
        for name in request.names + [request.methodBytes] {
            require(!name.isEmpty && name.allSatisfy(isTokenByte), "no token: \(name)")
        }
        for value in request.values {
            require(value.allSatisfy { $0 == 9 || ($0 >= 32 && $0 != 127) }, "value \(value)")
            require(value.first.map(isBlank) != true, "a blank in front: \(value)")
            require(value.last.map(isBlank) != true, "a blank at the end: \(value)")
        }
        require(request.target.allSatisfy { (0x21...0x7E).contains($0) }, "target")
        require(!request.target.contains(UInt8(ascii: "#")), "a fragment in the target")
        require(!request.path.contains(UInt8(ascii: "?")), "a query in the path")
        require(
            request.form == .origin || request.form == .absolute
                || (request.path.isEmpty && request.query == nil), "a path in \(request.form)")
    }

    private static func checkBounds(_ request: SeenRequest, _ limits: WireLimits) {
        require(request.methodBytes.count <= limits.methodBytesMax, "method too long")
        require(request.target.count <= limits.targetBytesMax, "target too long")
        require(request.names.count <= limits.fieldsMax, "too many fields")
    }

    /// RFC 9112 3.2.
    private static func checkHost(_ request: SeenRequest) {
        let hosts = request.values(of: "host")
        require(hosts.count <= 1, "\(hosts.count) Hosts")
        require(request.version == .http10 || hosts.count == 1, "no Host")
        require(!hosts.joined().contains(UInt8(ascii: "@")), "user information in Host")
        require(request.form != .asterisk || request.method == .options, "* is for OPTIONS")
        require((request.form == .authority) == (request.method == .connect), "CONNECT's form")
    }

    /// RFC 9112 6.3.
    private static func checkLength(_ request: SeenRequest) {
        let lengths = request.values(of: "content-length")
        require(lengths.count <= 1, "\(lengths.count) lengths")
        guard let text = lengths.first else {
            if case .length = request.framing { require(false, "a length from nowhere") }
            return
        }
        require(!text.isEmpty && text.allSatisfy { (0x30...0x39).contains($0) }, "length")
        let digits = text.drop { $0 == UInt8(ascii: "0") }
        switch request.framing {
        case .none: require(digits.isEmpty, "a length is forgotten")
        case .length(let length):
            let isCut = digits.count > 17
            require(isCut || String(length).utf8.elementsEqual(digits), "another length")
            require(!isCut || length > 1 << 50, "a huge length became small")
        case .chunked: require(false, "both framings")
        }
    }

    /// RFC 9112 6.1: chunked alone, in 1.1 alone.
    private static func checkCodings(_ request: SeenRequest) {
        let fields = request.values(of: "transfer-encoding")
        require((request.framing == .chunked) == !fields.isEmpty, "codings and framing differ")
        guard !fields.isEmpty else { return }
        require(request.version == .http11, "a coding in 1.0")
        let codings = elements(of: fields)
        require(codings == [Array("chunked".utf8)], "codings \(codings)")
    }

    /// RFC 9112 9.3.
    private static func checkConnection(_ request: SeenRequest) {
        let options = elements(of: request.values(of: "connection"))
        let closes = options.contains(Array("close".utf8))
        let keeps = options.contains(Array("keep-alive".utf8))
        let isKept = !closes && (request.version == .http11 || keeps)
        require(request.keepAlive == isKept, "the connection's end")
        let expects = request.values(of: "expect").map { $0.map(lowercased) }
        let wantsContinue = request.version == .http11 && !expects.isEmpty
        require(
            request.expectsContinue == (wantsContinue && request.framing != .none), "expectation")
    }

    private static func elements(of fields: [[UInt8]]) -> [[UInt8]] {
        fields.flatMap { $0.split(separator: UInt8(ascii: ",")) }
            .map { Array($0.map(lowercased).drop(while: isBlank)) }
            .map { Array($0.reversed().drop(while: isBlank).reversed()) }
            .filter { !$0.isEmpty }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 9 || byte == 32 }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
