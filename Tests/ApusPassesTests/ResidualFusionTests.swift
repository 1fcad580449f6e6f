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
