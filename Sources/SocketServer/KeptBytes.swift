// Counts the bytes that connections keep for slow peers, over all loops, and decides which
// connections are cut off at the bound.

import Locking

/// One bound for all connections. Safe from any queue.
///
/// The connection with the largest product of bytes and time behind is cut off first. A peer that
/// keeps pace is never behind. Bytes that several connections share count once, in equal parts.
final class KeptBytes: Sendable {
    /// A connection of any loop.
    struct Holder: Hashable, Sendable {
        let loop: EventLoop
        let token: UInt64

        static func == (a: Holder, b: Holder) -> Bool {
            a.token == b.token && a.loop === b.loop
        }

        func hash(into hasher: inout Hasher) { hasher.combine(token) }
    }

    /// Bytes that several connections may share.
    struct Content: Sendable {
        /// Their address, valid as long as one connection keeps them.
        let place: UInt
        let bytes: Int

        /// Any slice that ends at the same place as the storage's other slices.
        init(_ slice: ArraySlice<UInt8>) {
            place = slice.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) &+ UInt($0.count) }
            bytes = slice.endIndex
        }
    }

    fileprivate struct Held {
        var ownBytes: Int
        var contents: [Content]
        /// Since when its peer has been behind, on the clock of all loops, in nanoseconds.
        var behindSince: Int64
    }

    fileprivate struct State {
        var held: [Holder: Held] = [:]
        var contents: [UInt: (holders: Int, bytes: Int)] = [:]
        var bytes = 0
        /// The maximum since memory was last returned to the system.
        var bytesMost = 0
    }

    private let bytesMax: Int
    private let state = Guarded(State())

    /// At the bound, connections that are behind for that long are all cut off, not only as many as
    /// one answer needs: otherwise each further answer would scan all holders.
    fileprivate static let longBehind: Int64 = 1_000_000_000

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    var count: Int { state.withLock { $0.bytes } }

    /// Records the bytes that one connection keeps. Returns the connections to cut off, which no
    /// longer count: others that are behind, or the holder itself if there are none.
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

    /// Removes a holder. True if so much less is kept than before that memory should be returned to
    /// the system.
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
