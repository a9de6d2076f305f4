// Reads events as a client does.

import StatusCore

/// One event as a client receives it.
struct ReceivedEvent {
    var id: String
    var name: String
    var data: String

    var json: JSONValue { (try? JSONReader.read(Array(data.utf8))) ?? .null }
}

/// Reads events by the standard (WHATWG HTML, 9.2.6), from lines that end with LF.
enum EventReader {
    static func read(_ text: String) -> [ReceivedEvent] {
        var events: [ReceivedEvent] = []
        var event = ReceivedEvent(id: "", name: "message", data: "")
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.isEmpty {
                if !event.data.isEmpty { events.append(event) }
                event = ReceivedEvent(id: event.id, name: "message", data: "")
            } else if line.hasPrefix("id: ") {
                event.id = String(line.dropFirst(4))
            } else if line.hasPrefix("event: ") {
                event.name = String(line.dropFirst(7))
            } else if line.hasPrefix("data: ") {
                event.data += (event.data.isEmpty ? "" : "\n") + line.dropFirst(6)
            }
        }
        return events
    }

    /// The `status` events. Where a refresh takes long, on a busy machine too, `freshness` events come between.
    static func states(_ text: String) -> [ReceivedEvent] {
        read(text).filter { $0.name == "status" }
    }
}

extension Program {
    /// Waits until one of the client's events satisfies the condition.
    @discardableResult
    func event(
        _ wanted: String, where fits: @escaping (ReceivedEvent) -> Bool
    ) async throws -> ReceivedEvent {
        try await wait(for: wanted) { EventReader.read($0).first(where: fits) }
    }
}
