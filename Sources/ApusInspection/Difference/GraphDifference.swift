import ApusCore
import ApusGraph

/// What distinguishes two graphs: names, the order of nodes and which of two equal constants is read do not.
///
/// The parts that correspond are found by structure (`GraphAlignment`); what is left is told as changes of single nodes.
/// What only follows from another change is not told again: readers of a node that was put in between, types behind one
/// that has another type.
public struct GraphDifference: Sendable {
  public enum Kind: String, Sendable, Encodable {
    /// Only in the old graph; only in the new one.
    case removed, added
    /// Another operator in the same place.
    case replaced
    /// The same operator with other attributes, or a constant with other elements.
    case attribute
    /// The same node whose result has another type, though its operands have not.
    case retyped
    /// The same node that reads something else.
    case operand
    /// Something else is returned, or becomes the new value of a variable.
    case output, update
  }

  public struct Change: Sendable, Encodable {
    public let kind: Kind
    /// The node in the old graph and in the new one, as the text format writes it; nil where there is none.
    public let old: String?
    public let new: String?
    /// What of it, and how: `padding: same became valid`.
    public let detail: String?
    /// The layer that the node came from, or the line.
    public let place: String?
    /// The nodes around it, from the outermost: it is in their region.
    public var path: [String] = []
    /// Positions of the two nodes in their graphs or regions.
    public let oldNode: Int?
    public let newNode: Int?
  }

  public private(set) var changes: [Change] = []
  public var isEmpty: Bool { changes.isEmpty }

  private let old: Graph
  private let new: Graph
  package let alignment: GraphAlignment

  public init(_ old: Graph, _ new: Graph) {
    (self.old, self.new) = (old, new)
    alignment = GraphAlignment(old, new)
    for node in old.nodes {
      if let partner = alignment.newNodes[node.id.index] {
        compare(node, new.nodes[partner.index])
      } else {
        add(.removed, node, nil)
      }
    }
    for node in new.nodes where alignment.oldNodes[node.id.index] == nil { add(.added, nil, node) }
    compareOutputs()
    compareUpdates()
  }

  private mutating func add(_ kind: Kind, _ a: Node?, _ b: Node?, _ detail: String? = nil) {
    let place = (b ?? a).flatMap { $0.origin.name ?? $0.origin.location.map { "\($0)" } }
    changes.append(
      Change(
        kind: kind, old: a.map { old.line(of: $0) }, new: b.map { new.line(of: $0) }, detail: detail, place: place,
        oldNode: a?.id.index, newNode: b?.id.index))
  }

  // MARK: Nodes

  private mutating func compare(_ a: Node, _ b: Node) {
    guard type(of: a.op) == type(of: b.op) else {
      add(.replaced, a, b, "\(a.op.name) became \(b.op.name)")
      return
    }
    let others = Dictionary(b.op.attributeTexts) { first, _ in first }
    for (name, text) in a.op.attributeTexts where others[name] != text {
      add(.attribute, a, b, "\(name): \(text) became \(others[name] ?? "none")")
    }
    if let x = a.op as? Constant, let y = b.op as? Constant, x.value != y.value, x.value.type == y.value.type {
      add(.attribute, a, b, "the elements differ")
    }
    compareTypes(a, b)
    if a.operands.count != b.operands.count {
      add(.operand, a, b, "\(a.operands.count) operands became \(b.operands.count)")
    } else if !readsTheSame(a, b) {
      let others = zip(a.operands, b.operands).enumerated().filter { !corresponds($0.element.0, $0.element.1) }
      if !others.isEmpty {
        let words = others.map { "operand \($0): \(old.label(of: $1.0)) became \(new.label(of: $1.1))" }
        add(.operand, a, b, words.joined(separator: "; "))
      }
    }
    compareRegions(a, b)
  }

  private mutating func compareTypes(_ a: Node, _ b: Node) {
    let (x, y) = (old.resultTypes(of: a), new.resultTypes(of: b))
    guard x != y else { return }
    // Behind another change of a type this one says nothing; an attribute that says the type has been told.
    let operandsAgree =
      a.operands.count == b.operands.count && old.operandTypes(of: a) == new.operandTypes(of: b)
    let isTold = a.op.attributeTexts.map(\.1) != b.op.attributeTexts.map(\.1)
    if operandsAgree && !isTold {
      let (before, after) = (x.map(\.description), y.map(\.description))
      add(.retyped, a, b, "\(before.joined(separator: ", ")) became \(after.joined(separator: ", "))")
    }
  }

  private mutating func compareRegions(_ a: Node, _ b: Node) {
    for (x, y) in zip(a.regions, b.regions) {
      for var change in GraphDifference(x, y).changes {
        change.path.insert("\(old.label(of: a.results.first ?? ValueID(0))) = \(a.op.name), \(x.name)", at: 0)
        changes.append(change)
      }
    }
  }

  /// Whether two partners read partners; the operands of a commutative one in any order.
  private func readsTheSame(_ a: Node, _ b: Node) -> Bool {
    guard a.op.traits.contains(.commutative) else { return false }
    var left = b.operands
    for operand in a.operands {
      guard let position = left.firstIndex(where: { corresponds(operand, $0) }) else { return false }
      left.remove(at: position)
    }
    return true
  }

  /// Whether two values stand for each other, or differ only by nodes that are told as removed, added or replaced.
  private func corresponds(_ x: ValueID, _ y: ValueID) -> Bool {
    let (partner, origin) = (alignment.partner(ofOld: x), alignment.partner(ofNew: y))
    if partner == y { return true }
    if partner == nil && origin == nil { return true }
    if partner == nil, isBehind(x, y: origin, in: old, alignment.newNodes) { return true }
    return origin == nil && isBehind(y, y: partner, in: new, alignment.oldNodes)
  }

  /// Whether nodes without a partner lead from `target` to `value`.
  private func isBehind(_ value: ValueID, y target: ValueID?, in graph: Graph, _ partners: [NodeID?]) -> Bool {
    guard let target else { return false }
    var stack = [value]
    var seen = Set<ValueID>()
    while let next = stack.popLast() {
      if next == target { return true }
      guard seen.insert(next).inserted else { continue }
      let producer = graph.producer(of: next)
      if partners[producer.id.index] == nil { stack += producer.operands }
    }
    return false
  }

  // MARK: Results

  private mutating func compareOutputs() {
    if old.outputs.count != new.outputs.count {
      add(.output, nil, nil, "\(old.outputs.count) outputs became \(new.outputs.count)")
    }
    for (position, (x, y)) in zip(old.outputs, new.outputs).enumerated() where !corresponds(x, y) {
      add(
        .output, old.producer(of: x), new.producer(of: y),
        "output \(position): \(old.label(of: x)) became \(new.label(of: y))")
    }
  }

  private mutating func compareUpdates() {
    let values = Dictionary(new.updates.map { ($0.variable, $0.value) }) { first, _ in first }
    var met = Set<ValueID>()
    for update in old.updates {
      let name = old.label(of: update.variable)
      guard let variable = alignment.partner(ofOld: update.variable), let value = values[variable] else {
        add(.update, old.producer(of: update.value), nil, "\(name) is no longer updated")
        continue
      }
      met.insert(variable)
      if !corresponds(update.value, value) {
        add(
          .update, old.producer(of: update.value), new.producer(of: value),
          "the new value of \(name): \(old.label(of: update.value)) became \(new.label(of: value))")
      }
    }
    for update in new.updates where !met.contains(update.variable) {
      add(.update, nil, new.producer(of: update.value), "\(new.label(of: update.variable)) is updated")
    }
  }
}

extension Graph {
  /// A node's own line: without its regions' lines.
  package func line(of node: Node) -> String {
    let lines = text(of: node).split(separator: "\n")
    return lines.count > 1 ? lines[0] + " … }" : String(lines.first ?? "")
  }
}
