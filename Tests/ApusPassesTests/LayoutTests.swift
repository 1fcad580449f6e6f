import Apus
import ApusGraph
import ApusOperators
import TestSupport
import Testing

/// A network written with channels first, as importers give it: a transpose before and behind each convolution and pool.
@Suite struct LayoutTests {
  private static let last = [0, 2, 3, 1], first = [0, 3, 1, 2]

  private func network() throws -> Graph {
    let builder = GraphBuilder("channels_first")
    var x = try builder.parameter("x", .f32, ["batch", 3, 14, 14])
    func convolved(_ x: Value, _ name: String, _ inputs: Int, _ outputs: Int) throws -> Value {
      let w = try builder.variable("\(name)/kernel", .f32, Shape([3, 3, inputs, outputs]))
      let b = try builder.variable("\(name)/bias", .f32, Shape([outputs, 1, 1]), .ones)
      return try (x.transposed(Self.last).convolution(w).transposed(Self.first) + b).relu()
    }
    func pooled(_ x: Value) throws -> Value {
      try x.transposed(Self.last).maxPool(window: [2, 2]).transposed(Self.first)
    }
    x = try pooled(convolved(x, "conv1", 3, 4))
    x = try pooled(convolved(x, "conv2", 4, 8))
    let dense = try builder.variable("dense/kernel", .f32, [32, 10])
    return try builder.build([x.flattened().matmul(dense).softmax(axis: -1)])
  }

  private func transposes(_ graph: Graph) -> [Node] { graph.nodes.filter { $0.op is Transpose } }

  /// The image's before the first convolution, and that before its elements are put into a row.
  @Test(arguments: ["O2", "O3", "inference", "training"])
  func onlyTheTransposesAtTheEdgesStay(_ pipeline: String) throws {
    let graph = try network()
    #expect(transposes(graph).count == 8)
    let validation = TranslationValidation(seeds: [1], bindings: ["batch": 2])
    let result = try Pipeline.named(pipeline).run(graph, observers: [validation]).graph
    let left = transposes(result)
    #expect(left.count == 2, "\(result)")
    #expect(result.producer(of: left[0].operands[0]).op is Parameter)
    let readers = result.readers()[left[1].result.index].map { result.nodes[$0.index].op }
    #expect(readers.allSatisfy { $0 is ApusOperators.Reshape })
  }

  @Test func convolutionsFuseWithBiasAndActivation() throws {
    let result = try Pipeline.standard.run(network()).graph
    let fused = result.nodes.filter { node in
      node.op is Fusion && node.regions[0].nodes.contains { $0.op is Convolution }
    }
    #expect(fused.count == 2)
    for node in fused {
      #expect(node.regions[0].nodes.contains { $0.op is ApusOperators.Add })
      #expect(node.regions[0].nodes.contains { $0.op is Relu || $0.op is ApusOperators.Maximum }, "\(node.regions[0])")
    }
  }

  /// The whole training step: gradients are transposed where the values are.
  @Test func aTrainingStepHasTransposesAtItsEdgesOnly() throws {
    let graph = try network()
    let step = try graph.bound(to: .training).differentiated().specialized(["batch": 2])
    let before = transposes(step).count
    let validation = TranslationValidation(seeds: [1])
    let result = try Pipeline.standard.run(step, observers: [validation]).graph
    #expect(before >= 14)
    // Besides the two, the gradient where the row becomes an image again.
    #expect(transposes(result).count <= 3, "\(result)")
  }

  @Test func remarksSayWhyATransposeStays() throws {
    let result = try Pipeline(parsing: "layout").run(network())
    let messages = result.reports[0].remarks.map(\.description)
    #expect(messages.contains { $0.contains("stays between parameter %x and convolution") }, "\(messages)")
    #expect(messages.contains { $0.contains("and reshape") }, "\(messages)")
  }

  /// Every operator that says it can work in another order does, for every order of its operand's axes.
  @Test func permutedOperatorsComputeTheSame() throws {
    let operators: [(any AxisPermutable, Int)] = [
      (ReduceSum(axes: [0, -1]), 1), (ReduceMax(axes: [1], keepDims: true), 1), (ReduceMin(axes: nil), 1),
      (ReduceProduct(axes: [2]), 1), (Pad(low: [0, 1, 2], high: [3, 0, 1], interior: [1, 0, 2], value: 2), 1),
      (Pad(low: [0, 1, 2], high: [3, 0, 1], interior: [], value: 0), 1),
      (Slice(starts: [0, 1, 1], limits: [2, 3, 4], strides: [1, 2, 3]), 1),
      (Slice(starts: [0, 1, 0], limits: [1, Slice.end, 3], strides: []), 1), (ApusOperators.Concatenate(-1), 2),
      (ApusOperators.Concatenate(0), 3),
      (Reverse([0, -1]), 1), (CumulativeSum(axis: 1, reverse: true, exclusive: false), 1),
    ]
    for (op, count) in operators {
      for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let builder = GraphBuilder("orders")
        let operands = try (0..<count).map {
          try builder.parameter("u\($0)", .f32, [2, 3, 4].permuted(Transpose(order).inverse))
        }
        let moved = try operands.map { try $0.transposed(order) }
        let plain = try builder.append(op, moved)[0]
        let (other, result) = try op.permuted(order, moved.map(\.type))
        let turned = try builder.append(other, operands)[0].transposed(result)
        let graph = try builder.build([plain, turned])
        #expect(graph.outputTypes[0] == graph.outputTypes[1], "\(op) \(order)")
        let feeds = try operands.enumerated().map { position, value in
          try Tensor((0..<24).map { Float($0 * 7 % 24 + position) / 8 }, value.shape.numbers ?? [])
        }
        let outputs = try Interpreter(graph).run(feeds, variables: []).outputs
        let isSame = zip(outputs[0].doubles(), outputs[1].doubles()).allSatisfy {
          abs($0 - $1) <= 1e-5 * max(1, abs($0))
        }
        #expect(isSame, "\(op) \(order)")
      }
    }
  }
}

extension [Int] {
  fileprivate func permuted(_ order: [Int]) -> Shape { Shape(order.map { self[$0] }) }
}
