import Apus
import ApusGraph
import ApusOperators
import TestSupport
import Testing

/// Every pass and every pipeline on graphs that no person would write, and on those of the tree.
@Suite struct RandomGraphTests {
  static let pipelines =
    PassRegistry.standard.map { $0.record.name } + NamedPipeline.all.map(\.passes) + [
      "fuse{size=3}", "winograd{tile=2}", "rematerialize{limit=1}", "split-batch{samples=1}", "tile-attention{rows=1}",
    ]

  @Test(arguments: pipelines) func keepsWhatRandomGraphsCompute(_ passes: String) throws {
    let pipeline = try Pipeline(parsing: passes)
    var changed = 0
    for seed in UInt64(0)..<40 {
      // Some passes wait until sizes are known.
      let graph = try RandomGraph.make(seed).specialized(seed % 2 == 0 ? [:] : ["n": 3])
      let result = try pipeline.run(graph).graph
      if result != graph { changed += 1 }
      let mismatch = try TranslationValidation(seeds: [1], bindings: ["n": 3])
        .firstMismatch(graph, result, precision: pipeline.precision)
      #expect(mismatch == nil, "seed \(seed):\n\(graph)\nbecame\n\(result)")
      #expect(try pipeline.run(result).graph.text() == result.text(), "a second run of \(passes), seed \(seed)")
    }
    // Convolutions of these sizes are faster without tiles, batches of three fit any cache, memory is not short unless a
    // limit says so, and there are no scans; few graphs have two products in a row with a softmax between them.
    let mayRest = [
      "", "winograd", "split-batch", "tile-attention", "tile-attention{rows=1}", "rematerialize", "sink-sums",
      "merge-scans",
    ].contains(passes)
    #expect(changed > 0 || mayRest, "\(passes) found nothing to do in 40 graphs")
  }

  @Test func theSameGraphGivesTheSameTextTwice() throws {
    for seed in UInt64(0)..<10 {
      let graph = try RandomGraph.make(seed)
      let texts = try (0..<2).map { _ in try Pipeline.named("O3").run(graph).graph.text() }
      #expect(texts[0] == texts[1])
    }
  }

  /// Those small enough for the reference kernels of a debug build.
  @Test(arguments: ModelZoo.trainable.map { "Graphs/Models/\($0.name).graph" })
  func modelsComputeTheSameThroughEveryPipeline(_ path: String) throws {
    for graph in try Graph.parse(try Repository.text(path), file: path) {
      let graph = try graph.bound(to: .inference)
      for name in NamedPipeline.all.map(\.name) {
        let validation = TranslationValidation(seeds: [1], kinds: [.ordinary, .sparse], bindings: ["batch": 2])
        let result = try Pipeline.named(name).run(graph, observers: [validation])
        #expect(
          try Pipeline.named(name).run(result.graph).graph.text() == result.graph.text(), "\(name) on @\(graph.name)")
      }
    }
  }

  /// A chain of 50,000 nodes takes passes no more than a walk each.
  @Test(.timeLimit(.minutes(30))) func longChainsArePassedThrough() throws {
    let builder = GraphBuilder("chain")
    var x = try builder.parameter("x", .f32, [2])
    for _ in 0..<25_000 { x = try (-x).tanh() }
    let graph = try builder.build([x])
    let result = try expectEnd(within: .seconds(300)) { try Pipeline.named("O3").run(graph) }
    #expect(result.graph.nodes.allSatisfy { $0.op is Parameter || $0.op is Fusion })
  }
}
