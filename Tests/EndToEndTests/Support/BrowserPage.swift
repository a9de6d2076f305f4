// A page in a real browser, driven by commands of the DevTools protocol.

import Foundation
import Glibc
import StatusCore
import TestSupport

/// One page in its own Chromium process. Messages are JSON, each followed by NUL, on two named pipes.
final class BrowserPage {
    private let folder: TemporaryFolder
    private let program: Program
    private let commands: Int32
    private let replies: Int32
    private var arrived: [UInt8] = []
    private var lastNumber = 0
    private var session: String?
    /// The protocol's events so far.
    private(set) var events: [JSONValue] = []

    init() throws {
        folder = try TemporaryFolder()
        let pipes = try ["commands", "replies"].map { [folder] (name: String) -> Int32 in
            let path = folder.url.appendingPathComponent(name).path
            // Opened for both directions, so that neither process blocks on the other.
            guard mkfifo(path, 0o600) == 0 else { throw Self.failure("mkfifo: \(errno)") }
            return Glibc.open(path, O_RDWR | O_CLOEXEC)
        }
        (commands, replies) = (pipes[0], pipes[1])
        program = try Program(
            "/bin/sh",
            ["-c", #"exec "$0" "$@" 3<commands 4>replies"#, Prerequisite.program("chromium")]
                + Browser.flags(folder) + ["--remote-debugging-pipe", "about:blank"],
            environment: ["HOME": folder.url.path], directory: folder.url)
        let targets = try call("Target.getTargets")["targetInfos"]?.array ?? []
        let page = targets.first { $0["type"]?.string == "page" }
        let attached = try call(
            "Target.attachToTarget",
            ["targetId": page?["targetId"]?.string ?? "", "flatten": true])
        session = attached["sessionId"]?.string
        for domain in ["Page", "Runtime", "Network", "Log", "Accessibility"] {
            try call("\(domain).enable")
        }
    }

    /// A browser that exits writes into its folder until the end.
    deinit {
        session = nil
        if (try? send("Browser.close")) == nil || !eventually({ !program.isRunning }) {
            program.signal(SIGKILL)
        }
        close(commands)
        close(replies)
    }

    private static func failure(_ text: String) -> Program.Failure {
        Program.Failure(description: text)
    }

    // MARK: Protocol

    @discardableResult
    func call(_ method: String, _ parameters: [String: Any] = [:]) throws -> JSONValue {
        try send(method, parameters)
        while true {
            let reply = try receive()
            guard reply["id"]?.integer == Int64(lastNumber) else {
                events.append(reply)
                continue
            }
            guard let result = reply["result"] else { throw Self.failure("\(method): \(reply)") }
            return result
        }
    }

    private func send(_ method: String, _ parameters: [String: Any] = [:]) throws {
        lastNumber += 1
        var message: [String: Any] = ["id": lastNumber, "method": method, "params": parameters]
        message["sessionId"] = session
        let bytes = Array(try JSONSerialization.data(withJSONObject: message)) + [0]
        guard write(commands, bytes, bytes.count) == bytes.count else {
            throw Self.failure("\(method) is not written: \(errno)")
        }
    }

    private func receive() throws -> JSONValue {
        while true {
            if let end = arrived.firstIndex(of: 0) {
                defer { arrived.removeSubrange(...end) }
                return try JSONReader.read(Array(arrived[..<end]))
            }
            var waiting = pollfd(fd: replies, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, 60_000) == 1 else {
                throw Self.failure("the browser says nothing:\n\(program.text)")
            }
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = read(replies, &buffer, buffer.count)
            arrived += buffer[..<max(0, count)]
        }
    }

    // MARK: Input

    func open(_ address: String) throws { try call("Page.navigate", ["url": address]) }

    /// A key by its name, like `Tab`.
    func press(_ key: String, shift: Bool = false) throws {
        let (code, text) =
            switch key {
            case "Enter": (13, "\r")
            case "Space": (32, " ")
            default: (9, "")
            }
        let event: [String: Any] = [
            "key": key == "Space" ? " " : key, "code": key, "windowsVirtualKeyCode": code,
            "modifiers": shift ? 8 : 0, "text": text,
        ]
        for type in [text.isEmpty ? "rawKeyDown" : "keyDown", "keyUp"] {
            try call("Input.dispatchKeyEvent", event.merging(["type": type]) { $1 })
        }
    }

    func type(_ text: String) throws { try call("Input.insertText", ["text": text]) }

    /// `light` or `dark`.
    func prefer(_ scheme: String) throws {
        let feature = ["name": "prefers-color-scheme", "value": scheme]
        try call("Emulation.setEmulatedMedia", ["features": [feature]])
    }

    func resize(width: Int, height: Int) throws {
        try call(
            "Emulation.setDeviceMetricsOverride",
            ["width": width, "height": height, "deviceScaleFactor": 1, "mobile": true])
    }

    func goOffline(_ isOffline: Bool) throws {
        try call(
            "Network.emulateNetworkConditions",
            ["offline": isOffline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1])
    }

    // MARK: Results

    /// The value of a JavaScript expression, awaited if it is a promise.
    func value(_ expression: String) throws -> JSONValue? {
        let reply = try call(
            "Runtime.evaluate",
            ["expression": expression, "returnByValue": true, "awaitPromise": true])
        if let details = reply["exceptionDetails"] { throw Self.failure("\(details)") }
        return reply["result"]?["value"]
    }

    func holds(_ expression: String) throws -> Bool { try value(expression) == .bool(true) }

    func text(_ expression: String) throws -> String { try value(expression)?.string ?? "" }

    func texts(_ expression: String) throws -> [String] {
        try value(expression)?.array?.compactMap(\.string) ?? []
    }

    /// The accessibility tree without ignored nodes.
    func accessibilityNodes() throws -> [AccessibilityNode] {
        let nodes = try call("Accessibility.getFullAXTree")["nodes"]?.array ?? []
        return nodes.filter { $0["ignored"] != .bool(true) }.map(AccessibilityNode.init)
    }
}

/// A node of the accessibility tree.
struct AccessibilityNode {
    var role: String
    var name: String
    /// `polite` or `assertive`: screen readers announce its changes.
    var live: String?

    init(_ json: JSONValue) {
        role = json["role"]?["value"]?.string ?? ""
        name = json["name"]?["value"]?.string ?? ""
        let property = json["properties"]?.array?.first { $0["name"]?.string == "live" }
        live = property?["value"]?["value"]?.string
    }
}
