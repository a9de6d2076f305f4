// Re-reads secret files when they change, and on SIGHUP.

import Dispatch
import Glibc
import StatusCore

/// Watches the files of secrets: upstream credentials and caller keys.
///
/// `@unchecked Sendable`: `files` is touched on `queue` only.
final class SecretWatcher: @unchecked Sendable {
    private struct Watched {
        var path: String
        var setting: String
        var reread: @Sendable () throws -> Void
        /// Nil before the first reading.
        var reading: Reading?
    }

    /// The result of a reading, and the file's stamp.
    private enum Reading: Equatable {
        case taken(Stamp)
        /// Tried again at every check: the file may be valid, and another resource have been
        /// missing.
        case failed(Stamp)
    }

    /// Metadata that changes with the file; all zero if there is no file.
    private struct Stamp: Equatable {
        var inode: UInt64 = 0
        var size: Int64 = 0
        var modifiedSeconds = 0
        var modifiedNanoseconds = 0
    }

    private let queue = DispatchQueue(label: "status-proxy.secrets", qos: .utility)
    private let log: LogWriter
    /// The time between two checks.
    private let interval: DispatchTimeInterval
    private var files: [Watched] = []
    private var timer: (any DispatchSourceTimer)?

    init(log: LogWriter, interval: DispatchTimeInterval = .seconds(5)) {
        self.log = log
        self.interval = interval
    }

    /// `reread` applies the file's new content, or throws and changes nothing. It runs on the
    /// watcher's queue; the first time before this function returns, since the file may have
    /// changed after the settings were read.
    func watch(
        _ path: String, _ setting: String, reread: @escaping @Sendable () throws -> Void
    ) {
        queue.sync {
            files.append(Watched(path: path, setting: setting, reread: reread))
            check(&files[files.count - 1], force: false)
            guard timer == nil else { return }
            let timer = DispatchSource.makeTimerSource(queue: queue)
            timer.setEventHandler { [weak self] in self?.check(force: false) }
            timer.schedule(
                deadline: .now() + interval, repeating: interval, leeway: .seconds(1))
            timer.activate()
            self.timer = timer
        }
    }

    /// Reads all files again, changed or not, and calls back on the watcher's queue.
    func reread(_ done: @escaping @Sendable () -> Void) {
        queue.async {
            self.check(force: true)
            done()
        }
    }

    private func check(force: Bool) {
        for index in files.indices { check(&files[index], force: force) }
    }

    private func check(_ watched: inout Watched, force: Bool) {
        // Taken before the reading, so that the next check detects a change during it.
        let stamp = Self.stamp(watched.path)
        let last = watched.reading
        guard force || last != .taken(stamp) else { return }
        let setting = LogValue.text(watched.setting)
        do {
            try watched.reread()
            watched.reading = .taken(stamp)
            guard last != nil else { return }
            log.log(.info, "secret file read again", ["setting": setting])
        } catch {
            watched.reading = .failed(stamp)
            // Logged once for each state of the file.
            guard force || last != .failed(stamp) else { return }
            log.log(
                .error, "secret file cannot be used; its previous content stays in force",
                ["setting": setting, "error": .text("\(error)")])
        }
    }

    private static func stamp(_ path: String) -> Stamp {
        var status = stat()
        guard stat(path, &status) == 0 else { return Stamp() }
        return Stamp(
            inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modifiedSeconds: status.st_mtim.tv_sec, modifiedNanoseconds: status.st_mtim.tv_nsec)
    }
}
