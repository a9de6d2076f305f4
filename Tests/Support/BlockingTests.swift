// Threads for tests that block on a socket or on another program's exit. Swift's own pool has as many
// threads as there are processors, so a few blocking tests would hold up all others.

import Foundation
public import Testing

/// A trait of suites whose tests block: each runs on its own threads, however many run at once.
public struct BlockingTests: SuiteTrait, TestTrait, TestScoping {
    public var isRecursive: Bool { true }

    public func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(ThreadPerJob.shared) { try await function() }
    }
}

extension Trait where Self == BlockingTests {
    public static var blocking: Self { BlockingTests() }
}

/// Runs each job immediately, on an idle thread or a new one.
///
/// `@unchecked Sendable`: the variables are only accessed under `condition`.
private final class ThreadPerJob: TaskExecutor, @unchecked Sendable {
    static let shared = ThreadPerJob()

    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []
    private var idleThreads = 0

    func enqueue(_ job: consuming ExecutorJob) {
        condition.lock()
        defer { condition.unlock() }
        jobs.append(UnownedJob(job))
        if idleThreads >= jobs.count {
            condition.signal()
        } else {
            Thread.detachNewThread { self.runJobs() }
        }
    }

    private func runJobs() {
        while true { next().runSynchronously(on: asUnownedTaskExecutor()) }
    }

    private func next() -> UnownedJob {
        condition.lock()
        defer { condition.unlock() }
        while jobs.isEmpty {
            idleThreads += 1
            condition.wait()
            idleThreads -= 1
        }
        return jobs.removeFirst()
    }
}
