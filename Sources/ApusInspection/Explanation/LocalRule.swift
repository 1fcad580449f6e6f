import ApusAutodiff
import ApusCore
import ApusGraph
import ApusInterpreter

/// The gradient rule of one node, as a graph of its own: from its operands and the cotangent of one result.
struct LocalRule {
  /// The operands that it gives cotangents for, each once.
  let wanted: [ValueID]
  private let rule: Graph
  /// The operands, each once, in the order of the rule's parameters; the cotangent is the last parameter.
  private let operands: [ValueID]
  private let result: ValueID
  /// The node's result in `rule`.
  private let ruleResult: ValueID

  init(_ node: Node, _ result: ValueID, in graph: Graph, wanted: [ValueID]) throws {
    var seen = Set<ValueID>()
    operands = node.operands.filter { seen.insert($0).inserted }
    var met = Set<ValueID>()
    self.wanted = wanted.filter { met.insert($0).inserted }
    self.result = result
    let builder = GraphBuilder("rule")
    var copies: [ValueID: Value] = [:]
    for (position, id) in operands.enumerated() {
      let type = graph.type(of: id)
      copies[id] = try builder.parameter("x\(position)", type.dtype, type.shape)
    }
    let arguments = node.operands.compactMap { copies[$0] }
    let results = try builder.append(node.op, arguments.map(\.id), regions: node.regions, origin: Origin())
    ruleResult = results[node.results.firstIndex(of: result) ?? 0]
    let type = graph.type(of: result)
    let seed = try builder.parameter("cotangent", type.dtype, type.shape)
    let found = try gradients(
      of: [builder.value(ruleResult)], seeds: [seed], withRespectTo: self.wanted.compactMap { copies[$0] },
      unused: .zeros)
    rule = try builder.build(found)
  }

  /// The cotangent of a wanted operand.
  /// - Parameters:
  ///   - seed: stands for the cotangent of the result.
  ///   - symbol: what values of the graph are called.
  func formula(_ position: Int, seed: Formula, symbol: (ValueID) -> Formula) -> Formula {
    let parameters = rule.parameters
    var names = Dictionary(uniqueKeysWithValues: zip(parameters, operands.map(symbol)))
    names[parameters[parameters.count - 1]] = seed
    names[ruleResult] = symbol(result)
    return FormulaReader(graph: rule, names: names).formula(of: rule.outputs[position])
  }

  func value(_ position: Int, seed: Tensor, _ values: [ValueID: Tensor]) throws -> Tensor {
    let feeds = operands.compactMap { values[$0] } + [seed]
    return try Interpreter(rule).run(feeds, variables: []).outputs[position]
  }
}
