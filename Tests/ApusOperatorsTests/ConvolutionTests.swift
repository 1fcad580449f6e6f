import Apus
import TestSupport
import Testing

@Suite struct ConvolutionTests {
  @Test(arguments: try ReferenceCase.load("convolution.jsonl"))
  func agreesWithLoops(_ reference: ReferenceCase) throws {
    #expect(try reference.mismatches() == [])
  }

  @Test func theBatchMayBeASymbol() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, ["batch", 28, 28, 1])
    let w = try builder.parameter("w", .f32, [3, 3, 1, 8])
    let y = try x.convolution(w, strides: [2, 2], padding: .same)
    #expect(y.shape == ["batch", 14, 14, 8])
    let graph = try builder.build([y]).specialized(["batch": 2])
    #expect(graph.flopCount == 2 * (2 * 14 * 14 * 8) * 9)
    let image = try Tensor(repeating: 1, .f32, [2, 28, 28, 1])
    let kernel = try Tensor(repeating: 1, .f32, [3, 3, 1, 8])
    let result = try Interpreter(graph).run([image, kernel], variables: []).outputs[0]
    // Of an even size with stride 2 the odd element of padding lies at the end: only there ones are missing.
    #expect(result.doubles().first == 9)
    #expect(result.doubles().last == 4)
  }

  @Test func refusals() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [1, 5, 5, 4])
    let w = try builder.parameter("w", .f32, [3, 3, 4, 6])
    let half = try builder.parameter("h", .f32, [3, 3, 2, 5])
    let line = try builder.parameter("l", .f32, [3, 4, 6])
    let large = try builder.parameter("b", .f32, [6, 3, 4, 6])
    let free = try builder.parameter("f", .f32, ["batch", "height", 5, 4])
    let empty = try builder.parameter("e", .f32, [0, 3, 4, 6])
    expectError("the image has 4 channels, but the kernel [3, 3, 2, 5] expects 2") { try x.convolution(half) }
    expectError("5 output channels do not divide into 2 groups") { try x.convolution(half, groups: 2) }
    expectError("groups must be at least 1") { try x.convolution(w, groups: 0) }
    expectError("groups must be at least 1") { try x.convolution(w, groups: -1) }
    expectError("must be [2 sizes") { try x.convolution(line) }
    expectError("larger than the padded input along spatial axis 0: 6 > 5") { try x.convolution(large) }
    expectError("spread to 7 by dilation > 5") { try x.convolution(w, dilation: [3, 1]) }
    expectError("strides must be at least 1") { try x.convolution(w, strides: [0, 1]) }
    expectError("strides has 1 entries for 2 spatial axes") { try x.convolution(w, strides: [1]) }
    expectError("dilation must be at least 1") { try x.convolution(w, dilation: [1, -2]) }
    expectError("dilation must be at least 1 and below 2³¹") { try x.convolution(w, dilation: [.max, 1]) }
    expectError("neither negative, not [-1, 0]") { try x.convolution(w, padding: .explicit([[-1, 0], [0, 0]])) }
    expectError("neither negative, not [1]") { try x.convolution(w, padding: .explicit([[1], [0, 0]])) }
    expectError("padding has 1 entries") { try x.convolution(w, padding: .explicit([[1, 1]])) }
    expectError("spatial axis 0 is the symbol 'height'") { try free.convolution(w) }
    expectError("kernel must be at least 1") { try x.convolution(empty) }
    expectError("1 to 3 spatial axes") { try w.max(axes: [0, 1]).convolution(w) }
    expectError("a dimension outside") {
      try x.convolution(w, padding: .explicit([[Limits.magnitude, Limits.magnitude], [0, 0]]))
    }
  }

  @Test func gradientsRefuseOtherShapes() throws {
    let text = """
      graph @g(%g: f32[1, 3, 3, 2], %w: f32[3, 3, 1, 2]) {
        %x = convolution_input_gradient(%g, %w, shape: [1, 6, 5, 1])
        return %x
      }
      """
    expectError("results of convolving [1, 6, 5, 1] by [3, 3, 1, 2] have shape [1, 4, 3, 2]") {
      try Graph.parse(text)
    }
  }
}
