import Apus
import TestSupport
import Testing

/// Operators that depend on the mode, bound to inference. What they do while training is no function of their operands
/// alone (masks, updates of variables) and is tested in `CompositeModeTests`.
@Suite struct ModeDependentTests {
  @Test(arguments: try ReferenceCase.load("mode_dependent.jsonl"))
  func agreesWithNumPy(_ reference: ReferenceCase) throws {
    #expect(try reference.mismatches() == [])
  }
}
