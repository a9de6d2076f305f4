// The same answer as `write(_:now:for:into:finishHead:)`, for the plain case that nearly every
// request is: no condition, content wanted. One reservation, one pass, no allocation.

public import HTTPWire
public import StatusCore

extension RenderedAnswer {
    /// Fields with their largest values, and the texts between them.
    private static let headBytesMax = 512

    /// Writes a whole 200 with the Action.
    ///
    /// - Precondition: ``ResponseWriter/wantsContent``.
    public func writePlain(
        now: Instant, requestID: UInt64, for caches: CacheScope, into writer: inout ResponseWriter
    ) {
        let state = answer.document.bytes.span
        let end = tail.span
        let contentBytes = state.count - 1 + end.count
        writer.writeWhole(bytesMax: Self.headBytesMax + contentBytes) { output, date, headEnd in
            output.append("HTTP/1.1 200 OK\r\nETag: W/\"")
            output.append(hexadecimal: tag.value)
            appendFreshness(now, caches, to: &output)
            output.append("\r\nVary: Accept\r\nContent-Type: application/json\r\nX-Request-Id: ")
            output.append(hexadecimal: requestID)
            output.append("\r\nDate: ")
            output.append(date)
            output.append("\r\nContent-Length: ")
            output.append(decimal: contentBytes)
            output.append(headEnd)
            output.append(state.extracting(droppingLast: 1))
            output.append(end)
        }
    }

    private func appendFreshness(
        _ now: Instant, _ caches: CacheScope, to output: inout OutputCursor
    ) {
        let now = now.nanoseconds
        output.append("\"\r\nCache-Control: ")
        output.append(caches.maxAge)
        if let nextLookAt = answer.nextLookAt {
            let seconds = Self.secondsRoundedUp(nextLookAt.nanoseconds - now)
            output.append(decimal: seconds)
            output.append("\r\nRetry-After: ")
            output.append(decimal: max(1, seconds))
        } else {
            output.append(decimal: Self.secondsRoundedUp(answer.keptUntil.nanoseconds - now))
            output.append(", immutable")
        }
        appendCacheStatus(now, to: &output)
    }

    private func appendCacheStatus(_ now: Int64, to output: inout OutputCursor) {
        switch answer.service {
        case .hit: output.append("\r\nCache-Status: status-proxy; hit; ttl=")
        case .miss: output.append("\r\nCache-Status: status-proxy; fwd=miss; stored; ttl=")
        case .collapsed: output.append("\r\nCache-Status: status-proxy; fwd=miss; collapsed; ttl=")
        }
        guard let reason = answer.staleReason else {
            let until = (answer.nextLookAt ?? answer.keptUntil).nanoseconds
            return output.append(decimal: Int((until - now) / Self.second))
        }
        let until = min(answer.freshUntil.nanoseconds, now)
        output.append(decimal: Int((until - now) / Self.second))
        guard answer.service == .hit else { return }
        output.append("; detail=")
        output.append(reason.rawValue)
    }

    private static let second: Int64 = 1_000_000_000

    private static func secondsRoundedUp(_ nanoseconds: Int64) -> Int {
        max(0, Int((nanoseconds + (second - 1)) / second))
    }
}
