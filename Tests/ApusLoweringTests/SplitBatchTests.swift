import Apus
import ApusGraph
import ApusLowering
import ApusOperators
import ApusPasses
import TestSupport
import Testing

/// Batches in parts: the same numbers, and only where samples do not meet.
@Suite struct SplitBatchTests {
  /// Every reference case, with each choice of operands that could have samples along their leading axis, one sample at a
  /// time: what an operator says of itself (`Operator.forSamples`) is held to what it computes.
  @Test func whatTreatsSamplesByThemselvesComputesTheSame() throws {
    var splits: [String: Int] = [:]
    for reference in try ReferenceCase.loadAll() where reference.inputs.count <= 4 {
      let tensors = try reference.inputs.map { try $0.tensor() }
      if tensors.contains(where: { [.f16, .bf16].contains($0.dtype) }) { continue }
      for samples in Self.choices(tensors) {
        guard let graph = try Self.graph(reference, tensors, samples: samples) else { continue }
        let whole = try Pipeline([ExpandComposites()]).run(graph.bound(to: .inference)).graph
        let parts = try Pipeline(parsing: "split-batch{samples=1}").run(whole).graph
        if parts == whole { continue }
        let feeds = samples.map { tensors[$0] }
        let expected = try InterpreterBackend().compile(whole).run(feeds, variables: []).outputs
        let actual = try InterpreterBackend().compile(parts).run(feeds, variables: []).outputs
        for (a, b) in zip(expected, actual) {
          #expect(Self.agree(a, b), "\(reference), samples in operands \(samples):\n\(parts)")
        }
        splits[reference.op, default: 0] += 1
      }
    }
    print(splits.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", "))
    let taken = [
      "add", "average_pool", "broadcast", "concatenate", "convolution", "exp", "gather", "matmul", "max_pool", "pad",
      "reduce_max", "reduce_sum", "reshape", "select", "slice", "softmax", "transpose", "winograd_convolution",
    ]
    for name in taken { #expect(splits[name] ?? 0 > 0, "\(name) is never computed in parts") }
  }

  /// But for rounding: products of one row are summed in another order than those of several.
  private static func agree(_ a: Tensor, _ b: Tensor) -> Bool {
    guard a.type == b.type else { return false }
    let error = a.dtype == .f32 ? 1e-5 : 1e-12
    return zip(a.doubles(), b.doubles()).allSatisfy { x, y in
      x == y || x.isNaN && y.isNaN || abs(x - y) <= error * max(1, abs(y))
    }
  }

  /// Nonempty sets of operands with the same leading axis of two samples or more.
  private static func choices(_ tensors: [Tensor]) -> [[Int]] {
    (1..<(1 << tensors.count)).map { bits in tensors.indices.filter { bits >> $0 & 1 == 1 } }.filter { choice in
      let sizes = Set(choice.map { tensors[$0].dimensions.first ?? 0 })
      return sizes.count == 1 && sizes.allSatisfy { (2...64).contains($0) }
    }
  }

  /// The case with some operands as inputs and the others as constants, and one node more that computes.
  private static func graph(_ reference: ReferenceCase, _ tensors: [Tensor], samples: [Int]) throws -> Graph? {
    guard let source = try Graph.parse(reference.text).first, let node = source.nodes.last, !node.operands.isEmpty
    else {
      return nil
    }
    let builder = GraphBuilder("parts")
    let operands = try tensors.indices.map { position in
      samples.contains(position)
        ? try builder.parameter("x\(position)", tensors[position].dtype, Shape(tensors[position].dimensions))
        : try builder.constant(tensors[position])
    }
    let results = try builder.append(
      node.op,
      node.operands.map { id in
        operands[source.parameters.firstIndex(of: id) ?? 0].id
      }, origin: node.origin
    ).map(builder.value)
    if results.contains(where: { [.f16, .bf16].contains($0.type.dtype) }) { return nil }
    return try builder.build(results + results.map { try $0.equal($0) })
  }

  /// A deep network on a batch that its caches do not hold.
  private static func network(batch: Int, side: Int, channels: Int) throws -> Graph {
    let builder = GraphBuilder("deep")
    var x = try builder.parameter("x", .f32, [.number(batch), .number(side), .number(side), 3])
    var last = 3
    for layer in 0..<4 {
      let w = try builder.variable("w\(layer)", .f32, Shape([3, 3, last, channels]))
      x = try x.convolution(w, padding: .same).maximum(builder.constant(0))
      last = channels
    }
    let dense = try builder.variable("dense", .f32, Shape([side * side * channels, 10]))
    return try builder.build([x.flattened().matmul(dense)])
  }

  @Test func theCachesSayHowMany() throws {
    func scans(_ graph: Graph) throws -> [Int] {
      try Pipeline(parsing: "split-batch").run(graph).graph.nodes.compactMap { node in
        (node.op as? Scan).map { _ in node.regions[0].parameterTypes[0].shape[0].number ?? 0 }
      }
    }
    // 1.6 MB a layer and sample; one sample; 8 KB.
    #expect(try scans(Self.network(batch: 6, side: 56, channels: 64)) == [1])
    #expect(try scans(Self.network(batch: 1, side: 56, channels: 64)).isEmpty)
    #expect(try scans(Self.network(batch: 32, side: 8, channels: 16)).isEmpty)
    // Half of the second cache, and less; twice the cache in all, and more.
    #expect(try scans(Self.network(batch: 6, side: 32, channels: 64)) == [2])
    #expect(try scans(Self.network(batch: 6, side: 31, channels: 64)).isEmpty)
    #expect(try scans(Self.network(batch: 4, side: 32, channels: 64)).isEmpty)
    #expect(try scans(Self.network(batch: 5, side: 32, channels: 64)) == [1])
    // Much to read and write, and so little to compute that barriers would cost more.
    func pointwise(_ channels: Int) throws -> Graph {
      let builder = GraphBuilder("pointwise")
      let pixels = 256 * 256 / channels
      var x = try builder.parameter("x", .f32, Shape([8, pixels / 256, 256, channels]))
      for layer in 0..<2 {
        x = try x.convolution(builder.variable("w\(layer)", .f32, Shape([1, 1, channels, channels])))
      }
      return try builder.build([x])
    }
    #expect(try scans(pointwise(1)).isEmpty)
    #expect(try scans(pointwise(2)) == [2])
    let step = try Trainer(
      GraphFile.load(Repository.file("Graphs/Models/cnn.graph").path)[0], optimizer: SGD(),
      loss: .sparseCategoricalCrossEntropy, metrics: [], backend: InterpreterBackend()
    ).trainingStep.specialized(["batch": 64])
    #expect(try scans(step).isEmpty)
  }

  /// A layer with large weights for little arithmetic reads them once a batch.
  @Test func denseLayersFollow() throws {
    let graph = try Pipeline(parsing: "split-batch").run(Self.network(batch: 4, side: 64, channels: 64)).graph
    let scan = try #require(graph.nodes.first { $0.op is Scan })
    #expect(scan.regions[0].nodes.count { $0.op is Convolution } == 4)
    #expect(!scan.regions[0].nodes.contains { $0.op is Matmul })
    #expect(graph.nodes.contains { $0.op is Matmul })
    // Small weights stay in the cache: a quarter of it, and more.
    for (outputs, isInside) in [(64, true), (65, false)] {
      let builder = GraphBuilder("small")
      var x = try builder.parameter("x", .f32, [8, 32, 32, 64])
      for layer in 0..<2 { x = try x.convolution(builder.variable("w\(layer)", .f32, [3, 3, 64, 64]), padding: .same) }
      let dense = try builder.variable("dense", .f32, Shape([1024, outputs]))
      let whole = try builder.build([x.mean(axes: [3]).flattened().matmul(dense)])
      let parts = try Pipeline(parsing: "expand-composites,split-batch").run(whole).graph
      let scan = try #require(parts.nodes.first { $0.op is Scan })
      #expect(scan.regions[0].nodes.contains { $0.op is Matmul } == isInside, "\(outputs) outputs")
    }
  }

  /// Counts that only a type could hold are no reason to trap.
  @Test func hugeCountsAreCompared() throws {
    let graph = try Graph.parse(
      """
      graph @huge(%x: f32[4, 600000, 1, 1]) {
        %y = reduce_window_sum(%x, window: [2000000000, 2000000000], padding: same)
        %z = reduce_window_sum(%y, window: [2000000000, 2000000000], padding: same)
        return %z
      }
      """)[0]
    #expect(try Pipeline(parsing: "split-batch").run(graph).graph == graph)
  }

  /// Native code computes a batch as it computes its samples, in memory for one of them.
  @Test func nativeCodeComputesABatchAsItsSamples() throws {
    let backend = NativeBackend(workers: 2, verifies: true)
    let graph = try Self.network(batch: 3, side: 40, channels: 64)
    let single = try Self.network(batch: 1, side: 40, channels: 64)
    let batch = try backend.compile(graph)
    #expect(batch.program.text(isComplete: false).contains("loop 3"))
    let (feeds, variables) = try RandomInputs(seed: 5).arguments(of: graph)
    let outputs = try batch.run(feeds, variables: variables).outputs
    let one = try backend.compile(single)
    #expect(batch.program.arenaByteCount < 2 * one.program.arenaByteCount)
    for sample in 0..<3 {
      let row = try feeds[0][sample..<sample + 1]
      let expected = try one.run([row], variables: variables).outputs[0].doubles()
      let actual = try outputs[0][sample..<sample + 1].doubles()
      for (a, b) in zip(actual, expected) { #expect(abs(a - b) <= 1e-4 * max(1, abs(b)), "sample \(sample)") }
    }
  }

  @Test func aNumberThatDoesNotDivideIsRemarked() throws {
    var context = PassContext(SplitBatch.record)
    var pass = SplitBatch()
    pass.samples = 4
    let graph = try Self.network(batch: 6, side: 8, channels: 4)
    #expect(try pass.run(graph, &context) == graph)
    #expect(context.remarks.map(\.message) == ["a batch of 6 samples cannot be computed 4 at a time"])
  }
}
