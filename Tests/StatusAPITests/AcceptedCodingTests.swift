import TestSupport
import Testing

@testable import StatusAPI

@Suite struct AcceptedCodingTests {
    /// From RFC 9110 12.5.3, and from real clients.
    @Test(arguments: [
        ("gzip", AcceptedCoding.gzip), ("GZIP", .gzip), ("x-gzip", .gzip), ("*", .gzip),
        ("gzip, deflate", .gzip), ("gzip, compress, deflate, br", .gzip), ("br , gzip", .gzip),
        ("gzip, deflate, br, zstd", .gzip), ("compress;q=0.5, gzip;q=1.0", .gzip),
        ("gzip;q=1.0, identity; q=0.5, *;q=0", .gzip), ("gzip;q=0.5,identity;q=0.5", .gzip),
        ("*;q=0.1", .gzip), ("gzip;q=0.001", .gzip), ("gzip ; q=1", .gzip), (",gzip,", .gzip),
        ("gzip;q=0, x-gzip", .gzip),
        ("", .identity), ("identity", .identity), ("br", .identity), ("deflate", .identity),
        ("gzip;q=0", .identity), ("gzip;q=0.000", .identity), ("*;q=0", .identity),
        ("gzip;q=0, *", .identity), ("gzip;q=0.4, identity;q=0.5", .identity),
        ("gzip;q=", .identity), ("gzip;q=x", .identity), ("gzip;q=0.1234", .identity),
        ("gzip;level=9", .identity), ("gzipped", .identity),
        ("gzip, identity;q=0", .gzipOnly), ("gzip, *;q=0", .gzipOnly),
        ("identity;q=0, *", .gzipOnly), ("identity;q=0", .identity),
    ])
    func codingOfTheHigherWeightIsChosen(value: String, expected: AcceptedCoding) {
        expectEqual(Asked(["Accept-Encoding": value]).fields.coding, expected)
    }

    @Test func repeatedFieldsAreOneList() {
        let asked = Asked(["Accept-Encoding": "br", "accept-encoding": "gzip;q=0.2"])
        expectEqual(asked.fields.coding, .gzip)
    }

    @Test func onlyLargeBodiesAreCompressed() {
        #expect(!AcceptedCoding.gzip.compresses(1023))
        #expect(AcceptedCoding.gzip.compresses(1024))
        #expect(AcceptedCoding.gzipOnly.compresses(1))
        #expect(!AcceptedCoding.identity.compresses(1 << 20))
    }
}
