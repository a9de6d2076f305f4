import TestSupport
import Testing

@testable import StatusCore

@Suite struct JSONWriterTests {
    private func written(_ write: (inout JSONWriter) -> Void) -> String {
        var json = JSONWriter()
        write(&json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    @Test func objectsAndArraysAreWrittenWithTheirCommas() {
        let text = written { json in
            json.beginObject()
            json.member("text", "a")
            json.member("number", 42)
            json.member("flag", true)
            json.name("list")
            json.beginArray()
            json.string("x")
            json.integer(-1)
            json.bool(false)
            json.null()
            json.beginArray()
            json.endArray()
            json.beginObject()
            json.endObject()
            json.endArray()
            json.member("value", JSONValue.number("1.10"))
            json.endObject()
        }
        expectEqual(
            text,
            #"{"text":"a","number":42,"flag":true,"list":["x",-1,false,null,[],{}],"#
                + #""value":1.10}"#)
    }

    @Test func absentValuesAreNull() {
        let text = written { json in
            json.beginObject()
            json.member("a", String?.none)
            json.member("b", Int64?.none)
            json.member("c", Bool?.none)
            json.member("d", JSONValue?.none)
            json.endObject()
        }
        expectEqual(text, #"{"a":null,"b":null,"c":null,"d":null}"#)
    }

    @Test(arguments: [("{}", #"{"b":2}"#), (#"{"a":1}"#, #"{"a":1,"b":2}"#)])
    func writtenObjectIsExtended(object: String, extended: String) {
        let text = written { json in
            json.beginObject(extending: Array(object.utf8))
            json.member("b", 2)
            json.endObject()
        }
        expectEqual(text, extended)
    }

    @Test func rawValuesAreWrittenAmongOthers() {
        let text = written { json in
            json.beginArray()
            json.raw(Array("{}".utf8))
            json.raw(Array("[1]".utf8))
            json.integer(2)
            json.endArray()
        }
        expectEqual(text, "[{},[1],2]")
    }

    @Test(arguments: [
        ("plain é😀/\u{7F}\u{2028}", "\"plain é😀/\u{7F}\u{2028}\""),
        ("\"\\", #""\"\\""#), ("\u{08}\t\n\u{0C}\r", #""\b\t\n\f\r""#),
        ("\0\u{01}\u{0F}\u{10}\u{1F}", #""\u0000\u0001\u000f\u0010\u001f""#),
    ])
    func stringsAreEscapedWhereTheyMustBe(text: String, quoted: String) throws {
        expectEqual(written { $0.string(text) }, quoted)
        try expectEqual(JSONReader.read(Array(quoted.utf8)), .string(text))
    }

    @Test func membersAreSortedByTheirBytes() throws {
        let text = #"{"b":1,"a":[{"d":1.10,"c":null}],"B":2,"é":3,"z":4,"e\u0301":5,"":6}"#
        let value = try JSONReader.read(Array(text.utf8))
        let sorted = written { $0.value(value, sorted: true) }
        expectEqual(
            sorted,
            "{\"\":6,\"B\":2,\"a\":[{\"c\":null,\"d\":1.10}],\"b\":1,\"e\u{301}\":5,"
                + "\"z\":4,\"é\":3}")
        #expect(written { $0.value(value) }.hasPrefix(#"{"b":1,"a":[{"d":1.10"#))
    }
}
