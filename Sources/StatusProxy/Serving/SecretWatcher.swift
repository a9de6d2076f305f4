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
        var setting: SettingName
        var reread: @Sendable () throws -> Void
        var stamp: Stamp?
    }

    /// What changes when a file does.
    private struct Stamp: Equatable {
        var inode: UInt64
        var size: Int64
        var modifiedSeconds: Int
        var modifiedNanoseconds: Int
    }

    private static let interval = DispatchTimeInterval.seconds(5)

    private let queue = DispatchQueue(label: "status-proxy.secrets", qos: .utility)
    private let log: LogWriter
    private var files: [Watched] = []
    private var timer: (any DispatchSourceTimer)?

    init(log: LogWriter) { self.log = log }

    /// `reread` takes over what the file holds now, or throws and leaves everything as it is. It runs
    /// on the watcher's queue.
    func watch(
        _ path: String, _ setting: SettingName, reread: @escaping @Sendable () throws -> Void
    ) {
        queue.sync {
            files.append(
                Watched(path: path, setting: setting, reread: reread, stamp: Self.stamp(path)))
            guard timer == nil else { return }
            let timer = DispatchSource.makeTimerSource(queue: queue)
            timer.setEventHandler { [weak self] in self?.look(force: false) }
            timer.schedule(
                deadline: .now() + Self.interval, repeating: Self.interval, leeway: .seconds(1))
            timer.activate()
            self.timer = timer
        }
    }

    /// Reads all files again, changed or not.
    func reread() {
        queue.async { self.look(force: true) }
    }

    private func look(force: Bool) {
        for index in files.indices {
            let stamp = Self.stamp(files[index].path)
            guard force || stamp != files[index].stamp else { continue }
            files[index].stamp = stamp
            reread(files[index])
        }
    }

    private func reread(_ watched: Watched) {
        let setting = LogValue.text(watched.setting.rawValue)
        do {
            try watched.reread()
            log.log(.info, "secret file read again", ["setting": setting])
        } catch {
            log.log(
                .error, "secret file cannot be used; what it held before stays",
                ["setting": setting, "error": .text("\(error)")])
        }
    }

    private static func stamp(_ path: String) -> Stamp? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Stamp(
            inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modifiedSeconds: status.st_mtim.tv_sec, modifiedNanoseconds: status.st_mtim.tv_nsec)
    }
}
