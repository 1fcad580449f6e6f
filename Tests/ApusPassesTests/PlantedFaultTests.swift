import Apus
import ApusGraph
import ApusOperators
import TestSupport
import Testing

/// Laws of real numbers that numbers of a machine do not keep, and slips of a kind that passes have made: validation has
/// to find each of them.
@Suite struct PlantedFaultTests {
  @Test(arguments: GraphFault.laws + GraphFault.slips) func isFound(_ fault: GraphFault) throws {
    let graph = try fault.graph
    #expect(try Pipeline([fault.pass]).run(graph).graph != graph, "the law does not fire")
    let found = defect { try Pipeline([fault.pass]).run(graph, observers: [TranslationValidation()]) }
    #expect(
      found?.message.hasPrefix("pass '\(fault.pass.name)' changed what @g computes: output 0, ") == true, "\(graph)")
  }

  /// The same graphs through the passes as they are.
  @Test(arguments: GraphFault.laws + GraphFault.slips) func soundPassesPass(_ fault: GraphFault) throws {
    for name in NamedPipeline.all.map(\.name) {
      _ = try Pipeline.named(name).run(fault.graph, observers: [TranslationValidation()])
    }
  }

  /// What merges scans without a look at their directions is found, because the interpreter merges none.
  @Test func scansOfOppositeDirectionsMergedAreFound() throws {
    func scan(_ name: String, _ direction: String) -> String {
      """
      %l\(name): f32, %\(name): f32[4] = scan(%c, %x, carries: 1, sequences: 1\(direction)) { (%s: f32, %e: f32) in
        %1: f32 = add(%s, %e)
        return %1, %1
      }
      """
    }
    func graph(_ direction: String) throws -> Graph {
      let text = "graph @g(%c: f32, %x: f32[4]) {\n\(scan("a", ""))\n\(scan("b", direction))\nreturn %a, %b\n}"
      return try #require(try Graph.parse(text).first)
    }
    let (opposite, merged) = (try graph(", reverse: true"), try graph(""))
    #expect(try TranslationValidation().firstMismatch(opposite, merged)?.hasPrefix("output 1, ") == true)
  }

  // MARK: What is held to less

  /// Another order of sums is no fault of a pass that says so, and one of a pass that does not.
  @Test func precisionIsWhatAPassStates() throws {
    func sum(_ body: String) throws -> Graph {
      try #require(
        try Graph.parse("graph @g(%x: f32[64], %y: f32[64], %z: f32[64]) {\n\(body)\nreturn %2\n}").first)
    }
    let before = try sum("%1 = add(%x, %y)\n%2 = add(%1, %z)")
    let after = try sum("%1 = add(%y, %z)\n%2 = add(%x, %1)")
    let validation = TranslationValidation()
    #expect(try validation.firstMismatch(before, after) != nil)
    #expect(try validation.firstMismatch(before, after, precision: .rounded) == nil)
  }

  @Test func preciseComparisonKnowsZerosAndTheLastBit() throws {
    func difference(_ a: Float, _ b: Float, _ precision: PassPrecision) throws -> String? {
      TensorComparison.firstDifference(Tensor(scalar: a), Tensor(scalar: b), precision: precision)
    }
    #expect(try difference(0, -0.0, .exact) == "element 0: 0.0 became -0.0")
    #expect(try difference(0, -0.0, .exactButZeroSigns) == nil)
    #expect(try difference(1, Float(1).nextUp, .exactButZeroSigns) != nil)
    #expect(try difference(1, Float(1).nextUp, .rounded) == nil)
    #expect(try difference(1, 1.00005, .rounded) != nil)
    #expect(try difference(1, 1.00005, .approximate(error: 1e-4)) == nil)
    #expect(try difference(-.nan, .nan, .exact) == nil)
    #expect(try difference(.nan, .infinity, .exact) != nil)
    #expect(try difference(.infinity, .nan, .exact) != nil)
  }

  // MARK: The inputs

  /// Each kind holds what it promises, in every type that can hold it.
  @Test(arguments: DType.allCases) func kindsOfInputsHoldWhatTheyPromise(_ dtype: DType) throws {
    func draw(_ kind: RandomInputs.Kind, floats range: Range<Double> = -2..<2) throws -> [Double] {
      try RandomInputs(seed: 1, kind: kind).tensor("x", TensorType(dtype, [400]), floats: range).doubles()
    }
    let special = try draw(.special)
    let extreme = try draw(.extreme)
    if dtype.isFloating {
      #expect(special.contains(where: \.isNaN) && special.contains(.infinity) && special.contains(-.infinity))
      #expect(special.contains { $0 == 0 && $0.sign == .minus } && special.contains { $0 == 0 && $0.sign == .plus })
      #expect(special.contains { $0 != 0 && abs($0) < 1e-4 }, "subnormal numbers")
      #expect(extreme.contains { $0 >= 65504 } && extreme.allSatisfy { !$0.isNaN })
      #expect(Set(try draw(.tied)).count == 11)
      let sparse = try draw(.sparse).count { !$0.isFinite }
      #expect((10...50).contains(sparse), "\(sparse) of 400")
      #expect(try draw(.tied, floats: 0.5..<1.5).allSatisfy { $0 > 0 }, "a variance stays positive")
    } else if dtype != .bool {
      let unsigned = dtype == .u8
      #expect(extreme.contains(unsigned ? 255 : -(extreme.max() ?? 0) - (dtype == .i64 ? 0 : 1)))
      // Positions stay positions.
      #expect(special.allSatisfy { (0...3).contains($0) })
    }
  }
}
