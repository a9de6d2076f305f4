// Reads a description from JSON, or reports the wrong member.

/// Why a description cannot be used.
public struct DescriptionFailure: Error, Equatable, CustomStringConvertible {
    /// The path of members from the root, joined by dots; empty: the whole description.
    public var member: String
    public var problem: String

    public var description: String { member.isEmpty ? problem : "\(member): \(problem)" }
}

extension APIDescription {
    public static let bytesMax = 1 << 16

    /// - Throws: for a member that is missing, unknown, or of a wrong form.
    public init(_ bytes: [UInt8]) throws(DescriptionFailure) {
        guard let json = try? JSONReader.read(bytes), case .object = json else {
            throw DescriptionFailure(member: "", problem: "it is not a JSON object")
        }
        var root = DescriptionReader(json, in: "")
        path = try Self.path(root.required("path"))
        id = try root.pointer("id")
        guard let status = try root.pointer("status") else { throw root.missing("status") }
        self.status = status
        statuses = try root.words("statuses", ActionStatus.self)
        guard !statuses.isEmpty else { throw root.missing("statuses") }
        type = try root.pointer("type")
        progress = try root.pointer("progress")
        createdAt = try root.pointer("created_at")
        updatedAt = try root.pointer("updated_at")
        result = try root.pointer("result")
        if var counts = try root.object("counts") {
            succeeded = try counts.pointer("succeeded")
            failed = try counts.pointer("failed")
            try counts.end()
        }
        if var errors = try root.object("errors") {
            guard let items = try errors.pointer("items") else { throw errors.missing("items") }
            self.errors = Errors(
                items: items, code: try errors.pointer("code"),
                message: try errors.pointer("message"), target: try errors.pointer("target"),
                classes: try errors.words("classes", ErrorClass.self))
            try errors.end()
        }
        required = try root.pointers("required") ?? []
        notFound = try root.pointers("not_found") ?? []
        guard !notFound.isEmpty else { throw root.missing("not_found") }
        try root.end()
    }

    private static func path(_ text: String) throws(DescriptionFailure) -> String {
        let parts = text.split(separator: "{id}", omittingEmptySubsequences: false)
        guard text.hasPrefix("/"), parts.count == 2,
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }),
            !parts.joined().contains(where: { $0 == "{" || $0 == "}" })
        else {
            throw DescriptionFailure(
                member: "path",
                problem: "'\(text)' is not a path with {id} once, like /v1/jobs/{id}")
        }
        return text
    }
}

/// Takes members out of one object, and keeps track of the rest.
private struct DescriptionReader {
    private let value: JSONValue
    private let place: String
    private var left: [String]

    init(_ value: JSONValue, in place: String) {
        self.value = value
        self.place = place
        left = if case .object(let members) = value { members.map(\.name) } else { [] }
    }

    private func failure(_ name: String, _ problem: String) -> DescriptionFailure {
        DescriptionFailure(member: place + name, problem: problem)
    }

    func missing(_ name: String) -> DescriptionFailure { failure(name, "it must be given") }

    private mutating func take(_ name: String) -> JSONValue? {
        left.removeAll { $0 == name }
        return value[name]
    }

    mutating func required(_ name: String) throws(DescriptionFailure) -> String {
        guard let value = take(name) else { throw missing(name) }
        guard let text = value.string else { throw failure(name, "it is not a text") }
        return text
    }

    mutating func pointer(_ name: String) throws(DescriptionFailure) -> JSONPointer? {
        try take(name).map { value throws(DescriptionFailure) in try pointer(value, name) }
    }

    mutating func pointers(_ name: String) throws(DescriptionFailure) -> [JSONPointer]? {
        guard let value = take(name) else { return nil }
        guard let items = value.array else {
            throw failure(name, "it is not a list of JSON Pointers")
        }
        var pointers: [JSONPointer] = []
        for item in items { pointers.append(try pointer(item, name)) }
        return pointers
    }

    private func pointer(
        _ value: JSONValue, _ name: String
    ) throws(DescriptionFailure) -> JSONPointer {
        guard let pointer = value.string.flatMap({ JSONPointer($0) }) else {
            throw failure(name, "it is not a JSON Pointer like /job/state")
        }
        return pointer
    }

    /// An object that maps any words to known ones.
    mutating func words<Word: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ type: Word.Type
    ) throws(DescriptionFailure) -> [String: Word] {
        guard let value = take(name) else { return [:] }
        guard case .object(let members) = value else {
            throw failure(name, "it is not a JSON object")
        }
        var words: [String: Word] = [:]
        for member in members {
            guard let word = member.value.string.flatMap({ Word(rawValue: $0) }) else {
                let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
                throw failure("\(name).\(member.name)", "it is not one of: \(known)")
            }
            words[member.name] = word
        }
        return words
    }

    mutating func object(_ name: String) throws(DescriptionFailure) -> DescriptionReader? {
        guard let value = take(name) else { return nil }
        guard value.isObject else { throw failure(name, "it is not a JSON object") }
        return DescriptionReader(value, in: "\(place)\(name).")
    }

    /// - Throws: for a member that was not taken.
    func end() throws(DescriptionFailure) {
        guard let name = left.first else { return }
        throw failure(name, "there is no such member")
    }
}
