// The composition root: wires settings, stores, upstreams, tracker and server, and shuts them down.

import Dispatch
import Glibc
import HTTPWire
import Locking
import SocketServer
import StateStores
import StatusAPI
import StatusCore
import UpstreamCurl

/// The whole service, from start to exit.
final class Service: Sendable {
    let settings: Settings
    let log: LogWriter
    let health: Health
    let engine: Engine
    let store: any StateStore
    let server: Server
    let streams: EventStreams
    private let secrets: SecretWatcher
    let lifecycle = DispatchQueue(label: "status-proxy.lifecycle")
    let isStopping = Guarded(false)
    /// Nil without a service manager.
    let supervision: Supervision?

    /// Opens the store and binds the address. `manager` gets the state of the service.
    ///
    /// - Throws: an error whose description is one line for operators.
    init(_ settings: Settings, manager: ServiceManager? = nil) throws {
        self.settings = settings
        let format = settings.logFormat ?? (isatty(STDERR_FILENO) == 1 ? .text : .json)
        let log = LogWriter(level: settings.logLevel, format: format)
        self.log = log
        for warning in settings.warnings {
            log.log(.warning, "settings", ["detail": .text(warning)])
        }
        try settings.checkStore()
        health = Health()
        let loops = ServerConfiguration.processors
        let metrics = Metrics()
        let responses = ResponseCache()
        // Calls and decisions take turns on one thread; neither blocks it.
        let work = DispatchQueue(label: "status-proxy.work")
        let multi = try CurlMulti(target: work)
        // libpq's thread reads the environment, which the line above may have changed.
        store = try Self.openStore(settings, log, metrics, health)
        let secrets = SecretWatcher(log: log)
        self.secrets = secrets
        let clients = settings.sources.map { source in
            CurlUpstreamClient(
                multi: multi, endpoint: source.endpoint, clock: { SystemClock.now() })
        }
        let readers = settings.sources.map(\.reader)
        engine = Engine(
            policy: settings.trackerPolicy, store: store, clients: clients.map { $0 },
            readers: readers, responses: responses,
            observer: Observer(log: log, metrics: metrics, health: health),
            target: work)
        for source in settings.configured {
            guard let client = clients[source], let file = settings.sources[source]?.secretFile
            else { continue }
            secrets.watch(file.path, file.setting) { [engine] in
                let secret = try RawSettings.readSecret(file.path, file.setting)
                try client.updateCredentials(file.credentials(secret))
                engine.credentialReplaced(source)
            }
        }
        let journal = RequestJournal(
            log: log, metrics: metrics, shards: loops, logging: settings.logRequests,
            logsPeer: settings.logsPeer)
        // An answer that needs a key must not be stored in a shared cache.
        let caches = settings.callers == nil ? CacheScope.shared : .private
        streams = EventStreams(engine: engine, journal: journal, caches: caches)
        let callers = settings.callers.map { callers in
            let gate = CallerGate(
                callers.keys, requestsPerSecond: callers.requestsPerSecond,
                heldMax: callers.heldMax, shards: loops)
            Self.watch(callers.keysFile, gate, secrets, metrics)
            return gate
        }
        let configuration = Self.configuration(settings, journal, metrics, log, loops)
        // Host names matter only where neither a key nor the network protects the service.
        let isOpenHere = callers == nil && configuration.isLoopback
        let browsers = BrowserPolicy(hosts: isOpenHere ? settings.httpHosts : nil)
        let limits = APILimits(
            configured: settings.configured, waitMax: settings.waitMax, caches: caches)
        let handler = ProxyHandler(
            engine: engine, responses: responses, limits: limits, health: health, callers: callers,
            browsers: browsers, journal: journal, streams: streams,
            kinds: settings.sources.map(\.kind))
        Self.raiseDescriptorLimit(settings, loops, log)
        server = try Server(configuration, handler: handler)
        supervision = manager.map { [lifecycle, server, engine, health] manager in
            let sources = settings.configured
            let status: @Sendable () -> String = { health.summary(of: sources) }
            return Supervision(manager, queue: lifecycle, status: status) { done in
                engine.whenTurned { server.whenAllHaveTurned(done) }
            }
        }
        let server = server
        journal.watchConnections { server.figures }
    }

    func start() {
        // Read now: later there may be no descriptor for it.
        _ = ProcessFigures.startedAt
        handleSignals()
        server.start()
        let sources = settings.configured.map(\.name).joined(separator: ",")
        log.log(
            .info, "listening",
            [
                "address": .text(server.addresses.map(\.description).joined(separator: " ")),
                "sources": .text(sources),
                "version": .text(ProgramVersion.text),
            ])
        lifecycle.async { self.supervision?.started() }
    }

    /// Replaces keys while the service runs; an invalid file changes nothing.
    private static func watch(
        _ path: String, _ gate: CallerGate, _ secrets: SecretWatcher, _ metrics: Metrics
    ) {
        metrics.record(callerKeysAreGood: true)
        secrets.watch(path, SettingName.callerKeysFile.name) {
            let keys = Result { () throws(SettingFailure) in try CallerKeys(path: path) }
            metrics.record(callerKeysAreGood: (try? keys.get()) != nil)
            gate.replace(try keys.get())
        }
    }

    private static func openStore(
        _ settings: Settings, _ log: LogWriter, _ metrics: Metrics, _ health: Health
    ) throws -> any StateStore {
        switch settings.store {
        case .sqlite(let path):
            do throws(StoreFailure) {
                let store = try SQLiteStore(path: path) { line in
                    log.log(.warning, "store", ["detail": .text(line)])
                }
                health.update(.well)
                return store
            } catch {
                throw SettingFailure(name: settings.storeSetting, problem: error.forOperators)
            }
        case .postgres(let url):
            return PostgresStore(
                url: url,
                report: { log.log(.warning, "store", ["detail": .text($0)]) },
                watch: { condition in
                    health.update(condition)
                    metrics.count(condition)
                },
                watchNotifications: { event in
                    health.update(event)
                    metrics.count(event)
                })
        case .memory:
            log.log(.warning, "STORE_URL is memory: a restart forgets every gate; for tests only")
            health.update(.well)
            return MemoryStore(clock: { SystemClock.now() })
        }
    }

    private static func raiseDescriptorLimit(
        _ settings: Settings, _ loops: Int, _ log: LogWriter
    ) {
        let needed = DescriptorLimit.needed(
            connections: settings.httpMaxConnections, loops: loops)
        let limit = DescriptorLimit.raise(to: needed)
        guard limit < needed else { return }
        log.log(
            .warning, "too few open files are allowed for HTTP_MAX_CONNECTIONS",
            ["limit": .integer(limit), "needed": .integer(needed)])
    }

    private static func configuration(
        _ settings: Settings, _ journal: RequestJournal, _ metrics: Metrics, _ log: LogWriter,
        _ loops: Int
    ) -> ServerConfiguration {
        var configuration = ServerConfiguration(
            host: settings.listenHost, port: settings.listenPort, loops: loops)
        configuration.fileMode = settings.listenMode
        configuration.connectionsMax = settings.httpMaxConnections
        configuration.idleTimeout = settings.httpIdleTimeout
        configuration.headerTimeout = settings.httpHeaderTimeout
        configuration.bodyTimeout = settings.httpHeaderTimeout
        configuration.heartbeat = EventStream.comment
        let then = Instant(nanoseconds: 0)
        configuration.overloadedResponse = ProblemDetails.connectionsRefused(now: then).response(
            now: then)
        configuration.refusal = { status, reason, peer in
            journal.refused(status: status, reason: reason, peer: peer)
            return ProblemDetails.refusal(status: status, reason: reason)
        }
        configuration.cutHandler = { journal.cutOff($0) }
        configuration.connectionRefusedHandler = { metrics.count($0) }
        configuration.exhaustionHandler = { shortage in
            metrics.count(shortage)
            switch shortage {
            case .began(let number):
                log.log(
                    .warning, "no descriptors left for new connections",
                    ["error": .text(String(cString: strerror(number)))])
            case .ended: log.log(.info, "descriptors available for new connections again")
            }
        }
        return configuration
    }

    // MARK: Signals

    private func handleSignals() {
        on(SIGTERM) { self.stop("SIGTERM") }
        on(SIGINT) { self.stop("SIGINT") }
        on(SIGHUP) { self.reload() }
    }

    private func on(_ number: Int32, _ handler: @escaping @Sendable () -> Void) {
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: lifecycle)
        // The source retains itself, and lives as long as the process.
        source.setEventHandler { withExtendedLifetime(source, handler) }
        source.activate()
    }

    private func reload() {
        supervision?.reloading()
        secrets.reread { self.lifecycle.async { self.supervision?.reloaded() } }
    }
}

extension Duration {
    var dispatchInterval: DispatchTimeInterval { .nanoseconds(Int(nanoseconds)) }
}
