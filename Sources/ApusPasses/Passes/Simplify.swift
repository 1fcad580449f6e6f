import ApusCore
import ApusGraph
import ApusOperators

/// Algebra: replaces a node by a simpler equivalent, by the rules in `Simplify.rules`, until no rule fires.
///
/// A rule holds bit for bit for every input, NaN, infinities and −0 included; laws of real numbers that floats do not
/// keep (x + 0 → x, x · 0 → 0, x − x → 0, (x + y) − y → x) are not in the table, and Graphs/Passes has a case for each
/// that must not fire. A replacement has the type of what it replaces.
///
/// One forward walk suffices: operands are simplified before their readers, and what a rule appends is appended through
/// the same rules.
public struct Simplify: Pass {
  public static let record = PassRecord(
    "simplify", "replaces nodes by simpler equivalents, by algebra that is exact",
    statistics: [PassStatistic("rewritten", "times a rule fired")], rules: rules.map(\.declaration))

  public init() {}

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let graph = try graph.rewritingControlFlow { try run($0, &context) }
    var fired = 0
    let result = try graph.rewritten { node, operands, builder in
      guard node.results.count == 1, node.regions.isEmpty, !node.op.traits.contains(.declaration) else { return .keep }
      let site = Site(op: node.op, operands: operands, builder: builder, origin: node.origin)
      guard let (value, rules) = try Simplify.simplified(site), context.permits(rules.map(\.declaration)) else {
        return .keep
      }
      for rule in rules {
        fired += 1
        context.applied(
          "\(node.op.name) \(graph.label(of: node.result)): \(rule.name), \(rule.declaration.law)", at: node)
      }
      if let name = graph.name(of: node.result) { builder.name(builder.value(value), name) }
      return .replace([value])
    }
    context.count("rewritten", fired)
    // The walk merges equal nodes on its way; where no rule fired that is left to cse.
    return fired == 0 ? graph : try result.withoutDeadNodes()
  }

  /// The simplest equivalent and the rules that led to it; nil if none fires.
  static func simplified(_ start: Site) throws -> (ValueID, [Rule])? {
    var site = start
    var fired: [Rule] = []
    // Each rule makes its node simpler by a measure of its own; the bound is for a defect in the table.
    while fired.count < 32 {
      var next: Rule.Result?
      for rule in rules {
        if let result = try rule.apply(site) {
          fired.append(rule)
          next = result
          break
        }
      }
      switch next {
      case .value(let value): return (value, fired)
      case .node(let op, let operands):
        site = Site(op: op, operands: operands, builder: site.builder, origin: site.origin)
      case nil:
        guard !fired.isEmpty else { return nil }
        return (try site.builder.append(site.op, site.operands, origin: site.origin)[0], fired)
      }
    }
    throw ApusError.defect("simplification of \(start.op.name) does not end: \(fired.map(\.name))")
  }
}

/// A node about to be appended, as a rule sees it.
struct Site {
  let op: any Operator
  let operands: [ValueID]
  let builder: GraphBuilder
  let origin: Origin

  func type(_ operand: Int) -> TensorType { builder.graph.type(of: operands[operand]) }
  var operandTypes: [TensorType] { operands.map { builder.graph.type(of: $0) } }

  /// The node that computes an operand.
  func producer(_ operand: Int) -> Node { builder.graph.producer(of: operands[operand]) }

  /// The number that an operand repeats, where it is such a constant.
  func constant(_ operand: Int) -> Double? { builder.graph.uniformConstant(operands[operand]) }

  /// Whether an operand is a constant of any kind.
  var hasConstant: Bool { operands.indices.contains { producer($0).op is Constant } }

  /// The same operator on other operands.
  func with(_ operands: [ValueID]) -> Site { Site(op: op, operands: operands, builder: builder, origin: origin) }

  func resultType() throws -> TensorType {
    let scratch = try op.resultTypes(operandTypes, [])
    return scratch[0]
  }
}

/// A law of algebra, and how to apply it.
struct Rule: Sendable {
  enum Result {
    /// An existing value replaces the node.
    case value(ValueID)
    /// Another node replaces it, and may be simplified further.
    case node(any Operator, [ValueID])
  }

  let declaration: RewriteRule
  /// Nil if the rule does not fire. Everything that `appending` makes on the way stays, dead or not.
  let apply: @Sendable (Site) throws -> Result?

  var name: String { declaration.name }

  /// - Parameter law: one line: left side, arrow, right side, and the condition.
  init(
    _ name: String, _ law: String, _ precision: PassPrecision = .exact,
    _ apply: @escaping @Sendable (Site) throws -> Result?
  ) {
    declaration = RewriteRule(name, law, precision)
    self.apply = apply
  }
}
