import ApusCore
import ApusGraph
import ApusOperators

/// An operator without a gradient stands between a loss and a value; the places lead to it from the outside in.
struct BlockedPath: Error {
  private var places: [String]
  private let reason: String
  private var location: SourceLocation?

  init(_ node: Node, in graph: Graph, reason: String) {
    places = [graph.place(of: node)]
    self.reason = reason
    location = node.origin.location
  }

  /// The same, seen from the node whose region or expansion it lies in.
  func inside(_ node: Node, in graph: Graph) -> BlockedPath {
    var outer = self
    outer.places.insert(graph.place(of: node), at: 0)
    outer.location = node.origin.location ?? location
    return outer
  }

  var error: ApusError {
    .input(
      "there is no gradient through \(places.joined(separator: ", in it through ")): \(reason)", at: location,
      help: "leave it off the path, or cut the path with stop_gradient")
  }
}

extension Graph {
  /// `%7: i64[2] = arg_max(%x) (in 'dense')`
  fileprivate func place(of node: Node) -> String {
    let results = node.results.map { "\(label(of: $0)): \(type(of: $0))" }.joined(separator: ", ")
    let operands = node.operands.map(label).joined(separator: ", ")
    return "\(results) = \(node.op.name)(\(operands))" + (node.origin.name.map { " (in '\($0)')" } ?? "")
  }

  /// Why no cotangent arrives at `source`: the loss does not read it, or some operator on the way cuts the path.
  enum Disconnection {
    case unused
    /// The path goes through numbers that have no derivative.
    case blocked(ApusError)
    /// The derivative of an operator on it is zero by definition.
    case silenced(String)
  }

  func disconnection(
    of source: ValueID, from outputs: [ValueID], silenced: [(node: NodeID, operand: ValueID)]
  ) -> Disconnection {
    let reached = dependents(of: [source])
    guard outputs.contains(where: { reached[$0.index] }) else { return .unused }

    var leads = [Bool](repeating: false, count: valueCount)
    for output in outputs { leads[output.index] = true }
    for node in nodes.reversed() where node.results.contains(where: { leads[$0.index] }) {
      for operand in node.operands { leads[operand.index] = true }
    }
    let active = active(from: [source])
    for node in nodes where node.operands.contains(where: { active[$0.index] }) {
      if node.results.contains(where: { leads[$0.index] && !type(of: $0).dtype.isFloating }) {
        return .blocked(BlockedPath(node, in: self, reason: reason(of: node)).error)
      }
    }
    guard let cut = silenced.first(where: { active[$0.operand.index] }) else { return .unused }
    return .silenced(place(of: nodes[cut.node.index]))
  }

  /// The operator's own words, asked for on a scratch graph.
  private func reason(of node: Node) -> String {
    do {
      let scratch = GraphBuilder("reason")
      let operands = try operandTypes(of: node).enumerated().map { position, type in
        try scratch.parameter("p\(position)", type.dtype, type.shape)
      }
      let results = try scratch.append(node.op, operands.map(\.id), regions: node.regions, origin: Origin())
        .map(scratch.value)
      _ = try node.op.gradient(
        GradientContext(
          builder: scratch, operands: operands, results: results, regions: node.regions, cotangents: results,
          wanted: operands.map { _ in true }, differentiator: RegionReverseMode()))
    } catch let error as NotDifferentiable {
      return error.reason
    } catch {
      // The rule did not expect a cotangent of this type; the type is the reason then.
    }
    return "its result is of type \(type(of: node.result).dtype), and only floating-point numbers have derivatives"
  }
}
