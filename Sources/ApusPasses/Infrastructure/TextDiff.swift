import ApusCore
import ApusGraph

/// What a pass changed, as lines of the text format.
///
/// Values are numbered by position, so one new node changes the text of every line after it. Lines are therefore matched
/// by what they say but for numbers (`GraphMatching` explains how), and an unchanged line is shown with the numbers that
/// it has afterwards.
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
    var matching = GraphMatching(before, after)
    var lines: [Line] = []
    var (i, j) = (0, 0)
    func advance(to old: Int, _ new: Int) {
      while i < old {
        lines.append(Line(kind: .removed, text: before.text(of: before.nodes[i])))
        i += 1
      }
      while j < new {
        lines.append(Line(kind: .added, text: after.text(of: after.nodes[j])))
        j += 1
      }
    }
    for (pair, isChanged) in zip(matching.pairs, matching.isChanged) {
      advance(to: pair.old, pair.new)
      if isChanged {
        advance(to: pair.old + 1, pair.new + 1)
      } else {
        lines.append(Line(kind: .same, text: after.text(of: after.nodes[pair.new])))
        (i, j) = (i + 1, j + 1)
      }
    }
    advance(to: before.nodes.count, after.nodes.count)

    func statements(_ graph: Graph) -> [(values: [ValueID], text: String)] {
      graph.updates.map {
        ([$0.variable, $0.value], "update \(graph.label(of: $0.variable)) = \(graph.label(of: $0.value))")
      } + [(graph.outputs, "return " + graph.outputs.map { graph.label(of: $0) }.joined(separator: ", "))]
    }
    let (old, new) = (statements(before), statements(after))
    // Passes keep updates and outputs in order; where they do not, all of them are shown.
    let isSame =
      old.count == new.count
      && zip(old, new).allSatisfy { a, b in
        a.values.count == b.values.count
          && zip(a.values, b.values).allSatisfy { matching.agree($0, $1, before, after) }
      }
    if isSame {
      lines += new.map { Line(kind: .same, text: $0.text) }
    } else {
      lines += old.map { Line(kind: .removed, text: $0.text) } + new.map { Line(kind: .added, text: $0.text) }
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
}
