// Feeds bytes to the connection machine as the server does, and records what it returns.

import HTTPWire
import TestSupport

/// One connection fed piece by piece.
struct Walk: ~Copyable {
    private(set) var trace: [String] = []
    private var machine = ConnectionMachine()
    private let parser: RequestParser
    private var head = RequestHead()
    private var kept: [UInt8] = []
    private var content: [UInt8] = []
    private let showsFields: Bool
    private var isOver = false

    init(limits: WireLimits = WireLimits(), showsFields: Bool = false) {
        parser = RequestParser(limits: limits)
        self.showsFields = showsFields
    }

    /// The trace of `pieces`, fed one after the other.
    static func trace(
        _ pieces: [ArraySlice<UInt8>], inputEnds: Bool = false, showsFields: Bool = false
    ) -> [String] {
        var walk = Walk(showsFields: showsFields)
        for piece in pieces { walk.feed(piece) }
        walk.finish(inputEnds: inputEnds)
        return walk.trace
    }

    mutating func feed(_ piece: ArraySlice<UInt8>) {
        guard !isOver else { return }
        let bytes = kept + piece
        advance(bytes)
        let (head, rest) = machine.keep(bytes.count)
        kept = Array(bytes[head]) + Array(bytes[rest])
    }

    mutating func finish(inputEnds: Bool) {
        guard !isOver else { return }
        if inputEnds {
            note(machine.inputEnded())
            if !isOver { trace.append("end") }
        } else {
            noteContent()
            trace.append("\(machine.stage)")
        }
    }

    private mutating func advance(_ bytes: [UInt8]) {
        while !isOver {
            let step = machine.advance(bytes.span, parser, &head)
            switch step {
            case .needMore, .wait:
                return
            case .content(let range):
                content += bytes[range]
            case .deliver:
                noteRequest(bytes)
                machine.answered()
            case .sendContinue, .refuse:
                note(step)
            }
        }
    }

    private mutating func note(_ step: ConnectionMachine.Step) {
        noteContent()
        if case .sendContinue = step { trace.append("continue") }
        if case .refuse(let refusal) = step {
            trace.append("refuse \(refusal.status) \(refusal)")
            isOver = true
        }
    }

    private mutating func noteContent() {
        if !content.isEmpty { trace.append("content " + Escapes.text(content)) }
        content = []
    }

    private mutating func noteRequest(_ bytes: [UInt8]) {
        noteContent()
        func text(_ range: Range<Int>) -> String { Escapes.text(Array(bytes[range])) }
        var parts = ["request", text(head.methodBytes), "\(head.form)", "path=" + text(head.path)]
        if let query = head.query { parts.append("query=" + text(query)) }
        if let authority = head.authority { parts.append("authority=" + text(authority)) }
        parts += [head.version.rawValue, head.keepAlive ? "keep" : "close"]
        switch head.framing {
        case .none: break
        case .length(let count): parts.append("length=\(count)")
        case .chunked: parts.append("chunked")
        }
        trace.append(parts.joined(separator: " "))
        guard showsFields else { return }
        for field in head.fields {
            trace.append("field " + text(field.name) + ": " + text(field.value))
        }
    }
}
