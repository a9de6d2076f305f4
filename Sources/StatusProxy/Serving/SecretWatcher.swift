// Re-reads secret files when they change, and on SIGHUP.

import Dispatch
import Glibc
import StatusCore
import UpstreamCurl

/// Watches the files that secrets were read from.
///
/// `@unchecked Sendable`: `files` is touched on `queue` only.
final class SecretWatcher: @unchecked Sendable {
    private struct Watched {
        var file: UpstreamSettings.SecretFile
        var client: CurlUpstreamClient
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

    func watch(_ file: UpstreamSettings.SecretFile, for client: CurlUpstreamClient) {
        queue.sync {
            files.append(Watched(file: file, client: client, stamp: Self.stamp(file.path)))
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
            let stamp = Self.stamp(files[index].file.path)
            guard force || stamp != files[index].stamp else { continue }
            files[index].stamp = stamp
            reread(files[index])
        }
    }

    /// A file that cannot be used leaves the credentials as they are.
    private func reread(_ watched: Watched) {
        let setting = watched.file.setting
        do {
            let secret = try RawSettings.readSecret(watched.file.path, setting)
            try watched.client.updateCredentials(watched.file.credentials(secret))
            log.log(.info, "secret file read again", ["setting": .text(setting.rawValue)])
        } catch {
            log.log(
                .error, "secret file cannot be used; the old secret stays",
                ["setting": .text(setting.rawValue), "error": .text("\(error)")])
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
