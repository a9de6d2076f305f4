// Waits of tests: for a condition, with a deadline; or for time to pass where time is the subject.

import Foundation

/// How long a test waits for a condition before it fails: far longer than needed, since a busy machine
/// may stall for seconds.
public let patience = Duration.seconds(60)

public struct WaitTimedOut: Error, CustomStringConvertible {
    public var description: String
}

/// Polls a condition that no descriptor and no signal announces: at first often, then rarely, so that a
/// long wait does not use the processor.
public func eventually(
    _ what: @autoclosure () -> String, within span: Duration = patience,
    _ isTrue: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + span
    var pause = PollPause()
    while try await !isTrue() {
        guard ContinuousClock.now < deadline else {
            throw WaitTimedOut(description: "timed out waiting for \(what())")
        }
        try await Task.sleep(for: pause.next())
    }
}

/// The same on a thread that may block. Returns false if the deadline passes first.
public func eventually(_ isTrue: () -> Bool) -> Bool {
    let deadline = ContinuousClock.now + patience
    var pause = PollPause()
    while !isTrue() {
        guard ContinuousClock.now < deadline else { return false }
        letPass(pause.next())
    }
    return true
}

/// From 2 ms to 100 ms, each half as long again as the one before.
private struct PollPause {
    private var span = Duration.milliseconds(2)

    mutating func next() -> Duration {
        defer { span = min(span * 3 / 2, .milliseconds(100)) }
        return span
    }
}

/// Lets time pass where time is the test's subject: the pace of a slow peer, the length of a pause. Never
/// use it to wait for something to happen.
public func letPass(_ span: Duration) { Thread.sleep(forTimeInterval: span / .seconds(1)) }

/// The result of a system call that a signal did not interrupt (signal(7): a stopped and continued process
/// sees EINTR, too).
public func uninterrupted(_ call: () -> Int) -> Int {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}
