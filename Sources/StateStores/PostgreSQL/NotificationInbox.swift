// The notifications of a listening connection: payloads come in, actions go out, each once, in
// bounded numbers.

internal import Locking
internal import StatusCore

/// Between the connection's queue and its owner's. Anyone who may connect to the database can send
/// notifications with any content: they are only hints.
final class NotificationInbox: Sendable {
    struct Content {
        var ids: Set<ActionID> = []
        /// Payloads that no replica sends.
        var unreadable = 0

        fileprivate var isEmpty: Bool { ids.isEmpty && unreadable == 0 }
    }

    enum Added: Equatable {
        /// The owner has to be informed of the first one since the inbox was emptied.
        case kept(isFirst: Bool)
        case ownOrKeptAlready
        case tooMany
    }

    private struct State {
        var content = Content()
        /// The number of notifications in the current window, own ones included.
        var count = 0
        var windowStart = Instant.distantPast
    }

    private let state = Guarded(State())
    private let sender: String
    private let limits: PostgresLimits

    /// `sender` identifies this process in notifications.
    init(sender: String, limits: PostgresLimits) {
        self.sender = sender
        self.limits = limits
    }

    func add(_ payload: String, at now: Instant) -> Added {
        let words = payload.split(separator: " ", maxSplits: 1)
        let id = words.count == 2 ? ActionID(String(words[1])) : nil
        return state.withLock { state in
            if now - state.windowStart >= limits.notificationsWindow {
                state.windowStart = now
                state.count = 0
            }
            state.count += 1
            guard state.count <= limits.notificationsMax else { return .tooMany }
            let wasEmpty = state.content.isEmpty
            guard let id else {
                state.content.unreadable += 1
                return .kept(isFirst: wasEmpty)
            }
            guard words[0] != sender, state.content.ids.insert(id).inserted else {
                return .ownOrKeptAlready
            }
            guard state.content.ids.count <= limits.notificationsMax else { return .tooMany }
            return .kept(isFirst: wasEmpty)
        }
    }

    func empty() -> Content {
        state.withLock { state in
            defer { state.content = Content() }
            return state.content
        }
    }
}
