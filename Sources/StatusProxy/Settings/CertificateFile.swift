// Checks that libcurl and libpq can use a file of trusted certificates.

import CCrypto

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
