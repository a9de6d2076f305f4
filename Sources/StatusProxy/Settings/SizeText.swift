// Sizes as written in settings: 64MiB, 1GiB.

enum SizeText {
    static let form = "a size like 512KiB, 64MiB or 1GiB"

    private static let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
    private static let most = 1 << 40

    /// Nil unless the text is a whole number with a unit, up to 1024 GiB.
    static func parse(_ text: String) -> Int? {
        guard let (suffix, unit) = units.first(where: { text.hasSuffix($0.0) }) else { return nil }
        let digits = text.dropLast(suffix.count)
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(digits), number <= most / unit
        else { return nil }
        return number * unit
    }

    /// The size in the largest unit in which it is whole.
    static func format(_ size: Int) -> String {
        for (suffix, unit) in units where size > 0 && size % unit == 0 {
            return "\(size / unit)\(suffix)"
        }
        return "\(size)"
    }
}
