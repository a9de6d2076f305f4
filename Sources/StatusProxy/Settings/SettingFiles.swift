// Files that settings name: read as a whole, and checked to hold trusted certificates.

import CCrypto
import Glibc

enum CertificateFile {
    static let bytesMax = 16 << 20

    /// - Throws: unless the file has at least one certificate in PEM, and all can be read.
    ///   Otherwise every connection would fail.
    static func check(_ path: String, _ name: SettingName) throws(SettingFailure) {
        let bytes: [UInt8]
        do { bytes = try SmallFile.read(path, bytesMax: bytesMax) } catch {
            throw SettingFailure(name, "\(path) cannot be read: \(error)")
        }
        let count = bytes.withUnsafeBytes { ccrypto_pem_certificates($0.baseAddress, $0.count) }
        guard count < 1 else { return }
        let text = String(decoding: bytes, as: UTF8.self)
        let fault =
            if bytes.isEmpty {
                "is empty"
            } else if bytes.first == 0x30 {
                "is DER (openssl x509 -inform der -in FILE -out FILE.pem converts it to PEM)"
            } else if text.contains("CERTIFICATE-----") {
                "holds a certificate that cannot be read"
            } else if text.contains("PRIVATE KEY-----") {
                "holds a private key and no certificate"
            } else {
                "holds no certificate"
            }
        throw SettingFailure(
            name,
            "\(path) \(fault): give certificates in PEM, -----BEGIN CERTIFICATE----- and so on")
    }
}

/// Reads a small file as a whole: settings, secrets.
enum SmallFile {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// - Throws: the system's message, or that the file is larger than `bytesMax`.
    static func read(_ path: String, bytesMax: Int) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(description: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw Failure(description: String(cString: strerror(errno))) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= bytesMax else {
                throw Failure(description: "it is larger than \(bytesMax) bytes")
            }
        }
    }
}
