import Apus
import ApusOperators
import TestSupport
import Testing

@Suite struct ConvolutionGradientTests {
  struct Case: CustomStringConvertible, Sendable {
    let x: [Int]
    let w: [Int]
    var strides: [Int] = []
    var padding = Padding.valid
    var dilation: [Int] = []
    var groups = 1
    var description: String { "\(x) ∗ \(w) \(strides) \(padding) \(dilation) \(groups)" }
  }

  static let cases: [Case] = [
    Case(x: [2, 5, 2], w: [3, 2, 2]),
    Case(x: [1, 6, 2], w: [2, 1, 4], strides: [4], padding: .explicit([[1, 2]]), groups: 2),
    Case(x: [2, 3, 3, 2], w: [2, 2, 2, 1]),
    Case(x: [1, 4, 3, 1], w: [2, 3, 1, 2], strides: [2, 1], padding: .same),
    Case(x: [1, 5, 4, 1], w: [2, 2, 1, 1], padding: .explicit([[0, 1], [2, 0]]), dilation: [2, 3]),
    Case(x: [1, 2, 3, 4], w: [1, 1, 2, 2], groups: 2),
    Case(x: [1, 3, 3, 2], w: [2, 2, 1, 2], padding: .same, groups: 2),
    Case(x: [1, 2, 3, 2, 1], w: [2, 2, 1, 1, 2], strides: [1, 2, 1], padding: .same),
    // Strides, dilation and groups together, depthwise ones too, over each number of axes.
    Case(x: [2, 7, 2], w: [3, 1, 4], strides: [2], padding: .explicit([[2, 1]]), dilation: [2], groups: 2),
    Case(
      x: [1, 5, 5, 2], w: [2, 3, 1, 2], strides: [2, 1], padding: .explicit([[1, 0], [0, 2]]), dilation: [2, 1],
      groups: 2),
    Case(x: [1, 4, 5, 3], w: [2, 2, 1, 3], strides: [2, 3], padding: .same, groups: 3),
    Case(x: [2, 4, 4, 2], w: [2, 2, 1, 4], padding: .same, dilation: [1, 2], groups: 2),
    Case(
      x: [1, 3, 3, 4, 2], w: [2, 1, 2, 1, 2], strides: [1, 2, 2], padding: .same, dilation: [2, 1, 1], groups: 2),
    Case(
      x: [1, 3, 4, 3, 1], w: [2, 2, 1, 1, 2], strides: [2, 1, 2], padding: .explicit([[1, 0], [0, 1], [0, 0]]),
      dilation: [1, 2, 1]),
    Case(x: [0, 3, 3, 1], w: [2, 2, 1, 1]),
  ]

  /// The gradient's own gradients are those of the two transposes: second order checks their rules.
  @Test(arguments: cases)
  func bothOrders(_ test: Case) throws {
    try expectGradients([samples(test.x), samples(test.w, stream: 1)]) { _, p in
      try p[0].convolution(
        p[1], strides: test.strides, padding: test.padding, dilation: test.dilation, groups: test.groups
      ).tanh()
    }
  }

  /// The transposes as operators of a user's own graph (a transposed convolution), to the second order.
  @Test func transposes() throws {
    try expectGradients([samples([1, 2, 3, 2]), samples([3, 2, 2, 2], stream: 1)]) { builder, p in
      var op = ConvolutionInputGradient()
      (op.shape, op.strides, op.padding) = ([1, 4, 3, 2], [2, 1], .same)
      return try builder.append(op, p)[0].tanh()
    }
    try expectGradients([samples([1, 4, 3, 2]), samples([1, 2, 3, 2], stream: 1)]) { builder, p in
      var op = ConvolutionFilterGradient()
      (op.shape, op.strides, op.padding) = ([3, 2, 2, 2], [2, 1], .same)
      return try builder.append(op, p)[0].tanh()
    }
  }

  /// Transposed convolutions with strides that leave elements over, dilation and groups.
  @Test(
    arguments: [
      ([1, 3, 4], [3, 1, 4], [1, 8, 2], [2], [1], 2), ([1, 3, 2], [2, 2, 2], [1, 7, 2], [2], [2], 1),
      ([1, 2, 2, 2], [2, 2, 1, 2], [1, 4, 7, 2], [2, 3], [1, 2], 2),
    ] as [([Int], [Int], [Int], [Int], [Int], Int)])
  func transposesWithSettings(
    _ g: [Int], _ w: [Int], _ shape: [Int], _ strides: [Int], _ dilation: [Int], _ groups: Int
  ) throws {
    let windows = zip(shape.dropFirst(), zip(w, dilation)).map { $0 - ($1.0 - 1) * $1.1 }
    try #require(zip(windows, zip(strides, g.dropFirst())).allSatisfy { ($0 - 1) / $1.0 + 1 == $1.1 })
    try expectGradients([samples(g), samples(w, stream: 1)]) { builder, p in
      var op = ConvolutionInputGradient()
      (op.shape, op.strides, op.dilation, op.groups) = (Shape(shape), strides, dilation, groups)
      return try builder.append(op, p)[0].tanh()
    }
  }

  /// A gradient built with a symbol for the batch is that of each batch: twice the images, twice the gradient.
  @Test func symbolicBatch() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f64, ["batch", 5, 5, 1])
    let w = try builder.parameter("w", .f64, [3, 3, 1, 2])
    let table = try builder.parameter("table", .f64, [4, 2])
    let labels = try builder.parameter("labels", .i64, ["batch"])
    let features = try x.convolution(w, padding: .same).maxPool(window: [2, 2]).averagePool(window: [2, 2])
      .globalMaxPool()
    let loss = try (features * table.gather(labels)).sum()
    let graph = try builder.build(gradients(of: loss, withRespectTo: [w, table, x]))
    try graph.verify(after: "gradients")
    let image = try samples([1, 5, 5, 1])
    let others = try [samples([3, 3, 1, 2], stream: 1), samples([4, 2], stream: 2)]
    let once = try Interpreter(graph.specialized(["batch": 1]))
      .run([image] + others + [Tensor([2] as [Int64])], variables: []).outputs
    let double = try Tensor(image.doubles() + image.doubles(), [2, 5, 5, 1])
    let twice = try Interpreter(graph.specialized(["batch": 2]))
      .run([double] + others + [Tensor([2, 2] as [Int64])], variables: []).outputs
    for (a, b) in zip(once.prefix(2), twice) {
      #expect(a.doubles().contains { $0 != 0 })
      #expect(zip(a.doubles(), b.doubles()).allSatisfy { abs(2 * $0 - $1) < 1e-12 })
    }
    #expect(once[2].doubles() + once[2].doubles() == twice[2].doubles())
  }

  /// A small network: convolution, pooling, convolution.
  @Test func network() throws {
    try expectGradients(
      [samples([1, 6, 6, 1]), samples([3, 3, 1, 2], stream: 1), samples([2, 2, 2, 1], stream: 2)]
    ) { _, p in
      try p[0].convolution(p[1], padding: .same).tanh().averagePool(window: [2, 2]).convolution(p[2]).sigmoid()
    }
  }
}
