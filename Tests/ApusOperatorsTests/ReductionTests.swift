import Apus
import TestSupport
import Testing

@Suite struct ReductionTests {
  @Test(arguments: try ReferenceCase.load("reduction.jsonl"))
  func agreesWithNumPy(_ reference: ReferenceCase) throws {
    #expect(try reference.mismatches() == [])
  }

  @Test func symbolsPassThrough() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, ["batch", 4, 8])
    #expect(try x.sum().shape == [])
    #expect(try x.sum(axes: [1]).shape == ["batch", 8])
    #expect(try x.max(axes: [0], keepDims: true).shape == [1, 4, 8])
    #expect(try x.argMax().type == TensorType(.i64, ["batch", 4]))
    #expect(try x.argMin(axis: 0, keepDims: true).type == TensorType(.i64, [1, 4, 8]))
    #expect(try x.cumulativeSum(axis: 0).shape == ["batch", 4, 8])
  }

  /// 1 and many numbers that f32 would not add to it: sums are carried in double precision.
  @Test func runningSumsAreCarriedInDoublePrecision() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [10_001])
    let graph = try builder.build([x.cumulativeSum(axis: 0), x.cumulativeSum(axis: 0, reverse: true)])
    let feed = Tensor([Float(1)] + [Float](repeating: 1e-8, count: 10_000))
    let sums = try InterpreterBackend().prepare(graph).run([feed], variables: []).outputs.map { $0.doubles() }
    #expect(abs(sums[0][10_000] - 1.0001) < 1e-7)
    #expect(abs(sums[1][0] - 1.0001) < 1e-7)
  }

  @Test func refusals() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [2, 3])
    let none = try builder.parameter("none", .f32, [2, 0])
    let scalar = try builder.parameter("scalar", .f32, [])
    let b = try builder.parameter("b", .bool, [2])
    expectError("axis 2 does not exist") { try x.sum(axes: [2]) }
    expectError("axis -3 does not exist") { try x.max(axes: [-3]) }
    expectError("axis") { try x.sum(axes: [1, -1]) }
    expectError("axis 1 of f32[2, 0] is empty, so no element of it is an extremum") { try none.argMax() }
    expectError("a scalar has no axis") { try scalar.argMin(axis: 0) }
    expectError("a scalar has no axis") { try scalar.cumulativeSum(axis: 0) }
    expectError("operand 'x' of reduce_sum must be") { try b.sum() }
    expectError("operand 'x' of reduce_any must be bool, not f32") { try x.any() }
  }
}
