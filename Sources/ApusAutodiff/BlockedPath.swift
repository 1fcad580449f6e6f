import ApusCore
import ApusGraph
import ApusOperators

/// An operator without a gradient is between a loss and a value; the places lead to it from the outside in.
struct BlockedPath: Error {
  private var places: [String]
  private let reason: String
  private var location: SourceLocation?

  init(_ node: Node, in graph: Graph, reason: String) {
    places = [graph.place(of: node)]
    self.reason = reason
    location = node.origin.location
  }

  /// The same, seen from the node whose region or expansion contains it.
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

  /// Why no cotangent arrives at a value.
  enum Disconnection {
    /// The loss does not read it.
    case unused
    /// What the loss reads of it went through numbers that have no derivative.
    case blocked(ApusError)
    /// The derivative is zero by definition: an operator on the way says so, or the value only chooses between others.
    case zero(String)
  }

  func disconnection(
    of source: ValueID, from outputs: [ValueID], silenced: [(node: NodeID, operand: ValueID)]
  ) -> Disconnection {
    let active = active(from: [source])
    for choices in [false, true] {
      let reached = reached(from: source, throughChoices: choices)
      guard outputs.contains(where: { reached[$0.index] }) else { continue }
      let leads = leading(to: outputs, throughChoices: choices)
      let cut = nodes.first { node in
        node.operands.contains { active[$0.index] }
          && node.results.contains { leads[$0.index] && !type(of: $0).dtype.isFloating }
      }
      if let cut {
        return choices ? .zero(place(of: cut)) : .blocked(BlockedPath(cut, in: self, reason: reason(of: cut)).error)
      }
      if let cut = silenced.first(where: { active[$0.operand.index] }) {
        return .zero(place(of: nodes[cut.node.index]))
      }
    }
    return .unused
  }

  /// Whether a node takes an operand's number, or only lets it choose: the condition of a select, the index of a gather.
  /// Choices are piecewise constant; numbers that are cast back carry on what they were computed from.
  private func isChoice(_ operand: ValueID, of node: Node) -> Bool {
    !type(of: operand).dtype.isFloating && !(node.op is Cast)
      && node.results.contains { type(of: $0).dtype.isFloating }
  }

  private func reached(from source: ValueID, throughChoices: Bool) -> [Bool] {
    var reached = [Bool](repeating: false, count: valueCount)
    reached[source.index] = true
    for node in nodes {
      guard node.operands.contains(where: { reached[$0.index] && (throughChoices || !isChoice($0, of: node)) })
      else { continue }
      for result in node.results { reached[result.index] = true }
    }
    return reached
  }

  private func leading(to outputs: [ValueID], throughChoices: Bool) -> [Bool] {
    var leads = [Bool](repeating: false, count: valueCount)
    for output in outputs { leads[output.index] = true }
    for node in nodes.reversed() where node.results.contains(where: { leads[$0.index] }) {
      for operand in node.operands where throughChoices || !isChoice(operand, of: node) { leads[operand.index] = true }
    }
    return leads
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
