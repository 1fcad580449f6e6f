import ApusCore
import ApusInspection
import Foundation

/// Collects drawings, and has Graphviz lay out each form once: the blocks of a network have equal forms.
struct LayoutBook {
  /// A drawing before its layout: sizes of boxes in points, and which are joined.
  struct Sketch: Hashable {
    var boxes: [Size] = []
    var edges: [Edge] = []

    struct Size: Hashable {
      var width: Int
      var height: Int
    }

    struct Edge: Hashable {
      var from: Int
      var to: Int
    }
  }

  private var numbers: [Sketch: Int] = [:]
  private var sketches: [Sketch] = []

  /// The number that the drawing's layout will have.
  mutating func number(of sketch: Sketch) -> Int {
    if let known = numbers[sketch] { return known }
    numbers[sketch] = sketches.count
    sketches.append(sketch)
    return sketches.count - 1
  }

  /// All layouts, by their numbers.
  /// - Throws: `ApusError` if Graphviz is missing or its answer makes no sense.
  func layouts() throws -> [Report.Layout] {
    let answer = try Graphviz.plain(sketches.map(\.dot).joined())
    var layouts: [Report.Layout] = []
    for line in answer.split(separator: "\n") {
      let words = line.split(separator: " ")
      switch words.first {
      case "graph" where words.count >= 4:
        let (width, height) = (Self.points(words[2]), Self.points(words[3]))
        layouts.append(Report.Layout(width: width, height: height, boxes: [], edges: []))
      case "node" where words.count >= 6:
        guard var layout = layouts.popLast() else { break }
        let (x, y) = (Self.points(words[2]), layout.height - Self.points(words[3]))
        layout.boxes.append([x, y, Self.points(words[4]), Self.points(words[5])])
        layouts.append(layout)
      case "edge" where words.count >= 4:
        guard var layout = layouts.popLast(), let from = Int(words[1]), let to = Int(words[2]),
          let count = Int(words[3]), words.count >= 4 + 2 * count
        else { break }
        let points = words[4..<(4 + 2 * count)].enumerated().map { position, word in
          position % 2 == 0 ? Self.points(word) : layout.height - Self.points(word)
        }
        layout.edges.append(Report.Layout.Edge(from: from, to: to, points: points))
        layouts.append(layout)
      default: break
      }
    }
    guard layouts.map(\.boxes.count) == sketches.map(\.boxes.count) else {
      throw ApusError.defect("Graphviz laid out \(layouts.count) drawings of \(sketches.count), or not all boxes")
    }
    return layouts
  }

  private static func points(_ inches: Substring) -> Int { Int(((Double(inches) ?? 0) * 72).rounded()) }
}

extension LayoutBook.Sketch {
  /// In Graphviz's language. Nodes are numbered, and printed in order.
  fileprivate var dot: String {
    var text =
      "digraph {\n graph [rankdir=TB, nodesep=0.2, ranksep=0.35];\n node [shape=box, fixedsize=true, label=\"\"];\n"
    text += " edge [arrowhead=none];\n"
    for (number, box) in boxes.enumerated() {
      text += " \(number) [width=\(Self.inches(box.width)), height=\(Self.inches(box.height))];\n"
    }
    for edge in edges { text += " \(edge.from) -> \(edge.to);\n" }
    return text + "}\n"
  }

  private static func inches(_ points: Int) -> String { String(format: "%.3f", Double(points) / 72) }
}
