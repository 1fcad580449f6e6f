import Apus
import ApusOperators
import TestSupport
import Testing

@Suite struct ContractionTests {
  @Test(arguments: try ReferenceCase.load("contraction.jsonl"))
  func agreesWithNumPy(_ reference: ReferenceCase) throws {
    #expect(try reference.mismatches() == [])
  }

  @Test func symbolsPassThrough() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, ["batch", 3, 4])
    let w = try builder.parameter("w", .f32, [4, 5])
    let v = try builder.parameter("v", .f32, ["batch", 2, 4])
    #expect(try x.matmul(w).shape == ["batch", 3, 5])
    #expect(try x.matmul(v, transposeB: true).shape == ["batch", 3, 2])
    #expect(try x.dotGeneral(w, contractingA: [2], contractingB: [0]).shape == ["batch", 3, 5])
    #expect(
      try x.dotGeneral(v, contractingA: [2], contractingB: [2], batchA: [0], batchB: [0]).shape == ["batch", 3, 2])
  }

  /// A symbol among several free axes of a cannot be merged; the expansion keeps it as an axis of its own.
  @Test func dotGeneralKeepsASymbolApart() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f64, ["batch", 3, 4])
    let w = try builder.parameter("w", .f64, [4, 5, 2])
    let graph = try builder.build([x.dotGeneral(w, contractingA: [2], contractingB: [0])])
    #expect(graph.outputTypes == [TensorType(.f64, ["batch", 3, 5, 2])])
    let numbers: [Double] = (0..<24).map { i -> Double in Double(i % 7 - 3) }
    let weights: [Double] = (0..<40).map { i -> Double in Double(i % 5 - 2) }
    let result = try Interpreter(graph.specialized(["batch": 2]))
      .run([Tensor(numbers, [2, 3, 4]), Tensor(weights, [4, 5, 2])], variables: []).outputs[0]
    var expected = [Double](repeating: 0, count: 60)
    for i in 0..<60 {
      for k in 0..<4 {
        let (number, weight): (Double, Double) = (numbers[i / 10 * 4 + k], weights[k * 10 + i % 10])
        expected[i] += number * weight
      }
    }
    #expect(result.elements() == expected)
  }

  @Test func refusals() throws {
    let builder = GraphBuilder()
    let a = try builder.parameter("a", .f32, [2, 3])
    let b = try builder.parameter("b", .f32, [2, 3])
    let vector = try builder.parameter("v", .f32, [3])
    let wide = try builder.parameter("d", .f64, [3, 2])
    let stack = try builder.parameter("s", .f32, [4, 3, 5])
    let other = try builder.parameter("t", .f32, [3, 2, 3])
    let symbolic = try builder.parameter("x", .f32, ["batch", 2, 3])
    expectError("the inner dimensions differ: 3 of [2, 3] and 2 of [2, 3]") { try a.matmul(b) }
    expectError("at least 2 axes, but operand 'b' is f32[3]") { try a.matmul(vector) }
    expectError("one element type, not f32 and f64") { try a.matmul(wide) }
    expectError("leading axes of [3, 2, 3] and [4, 3, 5] do not broadcast") { try other.matmul(stack) }
    expectError("axes come in pairs") { try a.dotGeneral(b, contractingA: [0], contractingB: []) }
    expectError("axis 2 does not exist") { try a.dotGeneral(b, contractingA: [2], contractingB: [0]) }
    expectError("named twice") { try a.dotGeneral(b, contractingA: [0, -2], contractingB: [0, 1]) }
    expectError("paired but differ: 2 and 3") { try a.dotGeneral(b, contractingA: [0], contractingB: [1]) }
    let summed = try symbolic.dotGeneral(symbolic, contractingA: [0, 1], contractingB: [0, 1])
    expectError("hold a symbol") { try builder.build([summed]).expandingComposites() }
    let huge = try builder.parameter("h", .i8, [100_000, 100_000])
    expectError("as one they are too many") { try huge.dotGeneral(huge, contractingA: [0, 1], contractingB: [0, 1]) }
  }

  /// A weight that a symbolic batch of matrices shares: its gradient is one product once the batch is bound.
  @Test func gradientOfASharedMatrix() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, ["batch", 3, 4])
    let w = try builder.parameter("w", .f32, [4, 5])
    let dw = try gradients(of: x.matmul(w).sum(), withRespectTo: [w])[0]
    let graph = try builder.build([dw]).specialized(["batch": 2]).expandingComposites()
    let live = graph.liveNodes()
    #expect(!graph.nodes.contains { live[$0.id.index] && $0.op is ReduceSum })
    let result = try Interpreter(graph).run(
      [Tensor(repeating: 2, .f32, [2, 3, 4]), Tensor(zeros: .f32, [4, 5])], variables: [])
    #expect(result.outputs[0] == (try Tensor(repeating: 12, .f32, [4, 5])))
  }

  @Test func flopCounts() throws {
    let builder = GraphBuilder()
    let a = try builder.parameter("a", .f32, [5, 2, 3])
    let b = try builder.parameter("b", .f32, [3, 4])
    #expect(try builder.build([a.matmul(b)]).flopCount == 2 * 5 * 2 * 3 * 4)
    #expect(
      try builder.build([a.dotGeneral(a, contractingA: [1, 2], contractingB: [1, 2])]).flopCount >= 2 * 5 * 5 * 6)
  }
}
