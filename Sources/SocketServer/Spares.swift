// Descriptors kept back for the moment in which the process has no other left.

import Glibc
import Locking

/// A few descriptors that the loops of one server hold in common, so that peers can be told that
/// there is no room. Safe from any queue.
///
/// A descriptor that is given up may be taken by any thread before the one that gave it up has had
/// its use. Among the loops `fill` completes that: while it fails, what a loop accepts may stand in the
/// place of a spare one.
final class Spares: Sendable {
    private let countMax: Int
    private let kept = Guarded<[Int32]>([])

    init(_ count: Int) {
        countMax = count
        fill()
    }

    deinit { while let number = take() { close(number) } }

    /// Makes room for one descriptor; false when there is no spare one.
    func giveUpOne() -> Bool {
        guard let number = take() else { return false }
        close(number)
        return true
    }

    /// Opens what is missing. False when something is missing still.
    @discardableResult
    func fill() -> Bool {
        while !areComplete {
            guard let number = Self.open()?.release() else { return false }
            let isNeeded = kept.withLock { kept in
                guard kept.count < countMax else { return false }
                kept.append(number)
                return true
            }
            if !isNeeded { close(number) }
        }
        return true
    }

    /// Every spare descriptor is there, and one more could be opened.
    var leaveRoom: Bool { areComplete && Self.open() != nil }

    private var areComplete: Bool { kept.withLock { $0.count == countMax } }

    private func take() -> Int32? { kept.withLock { $0.popLast() } }

    private static func open() -> Descriptor? {
        Descriptor(returned: Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC))
    }
}
