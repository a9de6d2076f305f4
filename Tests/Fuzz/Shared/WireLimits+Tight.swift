// Limits so low that short inputs reach every one of them.

import HTTPWire

extension WireLimits {
    static let tight: WireLimits = {
        var limits = WireLimits()
        limits.headBytesMax = 256
        limits.targetBytesMax = 48
        limits.methodBytesMax = 8
        limits.fieldsMax = 6
        limits.contentBytesMax = 64
        limits.chunkLineBytesMax = 24
        limits.chunkExtensionBytesMax = 32
        limits.trailerBytesMax = 48
        limits.leadingEmptyLinesMax = 2
        return limits
    }()
}
