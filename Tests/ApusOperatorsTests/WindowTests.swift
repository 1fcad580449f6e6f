import Apus
import TestSupport
import Testing

@Suite struct WindowTests {
  @Test(arguments: try ReferenceCase.load("window.jsonl"))
  func agreesWithLoops(_ reference: ReferenceCase) throws {
    #expect(try reference.mismatches() == [])
  }

  @Test func theBatchMayBeASymbol() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, ["batch", 6, 4, 3])
    #expect(try x.maxPool(window: [2, 2]).shape == ["batch", 3, 2, 3])
    #expect(try x.minPool(window: [3, 3], strides: [1, 1], padding: .same).shape == ["batch", 6, 4, 3])
    #expect(try x.averagePool(window: [2, 3], strides: [2, 1], padding: .same).shape == ["batch", 3, 4, 3])
    #expect(try x.globalAveragePool().shape == ["batch", 3])
    #expect(try x.globalMaxPool(keepDims: true).shape == ["batch", 1, 1, 3])
    let free = try builder.parameter("f", .f32, ["batch", "time", 3])
    #expect(try free.globalAveragePool().shape == ["batch", 3])
  }

  @Test func averageOverSymbolicTime() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, ["batch", "time", 2])
    let graph = try builder.build([x.globalAveragePool()]).specialized(["batch": 1, "time": 3])
    let result = try Interpreter(graph).run([Tensor([1, 2, 3, 5, 5, 11] as [Float], [1, 3, 2])], variables: [])
    #expect(result.outputs[0].elements() == [3, 6] as [Float])
  }

  @Test func averageOfPaddingAloneIsZero() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [1, 2, 1])
    let graph = try builder.build([x.averagePool(window: [1], padding: .explicit([[1, 1]]))])
    let result = try Interpreter(graph).run([Tensor([3, 4] as [Float], [1, 2, 1])], variables: [])
    #expect(result.outputs[0].elements() == [0, 3, 4, 0] as [Float])
  }

  @Test func refusals() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [1, 3, 3, 2])
    let free = try builder.parameter("f", .f32, ["batch", "time", 3])
    let matrix = try builder.parameter("m", .f32, [3, 2])
    expectError("window has 1 entries for 2 spatial axes") { try x.maxPool(window: [2]) }
    expectError("window must be at least 1") { try x.maxPool(window: [0, 2]) }
    expectError("strides must be at least 1") { try x.maxPool(window: [2, 2], strides: [2, 0]) }
    expectError("the window is larger than the padded input along spatial axis 1: 4 > 3") {
      try x.averagePool(window: [1, 4])
    }
    expectError("spatial axis 0 is the symbol 'time'") { try free.maxPool(window: [2]) }
    expectError("1 to 3 spatial axes") { try matrix.maxPool(window: []) }
    expectError("[batch, spatial…, channels]") { try matrix.globalMaxPool() }
  }

  /// A huge window needs no work beyond the elements it covers.
  @Test func hugeWindow() throws {
    let n = Limits.magnitude
    let text = """
      graph @g(%x: f32[1, 2, 1, 1, 1]) {
        %y = reduce_window_sum(%x, window: [\(n), \(n), \(n)], padding: [[\(n), 0], [\(n), 0], [\(n), 0]], \
      strides: [\(n), \(n), \(n)])
        return %y
      }
      """
    let graph = try #require(try Graph.parse(text).first)
    #expect(graph.outputTypes == [TensorType(.f32, [1, 1, 1, 1, 1])])
    let result = try Interpreter(graph).run([Tensor([3, 4] as [Float], [1, 2, 1, 1, 1])], variables: [])
    #expect(result.outputs[0].elements() == [0] as [Float])
  }
}
