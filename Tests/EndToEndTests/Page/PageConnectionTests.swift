// The page with lost connections, caller keys and its content security policy, in a real browser.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .serialized, .timeLimit(.minutes(10)))
struct PageConnectionTests {
    @Test func pageReportsALostNetworkAndRecovers() async throws {
        let world = try await World()
        let page = try await BrowserPage.following(world, DemoID.finishedVoucher)
        try page.goOffline(true)
        try await page.expectConnection("The service cannot be reached; trying again")
        // Known states stay.
        try expectEqual(
            page.text("document.querySelector('#actions .badge').textContent"), "Succeeded")
        try page.goOffline(false)
        try await page.expectConnection("Connected")
    }

    @Test func pageRecoversByItselfAfterTheServiceRestarts() async throws {
        let port = try LoopbackAddress.freePort()
        let world = try await World(["LISTEN_PORT": "\(port)"], sandbox: ["--pending", "4s"])
        let page = try await BrowserPage.following(world, DemoID.voucher)
        try await world.killProxy()
        try await page.expectConnection("The service cannot be reached; trying again")
        try await world.restartProxy()
        try await page.expectConnection("Connected")
        try await eventually("the final state") {
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
        let page = try await BrowserPage.following(
            world, DemoID.finishedVoucher, connection: "Enter a caller key to see the sources.")
        try await page.tab(to: "key")
        try page.type("abc")
        try await page.expectConnection("Connected")
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
        let page = try await BrowserPage.following(world, DemoID.failedImport, DemoID.missingOrder)
        let base = "http://127.0.0.1:\(world.port)/"
        let asked = page.events.filter { $0["method"]?.string == "Network.requestWillBeSent" }
            .compactMap { $0["params"]?["request"]?["url"]?.string }
        #expect(asked.count > 3 && asked.allSatisfy { $0.hasPrefix(base) }, "\(asked)")
        // Browsers request an icon on their own.
        let errors = page.events.filter {
            ["Log.entryAdded", "Runtime.exceptionThrown"].contains($0["method"]?.string)
                && $0["params"]?["entry"]?["url"]?.string != base + "favicon.ico"
        }
        expectEqual(errors, [])
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
        expectEqual(refused, ["connect-src", "img-src", "script-src-elem", "style-src-attr"])
    }
}
