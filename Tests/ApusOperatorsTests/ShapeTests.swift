import Apus
import TestSupport
import Testing

@Suite struct ShapeTests {
  @Test(arguments: try ReferenceCase.load("shape.jsonl"))
  func agreesWithNumPy(_ reference: ReferenceCase) throws {
    #expect(try reference.mismatches() == [])
  }

  @Test func symbolsPassThrough() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, ["batch", 4, 6])
    #expect(try x.reshaped(["batch", 24]).shape == ["batch", 24])
    #expect(try x.reshaped(["batch", 2, 2, 6]).shape == ["batch", 2, 2, 6])
    #expect(try x.flattened().shape == ["batch", 24])
    #expect(try x.transposed([2, 0, 1]).shape == [6, "batch", 4])
    #expect(try x.sliced(axis: -1, from: 1, to: 3).shape == ["batch", 4, 2])
    #expect(try x.padded(low: [0, 1, 0], high: [0, 0, 2]).shape == ["batch", 5, 8])
    #expect(try concatenate([x, x], axis: 1).shape == ["batch", 8, 6])
    #expect(try x.reversed(axes: [0]).shape == ["batch", 4, 6])
    #expect(try x.expandedDims(at: 1).shape == ["batch", 1, 4, 6])
    #expect(try x.expandedDims(at: 1).squeezed(axis: 1).shape == ["batch", 4, 6])
    #expect(try x.size(axis: 0).type == .scalar(.i64))
    #expect(try builder.iota(.f32, ["batch", 3], axis: 0).shape == ["batch", 3])
    #expect(try builder.constant(1).broadcast(to: ["batch", 2]).shape == ["batch", 2])
  }

  /// A size is a number once the symbol is bound.
  @Test func sizeOfABoundSymbol() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, ["batch", 2])
    let graph = try builder.build([x.size(axis: 0)]).specialized(["batch": 7])
    let result = try Interpreter(graph).run([Tensor(zeros: .f32, [7, 2])], variables: [])
    #expect(result.outputs == [Tensor(scalar: Int64(7))])
  }

  @Test func oneDimensionMayBeLeftOpen() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [4, 6])
    let s = try builder.parameter("s", .f32, ["batch", 6])
    #expect(try x.reshaped(dims: [3, -1]).shape == [3, 8])
    #expect(try s.reshaped(dims: [-1, 2, 3]).shape == ["batch", 2, 3])
    expectError("-1 has no solution") { try x.reshaped(dims: [5, -1]) }
    expectError("-1 has no solution") { try s.reshaped(dims: [-1, 3]) }
    expectError("only one dimension can be -1") { try x.reshaped(dims: [-1, -1]) }
  }

  @Test func refusals() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [2, 3])
    let n = try builder.parameter("n", .i32, [2, 3])
    let s = try builder.parameter("s", .f32, ["batch", 3])
    expectError("6 elements do not fill 8 places") { try x.reshaped([2, 4]) }
    expectError("numbers and symbols must have the same product on both sides") { try s.reshaped([3]) }
    expectError("[0, 0] does not order the axes of f32[2, 3]") { try x.transposed([0, 0]) }
    expectError("f32[2, 3] does not broadcast to [2, 4]") { try x.broadcast(to: [2, 4]) }
    expectError("f32[2, 3] does not broadcast to [3]") { try x.broadcast(to: [3]) }
    expectError("2 up to 4 is not a range in axis 1") { try x.sliced(axis: 1, from: 2, to: 4) }
    expectError("2 up to 1 is not a range in axis 1") { try x.sliced(axis: 1, from: 2, to: 1) }
    expectError("a stride must be at least 1, not 0") {
      try x.sliced(starts: [0, 0], limits: [2, 3], strides: [0, 1])
    }
    expectError("'starts' must have 2 elements") { try x.sliced(starts: [0], limits: [2, 3]) }
    expectError("can only be taken whole") { try s.sliced(axis: 0, from: 1, to: 2) }
    expectError("'low' cannot be negative") { try x.padded(low: [-1, 0], high: [0, 0]) }
    expectError("'high' must have 2 elements") { try x.padded(low: [0, 0], high: [0]) }
    expectError("has a symbolic size and cannot be padded") { try s.padded(low: [1, 0], high: [0, 0]) }
    expectError("element type and rank must agree") { try concatenate([x, n], axis: 0) }
    expectError("along axis 0: axis 1 differs") {
      try concatenate([x, builder.parameter("wide", .f32, [2, 4])], axis: 0)
    }
    expectError("has a symbolic size, which has no sum") { try concatenate([s, s], axis: 0) }
    expectError("concatenate needs at least one value") { try concatenate([], axis: 0) }
    expectError("axis 2 does not exist") { try x.reversed(axes: [2]) }
    expectError("axis 2 does not exist") { try x.size(axis: 2) }
    expectError("positions must be") { try builder.iota(.bool, [3]) }
    expectError("has a size other than 1") { try x.squeezed(axis: 0) }
    expectError("axis 4 does not exist") { try x.expandedDims(at: 4) }
  }
}
