import Apus
import ApusOperators
import TestSupport
import Testing

/// Every convolution of a residual network is fused with all that follows from it.
@Suite struct ResidualFusionTests {
  @Test(arguments: ["O2", "O3", "inference"]) func everyConvolutionHasItsEpilogue(_ pipeline: String) throws {
    let path = "Graphs/Models/resnet50.graph"
    let model = try #require(try Graph.parse(Repository.text(path), file: path).first)
    let graph = try model.bound(to: .inference).specialized(["batch": 1])
    let result = try Pipeline.named(pipeline).run(graph).graph
    #expect(!result.nodes.contains { $0.op is Convolution })
    let fusions = result.nodes.filter { $0.regions.contains { $0.nodes.contains { $0.op is Convolution } } }
    #expect(fusions.count == 53)
    for fusion in fusions {
      let nodes = fusion.regions[0].nodes.filter { !$0.op.traits.contains(.declaration) }
      #expect(nodes.count { $0.op is Convolution } == 1)
      // Batch normalization at the least.
      #expect(nodes.count >= 2, "\(fusion.regions[0])")
    }
  }
}

/// However deep a network is, a sum with the input of its layer joins the layer: what comes before cannot depend on it.
@Suite struct DeepFusionTests {
  @Test func everyLayerIsOneFusion() throws {
    let builder = GraphBuilder("deep")
    var x = try builder.parameter("x", .f32, [4, 8])
    let weights = try builder.parameter("w", .f32, [8, 8])
    let layers = 1_500
    for _ in 0..<layers { x = try x.matmul(weights).tanh() + x }
    let fused = try Pipeline([Fuse()]).run(builder.build([x])).graph
    let sizes = fused.nodes.filter { $0.op is Fusion }.map {
      $0.regions[0].nodes.count { !$0.op.traits.contains(.declaration) }
    }
    #expect(sizes == [Int](repeating: 3, count: layers))
  }

  /// A nest that began early and has grown since is not taken for one that is complete.
  @Test func aPathThroughAnEarlyNestIsSeen() throws {
    let text = """
      graph @late(%x: f32[8, 8], %w: f32[8, 8]) {
        %1 = tanh(%x)
        %2 = matmul(%1, %w)
        %3 = exp(%2)
        %4 = add(%1, %3)
        %5 = sigmoid(%1)
        %6 = add(%5, %2)
        %7 = multiply(%4, %6)
        return %7
      }
      """
    let graph = try #require(Graph.parse(text, file: "late", catalog: .standard).first)
    let fused = try Pipeline([Fuse()]).run(graph).graph
    let inputs = RandomInputs(seed: 1)
    let feeds = try graph.parameters.map { try inputs.tensor(graph.name(of: $0) ?? "", graph.type(of: $0)) }
    let results = try [graph, fused].map {
      try Session(backend: InterpreterBackend(), passes: .level(.none)).load($0).run(feeds)[0].doubles()
    }
    #expect(results[0] == results[1])
  }
}
