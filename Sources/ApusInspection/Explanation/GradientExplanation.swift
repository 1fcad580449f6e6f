import ApusAutodiff
import ApusCore
import ApusGraph
import ApusInterpreter
import ApusOperators

/// The chain rule on a small graph: each value, each derivative by the operator's own rule, with their numbers, product
/// by product, and a step of gradient descent.
///
/// All numbers are the interpreter's. The rules are those that `differentiated()` uses, applied to one node at a time.
public struct GradientExplanation {
  /// A value that is given or computed.
  struct Step {
    let name: String
    /// How it is computed; nil: it is given.
    let formula: Formula?
    let value: Tensor
  }

  /// ∂y/∂x at one node, of scalars.
  struct Local {
    let of: ValueID
    let by: ValueID
    let formula: Formula
    let value: Tensor
  }

  /// ∂E/∂x.
  struct Total {
    let id: ValueID
    let name: String
    let formula: Formula
    let value: Tensor
  }

  struct Update {
    let name: String
    let old: Tensor
    let gradient: Tensor
    let new: Tensor
  }

  let graph: Graph
  /// What values are called, each by a name of its own.
  private let names: [ValueID: String]
  /// The name of the output.
  let loss: String
  private(set) var given: [Step] = []
  private(set) var steps: [Step] = []
  /// Empty if a value on the way has more than one element.
  private(set) var locals: [Local] = []
  private(set) var totals: [Total] = []
  private(set) var updates: [Update] = []
  let learningRate: Double
  let digits: Int?
  var values: [ValueID: Tensor] = [:]
  private(set) var wanted: [ValueID] = []

  /// More nodes than this are no page to read.
  public static let nodeLimit = 200

  /// - Parameters:
  ///   - graph: bound and static, its first output a floating-point scalar if derivatives are wanted.
  ///   - feeds: by parameter.
  ///   - variables: their values, in order.
  ///   - isDifferentiated: whether to show derivatives, or only how values are computed.
  ///   - learningRate: the step of gradient descent.
  ///   - digits: significant digits; nil: as many as it takes.
  /// - Throws: `ApusError` if the graph is large, cannot be run, or its output has no gradient.
  public init(
    _ graph: Graph, feeds: [Tensor], variables: [Tensor], isDifferentiated: Bool = true, learningRate: Double = 0.01,
    digits: Int? = nil
  ) throws {
    guard graph.nodes.count <= Self.nodeLimit else {
      throw ApusError.input(
        "graph @\(graph.name) has \(graph.nodes.count) nodes: an explanation is for small graphs, up to \(Self.nodeLimit)",
        help: "apus report shows large ones")
    }
    (self.graph, self.learningRate, self.digits) = (graph, learningRate, digits)
    let names = Self.names(of: graph)
    self.names = names
    loss = graph.outputs.first.flatMap { names[$0] } ?? ""
    try computeValues(feeds, variables)
    let symbols = Dictionary(uniqueKeysWithValues: values.keys.map { ($0, symbol(of: $0)) })
    let reader = FormulaReader(graph: graph, names: symbols)
    for node in graph.nodes where !(node.op is Constant) {
      let isGiven = node.op.traits.contains(.declaration)
      for id in node.results {
        let formula = isGiven ? nil : reader.definition(of: node)
        guard let value = values[id] else { continue }
        if isGiven {
          given.append(Step(name: name(of: id), formula: nil, value: value))
        } else {
          steps.append(Step(name: name(of: id), formula: formula, value: value))
        }
      }
    }
    if isDifferentiated { try differentiate() }
  }

  /// Without `%`. Of values without a name the first output is E, and others are v and their number, primed if a value of
  /// the graph is called so.
  private static func names(of graph: Graph) -> [ValueID: String] {
    let ids = graph.nodes.flatMap(\.results)
    var names = Dictionary(uniqueKeysWithValues: ids.compactMap { id in graph.name(of: id).map { (id, $0) } })
    var taken = Set(names.values)
    for id in ids where names[id] == nil {
      var name = id == graph.outputs.first ? "E" : "v\(id.index)"
      while !taken.insert(name).inserted { name += "′" }
      names[id] = name
    }
    return names
  }

  func name(of id: ValueID) -> String { names[id] ?? "" }

  /// A constant is its number.
  func symbol(of id: ValueID) -> Formula {
    if let constant = graph.producer(of: id).op as? Constant { return FormulaReader.number(constant.value) }
    return .symbol(name(of: id))
  }

  private mutating func computeValues(_ feeds: [Tensor], _ variables: [Tensor]) throws {
    let builder = GraphBuilder(extending: graph)
    let ids = graph.nodes.flatMap(\.results)
    let all = try builder.build(ids.map(builder.value))
    for (id, tensor) in zip(ids, try Interpreter(all).run(feeds, variables: variables).outputs) { values[id] = tensor }
  }

  // MARK: Derivatives

  private mutating func differentiate() throws {
    guard let output = graph.outputs.first, graph.type(of: output).shape.isScalar,
      graph.type(of: output).dtype.isFloating
    else {
      throw ApusError.input(
        "the first output of graph @\(graph.name) is \(graph.outputs.first.map { "\(graph.type(of: $0))" } ?? "nothing")",
        help: "the chain rule begins at a floating-point scalar: end with the loss, as reduce_sum(%x)")
    }
    let trainable = graph.variables.filter { $0.declaration.trainable && graph.type(of: $0.id).dtype.isFloating }.map(
      \.id)
    wanted = trainable.isEmpty ? graph.parameters.filter { graph.type(of: $0).dtype.isFloating } : trainable
    let active = activeValues
    guard active.contains(output) else {
      throw ApusError.input(
        "the output of graph @\(graph.name) does not depend on a floating-point variable or parameter")
    }
    let isScalar = active.allSatisfy { values[$0]?.count == 1 }
    var terms: [ValueID: [(formula: Formula, value: Tensor)]] = [:]
    let one = try Tensor(repeating: 1, graph.type(of: output).dtype, [])
    totals.append(Total(id: output, name: name(of: output), formula: .one, value: one))
    terms[output] = [(.one, one)]
    for node in graph.nodes.reversed() {
      for id in node.results where active.contains(id) {
        guard let total = try total(of: id, terms[id] ?? []) else { continue }
        if id != output { totals.append(total) }
        guard !node.op.traits.contains(.declaration) else { continue }
        let rule = try LocalRule(node, id, in: graph, wanted: node.operands.filter(active.contains))
        let seed = id == output ? Formula.one : .derivative(loss, name(of: id))
        for (position, operand) in rule.wanted.enumerated() {
          let formula = rule.formula(position, seed: seed, symbol: symbol(of:))
          let value = try rule.value(position, seed: total.value, values)
          terms[operand, default: []].append((formula, value))
          guard isScalar else { continue }
          let ones = try Tensor(repeating: 1, total.value.dtype, total.value.dimensions)
          locals.append(
            Local(
              of: id, by: operand, formula: rule.formula(position, seed: .one, symbol: symbol(of:)),
              value: try rule.value(position, seed: ones, values)))
        }
      }
    }
    try addUpdates()
  }

  /// Floating-point values that depend on what is wanted.
  private var activeValues: Set<ValueID> {
    var active = Set(wanted)
    for node in graph.nodes where node.operands.contains(where: active.contains) {
      active.formUnion(node.results.filter { graph.type(of: $0).dtype.isFloating })
    }
    return active
  }

  private func total(of id: ValueID, _ terms: [(formula: Formula, value: Tensor)]) throws -> Total? {
    guard let first = terms.first else { return nil }
    let value = try terms.dropFirst().reduce(first.value) { try $0 + $1.value }
    return Total(id: id, name: name(of: id), formula: .adding(terms.map(\.formula).reversed()), value: value)
  }

  private mutating func addUpdates() throws {
    for id in wanted where graph.producer(of: id).op is Variable {
      guard let total = totals.first(where: { $0.id == id }), let old = values[id] else { continue }
      updates.append(
        Update(
          name: name(of: id), old: old, gradient: total.value, new: try old - total.value * learningRate))
    }
  }

  /// How many paths lead from the output to each value.
  var pathCounts: [ValueID: Int] {
    guard let output = graph.outputs.first else { return [:] }
    var counts = [output: 1]
    // Locals are in the order of the walk backwards: the counts of their results are complete.
    for local in locals { counts[local.by, default: 0] = counts[local.by, default: 0] &+ counts[local.of, default: 0] }
    return counts
  }

  /// The local derivatives along each path from the output to a value, in the order of the chain rule.
  func paths(to id: ValueID) -> [[Local]] {
    guard let output = graph.outputs.first else { return [] }
    if id == output { return [[]] }
    return locals.reversed().filter { $0.by == id }.flatMap { local in paths(to: local.of).map { $0 + [local] } }
  }
}
