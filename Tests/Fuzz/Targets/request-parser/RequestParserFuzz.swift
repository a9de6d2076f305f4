// Any bytes, read as a request head: the verdict is the same however the bytes are split, and accepted
// requests satisfy the grammar and the framing rules.

import HTTPWire

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = copied(start, count)
    let roomy = Reading(bytes, RequestParser())
    let tight = Reading(bytes, RequestParser(limits: .tight))
    roomy.checkAll()
    tight.checkAll()
    checkLimitsOnlyRefuse(roomy, tight)
    return 0
}

/// Lower limits refuse requests; they never turn the same bytes into another request.
private func checkLimitsOnlyRefuse(_ roomy: borrowing Reading, _ tight: borrowing Reading) {
    let limits: [Refusal] = [
        .emptyLines, .methodTooLong, .targetTooLong, .headTooLarge, .tooManyFields,
    ]
    if case .refused(let refusal) = tight.outcome, limits.contains(refusal) { return }
    require(tight.outcome == roomy.outcome, "lower limits: \(tight.outcome), \(roomy.outcome)")
    require(tight.seen == roomy.seen, "lower limits, another request")
}

/// A parser's result for some bytes.
struct Reading: ~Copyable {
    let bytes: [UInt8]
    let parser: RequestParser
    let outcome: RequestParser.Outcome
    let head: RequestHead
    /// Nil unless a request was accepted.
    let seen: SeenRequest?

    init(_ bytes: [UInt8], _ parser: RequestParser, from start: Int = 0) {
        var head = RequestHead()
        outcome = parser.parse(bytes.span, from: start, into: &head)
        self.bytes = bytes
        self.parser = parser
        if case .request = outcome { seen = SeenRequest(head, bytes) } else { seen = nil }
        self.head = head
    }

    func checkAll() {
        checkPrefixes()
        checkStart()
        switch outcome {
        case .needMore:
            // A head within the limits, and the CR of one more line.
            require(bytes.count <= parser.limits.headBytesMax + 1, "no end of needing more")
        case .refused(let refusal): checkWords(refusal)
        case .request(let consumed): checkAccepted(consumed)
        }
    }

    // MARK: However the bytes come

    /// A prefix needs more bytes or has the whole's verdict; a verdict never changes.
    private func checkPrefixes() {
        var isDecided = false
        var head = RequestHead()
        for count in cuts() {
            let early = parser.parse(bytes.span.extracting(first: count), into: &head)
            if early == .needMore {
                require(!isDecided, "a verdict is taken back at \(count)")
                continue
            }
            require(early == outcome, "at \(count): \(early), in the end: \(outcome)")
            if case .request(let consumed) = early, !isDecided {
                require(consumed <= count, "\(consumed) consumed of \(count)")
                require(SeenRequest(head, bytes) == seen, "at \(count): another request")
            }
            isDecided = true
        }
    }

    /// Every position of short inputs; evenly spread positions, and the last ones, of long inputs.
    private func cuts() -> [Int] {
        guard bytes.count > 128 else { return Array(0...bytes.count) }
        let step = bytes.count / 16 + 1
        return Array(stride(from: 0, to: bytes.count - 8, by: step))
            + Array(bytes.count - 8...bytes.count)
    }

    /// Bytes before `start` are not read, and all ranges shift accordingly.
    private func checkStart() {
        let before = Array("G\r\n\r\n\r\r ".utf8)
        let moved = Reading(before + bytes, parser, from: before.count)
        require(moved.outcome == outcome, "from \(before.count): \(moved.outcome), \(outcome)")
        require(moved.seen == seen, "from \(before.count): another request")
    }

    // MARK: What is accepted

    private func checkWords(_ refusal: Refusal) {
        require([400, 414, 417, 431, 501, 505].contains(refusal.status), "\(refusal)")
        require(!refusal.reason.isEmpty, "\(refusal) without a reason")
    }

    private func checkAccepted(_ consumed: Int) {
        require((1...bytes.count).contains(consumed), "\(consumed) consumed of \(bytes.count)")
        require(consumed <= parser.limits.headBytesMax, "a head of \(consumed)")
        let alone = Reading(Array(bytes[..<consumed]), parser)
        require(alone.outcome == outcome && alone.seen == seen, "its own bytes alone: another")
        require(bytes[..<consumed].suffix(4).elementsEqual([13, 10, 13, 10]), "no empty line")
        checkRanges(consumed)
        if let seen { AcceptedRequestRules.check(seen, parser.limits) }
    }

    /// Parts lie within the head, in wire order.
    private func checkRanges(_ consumed: Int) {
        var last = 0
        for range in [head.methodBytes, head.target] + head.fields.flatMap({ [$0.name, $0.value] })
        {
            require(range.lowerBound >= last && range.upperBound <= consumed, "range \(range)")
            last = range.upperBound
        }
        for part in [head.path, head.query].compactMap({ $0 }) where !part.isEmpty {
            require(
                part.lowerBound >= head.target.lowerBound
                    && part.upperBound <= head.target.upperBound, "\(part) outside the target")
        }
    }
}
