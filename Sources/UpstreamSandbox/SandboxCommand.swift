// The command line: flags come in, a running sandbox goes out, until a signal ends it.

import ArgumentParser
import Dispatch
import Glibc
import SocketServer
import StatusCore

@main
struct SandboxCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upstream-sandbox",
        abstract: "Simulates the upstream APIs on one port, for trying out and for tests.",
        discussion: """
            ORDERS
              GET /api/v2/orders/actions/{id}, also without /api
                Authorization: Bearer sandbox-token, or a token from
              POST /oauth/token, a form with grant_type=client_credentials,
                client_id=sandbox-client and client_secret=sandbox-secret

            VOUCHERS
              GET /v1/async-actions/{id}
                X-App-Id: sandbox-app and X-App-Token: sandbox-app-token, or
                Authorization: Bearer with a token from
              POST /v1/oauth/token, a form with grant_type=client_credentials

            CONVERSATIONS
              GET /conversations/actions/{id}, with the credentials of orders

            JOBS
              GET /v1/jobs/{id}
                Authorization: Bearer sandbox-token, or X-Api-Key: sandbox-token

            FURTHER ACCOUNTS
              All of this is also served below /accounts/1 to /accounts/99: each account
              has its own ids, limits, faults and audit.

            THE SANDBOX ITSELF
              GET /sandbox/audit            calls, smallest gaps, busiest minute
              GET /sandbox/audit/calls?id=  each arrival
              DELETE /sandbox/audit         restarts the counts
              GET /sandbox/ids              the ids below
              DELETE /sandbox/stories       resets all ids to their first look-up
              GET, DELETE /sandbox/faults   lists or ends all faults
              PUT /sandbox/faults/orders    also vouchers, conversations, jobs, token:
                {"kind":"status","status":429,"retry_after":30}
                {"kind":"delay","milliseconds":7000}, alternate-delay likewise
                {"kind":"reset"}, hang, close, half, html, close-reused,
                reset-reused, none

            IDS
            \(IDList.text())
            """)

    @Option(help: "The IPv4 address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port; 0: any free port.")
    var port = 9090

    @Option(help: "How long a moving action takes until it is done.")
    var pending = SpanOfTime(.seconds(90))

    @Option(help: "How long a slow answer takes.")
    var slow = SpanOfTime(.seconds(5))

    @Option(help: "The lifetime of a token of the orders upstream.")
    var tokenLife = SpanOfTime(.seconds(3599))

    @Option(help: "The vouchers upstream's limit of calls in any 60 s; 0: none.")
    var callsPerMinute = 100

    func validate() throws {
        guard (0...65_535).contains(port) else {
            throw ValidationError("--port must be from 0 to 65535")
        }
        guard (0...1_000_000).contains(callsPerMinute) else {
            throw ValidationError("--calls-per-minute must be from 0 to 1000000")
        }
    }

    func run() throws {
        let ending = Self.untilSignal()
        var settings = Settings()
        settings.pending = pending.duration
        settings.slow = slow.duration
        settings.ordersTokenLife = tokenLife.duration
        settings.callsPerMinute = callsPerMinute
        let sandbox = Sandbox(settings, now: Clocks.now(), wall: Clocks.wall())
        let server = try WireServer(host: host, port: port) {
            sandbox.reaction(to: $0, wall: Clocks.wall())
        }
        server.start()
        print("upstream-sandbox: ready at \(server.address)")
        fflush(nil)
        ending.wait()
        server.stop()
    }

    /// A semaphore that SIGTERM and SIGINT raise.
    private static func untilSignal() -> Ending {
        Ending([SIGTERM, SIGINT])
    }
}

/// Waits for a signal to end the process.
private final class Ending {
    private let semaphore = DispatchSemaphore(value: 0)
    private var sources: [any DispatchSourceSignal] = []

    init(_ signals: [Int32]) {
        let semaphore = semaphore
        for number in signals {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { semaphore.signal() }
            source.activate()
            sources.append(source)
        }
    }

    func wait() { semaphore.wait() }
}
