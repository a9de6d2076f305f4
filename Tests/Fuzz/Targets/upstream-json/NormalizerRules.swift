// The rules for the outcome of any answer.

import HTTPWire

@testable import StatusAPI
@testable import StatusCore

enum NormalizerRules {
    static func check(_ answer: UpstreamAnswer, asked id: ActionID, _ body: JSONValue?) {
        let (outcome, hints) = Normalizer.outcome(
            of: answer.reply, about: EntryKey(answer.source, id), by: answer.reader,
            now: UpstreamAnswer.now)
        check(hints)
        switch outcome {
        case .answered(let document):
            require((200..<300).contains(answer.reply.status), "a state from an error")
            guard let body else { fatalError("a state from no JSON") }
            checkIdentity(body, answer.source, id)
            DocumentRules.check(document, answer.source, id, body)
        case .notFound(let fault):
            require(answer.reply.status == 404 && fault.kind == .notFound, "\(fault)")
            require(body?.isObject == true, "a 404 from no object")
            check(fault, id)
        case .failed(let fault):
            require(fault.kind != .notFound, "a failure that is an absence")
            check(fault, id)
        }
    }

    /// Never the state of another action.
    private static func checkIdentity(_ body: JSONValue, _ source: Source, _ id: ActionID) {
        let reported = body["id"]?.string
        let isNamed = reported.map { $0.utf8.elementsEqual(id.text.utf8) }
        require(
            isNamed ?? (source != UpstreamAnswer.orders),
            "\(reported ?? "nobody") answers for \(id)")
    }

    /// Clamped, whatever the upstream says.
    private static func check(_ hints: RateHints) {
        require((hints.remaining ?? 0) >= 0, "\(hints)")
        if let wait = hints.retryAfter {
            require(wait >= .seconds(1) && wait <= .seconds(3600), "\(hints)")
        }
    }

    /// One short line without links or secrets.
    private static func check(_ fault: UpstreamFault, _ id: ActionID) {
        for text in [fault.code, fault.message].compactMap({ $0 }) {
            require((1...UpstreamFault.messageBytesMax).contains(text.utf8.count), text)
            let hasControl = text.unicodeScalars.contains {
                $0.properties.generalCategory == .control
            }
            require(!hasControl, text)
            require(!Array(text.utf8).contains(subsequence: Array("://".utf8)), text)
            require(!hasSecret(text, id), text)
        }
    }

    /// A long run of characters with a digit that is not (the beginning of) the id.
    private static func hasSecret(_ text: String, _ id: ActionID) -> Bool {
        let runs = text.utf8.split { byte in
            !ActionID.isAlphanumeric(byte) && !"-_+".utf8.contains(byte)
        }
        return runs.contains { run in
            run.count >= 20 && run.contains { (0x30...0x39).contains($0) }
                && !id.text.utf8.starts(with: run)
        }
    }
}

extension [UInt8] {
    fileprivate func contains(subsequence part: [UInt8]) -> Bool {
        guard count >= part.count else { return false }
        return (0...count - part.count).contains { self[$0...].starts(with: part) }
    }
}

/// The rules for a state that is served.
enum DocumentRules {
    private static let names = [
        "id", "source", "type", "status", "done", "progress", "counts", "errors", "result",
        "created_at", "updated_at", "processing_time_ms", "request_id", "upstream",
    ]
    private static let moment = Instant(nanoseconds: 1_000_000_000)

    static func check(
        _ document: ActionDocument, _ source: Source, _ id: ActionID, _ body: JSONValue
    ) {
        let json = readOwn(document.bytes, "the document")
        require(document.bytes.allSatisfy { $0 >= 0x20 }, "a control byte in the document")
        guard case .object(let members) = json else { fatalError("the document is no object") }
        require(members.map(\.name) == names, "the members \(members.map(\.name))")
        require(json["id"]?.string == id.text, "another id")
        require(json["source"]?.string == source.name, "another source")
        require(document.source == source, "another source beside the document")
        require(json["status"]?.string == document.status.rawValue, "another status")
        require(members[4].value == .bool(document.isDone), "done is \(members[4].value)")
        checkEnd(document)
        if source == UpstreamAnswer.vouchers, document.status == .succeeded {
            checkSuccess(body["result"])
        }
        checkParts(json)
        checkResult(json, source, body)
        checkServed(document, json)
    }

    /// A state that can still change is not done, and one that is done has an end time.
    private static func checkEnd(_ document: ActionDocument) {
        switch document.status {
        case .pending, .inProgress: require(!document.isDone, "\(document.status) and done")
        case .succeeded, .partiallySucceeded, .failed:
            require(document.isDone, "\(document.status) and not done")
        case .unknown: break
        }
    }

    /// None of its members may report a failure.
    private static func checkSuccess(_ result: JSONValue?) {
        let count = result?["failed_count"]
        require(count == nil || count?.wholeNumber?.isZero == true, "a success that failed")
        for list in [result?["failed"], result?["errors"]] {
            let isEmpty = list == nil || list == .array([]) || list == .object([])
            require(isEmpty, "a success with failures")
        }
        let items = result?["results"]?.array ?? []
        require(!items.contains { $0["found"] == .bool(false) }, "a success without its items")
    }

    private static func checkParts(_ json: JSONValue) {
        if let progress = json["progress"] {
            require((0...100).contains(progress.integer ?? -1), "progress \(progress)")
        }
        for count in [json["counts"]?["succeeded"], json["counts"]?["failed"]] {
            require(count?.wholeNumber?.isNegative != true, "a negative count")
        }
        require((json["processing_time_ms"]?.integer ?? 0) >= 0, "a negative time")
        let errors = json["errors"]?.array ?? []
        require(errors.count <= Action.errorsMax, "\(errors.count) errors")
        for error in errors {
            let errorClass = error["class"]?.string.flatMap(ErrorClass.init)
            require(error["code"]?.string != nil && errorClass != nil, "\(error)")
        }
    }

    /// `result` is passed on unchanged, with the exact digits of numbers.
    private static func checkResult(_ json: JSONValue, _ source: Source, _ body: JSONValue) {
        let reported = source == UpstreamAnswer.orders ? nil : body["result"]
        let expected = JSONWriter.bytes(of: reported ?? .null, sorted: true)
        let written = JSONWriter.bytes(of: json["result"] ?? .null)
        require(written == expected, "another result")
    }

    /// The served body is the document plus four members.
    private static func checkServed(_ document: ActionDocument, _ json: JSONValue) {
        let answer = Answer(
            document: document, checkedAt: UpstreamAnswer.now, answeredAt: moment,
            freshUntil: moment, keptUntil: moment, nextRefreshAt: document.isDone ? nil : moment,
            staleReason: nil, service: .hit)
        let clocks = Clocks(instant: moment, wall: UpstreamAnswer.now)
        let rendered = RenderedAnswer(answer, clocks: clocks)
        guard case .object(let served) = readOwn(rendered.content.bytes, "the served body"),
            case .object(let members) = json
        else { fatalError("the served body is no object") }
        require(JSONValue.object(Array(served.prefix(14))).isSame(as: json), "another document")
        require(served.count == members.count + 4, "\(served.count) members")
        checkWritten(rendered)
    }

    /// A request with its own tag gets a 304.
    private static func checkWritten(_ rendered: RenderedAnswer) {
        var writer = ResponseWriter()
        writer.prepare(AnswerShape(isHead: false, version: .http11, keepAlive: true))
        var request = RequestFields()
        let tag = Array(rendered.tag.text.utf8)
        request.preconditions.noneMatch = TagCondition(tag.span)
        let status = rendered.write(
            request, .made(7), now: moment, for: .shared, into: &writer)
        require(writer.isAnswered, "no answer")
        require(status == 304, "its own tag does not match")
        require(writer.output.suffix(4).elementsEqual([13, 10, 13, 10]), "a 304 with content")
    }
}
