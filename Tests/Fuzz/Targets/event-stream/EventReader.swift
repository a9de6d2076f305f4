// Event streams as a client reads them (WHATWG HTML 9.2.6), byte by byte; CR, LF and CRLF end a line.

struct ReadEvent {
    var id: [UInt8] = []
    var name: [UInt8] = []
    var data: [UInt8] = []
}

struct EventReader {
    private(set) var events: [ReadEvent] = []
    private var line: [UInt8] = []
    private var isAfterReturn = false
    private var event = ReadEvent()
    private var hasData = false

    var isBetweenEvents: Bool { line.isEmpty && !hasData && event.id.isEmpty }

    mutating func take(_ bytes: ArraySlice<UInt8>) {
        for byte in bytes {
            defer { isAfterReturn = byte == 13 }
            switch byte {
            case 10 where isAfterReturn: break
            case 10, 13: endLine()
            default: line.append(byte)
            }
        }
    }

    private mutating func endLine() {
        defer { line = [] }
        guard !line.isEmpty else { return endEvent() }
        // A comment.
        if line[0] == UInt8(ascii: ":") {
            return require(line.count == 1 && !hasData, "a comment with a text, or in an event")
        }
        let name = line.prefix { $0 != UInt8(ascii: ":") }
        var value = line.dropFirst(name.count + 1)
        if value.first == 32 { value = value.dropFirst() }
        switch String(decoding: name, as: UTF8.self) {
        case "id":
            require(event.id.isEmpty, "a second id")
            event.id = Array(value)
        case "event":
            require(event.name.isEmpty, "a second name")
            event.name = Array(value)
        case "data":
            if hasData { event.data.append(10) }
            event.data += value
            hasData = true
        default: fatalError("a field that nobody wrote: \(name)")
        }
    }

    private mutating func endEvent() {
        if hasData { events.append(event) }
        event = ReadEvent()
        hasData = false
    }
}
