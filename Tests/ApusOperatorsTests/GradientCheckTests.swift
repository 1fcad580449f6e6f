import Apus
import TestSupport
import Testing

/// The checker must see what it is there to see.
@Suite struct GradientCheckTests {
  @Test func findsAWrongFirstOrder() throws {
    let x = try samples([3], low: 0.5)
    #expect(try gradientMismatches([x]) { _, p in try p[0] * p[0] } == [])
    // As if half of the product rule were forgotten.
    #expect(try gradientMismatches([x]) { _, p in try p[0] * p[0].stopGradient() }.count == 3)
  }

  @Test func findsAWrongSecondOrder() throws {
    let x = try samples([3], low: 0.5)
    #expect(try gradientMismatches([x], order: 2) { _, p in try p[0] * p[0] * p[0] } == [])
    #expect(try gradientMismatches([x], order: 2) { _, p in try p[0] * p[0] * p[0].stopGradient() }.count == 3)
  }

  /// A relative error of 2·10⁻⁶ is one too much.
  @Test func isSharp() throws {
    let x = try samples([3], low: 0.5)
    #expect(try gradientMismatches([x]) { _, p in try p[0] + p[0].stopGradient() * 2e-6 }.count == 3)
    #expect(try gradientMismatches([x]) { _, p in try p[0] + p[0].stopGradient() * 5e-7 } == [])
  }
}
