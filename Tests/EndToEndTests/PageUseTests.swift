// The page in a real browser: keyboard, screen reader, contrast, phone width, lost connections, caller keys
// and its content security policy.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .serialized, .timeLimit(.minutes(10)))
struct PageUseTests {
    private static let failed = "00000000-0000-4000-8000-000000001200"
    private static let finished = "aa_000000000000000200"

    /// Opens the page and waits until it is connected and shows a state or a problem of each action.
    private func open(
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

    private func expectConnection(_ words: String, _ page: BrowserPage) async throws {
        try await eventually(words) {
            try page.text(#"document.getElementById("connection").textContent"#) == words
        }
    }

    /// Waits until the sources' cards are redrawn, which happens every two seconds.
    private func awaitRedraw(_ page: BrowserPage) async throws {
        let first = "document.querySelector('#sources article').firstChild"
        _ = try page.value("\(first).isOld = true")
        try await eventually("a redraw") { try page.holds("!\(first).isOld") }
    }

    // MARK: Keyboard

    /// Names an element by its card and its own name.
    private static let label = """
        (element => [element.closest("article")?.querySelector("h3").textContent,
            element.dataset.name || element.name || element.textContent].filter(Boolean).join(" "))
        """
    private static let focused = "\(label)(document.activeElement)"

    private func tab(_ page: BrowserPage, to name: String) async throws {
        for _ in 0..<50 {
            try page.press("Tab")
            if try page.text(Self.focused) == name { return }
        }
        Issue.record("Tab never reaches \(name)")
    }

    @Test func tabReachesEveryControlInPageOrderWithVisibleFocus() async throws {
        let world = try await World()
        let page = try await open(world, Self.failed, DemoID.pendingVoucher)
        let controls = try page.texts(
            """
            [...document.querySelectorAll("a[href], input, select, button, summary")]
                .filter(control => control.checkVisibility()).map(\(Self.label))
            """)
        #expect(controls.contains("id") && controls.contains("\(Self.failed) errors-summary"))
        var reached: [String] = []
        for _ in controls {
            try page.press("Tab")
            reached.append(try page.text(Self.focused))
            let outline = try page.texts(
                """
                (({ outlineStyle, outlineWidth }) => [outlineStyle, outlineWidth])(
                    getComputedStyle(document.activeElement))
                """)
            #expect(outline == ["solid", "3px"], "\(reached)")
        }
        #expect(reached == controls)
        try page.press("Tab")
        #expect(try page.holds("document.activeElement === document.body"))
        try page.press("Tab", shift: true)
        #expect(try page.text(Self.focused) == controls.last)
    }

    @Test func enterAndSpaceActivateControlsAndFocusIsKept() async throws {
        let world = try await World()
        let page = try await open(world, Self.failed)
        try await tab(page, to: "id")
        try page.type(Self.finished)
        try page.press("Enter")
        try await eventually("the second card") {
            try page.holds("document.querySelectorAll('#actions article').length === 2")
        }
        #expect(try page.text(Self.focused) == "id")
        #expect(try page.text("location.hash") == "#\(Self.failed),\(Self.finished)")

        try await tab(page, to: "\(Self.failed) why-summary")
        try page.press("Space")
        try await tab(page, to: "\(Self.failed) explain")
        try page.press("Enter")
        try await eventually("the explanation") {
            try page.holds(
                """
                document.querySelector("[data-name=why]").textContent.includes("FAILED, as orders")
                """)
        }
        #expect(try page.text(Self.focused) == "\(Self.failed) explain")

        // A card that goes passes its focus on.
        try await tab(page, to: "\(Self.failed) leave")
        try page.press("Space")
        #expect(try page.text(Self.focused) == "\(Self.finished) leave")
        try page.press("Enter")
        #expect(try page.text(Self.focused) == "id")
        #expect(try page.text("location.hash") == "")
    }

    @Test func redrawnCardKeepsFocusAndOpenDetails() async throws {
        let world = try await World()
        #expect(try world.get("/actions/\(DemoID.pendingOrder)?source=orders").status == 200)
        let page = try await open(world, Self.finished)
        try await tab(page, to: "orders recent-summary")
        try page.press("Enter")
        try await awaitRedraw(page)
        #expect(try page.text(Self.focused) == "orders recent-summary")
        #expect(try page.holds("document.activeElement.parentElement.open"))
    }

    // MARK: Screen reader

    @Test func accessibilityTreeHasRolesNamesAndLiveRegions() async throws {
        let world = try await World()
        let page = try await open(world, Self.failed, DemoID.pendingVoucher, DemoID.pendingOrder)
        let nodes = try page.accessibilityNodes()
        func names(_ role: String) -> [String] { nodes.filter { $0.role == role }.map(\.name) }
        #expect(names("RootWebArea") == ["status-proxy"])
        #expect(names("banner").count == 1 && names("main").count == 1)
        #expect(names("region") == ["Sources", "Actions"])
        let ids = [Self.failed, DemoID.pendingVoucher, DemoID.pendingOrder]
        #expect(names("article") == ["orders", "vouchers"] + ids)
        #expect(names("textbox") == ["Action ids, separated by blanks", "Caller key"])
        #expect(names("combobox") == ["Source"])
        #expect(names("button") == ["Follow"] + ids.map { "Stop following \($0)" })
        #expect(names("progressbar") == ["42 percent", "progress is not known"])
        #expect(names("meter").count == 3 && names("image").count == 2)
        for node in nodes
        where ["button", "textbox", "combobox", "meter", "progressbar", "image", "article"]
            .contains(node.role)
        {
            #expect(!node.name.isEmpty, "\(node)")
        }
        let polite = nodes.filter { $0.live == "polite" }.map(\.role)
        #expect(polite.sorted() == ["log", "status", "status"])
        #expect(nodes.filter { $0.live == "assertive" }.map(\.role) == ["alert"])
    }

    @Test func liveRegionsChangeOnlyWithNews() async throws {
        let world = try await World()
        let page = try await open(world, Self.finished)
        _ = try page.value(
            """
            window.said = [];
            for (const region of document.querySelectorAll("[role=status], [role=log], [role=alert]"))
                new MutationObserver(() => said.push(region.textContent)).observe(
                    region, { childList: true, characterData: true, subtree: true });
            0
            """)
        for _ in 0..<2 { try await awaitRedraw(page) }
        #expect(try page.texts("said") == [])
        try world.setFault("orders", #"{"kind":"status","status":429,"retry_after":60}"#)
        _ = try world.get("/actions/\(DemoID.pendingOrder)?source=orders")
        try await eventually("the pause") {
            try page.texts("said").contains { $0.hasSuffix(" orders: Paused") }
        }
        for _ in 0..<2 { try await awaitRedraw(page) }
        #expect(try page.texts("said").count == 1)
    }

    // MARK: Contrast and width

    /// Texts whose contrast with their background is under WCAG 2.2, 1.4.3 (AA): 4.5, or 3 for large text.
    private static let faintTexts = """
        (() => {
          const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
          const paint = canvas.getContext("2d", { willReadFrequently: true });
          const channels = color => {
            paint.clearRect(0, 0, 1, 1);
            paint.fillStyle = color;
            paint.fillRect(0, 0, 1, 1);
            const [red, green, blue, alpha] = paint.getImageData(0, 0, 1, 1).data;
            return { color: [red, green, blue], alpha: alpha / 255 };
          };
          const over = (top, below) =>
            top.color.map((value, index) => value * top.alpha + below[index] * (1 - top.alpha));
          const behind = element => element ? over(
            channels(getComputedStyle(element).backgroundColor), behind(element.parentElement))
            : channels("Canvas").color;
          const luminance = color => color.map(value => value / 255)
            .map(value => value <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4)
            .reduce((sum, value, index) => sum + value * [.2126, .7152, .0722][index], 0);
          const faint = [];
          let count = 0;
          const judge = (element, text, pseudo) => {
            const style = getComputedStyle(element, pseudo);
            const back = behind(element);
            const pair = [over(channels(style.color), back), back].map(luminance).sort((a, b) => b - a);
            const ratio = (pair[0] + .05) / (pair[1] + .05);
            const size = parseFloat(style.fontSize);
            const isLarge = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
            count += 1;
            if (ratio < (isLarge ? 3 : 4.5)) faint.push(`${text.trim()}: ${ratio}`);
          };
          const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (texts.nextNode()) {
            const element = texts.currentNode.parentElement;
            if (texts.currentNode.data.trim() && element.checkVisibility()) judge(element, texts.currentNode.data);
          }
          for (const input of document.querySelectorAll("input"))
            judge(input, input.placeholder, "::placeholder");
          return count < 50 ? [`only ${count} texts`] : faint;
        })()
        """

    /// A page with everything that it can show: states, problems, errors, explanations, sources in trouble.
    private func openCrowdedPage(_ world: World) async throws -> BrowserPage {
        let page = try await open(
            world, Self.failed, Self.finished, DemoID.pendingVoucher, DemoID.missingOrder)
        try world.setFault("orders", #"{"kind":"status","status":500}"#)
        try world.setFault("vouchers", #"{"kind":"status","status":429,"retry_after":60}"#)
        for number in 0..<6 {
            _ = try world.get("/actions/00000000-0000-4000-9000-00000000000\(number)?source=orders")
        }
        try await eventually("the trouble") {
            try page.holds(
                """
                ["Keeps failing", "Paused", "Older than it should be"]
                    .every(words => document.querySelector("main").textContent.includes(words))
                """)
        }
        _ = try page.value(
            """
            for (const button of document.querySelectorAll("[data-name=explain]")) button.click();
            for (const details of document.querySelectorAll("details")) details.open = true;
            0
            """)
        try await eventually("the explanations") {
            try page.holds(
                """
                [...document.querySelectorAll("#actions [data-name=why]")]
                    .every(details => details.querySelector("ol"))
                """)
        }
        return page
    }

    @Test func everyTextMeetsContrastAAInLightAndDark() async throws {
        let world = try await World()
        let page = try await openCrowdedPage(world)
        for scheme in ["light", "dark"] {
            try page.prefer(scheme)
            try await eventually("\(scheme)") {
                try page.holds(#"matchMedia("(prefers-color-scheme: \#(scheme))").matches"#)
            }
            #expect(try page.texts(Self.faintTexts) == [], "\(scheme)")
        }
    }

    @Test func phoneWidthNeedsNoHorizontalScrollingAndControlsAreLargeEnough() async throws {
        let world = try await World()
        let page = try await openCrowdedPage(world)
        try page.resize(width: 360, height: 740)
        try await eventually("a phone") {
            try page.holds("document.documentElement.clientWidth === 360")
        }
        #expect(try page.holds("document.documentElement.scrollWidth <= 360"))
        // WCAG 2.2, 2.5.8.
        let unfit = try page.texts(
            """
            [...document.querySelectorAll("input, select, button, summary")].filter(control => {
              const { left, right, width, height } = control.getBoundingClientRect();
              return left < 0 || right > 360 || width < 24 || height < 24;
            }).map(\(Self.label))
            """)
        #expect(unfit == [])
    }

    // MARK: Lost connections

    @Test func pageReportsALostNetworkAndRecovers() async throws {
        let world = try await World()
        let page = try await open(world, Self.finished)
        try page.goOffline(true)
        try await expectConnection("The service cannot be reached; trying again", page)
        // Known states stay.
        #expect(
            try page.text("document.querySelector('#actions .badge').textContent") == "Succeeded")
        try page.goOffline(false)
        try await expectConnection("Connected", page)
    }

    @Test func pageRecoversByItselfAfterTheServiceRestarts() async throws {
        let port = try LoopbackAddress.freePort()
        let world = try await World(["LISTEN_PORT": "\(port)"], sandbox: ["--pending", "4s"])
        let page = try await open(world, DemoID.voucher)
        try await world.killProxy()
        try await expectConnection("The service cannot be reached; trying again", page)
        try await world.restartProxy()
        try await expectConnection("Connected", page)
        try await eventually("the end") {
            try page.text("document.querySelector('#actions .badge').textContent")
                == "Partly succeeded"
        }
    }

    // MARK: Keys and policy

    @Test func callerKeyIsRequestedUsedAndNotStored() async throws {
        let folder = try TemporaryFolder()
        // The SHA-256 of "abc" (FIPS 180-2, B.1).
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        let world = try await World([
            "CALLER_KEYS_FILE": try folder.write("app \(digest)\n", to: "keys")
        ])
        let page = try await open(
            world, Self.finished, connection: "Enter a caller key to see the sources.")
        try await tab(page, to: "key")
        try page.type("abc")
        try await expectConnection("Connected", page)
        try await eventually("the state") {
            try page.text("document.querySelector('#actions .badge').textContent") == "Succeeded"
        }
        #expect(try page.holds("document.querySelectorAll('#sources article').length === 2"))
        #expect(
            try page.holds(
                #"!location.href.includes("abc") && !document.cookie && !localStorage.length"#))
    }

    @Test func pageRequestsOnlyTheServiceAndItsPolicyBlocksTheRest() async throws {
        let world = try await World()
        let page = try await open(world, Self.failed, DemoID.missingOrder)
        let base = "http://127.0.0.1:\(world.port)/"
        let asked = page.events.filter { $0["method"]?.string == "Network.requestWillBeSent" }
            .compactMap { $0["params"]?["request"]?["url"]?.string }
        #expect(asked.count > 3 && asked.allSatisfy { $0.hasPrefix(base) }, "\(asked)")
        // Browsers ask for an icon by themselves.
        let errors = page.events.filter {
            ["Log.entryAdded", "Runtime.exceptionThrown"].contains($0["method"]?.string)
                && $0["params"]?["entry"]?["url"]?.string != base + "favicon.ico"
        }
        #expect(errors == [])
        let refused = try page.texts(
            """
            (async () => {
              const refused = [];
              document.addEventListener("securitypolicyviolation",
                event => refused.push(event.effectiveDirective));
              const script = document.createElement("script");
              script.textContent = "window.hasRun = true";
              document.body.append(script);
              document.body.setAttribute("style", "color: red");
              new Image().src = "http://127.0.0.1:\(world.sandboxPort)/";
              await fetch("http://127.0.0.1:\(world.sandboxPort)/").catch(() => {});
              while (refused.length < 4) await new Promise(resume => setTimeout(resume, 10));
              return window.hasRun ? ["it ran"] : refused.sort();
            })()
            """)
        #expect(refused == ["connect-src", "img-src", "script-src-elem", "style-src-attr"])
    }
}
