import Apus
import ApusGraph
import Foundation
import TestSupport
import Testing

/// `apus diff`: nothing between a graph and its shuffled, renamed copy; between a graph and one with a planted change,
/// that change.
@Suite struct GraphDifferenceTests {
  private static let models = [
    "mlp", "cnn", "gru", "lenet5", "logistic", "lstm", "mobilenet_v2", "resnet50", "vgg16",
  ]

  private static func model(_ name: String) throws -> Graph {
    try GraphFile.load(Repository.file("Graphs/Models/\(name).graph").path)[0]
  }

  private static func trainingStep(_ name: String) throws -> Graph {
    try Trainer(
      model(name), optimizer: OptimizerRegistry.named("adam"), loss: .named("sparse_categorical_crossentropy"),
      metrics: [.named("accuracy")]
    ).trainingStep
  }

  @Test(arguments: models) func aShuffledRenamedCopyIsTheSame(_ name: String) throws {
    let graph = try Self.model(name)
    for seed in UInt64(0)..<3 {
      let copy = try GraphCopy(seed: seed).copy(of: graph)
      #expect(copy.nodes.count == graph.nodes.count)
      #expect(GraphDifference(graph, copy).changes.isEmpty)
    }
  }

  @Test(arguments: ["mlp", "lenet5", "lstm"]) func theSameOfATrainingStep(_ name: String) throws {
    let graph = try Self.trainingStep(name)
    let copy = try GraphCopy(seed: 7).copy(of: graph)
    #expect(GraphDifference(graph, copy).changes.isEmpty)
  }

  /// Each planted change is told, once, and nothing else is.
  @Test func plantedChangesAreFound() throws {
    let graphs = try ["mlp", "cnn", "lenet5", "resnet50"].map(Self.model) + [Self.trainingStep("mlp")]
    var told: [PlantedChange: Int] = [:]
    var seed: UInt64 = 0
    while told.values.reduce(0, +) < 100 {
      seed += 1
      let graph = graphs[Int(seed) % graphs.count]
      let kind = PlantedChange.allCases[Int(seed) / graphs.count % PlantedChange.allCases.count]
      let copier = GraphCopy(seed: seed, change: kind)
      guard let copy = try copier.changed(graph) else { continue }
      let changes = GraphDifference(graph, copy).changes
      #expect(changes.map(\.kind) == [kind.expected], "seed \(seed), \(kind): \(changes.map(\.detail))")
      told[kind, default: 0] += 1
    }
    #expect(told.count == PlantedChange.allCases.count, "\(told)")
  }

  @Test func changesInRegionsHaveAPath() throws {
    func loop(_ op: String) throws -> Graph {
      try Graph.parse(
        """
        graph @g(%x: f32[2], %xs: f32[3, 2]) {
          %last, %all = scan(%x, %xs, carries: 1, sequences: 1) { (%c: f32[2], %e: f32[2]) in
            %s = add(%c, %e)
            %t = \(op)(%s)
            return %t, %t
          }
          return %last, %all
        }
        """, file: "loop.graph")[0]
    }
    let (a, b) = try (loop("tanh"), loop("relu"))
    #expect(GraphDifference(a, a).isEmpty)
    let changes = GraphDifference(a, b).changes
    #expect(changes.map(\.kind) == [.replaced])
    #expect(changes.first?.path.first?.contains("scan") == true, "\(changes)")
  }
}

enum PlantedChange: CaseIterable {
  /// A node put in between, or taken out of the way.
  case insertion, replacement
  case constant, output
  /// The operands of a subtraction or division exchanged.
  case exchange

  var expected: GraphDifference.Kind {
    switch self {
    case .insertion: .added
    case .replacement: .replaced
    case .constant: .attribute
    case .output: .output
    case .exchange: .operand
    }
  }
}

/// Copies a graph node by node, in another order and with other names.
final class GraphCopy {
  private var random: PhiloxGenerator
  private let change: PlantedChange?

  init(seed: UInt64, change: PlantedChange? = nil) {
    random = PhiloxGenerator(seed: seed, stream: 9)
    self.change = change
  }

  func copy(of graph: Graph) throws -> Graph { try copy(of: graph, target: nil) }

  /// A copy with the change in it; nil if the graph has no place for it.
  func changed(_ graph: Graph) throws -> Graph? {
    let places = graph.nodes.filter { isPlace($0, graph) }
    guard let target = places.randomElement(using: &random) else { return nil }
    return try copy(of: graph, target: target.id)
  }

  private func isPlace(_ node: Node, _ graph: Graph) -> Bool {
    let isFloat = node.results.count == 1 && graph.type(of: node.results[0]).dtype == .f32
    switch change {
    case nil: return false
    case .insertion: return isFloat && !graph.readers()[node.result.index].isEmpty
    case .replacement:
      return isFloat && node.operands.count == 1 && node.op.traits.contains(.elementwise)
        && node.op.attributeTexts.isEmpty
        && graph.operandTypes(of: node)[0] == graph.type(of: node.result)
    case .constant: return isFloat && node.op is Constant && graph.type(of: node.result).shape.rank == 0
    case .output: return isFloat && !node.operands.isEmpty && !graph.outputs.contains(node.result)
    case .exchange:
      return node.op.name == "subtract" && node.operands[0] != node.operands[1]
    }
  }

  /// Nodes in a random order that is topological; declarations keep theirs.
  private func order(of graph: Graph) -> [Node] {
    var waiting = graph.nodes.map { Set($0.operands.map { graph.producer(of: $0).id }).count }
    let readers = graph.readers()
    let declarations = [graph.parameters, graph.variables.map(\.id)].map { $0.map { graph.producer(of: $0) } }
    var next = [0, 0]
    var ready = graph.nodes.filter { $0.operands.isEmpty && !($0.op is Parameter) && !($0.op is Variable) }
    ready += declarations.compactMap(\.first)
    var order: [Node] = []
    while !ready.isEmpty {
      let node = ready.remove(at: Int.random(in: ready.indices, using: &random))
      order.append(node)
      for (kind, list) in declarations.enumerated() where next[kind] < list.count && list[next[kind]].id == node.id {
        next[kind] += 1
        if next[kind] < list.count { ready.append(list[next[kind]]) }
      }
      for reader in Set(node.results.flatMap { readers[$0.index] }) {
        waiting[reader.index] -= 1
        if waiting[reader.index] == 0 { ready.append(graph.nodes[reader.index]) }
      }
    }
    return order
  }

  private func copy(of graph: Graph, target: NodeID?) throws -> Graph {
    let builder = GraphBuilder("copy", sharingEqualNodes: false)
    let catalog = OperatorRegistry.catalog
    func unary(besides name: String) throws -> any Operator {
      try #require(catalog.type(named: name == "tanh" ? "sigmoid" : "tanh")).init()
    }
    var values: [ValueID: ValueID] = [:]
    for (position, node) in order(of: graph).enumerated() {
      var op = node.op
      let name = "n\(position)"
      if var parameter = op as? Parameter {
        parameter.label = name
        op = parameter
      } else if var variable = op as? Variable {
        variable.label = name
        op = variable
      }
      var operands = node.operands.compactMap { values[$0] }
      let isTarget = node.id == target
      if isTarget, change == .replacement { op = try unary(besides: op.name) }
      if isTarget, change == .constant { op = try Constant(Tensor(repeating: 12345.5, .f32, [])) }
      if isTarget, change == .exchange { operands.reverse() }
      let names = op is Parameter || op is Variable || position % 3 == 0 ? [name] : []
      var results = try builder.append(op, operands, regions: node.regions, names: names, origin: Origin())
      if isTarget, change == .insertion {
        results = try builder.append(unary(besides: op.name), results, origin: Origin())
      }
      for (old, new) in zip(node.results, results) { values[old] = new }
    }
    func value(_ id: ValueID) throws -> Value { builder.value(try #require(values[id])) }
    for update in graph.updates {
      try builder.update(value(update.variable), to: value(update.value))
    }
    var outputs = try graph.outputs.map(value)
    if change == .output, let target { outputs[0] = try value(graph.nodes[target.index].result) }
    return try builder.build(outputs)
  }
}
