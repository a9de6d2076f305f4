// What a listening connection has heard: payloads in, actions out, each once, and no more than is bounded.

internal import Locking
internal import StatusCore

/// Between the connection's queue and its owner's. Whoever may connect to the database can send
/// notifications of any content: what is in here is a hint where to look, and nothing else.
final class NotificationInbox: Sendable {
    struct Content {
        var ids: Set<ActionID> = []
        /// Payloads that no replica sends.
        var unreadable = 0

        fileprivate var isEmpty: Bool { ids.isEmpty && unreadable == 0 }
    }

    enum Added: Equatable {
        /// The first since the inbox was emptied has to be told to the owner.
        case kept(isFirst: Bool)
        case ownOrKeptAlready
        case tooMany
    }

    private struct State {
        var content = Content()
        /// What came in the window that began then, own ones too.
        var count = 0
        var windowStart = Instant.distantPast
    }

    private let state = Guarded(State())
    private let sender: String
    private let limits: PostgresLimits

    /// `sender` is how this process names itself in notifications.
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
