// A connection's bytes, split where the input says, give the same requests, content, refusal and
// answers as the bytes in one piece.
//
// The input: one byte of flags, one byte for each piece's size, a line feed, and what the peer
// sends. `@!a` cuts after 1 byte, then after 65, and so on in turns.

import HTTPWire

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let plan = Plan(copied(start, count)) else { return 0 }
    var whole = Conversation(plan)
    whole.play(plan.bytes, sizes: [max(1, plan.bytes.count)])
    check(whole, against: plan, sizes: plan.sizes, answersLate: plan.answersLate)
    if plan.bytes.count <= 200 {
        check(whole, against: plan, sizes: [1], answersLate: false)
    }
    return 0
}

private func check(
    _ whole: borrowing Conversation, against plan: Plan, sizes: [Int], answersLate: Bool
) {
    var cut = Conversation(plan, answersLate: answersLate)
    cut.play(plan.bytes, sizes: sizes)
    require(cut.trace == whole.trace, "in pieces: \(cut.trace), whole: \(whole.trace)")
    require(cut.finalAnswers == whole.finalAnswers, "the answers differ")
}

/// The input's settings.
struct Plan {
    enum End {
        case open
        case inputEnds
        case timeIsOver
    }

    var limits = WireLimits()
    var end = End.open
    var answersLate = false
    var sizes: [Int] = []
    var bytes: [UInt8] = []

    static let sizesMax = 32

    /// Nil without a line feed after the sizes.
    init?(_ input: [UInt8]) {
        guard let lineEnd = input.prefix(Self.sizesMax + 2).firstIndex(of: 10), lineEnd > 0 else {
            return nil
        }
        let flags = input[0]
        if flags & 1 != 0 { limits = .tight }
        if flags & 2 != 0 { answersLate = true }
        if flags & 4 != 0 { end = flags & 8 != 0 ? .timeIsOver : .inputEnds }
        sizes = input[1..<lineEnd].map { $0 > 32 ? Int($0) - 32 : 1 }
        if sizes.isEmpty { sizes = [7] }
        bytes = Array(input[(lineEnd + 1)...])
    }
}
