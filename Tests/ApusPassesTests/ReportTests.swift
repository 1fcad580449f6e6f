import Apus
import ApusOperators
import TestSupport
import Testing

/// What a pipeline says about a run.
@Suite struct ReportTests {
  private func run(_ text: String, _ passes: String) throws -> PipelineResult {
    try Pipeline(parsing: passes).run(try #require(try Graph.parse(text, file: "g.graph").first))
  }

  private let sample = """
    graph @g(%x: f32[2, 3]) {
      %1: f32[2, 3] = negate(%x)
      %2: f32[2, 3] = negate(%1)
      %3: f32[2, 3] = exp(%2)
      %4: f32[2, 3] = exp(%2)
      %5: f32[2, 3] = add(%3, %4)
      return %5
    }
    """

  @Test func theTableHasALineForEachPassAndItsCounts() throws {
    let table = try run(sample, "cse,simplify,fuse").statisticsTable().replacing(#/\d+\.\d\d/#, with: "0.00")
    #expect(
      table
        == """
        pass        ms  nodes      FLOPs       bytes
        cse       0.00      4  -1     24   -6     96  -24
        simplify  0.00      2  -2     12  -12     48  -48
        fuse      0.00      1  -1     12          24  -24
        cse: merged 1
        simplify: rewritten 1; by rules: involution 1; exact
        fuse: fusions 1, fused 2

        """)
  }

  @Test func symbolicGraphsAreCountedForOneSample() throws {
    let result = try run(sample.replacing("[2, 3]", with: "[batch, 3]"), "cse")
    #expect(result.statisticsTable().hasPrefix("(FLOPs and bytes with batch = 1)\npass"))
  }

  @Test func remarksNamePassPlaceAndReason() throws {
    #expect(
      try run(sample, "simplify").remarksText()
        == "simplify: g.graph:3:19: remark: negate %2: involution, f(f(x)) → x\n")
    #expect(try run(sample, "dce").remarksText() == "")
  }
}
