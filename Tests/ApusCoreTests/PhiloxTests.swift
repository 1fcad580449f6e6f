import ApusCore
import Testing

@Suite struct PhiloxTests {
  /// Known answers published with the reference implementation (Random123, kat_vectors, philox4x32-10).
  @Test func knownAnswers() {
    #expect(Philox(seed: 0).block(0) == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    #expect(
      Philox(seed: .max).block(.max, stream: .max) == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    #expect(
      Philox(seed: 0x299f_31d0_a409_3822).block(0x85a3_08d3_243f_6a88, stream: 0x0370_7344_1319_8a2e)
        == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }
}
