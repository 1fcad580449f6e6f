import Apus
import TestSupport
import Testing

/// What the comparison of gradients with differences says of all of them, and not of the first one that it could compare.
@Suite struct GradientValidationTests {
  private func graph(_ body: String) throws -> Graph {
    try #require(try Graph.parse("graph @g(%x: f64[1], %y: f64[1]) {\n\(body)\nreturn %r\n}").first)
  }

  /// At the first seed one value is at a kink; at another one it is not.
  @Test func aGradientIsComparedWhereItHasNoKink() throws {
    let kink = try RandomInputs(seed: 1).tensor("x", TensorType(.f64, [1])).doubles()[0]
    let g = try graph(
      "%c: f64 = constant(\(kink))\n%1 = subtract(%x, %c)\n%2 = relu(%1)\n%3 = exp(%y)\n%4 = add(%2, %3)\n%r = reduce_sum(%4)"
    )
    #expect(try GradientValidation().verdict(on: g) == .agreement(2))
    var first = GradientValidation()
    first.seeds = [1]
    #expect(try first.verdict(on: g) == .partialAgreement(1, of: 2))
  }

  /// Differences of what oscillates within a step say nothing, and the others are not taken for all.
  @Test func whatCannotBeComparedIsCounted() throws {
    let g = try graph(
      "%c: f64 = constant(1e8)\n%1 = multiply(%x, %c)\n%2 = sin(%1)\n%3 = exp(%y)\n%4 = add(%2, %3)\n%r = reduce_sum(%4)"
    )
    #expect(try GradientValidation().verdict(on: g) == .partialAgreement(1, of: 2))
    let alone = try graph(
      "%c: f64 = constant(-1)\n%1 = abs(%x)\n%2 = subtract(%c, %1)\n%3 = log(%2)\n%4 = add(%3, %y)\n%r = reduce_sum(%4)"
    )
    guard case .undecided(let reason) = try GradientValidation().verdict(on: alone) else {
      Issue.record("a logarithm of negative numbers was compared")
      return
    }
    #expect(reason == "its values have kinks, are not finite or bend too much")
  }

  /// A gradient that cannot be made is a defect, and no reason to leave it at that.
  @Test func aDefectIsNotPassedOver() throws {
    var validation = GradientValidation()
    validation.differentiate = { _ in throw ApusError.defect("planted") }
    let g = try graph("%1 = add(%x, %y)\n%r = reduce_sum(%1)")
    let error = #expect(throws: ApusError.self) { try validation.verdict(on: g) }
    #expect(error?.fault == .defect && error?.message == "planted")
  }
}
