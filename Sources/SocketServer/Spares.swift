// Spare descriptors for when the process has no other left.

import Glibc
import Locking

/// A few descriptors that the loops of one server share, so that a connection can be accepted and
/// refused. Safe from any queue.
///
/// Any thread may take a descriptor that is given up before the intended user does. Among the
/// loops, `fill` repairs that: while it fails, an accepted connection may be using a spare
/// descriptor.
final class Spares: Sendable {
    private let countMax: Int
    private let kept = Guarded<[Int32]>([])

    init(_ count: Int) {
        countMax = count
        fill()
    }

    deinit { while let number = take() { close(number) } }

    /// Closes one spare descriptor; false if there is none.
    func giveUpOne() -> Bool {
        guard let number = take() else { return false }
        close(number)
        return true
    }

    /// Opens the missing descriptors. False if some are still missing.
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

    /// Whether all spare descriptors are open, and one more could be opened.
    var leaveRoom: Bool { areComplete && Self.open() != nil }

    private var areComplete: Bool { kept.withLock { $0.count == countMax } }

    private func take() -> Int32? { kept.withLock { $0.popLast() } }

    private static func open() -> Descriptor? {
        Descriptor(returned: Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC))
    }
}
