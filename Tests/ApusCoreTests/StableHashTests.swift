import ApusCore
import Testing

@Suite struct StableHashTests {
  /// Values of the authors' test suite: http://www.isthe.com/chongo/tech/comp/fnv/.
  @Test func fnv1aIsThePublishedOne() {
    #expect(StableHash.fnv1a("") == 0xcbf2_9ce4_8422_2325)
    #expect(StableHash.fnv1a("a") == 0xaf63_dc4c_8601_ec8c)
    #expect(StableHash.fnv1a("foobar") == 0x8594_4171_f739_67e8)
  }

  /// `"hello".hashCode()` of Java, and Bernstein's hash worked out by hand for two letters.
  @Test func polynomialsAreThePublishedOnes() {
    #expect(StableHash.polynomial("hello", multiplier: 31) == 99_162_322)
    #expect(StableHash.polynomial("ab", multiplier: 33, start: 5381) == (5381 * 33 + 97) * 33 + 98)
    #expect(StableHash.polynomial("", multiplier: 33, start: 5381) == 5381)
  }
}
