import Apus
import ApusReport
import Foundation
import TestSupport
import Testing

/// How graphs are folded into drawings.
@Suite struct DrawingTests {
  private static func report(_ graph: Graph, draws: Bool = false) throws -> Report {
    var builder = ReportBuilder(compilation: Compilation(backend: InterpreterBackend()))
    builder.draws = draws
    return try builder.report(of: graph)
  }

  private static func model(_ name: String) throws -> Graph {
    try GraphFile.load(Repository.file("Graphs/Models/\(name).graph").path)[0].bound(to: .inference)
      .specialized(["batch": 1])
  }

  @Test func resNetBeginsWithSomeTwentyBoxes() throws {
    for stage in try Self.report(Self.model("resnet50")).stages {
      let boxes = stage.groups[0].items
      #expect((15...30).contains(boxes.count), "\(stage.name): \(boxes.count)")
      let names = boxes.compactMap(\.group).map { stage.groups[$0].name }
      #expect(names.contains("conv4_block6") && names.contains("conv5_block1"), "\(names)")
    }
  }

  /// Each node is a box of one drawing; what a group counts is what is below it.
  @Test(arguments: ["mlp", "lstm", "mobilenet_v2"]) func everyNodeIsDrawnOnce(_ name: String) throws {
    for stage in try Self.report(Self.model(name)).stages {
      let drawn = stage.groups.flatMap { $0.items.filter { $0.kind == .node }.compactMap(\.node) }
      #expect(Set(drawn).count == drawn.count, "\(stage.name)")
      #expect(Set(stage.nodes.indices.map(String.init)).isSubset(of: drawn))
      func below(_ group: Report.Group) -> Int {
        group.items.reduce(0) { sum, item in
          sum + (item.kind == .node ? 1 : item.kind == .group ? below(stage.groups[item.group ?? 0]) : 0)
        }
      }
      for group in stage.groups { #expect(below(group) == group.count, "\(group.name)") }
      for (number, group) in stage.groups.enumerated() {
        for item in group.items where item.kind == .group {
          #expect(stage.groups[item.group ?? 0].parent == number)
        }
      }
    }
  }

  /// A graph without names is folded by position.
  @Test func tenThousandNodesAreFolded() throws {
    let builder = GraphBuilder("long")
    var value = try builder.parameter("x", .f32, [4])
    for _ in 0..<10_000 { value = try value.tanh() }
    let stage = try Self.report(builder.build([value])).stages[0]
    #expect(stage.nodes.count == 10_001)
    for group in stage.groups { #expect(group.items.count <= 60 + 20, "\(group.name): \(group.items.count)") }
    #expect(stage.groups[0].items.count < 30)
  }

  @Test func gradientsHaveBoxesOfTheirOwn() throws {
    let model = try GraphFile.load(Repository.file("Graphs/Models/cnn.graph").path)[0]
    let step = try model.trainingStep(
      loss: .named("sparse_categorical_crossentropy"), optimizer: OptimizerRegistry.named("rmsprop"))
    let groups = try Self.report(step.specialized(["batch": 2])).stages[0].groups
    let names = groups.map(\.name)
    #expect(names.contains("conv2") && names.contains("∇ conv2") && names.contains("rmsprop"), "\(names)")
  }

  private static let hasGraphviz = FileManager.default.isExecutableFile(atPath: "/usr/bin/dot")

  /// Where Graphviz is: boxes have places inside the drawing, no two overlap, and edges join boxes.
  @Test(.enabled(if: hasGraphviz)) func layoutsAreDrawable() throws {
    let report = try Self.report(Self.model("lenet5"), draws: true)
    for stage in report.stages {
      for group in stage.groups {
        let layout = report.layouts[try #require(group.layout)]
        #expect(layout.boxes.count == group.items.count)
        for (number, box) in layout.boxes.enumerated() {
          #expect(box[0] - box[2] / 2 >= -1 && box[0] + box[2] / 2 <= layout.width + 1)
          #expect(box[1] - box[3] / 2 >= -1 && box[1] + box[3] / 2 <= layout.height + 1)
          for other in layout.boxes[..<number] {
            let isApart =
              abs(box[0] - other[0]) * 2 >= box[2] + other[2] || abs(box[1] - other[1]) * 2 >= box[3] + other[3]
            #expect(isApart, "\(group.name): \(box) and \(other)")
          }
        }
        for edge in layout.edges {
          #expect(layout.boxes.indices.contains(edge.from) && layout.boxes.indices.contains(edge.to))
          // A start and cubic pieces.
          #expect(edge.points.count >= 8 && (edge.points.count - 2) % 6 == 0)
        }
      }
    }
    // Blocks of equal form share a layout.
    #expect(report.layouts.count < report.stages.reduce(0) { $0 + $1.groups.count })
  }
}
