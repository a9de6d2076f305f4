import TestSupport
import Testing

@testable import StatusCore

@Suite struct WholeNumberTests {
    @Test(arguments: [
        ("0", "0"), ("-0", "0"), ("0.000", "0"), ("0e99999999999999999999", "0"),
        ("0E-99999999999999999999", "0"), ("5", "5"), ("5.0", "5"), ("-5.00", "-5"),
        ("1E+1", "10"), ("1e1", "10"), ("1e01", "10"), ("10e-1", "1"), ("1.5e1", "15"),
        ("0.0012e4", "12"), ("120", "120"), ("100.00", "100"), ("-1.20e3", "-1200"),
        ("99999999999999999999", "99999999999999999999"), ("1e20", "100000000000000000000"),
        ("9007199254740993.0", "9007199254740993"),
    ])
    func wholeNumberIsReadInAnyNotation(written: String, text: String) {
        let number = WholeNumber(jsonNumber: written)
        expectEqual(number?.text, text)
        expectEqual(number?.isZero, text == "0")
        expectEqual(number?.isNegative, text.hasPrefix("-"))
    }

    @Test(arguments: [
        "0.5", "5.01", "-1.5", "1e-1", "15e-1", "1.25e1", "1e-99999999999999999999", "120e-2",
        "0.1e0",
    ])
    func fractionIsNotAWholeNumber(written: String) {
        #expect(WholeNumber(jsonNumber: written) == nil)
    }

    @Test(arguments: [
        "1e309", "-1e400", "1e99999999999999999999", "1.5E+999999999",
        String(repeating: "9", count: 310),
    ])
    func numberOfTooManyDigitsKeepsItsNotation(written: String) {
        let number = WholeNumber(jsonNumber: written)
        expectEqual(number?.text, written)
        expectEqual(number?.isZero, false)
        expectEqual(number?.isNegative, written.hasPrefix("-"))
    }

    @Test func numberOfTheMostDigitsIsWrittenOut() {
        let number = WholeNumber(jsonNumber: "1e\(WholeNumber.digitsMax - 1)")
        expectEqual(number?.text.utf8.count, WholeNumber.digitsMax)
    }
}
