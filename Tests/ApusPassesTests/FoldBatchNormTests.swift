import Apus
import ApusOperators
import TestSupport
import Testing

/// Residual networks as they predict: each batch normalization must go into the convolution before it.
@Suite struct FoldBatchNormTests {
  private struct Network {
    let builder = GraphBuilder("residual")
    /// With channels first, each convolution stands between two transposes.
    let isChannelsFirst: Bool
    var count = 0

    mutating func normalized(
      _ x: Value, _ outputs: Int, kernel: Int = 3, stride: Int = 1, groups: Int = 1
    ) throws -> Value {
      count += 1
      let axis = isChannelsFirst ? 1 : 3
      let inputs = x.shape[axis].number ?? 0
      let w = try builder.variable("w\(count)", .f32, Shape([kernel, kernel, inputs / groups, outputs]))
      let image = isChannelsFirst ? try x.transposed([0, 2, 3, 1]) : x
      var y = try image.convolution(w, strides: [stride, stride], padding: .same, groups: groups)
      if isChannelsFirst { y = try y.transposed([0, 3, 1, 2]) }
      let vectors = try ["scale", "offset", "mean", "variance"].map { name in
        try builder.variable(
          "\(name)\(count)", .f32, Shape([outputs]), name == "scale" || name == "variance" ? .ones : .zeros)
      }
      var op = BatchNormInference()
      op.axis = axis
      return try builder.append(op, [y] + vectors)[0]
    }

    /// conv → norm → relu → conv → norm → add → relu, beside it nothing or a convolution with a norm.
    mutating func block(_ x: Value, _ channels: Int, stride: Int = 1, groups: Int = 1) throws -> Value {
      let isPlain = stride == 1 && x.shape[isChannelsFirst ? 1 : 3] == .number(channels)
      let beside = isPlain ? x : try normalized(x, channels, kernel: 1, stride: stride)
      let inner = try normalized(x, channels, stride: stride).relu()
      return try (normalized(inner, channels, groups: groups) + beside).relu()
    }
  }

  @Test(arguments: [false, true]) func residualNetworksAreFree(_ isChannelsFirst: Bool) throws {
    var network = Network(isChannelsFirst: isChannelsFirst)
    var x = try network.builder.parameter("x", .f32, isChannelsFirst ? ["batch", 3, 8, 8] : ["batch", 8, 8, 3])
    x = try network.normalized(x, 4).relu()
    x = try network.block(x, 4)
    x = try network.block(x, 8, stride: 2)
    // In groups, and depthwise.
    x = try network.block(x, 8, groups: 2)
    x = try network.block(x, 8, groups: 8)
    let graph = try network.builder.build([x.sum(axes: isChannelsFirst ? [2, 3] : [1, 2])])
    let pipeline = try Pipeline.named("inference")
    let result = try pipeline.run(
      graph, observers: [TranslationValidation(seeds: [1], bindings: ["batch": 2])])
    let folding = try #require(result.reports.first { $0.pass == "fold-batch-norm" })
    #expect(folding.statistics[0].count == network.count)
    #expect(folding.remarks.isEmpty, "\(folding.remarks)")
    let plain = try result.graph.inliningFusions()
    #expect(plain.nodes.count { $0.op is Convolution } == network.count)
    for node in plain.nodes
    where plain.type(of: node.results[0]).rank == 4 && plain.type(of: node.results[0]).shape[0] == "batch" {
      let isScale =
        node.op is ApusOperators.Multiply || node.op is Divide || node.op is ApusOperators.Subtract
        || node.op is BatchNormInference
      #expect(!isScale, "\(node.op.name) is left of an image")
    }
    #expect(plain.nodes.count { $0.op is Transpose } == (isChannelsFirst ? 1 : 0))
  }

  /// The sum of two branches is normalized: neither convolution can take that in alone.
  @Test func aNormalizedSumStays() throws {
    var network = Network(isChannelsFirst: false)
    let x = try network.builder.parameter("x", .f32, ["batch", 8, 8, 4])
    let inner = try network.normalized(x, 4)
    var op = BatchNormInference()
    op.axis = 3
    let vectors = try (0..<4).map { try network.builder.variable("v\($0)", .f32, [4], .ones) }
    let graph = try network.builder.build(network.builder.append(op, [inner + x] + vectors))
    let report = try Pipeline(parsing: "fold-batch-norm").run(graph).reports[0]
    #expect(report.statistics[0].count == 1)
    #expect(report.remarks.contains { $0.kind == .missed && $0.message.contains("is not the result of a convolution") })
  }
}
