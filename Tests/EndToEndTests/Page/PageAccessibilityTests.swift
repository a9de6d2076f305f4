// The page as a screen reader gets it, in a real browser.

import TestSupport
import Testing

@Suite(.blocking, .serialized, .timeLimit(.minutes(10)))
struct PageAccessibilityTests {
    @Test func accessibilityTreeHasRolesNamesAndLiveRegions() async throws {
        let world = try await World()
        let page = try await BrowserPage.following(
            world, DemoID.failedImport, DemoID.pendingVoucher, DemoID.pendingOrder)
        let nodes = try page.accessibilityNodes()
        func names(_ role: String) -> [String] { nodes.filter { $0.role == role }.map(\.name) }
        expectEqual(names("RootWebArea"), ["status-proxy"])
        #expect(names("banner").count == 1 && names("main").count == 1)
        expectEqual(names("region"), ["Sources", "Actions"])
        let ids = [DemoID.failedImport, DemoID.pendingVoucher, DemoID.pendingOrder]
        expectEqual(names("article"), ["orders", "vouchers"] + ids)
        expectEqual(names("textbox"), ["Action ids, separated by blanks", "Caller key"])
        expectEqual(names("combobox"), ["Source"])
        expectEqual(names("button"), ["Follow"] + ids.map { "Stop following \($0)" })
        expectEqual(names("progressbar"), ["42 percent", "progress is not known"])
        #expect(names("meter").count == 3 && names("image").count == 2)
        for node in nodes
        where ["button", "textbox", "combobox", "meter", "progressbar", "image", "article"]
            .contains(node.role)
        {
            #expect(!node.name.isEmpty, "\(node)")
        }
        let polite = nodes.filter { $0.live == "polite" }.map(\.role)
        expectEqual(polite.sorted(), ["log", "status", "status"])
        expectEqual(nodes.filter { $0.live == "assertive" }.map(\.role), ["alert"])
    }

    @Test func liveRegionsChangeOnlyWithTheirContent() async throws {
        let world = try await World()
        let page = try await BrowserPage.following(world, DemoID.finishedVoucher)
        _ = try page.value(
            """
            window.said = [];
            for (const region of document.querySelectorAll("[role=status], [role=log], [role=alert]"))
                new MutationObserver(() => said.push(region.textContent)).observe(
                    region, { childList: true, characterData: true, subtree: true });
            0
            """)
        for _ in 0..<2 { try await page.awaitRedraw() }
        try expectEqual(page.texts("said"), [])
        try world.setFault("orders", #"{"kind":"status","status":429,"retry_after":60}"#)
        _ = try world.get("/actions/\(DemoID.pendingOrder)?source=orders")
        try await eventually("the pause") {
            try page.texts("said").contains { $0.hasSuffix(" orders: Paused") }
        }
        for _ in 0..<2 { try await page.awaitRedraw() }
        try expectEqual(page.texts("said").count, 1)
    }
}
