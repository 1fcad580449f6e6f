import Apus
import TestSupport
import Testing

/// `Lineage`: what became of each node in a pass.
@Suite struct LineageTests {
  private static func parse(_ text: String) throws -> Graph { try Graph.parse(text, file: "test.graph")[0] }

  private static func targets(_ lineage: Lineage, _ from: Int) -> [String] {
    lineage.links.filter { $0.from.path == [from] }.map { "\($0.to) \($0.kind)" }
  }

  @Test func whatAFusionTakesInIsFoundInside() throws {
    let graph = try Self.parse(
      """
      graph @g(%x: f32[8, 4], %w: f32[4, 4], %b: f32[4]) {
        %y = matmul(%x, %w)
        %z = add(%y, %b)
        %r = relu(%z)
        return %r
      }
      """)
    let fused = try Pipeline(parsing: "expand-composites,fuse").run(graph).graph
    let lineage = Lineage(graph, fused)
    // The parameters come first in both graphs, and in the region.
    let fusion = try #require(fused.nodes.first { $0.op.name == "fusion" })
    let region = fusion.regions[0]
    let matmul = try #require(region.nodes.first { $0.op.name == "matmul" })
    #expect(Self.targets(lineage, 3).contains("\(fusion.id.index).0.\(matmul.id.index) same"), "\(lineage.links)")
    // ReLU was expanded: what computes the output took its place.
    #expect(Self.targets(lineage, 5).contains("\(fusion.id.index) place"), "\(lineage.links)")
  }

  @Test func equalNodesBecomeOne() throws {
    let graph = try Self.parse(
      """
      graph @g(%x: f32[2]) {
        %a = exp(%x)
        %b = exp(%x)
        %c = add(%a, %b)
        return %c
      }
      """)
    let lineage = Lineage(graph, try Pipeline(parsing: "cse").run(graph).graph)
    #expect(Self.targets(lineage, 1) == ["1 same"] && Self.targets(lineage, 2) == ["1 same"])
  }

  @Test func whatIsFoldedIsNearItsReader() throws {
    let graph = try Self.parse(
      """
      graph @g(%x: f32[2]) {
        %a: f32 = constant(2)
        %b: f32 = constant(3)
        %c = multiply(%a, %b)
        %d = add(%x, %c)
        return %d
      }
      """)
    let lineage = Lineage(graph, try Pipeline(parsing: "fold-constants").run(graph).graph)
    #expect(lineage.links.contains { $0.from.path == [1] && $0.kind == .near }, "\(lineage.links)")
  }

  /// Through all passes of native code, each node of each stage has a way down and a way up.
  @Test(arguments: ["mlp", "cnn", "lenet5", "lstm", "resnet50"]) func everyNodeHasAWay(_ name: String) throws {
    let model = try GraphFile.load(Repository.file("Graphs/Models/\(name).graph").path)[0]
    var graphs = [try model.bound(to: .inference).specialized(["batch": 2])]
    if name != "resnet50" {
      let step = try model.trainingStep(
        loss: .named("sparse_categorical_crossentropy"), optimizer: OptimizerRegistry.named("adam"))
      graphs.append(try step.specialized(["batch": 2]))
    }
    for graph in graphs {
      let result = try Compilation(backend: NativeBackend()).optimized(graph)
      for report in result.reports where report.changed {
        let links = Lineage(report.before, report.after).links
        let (from, to) = (Set(links.map(\.from)), Set(links.map(\.to)))
        for node in report.before.nodes {
          #expect(from.contains(NodeAddress([node.id.index])), "\(report.pass): \(report.before.text(of: node)) ends")
        }
        for node in report.after.nodes {
          #expect(
            to.contains(NodeAddress([node.id.index])), "\(report.pass): \(report.after.text(of: node)) has no origin")
        }
      }
    }
  }
}
