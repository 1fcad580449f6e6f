import Apus
import ApusGraph
import ApusLowering
import ApusOperators
import ApusPlanning
import TestSupport
import Testing

/// The fusions of the optimized graph are the nests that native code computes, one for one: nothing takes them apart or
/// gathers them again after the passes.
@Suite struct FusionKernelTests {
  /// A fusion, or what computes one.
  private struct Entry: Hashable {
    let origin: String
    let kernel: String
  }

  /// The fusions of a graph and of the bodies of its loops.
  private func fusions(of graph: Graph) -> [Entry] {
    let live = graph.liveNodes()
    return graph.nodes.filter { live[$0.id.index] }.flatMap { node -> [Entry] in
      if node.op is Fusion {
        return [Entry(origin: "\(graph.label(of: node.results[0])) = fusion", kernel: graph.kernelName(of: node))]
      }
      return node.op.traits.contains(.controlFlow) ? node.regions.flatMap(fusions) : []
    }
  }

  @Test(arguments: ["mlp", "cnn", "lstm", "lenet5"], [false, true])
  func everyFusionIsOneNest(_ name: String, training: Bool) throws {
    let backend = NativeBackend()
    let graph = try backend.optimized(PlannedGraph.model(name, training: training, batch: 32))
    let fusions = fusions(of: graph)
    #expect(!fusions.isEmpty)
    let (program, preparation) = try backend.plan(graph)
    let computed = [preparation, program].compactMap(\.self).flatMap { program in
      program.launches.map { Entry(origin: $0.origin, kernel: program.kernels[$0.kernel].name) }
    }
    for fusion in fusions {
      // Long products come in parts, those of one row with the sums of rows first.
      let names = Set(computed.filter { $0.origin == fusion.origin }.map(\.kernel))
      #expect(names.contains { $0.hasPrefix(fusion.kernel) }, "\(fusion) is computed by \(names)")
    }
    let known = Set(fusions.map(\.origin))
    for entry in computed where entry.origin.hasSuffix("= fusion") {
      #expect(known.contains(entry.origin), "\(entry) is no fusion of the optimized graph")
    }
  }
}
