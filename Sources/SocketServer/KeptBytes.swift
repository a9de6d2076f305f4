// What connections keep in memory for slow peers, over all loops: counted, bounded, and who goes first
// when the bound is reached.

import Locking

/// One bound for all connections. Safe from any queue.
///
/// Whoever holds most for the longest goes first: bytes times the time for which the peer has been
/// behind. A peer that does its part is never behind. What several keep together counts once, and
/// weighs on each by its part.
final class KeptBytes: Sendable {
    /// A connection, on whichever loop.
    struct Holder: Hashable, Sendable {
        let loop: EventLoop
        let token: UInt64

        static func == (a: Holder, b: Holder) -> Bool {
            a.token == b.token && a.loop === b.loop
        }

        func hash(into hasher: inout Hasher) { hasher.combine(token) }
    }

    /// Bytes that others may keep, too.
    struct Content: Sendable {
        /// Where they stand, for as long as somebody keeps them.
        let place: UInt
        let bytes: Int

        /// Any slice that ends where the storage's other slices do.
        init(_ slice: ArraySlice<UInt8>) {
            place = slice.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) &+ UInt($0.count) }
            bytes = slice.endIndex
        }
    }

    fileprivate struct Held {
        var ownBytes: Int
        var contents: [Content]
        /// Since when its peer is behind, on the clock of all loops, in nanoseconds.
        var behindSince: Int64
    }

    fileprivate struct State {
        var held: [Holder: Held] = [:]
        var contents: [UInt: (holders: Int, bytes: Int)] = [:]
        var bytes = 0
        /// The most since memory was given back last.
        var bytesMost = 0
    }

    private let bytesMax: Int
    private let state = Guarded(State())

    /// Once the bound is reached, who is behind for that long makes room for a while, not for one answer:
    /// else each next one would have all holders looked through.
    fileprivate static let longBehind: Int64 = 1_000_000_000

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    var count: Int { state.withLock { $0.bytes } }

    /// Says what one connection keeps. Returns who is to be cut off, no longer counted: others that are
    /// behind, or the holder itself when nobody is.
    func keep(
        _ ownBytes: Int, _ contents: [Content], by holder: Holder, behindSince: Int64, now: Int64
    ) -> [Holder] {
        state.withLock { state in
            state.remove(holder)
            state.add(
                Held(ownBytes: ownBytes, contents: contents, behindSince: behindSince), holder)
            guard state.bytes > bytesMax else { return [] }
            return state.makeRoom(bytesMax, for: holder, now: now)
        }
    }

    /// It keeps nothing any more. True when so much was kept before and so little is now that memory
    /// is to be given back to the system.
    func letGo(_ holder: Holder) -> Bool {
        state.withLock { state in
            state.remove(holder)
            guard state.bytesMost > bytesMax / 4, state.bytes < bytesMax / 32 else { return false }
            state.bytesMost = 0
            return true
        }
    }
}

extension KeptBytes.State {
    fileprivate mutating func add(_ new: KeptBytes.Held, _ holder: KeptBytes.Holder) {
        bytes += new.ownBytes
        for content in new.contents {
            var entry = contents[content.place] ?? (0, content.bytes)
            if entry.holders == 0 { bytes += entry.bytes }
            entry.holders += 1
            contents[content.place] = entry
        }
        held[holder] = new
        bytesMost = max(bytesMost, bytes)
    }

    fileprivate mutating func remove(_ holder: KeptBytes.Holder) {
        guard let old = held.removeValue(forKey: holder) else { return }
        bytes -= old.ownBytes
        for content in old.contents {
            guard var entry = contents[content.place] else { continue }
            entry.holders -= 1
            contents[content.place] = entry.holders > 0 ? entry : nil
            if entry.holders == 0 { bytes -= entry.bytes }
        }
    }

    fileprivate mutating func makeRoom(
        _ bytesMax: Int, for newcomer: KeptBytes.Holder, now: Int64
    ) -> [KeptBytes.Holder] {
        let candidates = held.filter { $0.value.behindSince < now }
            .map { (holder: $0.key, behind: now - $0.value.behindSince, weight: weight($0.value)) }
            .sorted { Double($0.behind) * $0.weight > Double($1.behind) * $1.weight }
        var cut: [KeptBytes.Holder] = []
        for candidate in candidates {
            let isOver = bytes > bytesMax
            let makesAWhile =
                bytes > bytesMax / 8 * 7 && candidate.behind > KeptBytes.longBehind
            guard isOver || makesAWhile else { break }
            remove(candidate.holder)
            cut.append(candidate.holder)
        }
        guard bytes > bytesMax, held[newcomer] != nil else { return cut }
        remove(newcomer)
        return cut + [newcomer]
    }

    private func weight(_ held: KeptBytes.Held) -> Double {
        held.contents.reduce(Double(held.ownBytes)) { sum, content in
            sum + Double(content.bytes) / Double(max(1, contents[content.place]?.holders ?? 1))
        }
    }
}
