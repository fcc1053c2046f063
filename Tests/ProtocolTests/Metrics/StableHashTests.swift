import Testing

@testable import Protocol

@Suite struct StableHashTests {
  @Test(
    arguments: [
      ("", 0, 0xEF46_DB37_51D8_E999), ("a", 0, 0xD24E_C4F1_A98C_6E5B), ("abc", 0, 0x44BC_2CF5_AD77_0999),
      ("xxhash", 0, 0x32DD_3895_2C4B_C720), ("xxhash", 20_141_025, 0xB559_B98D_844E_0635),
      ("Call me Ishmael. Some years ago--never mind how long precisely-", 0, 0x02A2_E854_70D6_FD96),
    ] as [(String, UInt64, UInt64)])
  func `the hash of a text is the published value`(text: String, seed: UInt64, expected: UInt64) {
    #expect(StableHash.xxh64(Array(text.utf8).span, seed: seed) == expected)
  }

  /// The self-test of the reference implementation (xxhsum, sanity check of XXH64).
  @Test(
    arguments: [
      (0, 0xEF46_DB37_51D8_E999, 0xAC75_FDA2_929B_17EF), (1, 0xE934_A84A_DB05_2768, 0x5014_6076_43A9_B4C3),
      (4, 0x9136_A0DC_A574_57EE, 0xCAAB_286B_D8E9_FDB5), (14, 0x8282_DCC4_994E_35C8, 0xC3BD_6BF6_3DEB_6DF0),
      (222, 0xB641_AE8C_B691_C174, 0x20CB_8AB7_AE10_C14A),
    ] as [(Int, UInt64, UInt64)])
  func `the hash passes the self-test of the reference implementation`(count: Int, plain: UInt64, seeded: UInt64) {
    let prime: UInt64 = 2_654_435_761
    var generator: UInt64 = prime
    var bytes: [UInt8] = []
    for _ in 0..<count {
      bytes.append(UInt8(truncatingIfNeeded: generator >> 56))
      generator &*= 0x9E37_79B1_85EB_CA8D
    }
    #expect(StableHash.xxh64(bytes.span) == plain)
    #expect(StableHash.xxh64(bytes.span, seed: prime) == seeded)
  }
}
