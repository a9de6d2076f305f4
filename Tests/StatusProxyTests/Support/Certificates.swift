// A certificate as files have it, without its key.

enum Certificates {
    static let pem = """
        -----BEGIN CERTIFICATE-----
        MIIBdDCCARugAwIBAgIUM3/4oJbwGJhxUBC6oD9meDCJzvowCgYIKoZIzj0EAwIw
        DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjkyMDQ5MDlaGA8yMTI2MTEwNTIwNDkw
        OVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGQ4
        x78uKJsWScN1zlaVj45I2q2kO88IsLErV5cYBTh2O+3K6sm6QzI9Zua47gzxTgQp
        8omvdPN6wLucmsa3ACOjUzBRMB0GA1UdDgQWBBQmjfa857hpjoeARPaHEhQoJpKv
        UDAfBgNVHSMEGDAWgBQmjfa857hpjoeARPaHEhQoJpKvUDAPBgNVHRMBAf8EBTAD
        AQH/MAoGCCqGSM49BAMCA0cAMEQCIBKPVrFDxFQahaIDWnzmQGRIFIbhaKl499w6
        ZrSQerFYAiAWVObcby5SL0UeELX2DTDkJRGKLpdWZzinM4pMOTAudw==
        -----END CERTIFICATE-----

        """

    /// The same as DER, without PEM's armour.
    static let der: [UInt8] = [
        48, 130, 1, 116, 48, 130, 1, 27, 160, 3, 2, 1, 2, 2, 20, 51, 127, 248, 160, 150,
        240, 24, 152, 113, 80, 16, 186, 160, 63, 102, 120, 48, 137, 206, 250, 48, 10, 6, 8, 42,
        134, 72, 206, 61, 4, 3, 2, 48, 15, 49, 13, 48, 11, 6, 3, 85, 4, 3, 12, 4,
        116, 101, 115, 116, 48, 32, 23, 13, 50, 54, 49, 49, 50, 57, 50, 48, 52, 57, 48, 57,
        90, 24, 15, 50, 49, 50, 54, 49, 49, 48, 53, 50, 48, 52, 57, 48, 57, 90, 48, 15,
        49, 13, 48, 11, 6, 3, 85, 4, 3, 12, 4, 116, 101, 115, 116, 48, 89, 48, 19, 6,
        7, 42, 134, 72, 206, 61, 2, 1, 6, 8, 42, 134, 72, 206, 61, 3, 1, 7, 3, 66,
        0, 4, 100, 56, 199, 191, 46, 40, 155, 22, 73, 195, 117, 206, 86, 149, 143, 142, 72, 218,
        173, 164, 59, 207, 8, 176, 177, 43, 87, 151, 24, 5, 56, 118, 59, 237, 202, 234, 201, 186,
        67, 50, 61, 102, 230, 184, 238, 12, 241, 78, 4, 41, 242, 137, 175, 116, 243, 122, 192, 187,
        156, 154, 198, 183, 0, 35, 163, 83, 48, 81, 48, 29, 6, 3, 85, 29, 14, 4, 22, 4,
        20, 38, 141, 246, 188, 231, 184, 105, 142, 135, 128, 68, 246, 135, 18, 20, 40, 38, 146, 175,
        80, 48, 31, 6, 3, 85, 29, 35, 4, 24, 48, 22, 128, 20, 38, 141, 246, 188, 231, 184,
        105, 142, 135, 128, 68, 246, 135, 18, 20, 40, 38, 146, 175, 80, 48, 15, 6, 3, 85, 29,
        19, 1, 1, 255, 4, 5, 48, 3, 1, 1, 255, 48, 10, 6, 8, 42, 134, 72, 206, 61,
        4, 3, 2, 3, 71, 0, 48, 68, 2, 32, 18, 143, 86, 177, 67, 196, 84, 26, 133, 162,
        3, 90, 124, 230, 64, 100, 72, 20, 134, 225, 104, 169, 120, 247, 220, 58, 102, 180, 144, 122,
        177, 88, 2, 32, 22, 84, 230, 220, 111, 46, 82, 47, 69, 30, 16, 181, 246, 13, 48, 228,
        37, 17, 138, 46, 151, 86, 103, 56, 167, 51, 138, 76, 57, 48, 46, 119,
    ]
}
