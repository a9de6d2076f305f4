// A pseudo-terminal, for what a program writes when a person watches.

import Foundation
import Glibc
import Locking
import TestSupport

/// The person's end. Reads until the program's end is closed.
final class Terminal: Sendable {
    private let descriptor: Int32
    private let bytes = Guarded<[UInt8]>([])
    /// The program's end.
    let handle: FileHandle

    /// TIOCSPTLCK and TIOCGPTN of ioctl_tty(2), which Glibc's module lacks.
    private static let unlock: UInt = 0x4004_5431
    private static let getNumber: UInt = 0x8004_5430

    init(columns: UInt16 = 80, rows: UInt16 = 24) throws {
        descriptor = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var number: UInt32 = 0
        var lock: Int32 = 0
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        guard descriptor >= 0, ioctl(descriptor, Self.unlock, &lock) == 0,
            ioctl(descriptor, Self.getNumber, &number) == 0,
            ioctl(descriptor, UInt(TIOCSWINSZ), &size) == 0
        else { throw Program.Failure(description: "no terminal: \(errno)") }
        let other = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard other >= 0 else { throw Program.Failure(description: "no other end: \(errno)") }
        handle = FileHandle(fileDescriptor: other, closeOnDealloc: true)
        Thread.detachNewThread { [descriptor, bytes] in
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                guard count > 0 else { break }
                bytes.withLock { $0 += buffer[..<count] }
            }
            close(descriptor)
        }
    }

    /// All output, control sequences included.
    var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
}
