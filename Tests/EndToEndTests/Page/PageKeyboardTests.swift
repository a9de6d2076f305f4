// The page by keyboard alone, in a real browser.

import TestSupport
import Testing

@Suite(.blocking, .serialized, .timeLimit(.minutes(10)))
struct PageKeyboardTests {
    @Test func tabReachesEveryControlInPageOrderWithVisibleFocus() async throws {
        let world = try await World()
        let page = try await BrowserPage.following(
            world, DemoID.failedImport, DemoID.pendingVoucher)
        let controls = try page.texts(
            """
            [...document.querySelectorAll("a[href], input, select, button, summary")]
                .filter(control => control.checkVisibility()).map(\(BrowserPage.label))
            """)
        #expect(
            controls.contains("id") && controls.contains("\(DemoID.failedImport) errors-summary"))
        var reached: [String] = []
        for _ in controls {
            try page.press("Tab")
            reached.append(try page.text(BrowserPage.focused))
            let outline = try page.texts(
                """
                (({ outlineStyle, outlineWidth }) => [outlineStyle, outlineWidth])(
                    getComputedStyle(document.activeElement))
                """)
            expectEqual(outline, ["solid", "3px"], "\(reached)")
        }
        expectEqual(reached, controls)
        try page.press("Tab")
        #expect(try page.holds("document.activeElement === document.body"))
        try page.press("Tab", shift: true)
        try expectEqual(page.text(BrowserPage.focused), controls.last)
    }

    @Test func enterAndSpaceActivateControlsAndFocusIsKept() async throws {
        let world = try await World()
        let page = try await BrowserPage.following(world, DemoID.failedImport)
        try await page.tab(to: "id")
        try page.type(DemoID.finishedVoucher)
        try page.press("Enter")
        try await eventually("the second card") {
            try page.holds("document.querySelectorAll('#actions article').length === 2")
        }
        try expectEqual(page.text(BrowserPage.focused), "id")
        try expectEqual(
            page.text("location.hash"), "#\(DemoID.failedImport),\(DemoID.finishedVoucher)")

        try await page.tab(to: "\(DemoID.failedImport) why-summary")
        try page.press("Space")
        try await page.tab(to: "\(DemoID.failedImport) explain")
        try page.press("Enter")
        try await eventually("the explanation") {
            try page.holds(
                """
                document.querySelector("[data-name=why]").textContent.includes("FAILED, as orders")
                """)
        }
        try expectEqual(page.text(BrowserPage.focused), "\(DemoID.failedImport) explain")

        // A card that goes passes its focus on.
        try await page.tab(to: "\(DemoID.failedImport) leave")
        try page.press("Space")
        try expectEqual(page.text(BrowserPage.focused), "\(DemoID.finishedVoucher) leave")
        try page.press("Enter")
        try expectEqual(page.text(BrowserPage.focused), "id")
        try expectEqual(page.text("location.hash"), "")
    }

    @Test func redrawnCardKeepsFocusAndOpenDetails() async throws {
        let world = try await World()
        try expectEqual(world.get("/actions/\(DemoID.pendingOrder)?source=orders").status, 200)
        let page = try await BrowserPage.following(world, DemoID.finishedVoucher)
        try await page.tab(to: "orders recent-summary")
        try page.press("Enter")
        try await page.awaitRedraw()
        try expectEqual(page.text(BrowserPage.focused), "orders recent-summary")
        #expect(try page.holds("document.activeElement.parentElement.open"))
    }
}
