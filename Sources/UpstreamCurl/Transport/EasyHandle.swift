// libcurl's handle of one transfer and its list of fields, as values that close themselves.

internal import CCurl

/// libcurl refused a setting, or to start.
public struct CurlSetupFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// The attempt and libcurl's message. Contains no secrets.
    public let description: String

    init(_ attempt: String, _ code: CURLcode) {
        description = "\(attempt): \(String(cString: curl_easy_strerror(code)))"
    }

    init(_ attempt: String, _ code: CURLMcode) {
        description = "\(attempt): \(String(cString: curl_multi_strerror(code)))"
    }

    init(_ description: String) { self.description = description }
}

/// Owns a `CURL` and cleans it up. Must be removed from its multi handle before.
struct EasyHandle: ~Copyable {
    let pointer: UnsafeMutableRawPointer

    /// Nil when memory is exhausted.
    init?() {
        guard let pointer = curl_easy_init() else { return nil }
        self.pointer = pointer
    }

    deinit { curl_easy_cleanup(pointer) }

    func set(_ option: CURLoption, _ value: Int) throws(CurlSetupFailure) {
        try check(door_easy_set_long(pointer, option, value), option)
    }

    func set(_ option: CURLoption, bytes value: Int) throws(CurlSetupFailure) {
        try check(door_easy_set_offset(pointer, option, value), option)
    }

    /// libcurl copies the text.
    func set(_ option: CURLoption, _ value: String) throws(CurlSetupFailure) {
        try check(door_easy_set_text(pointer, option, value), option)
    }

    /// The pointer must outlive the transfer.
    func set(
        _ option: CURLoption, borrowed: UnsafeMutableRawPointer
    ) throws(CurlSetupFailure) {
        try check(door_easy_set_pointer(pointer, option, borrowed), option)
    }

    /// Clears the option, including libcurl's built-in default.
    func clear(_ option: CURLoption) throws(CurlSetupFailure) {
        try check(door_easy_set_pointer(pointer, option, nil), option)
    }

    /// The list must outlive the transfer.
    func set(fields: borrowing FieldList) throws(CurlSetupFailure) {
        try check(door_easy_set_fields(pointer, fields.first), CURLOPT_HTTPHEADER)
    }

    /// Makes the request a POST of these bytes, which libcurl copies.
    func set(form: [UInt8]) throws(CurlSetupFailure) {
        let code = form.withUnsafeBytes {
            door_easy_set_post(pointer, $0.baseAddress, $0.count)
        }
        try check(code, CURLOPT_COPYPOSTFIELDS)
    }

    func check(_ code: CURLcode, _ option: CURLoption) throws(CurlSetupFailure) {
        guard code != CURLE_OK else { return }
        throw CurlSetupFailure("curl_easy_setopt(\(option.rawValue))", code)
    }

    /// 0 if libcurl has no value.
    func number(of info: CURLINFO) -> Int {
        var value = 0
        guard door_easy_get_long(pointer, info, &value) == CURLE_OK else { return 0 }
        return value
    }
}

/// Owns libcurl's list of request fields.
struct FieldList: ~Copyable {
    private(set) var first: UnsafeMutablePointer<curl_slist>?

    init() { first = nil }

    deinit { curl_slist_free_all(first) }

    /// libcurl copies the text. Neither name nor value may contain a line end.
    mutating func append(_ name: String, _ value: String) throws(CurlSetupFailure) {
        guard let longer = curl_slist_append(first, "\(name): \(value)") else {
            throw CurlSetupFailure("curl_slist_append", CURLE_OUT_OF_MEMORY)
        }
        first = longer
    }
}
