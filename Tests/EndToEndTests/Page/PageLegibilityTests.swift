// Contrast and phone width of the page with everything on it, in a real browser.

import TestSupport
import Testing

@Suite(.blocking, .serialized, .timeLimit(.minutes(10)))
struct PageLegibilityTests {
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

    /// A page with everything that it can show: states, problems, errors, explanations, failing
    /// sources.
    private func openCrowdedPage(_ world: World) async throws -> BrowserPage {
        let page = try await BrowserPage.following(
            world, DemoID.failedImport, DemoID.finishedVoucher, DemoID.pendingVoucher,
            DemoID.missingOrder)
        try world.setFault("orders", #"{"kind":"status","status":500}"#)
        try world.setFault("vouchers", #"{"kind":"status","status":429,"retry_after":60}"#)
        for number in 0..<6 {
            _ = try world.get("/actions/00000000-0000-4000-9000-00000000000\(number)?source=orders")
        }
        try await eventually("the badges") {
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
            try expectEqual(page.texts(Self.faintTexts), [], "\(scheme)")
        }
    }

    @Test func phoneWidthNeedsNoHorizontalScrollingAndControlsAreLargeEnough() async throws {
        let world = try await World()
        let page = try await openCrowdedPage(world)
        try page.resize(width: 360, height: 740)
        try await eventually("a phone's width") {
            try page.holds("document.documentElement.clientWidth === 360")
        }
        #expect(try page.holds("document.documentElement.scrollWidth <= 360"))
        // WCAG 2.2, 2.5.8.
        let unfit = try page.texts(
            """
            [...document.querySelectorAll("input, select, button, summary")].filter(control => {
              const { left, right, width, height } = control.getBoundingClientRect();
              return left < 0 || right > 360 || width < 24 || height < 24;
            }).map(\(BrowserPage.label))
            """)
        expectEqual(unfit, [])
    }
}
