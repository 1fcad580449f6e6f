import ApusCore
import ApusGraph

/// What a pass changed, as lines of the text format.
///
/// Values are numbered by position, so one new node would change the text of every line after it. Lines are therefore
/// matched by what they compute: two nodes are the same line where operator, attributes, types and the nodes that their
/// operands come from are the same. Unchanged lines are shown with the numbers that they have afterwards.
public struct TextDiff: Sendable, CustomStringConvertible {
  public struct Line: Sendable, Hashable {
    public enum Kind: String, Sendable {
      case same = " "
      case removed = "-"
      case added = "+"
    }
    public let kind: Kind
    public let text: String
  }

  public let lines: [Line]

  public init(_ before: Graph, _ after: Graph) {
    let old = TextDiff.entries(before)
    let new = TextDiff.entries(after)
    let change = new.map(\.key).difference(from: old.map(\.key))
    var removed: Set<Int> = []
    var added: Set<Int> = []
    for step in change {
      switch step {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): added.insert(offset)
      }
    }
    var lines: [Line] = []
    var (i, j) = (0, 0)
    while i < old.count || j < new.count {
      if i < old.count, removed.contains(i) {
        lines.append(Line(kind: .removed, text: old[i].text))
        i += 1
      } else if j < new.count, added.contains(j) {
        lines.append(Line(kind: .added, text: new[j].text))
        j += 1
      } else {
        lines.append(Line(kind: .same, text: j < new.count ? new[j].text : ""))
        i += 1
        j += 1
      }
    }
    self.lines = lines
  }

  public var isEmpty: Bool { lines.allSatisfy { $0.kind == .same } }

  /// The changed lines with up to two unchanged ones around them, like a unified diff.
  public var description: String { text(context: 2) }

  public func text(context: Int) -> String {
    let changed = lines.indices.filter { lines[$0].kind != .same }
    var shown: Set<Int> = []
    for index in changed {
      for near in max(0, index - context)...min(lines.count - 1, index + context) { shown.insert(near) }
    }
    var text = ""
    var last: Int?
    for index in lines.indices where shown.contains(index) {
      if let last, index != last + 1 { text += "  …\n" }
      last = index
      for part in lines[index].text.split(separator: "\n", omittingEmptySubsequences: false) {
        text += "\(lines[index].kind.rawValue) \(part)\n"
      }
    }
    return text
  }

  private struct Entry {
    let key: Int
    let text: String
  }

  /// A line for each node, update and the return; keys say what a line computes.
  private static func entries(_ graph: Graph) -> [Entry] {
    var keys: [Int] = []
    var entries: [Entry] = []
    for node in graph.nodes {
      var hasher = Hasher()
      hasher.combine(ObjectIdentifier(type(of: node.op)))
      node.op.hash(into: &hasher)
      for operand in node.operands { hasher.combine(keys[operand.index]) }
      hasher.combine(node.regions)
      let types = graph.resultTypes(of: node)
      hasher.combine(types)
      let key = hasher.finalize()
      entries.append(Entry(key: key, text: graph.text(of: node)))
      for index in node.results.indices {
        var hasher = Hasher()
        hasher.combine(key)
        hasher.combine(index)
        keys.append(hasher.finalize())
      }
    }
    func line(_ word: String, _ values: [ValueID], _ text: String) {
      var hasher = Hasher()
      hasher.combine(word)
      for value in values { hasher.combine(keys[value.index]) }
      entries.append(Entry(key: hasher.finalize(), text: text))
    }
    for update in graph.updates {
      line(
        "update", [update.variable, update.value],
        "update \(graph.label(of: update.variable)) = \(graph.label(of: update.value))")
    }
    line("return", graph.outputs, "return " + graph.outputs.map { graph.label(of: $0) }.joined(separator: ", "))
    return entries
  }
}
