// Spans of time in settings, read and written.

import TestSupport
import Testing

@testable import StatusProxy

struct DurationTextTests {
    @Test(arguments: [
        ("0s", Duration.zero), ("0ms", .zero), ("500ms", .milliseconds(500)), ("10s", .seconds(10)),
        ("5m", .seconds(300)), ("24h", .seconds(86_400)), ("007s", .seconds(7)),
        ("87600h", .seconds(87_600 * 3600)),
        ("7d", .seconds(7 * 86_400)), ("1m30s", .seconds(90)), ("1h30m", .seconds(5400)),
        ("1d2h3m4s5ms", .milliseconds(93_784_005)), ("0m30s", .seconds(30)),
        ("1s500ms", .milliseconds(1500)), ("3650d", .seconds(3650 * 86_400)),
        ("315360000000ms", .seconds(315_360_000)),
    ])
    func spanIsReadFromWholeNumbersAndTheirUnits(text: String, span: Duration) {
        expectEqual(DurationText.parse(text), span)
    }

    @Test(arguments: [
        "", "s", "ms", "10", "1w", "10S", "1D", "-1s", "+1s", "1.5s", "1 s", " 1s", "1s ", "1h30",
        "m1",
        "30s1m", "1m1m", "1m 30s", "1m-30s", "1ms1s", "1m,30s",
        "٣s", "1µs", "1sms", "0x1s", "1_000s",
    ])
    func otherTextIsNotASpan(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(arguments: [
        "87601h", "315360000001ms", "9223372036854775807h", "9223372036854775808ms",
        "99999999999999999999999s", "3651d", "3650d1ms", "9223372036854775807ms1ms",
    ])
    func spanOverTenYearsIsRefusedWithoutOverflow(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(arguments: [
        (Duration.zero, "0s"), (.milliseconds(1), "1ms"), (.milliseconds(1500), "1500ms"),
        (.seconds(1), "1s"), (.seconds(59), "59s"), (.seconds(60), "1m"), (.seconds(90), "90s"),
        (.seconds(300), "5m"), (.seconds(3600), "1h"), (.seconds(86_400), "24h"),
    ])
    func spanIsWrittenInItsLongestWholeUnit(span: Duration, text: String) {
        expectEqual(DurationText.format(span), text)
    }

    @Test func whatIsWrittenReadsAsTheSameSpan() {
        var generator = SystemRandomNumberGenerator()
        let steps: [Int64] = [1, 1000, 60_000, 3_600_000]
        for _ in 0..<2000 {
            let step = steps.randomElement(using: &generator) ?? 1
            let count = Int64.random(in: 0...(315_360_000_000 / step), using: &generator)
            let span = Duration.milliseconds(step * count)
            let text = DurationText.format(span)
            expectEqual(DurationText.parse(text), span, "\(text)")
        }
    }

    @Test func everyDefaultSpanIsOne() {
        for name in SettingName.allCases {
            guard let text = name.defaultText, text.first?.isNumber == true else { continue }
            let isNumber = Int(text) != nil || name == .listenHost
            let isSize = SizeText.parse(text) != nil
            #expect(isNumber || isSize || DurationText.parse(text) != nil, "\(name)")
        }
    }
}
