// An API that reports a job's state as JSON, by its description: the place of each part in a body,
// and the meaning of status words.

/// Reads bodies by JSON Pointers (RFC 6901).
public struct APIDescription: StateReader {
    /// The path below the base URL; `{id}` is replaced by the action's id.
    public let path: String
    let id: JSONPointer?
    let status: JSONPointer
    /// The meanings of the upstream's words; any other word is ``ActionStatus/unknown``.
    let statuses: [String: ActionStatus]
    var type: JSONPointer?
    var progress: JSONPointer?
    var createdAt: JSONPointer?
    var updatedAt: JSONPointer?
    var result: JSONPointer?
    var succeeded: JSONPointer?
    var failed: JSONPointer?
    var errors: Errors?
    /// A body of the API has a text at each of these places.
    var required: [JSONPointer] = []
    /// A 404 with a text at each of these places, and a word at the first, is the API's own; any
    /// other is a gateway's. At least one.
    let notFound: [JSONPointer]

    struct Errors: Sendable {
        var items: JSONPointer
        /// Relative to an item.
        var code: JSONPointer?
        var message: JSONPointer?
        var target: JSONPointer?
        var classes: [String: ErrorClass] = [:]

        /// The code of an error without a code.
        static let otherCode = "OTHER"
    }

    public var api: SourceAPI { SourceAPI(path: path, reader: self) }

    public func action(
        in body: JSONValue, of source: Source, asked id: ActionID
    ) throws(BodyFault) -> Action {
        guard body.isObject else { throw .notAnObject }
        guard required.allSatisfy({ $0.value(in: body)?.string != nil }) else {
            throw .lacksIdentity
        }
        if let found = self.id?.value(in: body)?.word {
            guard ActionID(found) == id else { throw .otherAction }
        }
        let word = status.value(in: body)?.word
        let meaning = word.flatMap { statuses[$0] } ?? .unknown
        return Action(
            id: id, source: source, type: type?.value(in: body)?.word, status: meaning,
            isDone: meaning.isFinal, progress: progress?.value(in: body)?.percentage,
            counts: counts(in: body), errors: errors?.list(in: body) ?? [],
            result: result?.value(in: body), createdAt: createdAt?.value(in: body)?.string,
            updatedAt: updatedAt?.value(in: body)?.string,
            upstream: Action.UpstreamStatus(status: word, operationStatus: nil))
    }

    public func isNotFound(_ body: JSONValue) -> Bool {
        let texts = notFound.map { $0.value(in: body)?.string }
        return !texts.contains(nil) && texts.first??.contains(where: \.isLetter) != false
    }

    private func counts(in body: JSONValue) -> Action.Counts? {
        let succeeded = succeeded?.value(in: body)?.count
        let failed = failed?.value(in: body)?.count
        guard succeeded != nil || failed != nil else { return nil }
        return Action.Counts(succeeded: succeeded, failed: failed)
    }
}

extension APIDescription.Errors {
    /// A single item counts as a list of one. If neither code nor message is described, an item may
    /// be a text: the message.
    fileprivate func list(in body: JSONValue) -> [ActionError] {
        let found: [JSONValue] =
            switch items.value(in: body) {
            case .array(let items): items
            case .object(let members)? where !members.isEmpty: [.object(members)]
            case .string(let text): [.string(text)]
            default: []
            }
        let areTexts = code == nil && message == nil
        return found.filter { $0.isObject || areTexts && $0.string != nil }
            .prefix(Action.errorsMax).map(error)
    }

    private func error(_ item: JSONValue) -> ActionError {
        let code = code?.value(in: item)?.word ?? Self.otherCode
        return ActionError(
            code: code, message: item.string ?? message?.value(in: item)?.word,
            errorClass: classes[code] ?? .other, target: target?.value(in: item)?.word)
    }
}

extension ActionStatus {
    /// Whether the action has ended.
    var isFinal: Bool {
        switch self {
        case .succeeded, .partiallySucceeded, .failed: true
        case .pending, .inProgress, .unknown: false
        }
    }
}

extension JSONValue {
    /// A text, or the text of a number or boolean.
    fileprivate var word: String? {
        switch self {
        case .string(let text), .number(let text): text
        case .bool(let flag): flag ? "true" : "false"
        case .null, .array, .object: nil
        }
    }

    /// Whole percent, rounded down.
    fileprivate var percentage: Int64? {
        guard case .number(let text) = self, let number = Double(text), (0...100).contains(number)
        else { return nil }
        return Int64(number)
    }
}

extension SourceKind {
    /// Any other API: a description file defines how it is called and read.
    public static let json = SourceKind(
        name: "json", credentials: CredentialForms(token: true, tokenField: true, areOptional: true)
    )
}
