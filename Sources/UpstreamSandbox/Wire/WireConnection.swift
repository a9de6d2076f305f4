// One connection: bytes become calls; reactions become bytes, a close or silence.

import Dispatch
import Glibc
import HTTPWire
import StatusCore

/// Touched on its server's queue only, hence `@unchecked Sendable`: its sources and timers run on
/// that queue, and the server calls it from there.
final class WireConnection: @unchecked Sendable {
    private enum Phase {
        /// Reads requests. → reacting, ending, closed
        case open
        /// A reaction is under way or delayed; further input waits. → open, ending, closed
        case reacting
        /// The last byte is sent or about to be; input is dropped. → closed
        case ending
        case closed
    }

    /// The most input before the answer is sent.
    private static let inputBytesMax = 256 * 1024
    /// How long a peer may take to close after the last byte.
    private static let lingerSpan = DispatchTimeInterval.seconds(2)

    private let socket: Socket
    private let queue: DispatchQueue
    private let answer: @Sendable (Call) -> Reaction
    private var reading: (any DispatchSourceRead)?
    private var writing: (any DispatchSourceWrite)?
    private var whenClosed: () -> Void = {}

    private var phase = Phase.open
    private var machine = ConnectionMachine()
    private var head = RequestHead()
    private let parser = RequestParser()
    private var writer = ResponseWriter()
    private var input: [UInt8] = []
    private var body: [UInt8] = []
    private var unsent: ArraySlice<UInt8> = []
    /// What to do after the last unsent byte.
    private var afterSend = AfterSend.goOn
    private var callCount = 0
    private var keepsAlive = true

    private enum AfterSend {
        case goOn
        case end
        case stay
    }

    init(_ socket: Socket, _ queue: DispatchQueue, _ answer: @escaping @Sendable (Call) -> Reaction)
    {
        self.socket = socket
        self.queue = queue
        self.answer = answer
    }

    func start(whenClosed: @escaping () -> Void) {
        self.whenClosed = whenClosed
        let socket = socket
        let source = DispatchSource.makeReadSource(fileDescriptor: socket.number, queue: queue)
        source.setEventHandler { [weak self] in self?.readable() }
        source.setCancelHandler { _ = socket }
        source.activate()
        reading = source
    }

    /// Closes at once.
    func drop() {
        guard phase != .closed else { return }
        phase = .closed
        reading?.cancel()
        writing?.cancel()
        reading = nil
        writing = nil
        whenClosed()
    }

    // MARK: Reading

    private func readable() {
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        let count = recv(socket.number, &chunk, chunk.count, 0)
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        // A client of an API does not end its sending before it has its answer: it has gone.
        guard count > 0, phase != .closed else { return drop() }
        guard phase != .ending else { return }
        input += chunk[..<count]
        guard input.count <= Self.inputBytesMax else { return drop() }
        advance(arrived: Clocks.now())
    }

    /// Performs the machine's steps for all bytes.
    private func advance(arrived: Instant) {
        guard phase == .open else { return }
        let bytes = input
        steps: while phase == .open {
            switch machine.advance(bytes.span, parser, &head) {
            case .needMore, .wait: break steps
            case .sendContinue: sendContinue()
            case .content(let range): body += bytes[range]
            case .deliver: deliver(bytes, arrived)
            case .refuse(let refusal): refuse(refusal)
            }
        }
        guard phase != .closed else { return }
        let (head, rest) = machine.keep(bytes.count)
        input = Array(bytes[head]) + bytes[rest]
    }

    private func sendContinue() {
        writer.writeContinue()
        unsent += writer.output
        writer.clear(keepingAtMost: 0)
        send()
    }

    private func deliver(_ bytes: [UInt8], _ arrived: Instant) {
        callCount += 1
        let call = Call(
            head, bytes: bytes.span, body: body, arrived: arrived, numberOnConnection: callCount)
        body = []
        keepsAlive = head.keepAlive
        writer.prepare(
            AnswerShape(
                isHead: head.method == .head, version: head.version, keepAlive: keepsAlive))
        phase = .reacting
        let reaction = answer(call)
        guard reaction.delay > .zero else { return perform(reaction.deed) }
        let due = DispatchTime.now() + .nanoseconds(Int(reaction.delay.nanoseconds))
        queue.asyncAfter(deadline: due) { [weak self] in
            guard let self, self.phase == .reacting else { return }
            self.perform(reaction.deed)
        }
    }

    private func refuse(_ refusal: Refusal) {
        phase = .reacting
        writer.prepare(AnswerShape(isHead: false, version: .http11, keepAlive: false))
        keepsAlive = false
        perform(.answer(.json(refusal.status, #"{"message":"Bad request"}"#)))
    }

    // MARK: Reacting

    private func perform(_ deed: Reaction.Deed) {
        switch deed {
        case .answer(let response):
            write(response, without: 0)
            afterSend = keepsAlive ? .goOn : .end
            send()
        case .half(let response):
            write(response, without: (response.body.count + 1) / 2)
            afterSend = .end
            send()
        case .stall(let response):
            write(response, without: (response.body.count + 1) / 2)
            afterSend = .stay
            send()
        case .hang:
            break
        case .reset:
            socket.resetWhenClosed()
            drop()
        case .close:
            drop()
        }
    }

    /// Writes the answer without its last bytes.
    private func write(_ response: Response, without bytesCut: Int) {
        writer.setDate(secondsSince1970: Int(Clocks.wall().milliseconds / 1000))
        writer.write(response)
        unsent += writer.output.dropLast(bytesCut)
        writer.clear(keepingAtMost: 0)
    }

    /// Sends what the socket accepts; the rest when it accepts more.
    private func send() {
        while !unsent.isEmpty {
            let count = unsent.withUnsafeBytes {
                Glibc.send(socket.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                unsent = unsent.dropFirst(count)
            } else if errno == EAGAIN {
                return watchForRoom()
            } else if errno != EINTR {
                return drop()
            }
        }
        unsent = []
        writing?.cancel()
        writing = nil
        if phase == .reacting { sent() }
    }

    private func watchForRoom() {
        guard writing == nil else { return }
        let socket = socket
        let source = DispatchSource.makeWriteSource(fileDescriptor: socket.number, queue: queue)
        source.setEventHandler { [weak self] in self?.send() }
        source.setCancelHandler { _ = socket }
        source.activate()
        writing = source
    }

    private func sent() {
        switch afterSend {
        case .goOn:
            machine.answered()
            phase = .open
            let arrived = Clocks.now()
            // Not inside `advance`, which may be running; so in the next turn.
            queue.async { [weak self] in self?.advance(arrived: arrived) }
        case .end:
            phase = .ending
            shutdown(socket.number, Int32(SHUT_WR))
            queue.asyncAfter(deadline: .now() + Self.lingerSpan) { [weak self] in self?.drop() }
        case .stay:
            break
        }
    }
}
