import Apus
import ApusGraph
import ApusOperators
import TestSupport
import Testing

@Suite struct TranslationValidationTests {
  private func graph(_ body: String) throws -> Graph { try #require(try Graph.parse(body).first) }

  private func mismatch(_ before: String, _ after: String, _ bindings: [String: Int] = [:]) throws -> String? {
    try TranslationValidation(seeds: [1], bindings: bindings).firstMismatch(graph(before), graph(after))
  }

  @Test func aDifferenceNamesOutputElementAndBothValues() throws {
    func graph(_ last: Int) -> String {
      "graph @g(%x: i32[3]) {\n%1: i32[3] = constant([5, 6, \(last)])\nreturn %x, %1\n}"
    }
    let text = try mismatch(graph(7), graph(8))
    #expect(text == "output 1, element 2: 7.0 became 8.0, on inputs of seed 1")
  }

  @Test func updatesAreComparedToo() throws {
    func counter(_ step: Int) -> String {
      "graph @g() {\n%n: i64 = variable(zeros)\n%1: i64 = constant(\(step))\n%2: i64 = add(%n, %1)\nupdate %n = %2\nreturn\n}"
    }
    #expect(try mismatch(counter(1), counter(1)) == nil)
    #expect(try mismatch(counter(1), counter(2))?.hasPrefix("output 0, element 0: ") == true)
  }

  @Test func symbolsAreBound() throws {
    let before = "graph @g(%x: f32[batch, 2]) {\n%1: i64 = size(%x, axis: 0)\nreturn %1\n}"
    let after = "graph @g(%x: f32[batch, 2]) {\n%1: i64 = constant(5)\nreturn %1\n}"
    #expect(try mismatch(before, after, ["batch": 5]) == nil)
    #expect(try mismatch(before, after) == "output 0, element 0: 3 became 5, on inputs of seed 1")
  }

  @Test func aRefusalOfOneSideIsADifference() throws {
    let fine = "graph @g(%x: f32[2]) {\n%i: i64[1] = constant(1)\n%1: f32[1] = gather(%x, %i, axis: 0)\nreturn %1\n}"
    let refused = fine.replacing("constant(1)", with: "constant(2)")
    #expect(try mismatch(fine, refused)?.hasPrefix("it refuses inputs of seed 1: ") == true)
    #expect(try mismatch(refused, fine)?.hasPrefix("it refused inputs of seed 1 and no longer does") == true)
    // Where both refuse there is nothing to compare: that is no success.
    expectError("it refuses all random inputs") { try mismatch(refused, refused) }
  }

  /// Each of two passes stays within its precision; both together do not.
  @Test func resultsAreComparedWithTheGraphThatNoPassHasTouched() throws {
    let text = "graph @g(%x: f64[16]) {\n%1 = exp(%x)\nreturn %1\n}"
    let drift = PlantedRounding { node, x in
      node.op is Exp ? try x[0].exp() * (1 + 8e-13) : nil
    }
    let g = try graph(text)
    _ = try Pipeline([drift]).run(g, observers: [TranslationValidation()])
    let found = defect { try Pipeline([drift, drift]).run(g, observers: [TranslationValidation()]) }
    #expect(
      found?.message.hasSuffix(", compared with the graph that no pass has touched") == true,
      "\(String(describing: found))")
    // An observer that has seen another graph begins anew.
    let validation = TranslationValidation()
    for _ in 0..<2 { _ = try Pipeline([drift]).run(g, observers: [validation]) }
  }

  @Test func whatRoundsIsComparedInDoublePrecision() throws {
    let g = try graph("graph @g(%x: f32[16]) {\n%c: f32 = constant(0.25)\n%1 = multiply(%x, %c)\nreturn %1\n}")
    let wrong = PlantedRounding { node, x in
      node.op is ApusOperators.Multiply ? try x[0] * 0.25000003 : nil
    }
    let after = try Pipeline([wrong]).run(g).graph
    #expect(after != g)
    #expect(try TranslationValidation().firstMismatch(g, after, precision: .rounded) == nil, "single precision")
    let found = defect { try Pipeline([wrong]).run(g, observers: [TranslationValidation()]) }
    #expect(found?.message.hasSuffix("in double precision") == true, "\(String(describing: found))")
    #expect(
      try FaultFinder(validation: TranslationValidation()).firstFault(Pipeline([IdlePass(), wrong]), g)?.bisection
        .culprit
        == "planted-rounding")
  }

  /// Why double precision was left out is not lost.
  @Test func whatIsNotComparedInDoublePrecisionIsSaid() throws {
    let g = try graph(
      "graph @g(%x: f32[16], %i: i64[2]) {\n%1 = negate(%x)\n%2 = gather(%1, %i, axis: 0)\nreturn %2\n}")
    let rounding = PlantedRounding { node, x in node.op is Negate ? try x[0] * -1 : nil }
    let validation = TranslationValidation()
    _ = try Pipeline([rounding]).run(g, observers: [validation])
    #expect(validation.omissions == [], "it was compared")
    let builder = GraphBuilder("single")
    let x = try builder.parameter("x", .f32, [16])
    let single = try builder.build(outputs: builder.append(SingleOnly(), [x.negated().id], origin: Origin()))
    for _ in 0..<2 { _ = try Pipeline([rounding]).run(single, observers: [validation]) }
    #expect(validation.omissions.count == 1, "\(validation.omissions)")
    let omission = try #require(validation.omissions.first)
    #expect(omission.hasPrefix("pass 'planted-rounding' is not compared in double precision: "), "\(omission)")
    #expect(omission.contains("'x' must be f32"), "\(omission)")
  }

  /// Where nothing could differ, agreement says nothing.
  @Test func whatHasNoNumbersIsSaid() throws {
    let text =
      "graph @g(%x: f32[16]) {\n%1 = abs(%x)\n%2 = negate(%1)\n%3 = sqrt(%2)\n%4 = add(%3, %3)\nreturn %4, %1\n}"
    let never = try graph(
      text.replacing("%2 = negate(%1)", with: "%m: f32 = constant(-1)\n%n = subtract(%m, %1)\n%2 = minimum(%n, %m)"))
    let doubled = PlantedFault { node, x in node.op is ApusOperators.Add ? try x[0] * 2 : nil }
    let validation = TranslationValidation()
    _ = try Pipeline([doubled]).run(never, observers: [validation])
    #expect(
      validation.omissions == [
        "pass 'planted': output 0 is NaN in every run, so its numbers are not compared"
      ], "\(validation.omissions)")
    // Zeros have a root.
    let sound = TranslationValidation()
    _ = try Pipeline([doubled]).run(graph(text), observers: [sound])
    #expect(sound.omissions == [])
    // Of a graph that a pass leaves alone there is nothing to say.
    _ = try Pipeline([IdlePass()]).run(never, observers: [sound])
    #expect(sound.omissions == [])
  }

  @Test func aPassWhoseClassFitsNoInputsIsNotTakenForValidated() throws {
    let g = try graph("graph @g(%x: f32[16]) {\n%1 = negate(%x)\nreturn %1\n}")
    let rounding = PlantedRounding { node, x in node.op is Negate ? try x[0] * -1 : nil }
    let validation = TranslationValidation(kinds: [.wide])
    _ = try Pipeline([rounding]).run(g, observers: [validation])
    #expect(
      validation.omissions.first?.hasPrefix(
        "pass 'planted-rounding' is not compared: on inputs of the kinds tried (wide)")
        == true, "\(validation.omissions)")
  }

  @Test func anotherNumberOfResultsIsADifference() throws {
    let one = "graph @g(%x: f32[2]) {\nreturn %x\n}"
    #expect(try mismatch(one, one.replacing("return %x", with: "return %x, %x")) == "it gives 2 results, not 1")
    #expect(try mismatch(one.replacing("return %x", with: "return %x, %x"), one) == "it gives 1 results, not 2")
  }

  /// A fusion around what looks up takes nothing from the limit of its operands: both graphs are run on the same inputs.
  @Test func indicesThatAFusionLooksUpByStayBelowTheirLimit() throws {
    let before = try graph(
      """
      graph @g(%x: u8[6], %t: f32[5]) {
        %i = check_index(%x, size: 5)
        %j = cast(%i, dtype: i32)
        %y = gather(%t, %j, axis: 0)
        return %j, %y
      }
      """)
    let result = try Pipeline([Fuse()]).run(before, observers: [TranslationValidation()]).graph
    #expect(result.nodes.contains { $0.op.name == "fusion" }, "\(result)")
    #expect(result.indexLimit(of: result.parameters[0]) == 5 && before.indexLimit(of: before.parameters[0]) == 5)
  }

  @Test func aMismatchHasTheFirstTensorAndAHistogram() throws {
    func text(_ op: String) -> String {
      "graph @g(%x: f32[64]) {\n%a = \(op)(%x)\n%b = exp(%a)\n%c = tanh(%b)\nreturn %c\n}"
    }
    let found = try #require(try TranslationValidation().mismatch(graph(text("negate")), graph(text("abs"))))
    let details = try #require(found.details)
    #expect(details.hasPrefix("first at %a: f32[64] = abs(%x): element "), "\(details)")
    #expect(details.contains("ULP apart"), "\(details)")
  }

  @Test func histogramsCountFloatsBetween() throws {
    let one = Tensor([1, 1, 1, 0, -0.0, .nan, .nan] as [Float])
    let other = Tensor([1, Float(1).nextUp, Float(1).nextDown.nextDown, -0.0, 0, .nan, 1] as [Float])
    let histogram = ULPHistogram(one, other)
    #expect(histogram.counts == [4, 1, 1] && histogram.strangers == 1 && histogram.largest == 2)
    // Across zero: from the least negative to the least positive number.
    let least = Float.leastNonzeroMagnitude
    #expect(ULPHistogram(Tensor([least]), Tensor([-least])).largest == 2)
    #expect(ULPHistogram(Tensor([Int64.max]), Tensor([Int64.min])).largest == .max)
    #expect(ULPHistogram(one, one).isZero && !histogram.isZero)
    // Far apart, distances are shown by their powers of two.
    let far = ULPHistogram(Tensor([1, 2] as [Float]), Tensor([2, 2] as [Float]))
    #expect("\(far)".contains("  2^23 to 2^24  1  ") && "\(far)".contains("  0             1  "), "\(far)")
  }

  @Test func comparisonKnowsSpecialNumbers() throws {
    func difference(_ a: [Float], _ b: [Float]) throws -> String? {
      TensorComparison.firstDifference(try Tensor(a, [a.count]), try Tensor(b, [b.count]))
    }
    #expect(try difference([.nan, .infinity, 1], [.nan, .infinity, 1.000001]) == nil)
    #expect(try difference([1, .nan], [1, 2]) == "element 1: nan became 2.0")
    #expect(try difference([1, 2], [1, .nan]) == "element 1: 2.0 became nan")
    #expect(try difference([.infinity], [-.infinity]) != nil)
    #expect(try difference([.greatestFiniteMagnitude], [.infinity]) != nil)
    #expect(try difference([1], [1.001]) == "element 0: 1.0 became 1.0010000467300415")
    #expect(try difference([1], [1, 1]) == "a f32[1] became a f32[2]")
  }

  @Test func integersAreComparedExactly() throws {
    let (a, b) = (try Tensor([Int64.max], [1]), try Tensor([Int64.max - 1], [1]))
    #expect(TensorComparison.firstDifference(a, b) != nil)
    #expect(TensorComparison.firstDifference(a, a) == nil)
  }

  @Test func theSameNameAndSeedGiveTheSameInputs() throws {
    let type = TensorType(.f32, [100])
    let draw = try RandomInputs(seed: 1).tensor("x", type)
    #expect(try RandomInputs(seed: 1).tensor("x", type) == draw)
    #expect(try RandomInputs(seed: 2).tensor("x", type) != draw)
    #expect(try RandomInputs(seed: 1).tensor("y", type) != draw)
    #expect(draw.doubles().allSatisfy { (-2..<2).contains($0) })
    // A variance must not be negative, or all that is compared is NaN.
    let variance = try RandomInputs(seed: 1).tensor(Variable("v", type, .ones))
    #expect(variance.doubles().allSatisfy { (0.5..<1.5).contains($0) })
  }
}

/// Gives its operand, of single precision only.
private struct SingleOnly: Operator, Interpretable {
  static let record = OperatorRecord("single_only", .elementwise, "x", operands: [OperandRecord("x", .floating)])
  func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    guard operands[0].dtype == .f32 else { throw TypeError("'x' must be f32") }
    return operands
  }
  func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] { operands }
  func gradient(_ context: GradientContext) throws -> [Value?] { [try context.cotangent] }
}
