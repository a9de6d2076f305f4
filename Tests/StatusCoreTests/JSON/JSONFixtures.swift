@testable import StatusCore

/// Documents to cut and to break, and a generator of the same changes for the same seed.
enum JSONFixtures {
    static let documents = [
        #"{"id":"aa_1","status":"DONE","result":{"done_count":1,"failed":[{"row":3}]}}"#,
        #"[null,true,false,-0.5e+10,"é\u00e9\ud83d\ude00\n",{"a":[],"b":{}}]"#,
        #"{"a":{"a":{"a":[[[1,2],[3]],"\\\"",""]}},"b":9007199254740993}"#,
    ]

    /// SplitMix64, written here so that a seed means the same everywhere.
    struct Random: RandomNumberGenerator {
        private var state: UInt64

        init(seed: UInt64) { state = seed }

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }

        /// Changes, adds or removes one to four bytes.
        mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
            let structural = Array(#"{}[]":,\u0e-. tfn"#.utf8)
            var bytes = bytes
            for _ in 0..<Int.random(in: 1...4, using: &self) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &self)
                let index = Int.random(in: 0..<structural.count, using: &self)
                switch Int.random(in: 0..<4, using: &self) {
                case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &self)
                case 1: bytes[place] = structural[index]
                case 2: bytes.insert(structural[index], at: place)
                default: bytes.remove(at: place)
                }
            }
            return bytes
        }
    }
}
