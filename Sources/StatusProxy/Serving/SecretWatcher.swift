// Re-reads secret files when they change, and on SIGHUP.

import Dispatch
import Glibc
import StatusCore

/// Watches the files that secrets were read from: those for upstreams, and callers' keys.
///
/// `@unchecked Sendable`: `files` is touched on `queue` only.
final class SecretWatcher: @unchecked Sendable {
    private struct Watched {
        var path: String
        var setting: String
        var reread: @Sendable () throws -> Void
        /// Nil before the first.
        var reading: Reading?
    }

    /// What came of a reading, and of which file.
    private enum Reading: Equatable {
        case taken(Stamp)
        /// Tried again at every look: the file may be well, and something else have lacked.
        case failed(Stamp)
    }

    /// What changes when a file does; all zero when there is none.
    private struct Stamp: Equatable {
        var inode: UInt64 = 0
        var size: Int64 = 0
        var modifiedSeconds = 0
        var modifiedNanoseconds = 0
    }

    private let queue = DispatchQueue(label: "status-proxy.secrets", qos: .utility)
    private let log: LogWriter
    /// Between two looks.
    private let interval: DispatchTimeInterval
    private var files: [Watched] = []
    private var timer: (any DispatchSourceTimer)?

    init(log: LogWriter, interval: DispatchTimeInterval = .seconds(5)) {
        self.log = log
        self.interval = interval
    }

    /// `reread` takes over what the file holds now, or throws and leaves everything as it is. It runs
    /// on the watcher's queue; the first time before this returns, since the file may have changed
    /// after the settings were read.
    func watch(
        _ path: String, _ setting: String, reread: @escaping @Sendable () throws -> Void
    ) {
        queue.sync {
            files.append(Watched(path: path, setting: setting, reread: reread))
            look(at: &files[files.count - 1], force: false)
            guard timer == nil else { return }
            let timer = DispatchSource.makeTimerSource(queue: queue)
            timer.setEventHandler { [weak self] in self?.look(force: false) }
            timer.schedule(
                deadline: .now() + interval, repeating: interval, leeway: .seconds(1))
            timer.activate()
            self.timer = timer
        }
    }

    /// Reads all files again, changed or not, and calls back on the watcher's queue.
    func reread(_ done: @escaping @Sendable () -> Void) {
        queue.async {
            self.look(force: true)
            done()
        }
    }

    private func look(force: Bool) {
        for index in files.indices { look(at: &files[index], force: force) }
    }

    private func look(at watched: inout Watched, force: Bool) {
        // Before the reading: what is written during it shows at the next look.
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
            // Once for each state of the file.
            guard force || last != .failed(stamp) else { return }
            log.log(
                .error, "secret file cannot be used; what it held before stays",
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
