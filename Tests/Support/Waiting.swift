// Waits of tests: for a condition, with a deadline; or for time to pass where time is the subject.

import Foundation

/// How long a test waits for a condition before it fails: far longer than needed, since a busy machine
/// may stall for seconds.
public let patience = Duration.seconds(60)

public struct WaitTimedOut: Error, CustomStringConvertible {
    public var description: String
}

/// Polls a condition that no descriptor and no signal announces.
public func eventually(
    _ what: @autoclosure () -> String, within span: Duration = patience,
    every pause: Duration = .milliseconds(10), _ isTrue: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + span
    while try await !isTrue() {
        guard ContinuousClock.now < deadline else {
            throw WaitTimedOut(description: "timed out waiting for \(what())")
        }
        try await Task.sleep(for: pause)
    }
}

/// The same on a thread that may block. Returns false if the deadline passes first.
public func eventually(_ isTrue: () -> Bool) -> Bool {
    let deadline = ContinuousClock.now + patience
    while !isTrue() {
        guard ContinuousClock.now < deadline else { return false }
        Thread.sleep(forTimeInterval: 0.002)
    }
    return true
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
