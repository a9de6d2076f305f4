// Actions of a person on the service's page, in a real browser.

import StatusCore
import TestSupport
import Testing

extension BrowserPage {
    /// Opens the page and waits until it is connected and shows a state or a problem of each action.
    static func following(
        _ world: World, _ ids: String..., connection: String = "Connected"
    ) async throws -> BrowserPage {
        let page = try BrowserPage()
        try page.open("http://127.0.0.1:\(world.port)/#\(ids.joined(separator: ","))")
        try await eventually("the page") {
            try page.holds(
                """
                document.getElementById("connection")?.textContent === "\(connection)" &&
                [...document.querySelectorAll("#actions .badge")]
                    .filter(badge => badge.textContent !== "Waiting").length === \(ids.count)
                """)
        }
        return page
    }

    func expectConnection(_ words: String) async throws {
        try await eventually(words) {
            try text(#"document.getElementById("connection").textContent"#) == words
        }
    }

    /// Waits until the sources' cards are redrawn, which happens every two seconds.
    func awaitRedraw() async throws {
        let first = "document.querySelector('#sources article').firstChild"
        _ = try value("\(first).isOld = true")
        try await eventually("a redraw") { try holds("!\(first).isOld") }
    }

    /// Names an element by its card and its own name.
    static let label = """
        (element => [element.closest("article")?.querySelector("h3").textContent,
            element.dataset.name || element.name || element.textContent].filter(Boolean).join(" "))
        """
    static let focused = "\(label)(document.activeElement)"

    func tab(to name: String) async throws {
        for _ in 0..<50 {
            try press("Tab")
            if try text(Self.focused) == name { return }
        }
        Issue.record("Tab never reaches \(name)")
    }
}
