// A parsed request without positions, so that two parses can be compared.

import HTTPWire

/// One request head, independent of positions.
struct SeenRequest: Equatable {
    var method: Method
    var methodBytes: [UInt8]
    var form: TargetForm
    var target: [UInt8]
    var path: [UInt8]
    var query: [UInt8]?
    var authority: [UInt8]?
    var version: Version
    var names: [[UInt8]]
    var values: [[UInt8]]
    var keepAlive: Bool
    var expectsContinue: Bool
    var framing: BodyFraming

    /// Traps if a range lies outside `bytes`.
    init(_ head: borrowing RequestHead, _ bytes: [UInt8]) {
        method = head.method
        methodBytes = Array(bytes[head.methodBytes])
        form = head.form
        target = Array(bytes[head.target])
        path = Array(bytes[head.path])
        query = head.query.map { Array(bytes[$0]) }
        authority = head.authority.map { Array(bytes[$0]) }
        version = head.version
        names = head.fields.map { Array(bytes[$0.name]) }
        values = head.fields.map { Array(bytes[$0.value]) }
        keepAlive = head.keepAlive
        expectsContinue = head.expectsContinue
        framing = head.framing
    }

    /// The values of the fields of that name.
    func values(of lowercaseName: String) -> [[UInt8]] {
        let wanted = Array(lowercaseName.utf8)
        return zip(names, values).filter { $0.0.map(lowercased) == wanted }.map(\.1)
    }
}

func lowercased(_ byte: UInt8) -> UInt8 {
    (0x41...0x5A).contains(byte) ? byte + 0x20 : byte
}
