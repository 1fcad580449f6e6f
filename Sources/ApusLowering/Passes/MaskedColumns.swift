import ApusCore
import ApusGraph
import ApusOperators
import ApusPasses

/// Rows of scores, and the columns that some of them see.
struct ScoreBand {
  let rows: Range<Int>
  let columns: Range<Int>
}

/// Which columns of scores rows see, by the masks of a graph that are the same in all runs.
struct MaskTable {
  /// By mask: for each row the first column that it sees and the one after the last; nil: not known, or a row sees none.
  private var known: [ValueID: [Range<Int>]?] = [:]

  /// Masks of more elements are not looked at.
  private static let limit = 1 << 26

  mutating func visible(_ mask: ValueID, _ graph: Graph, rows: Int, columns: Int) throws -> [Range<Int>]? {
    if let result = known[mask] { return result }
    var result: [Range<Int>]?
    // The same for all matrices.
    let dims = graph.type(of: mask).shape.numbers ?? []
    if dims.suffix(2) == [rows, columns], dims.dropLast(2).allSatisfy({ $0 == 1 }),
      let value = try graph.constantValue(of: mask, limit: MaskTable.limit)
    {
      result = value.withElements(as: Bool.self) { elements in
        let ranges = (0..<rows).map { row -> Range<Int> in
          let line = elements[row * columns..<(row + 1) * columns]
          guard let first = line.firstIndex(of: true), let last = line.lastIndex(of: true) else { return 0..<0 }
          return first - line.startIndex..<last + 1 - line.startIndex
        }
        return ranges.contains { $0.isEmpty } ? nil : ranges
      }
    }
    known[mask] = .some(result)
    return result
  }
}

/// Columns that a mask hides from all rows of a block add nothing, and are not computed.
extension ScoreLoop {
  /// Parts of all rows, from the first to the last, with the columns that must be computed for them.
  /// - Parameter count: rows of a block; parts are of whole blocks, but for the last one.
  func bands(_ count: Int, _ masks: inout MaskTable) throws -> [ScoreBand] {
    let whole = [ScoreBand(rows: 0..<rows, columns: 0..<columns)]
    let candidates = Set(nodes.filter { $0.op is Select && !computed.contains($0.operands[0]) }.map { $0.operands[0] })
    // More masks than a few are not tried, for each takes time.
    for mask in candidates.sorted().prefix(ScoreLoop.mostMasks) where ignoresWhatHides(mask) {
      guard let visible = try masks.visible(mask, graph, rows: rows, columns: columns) else { continue }
      let blocks = (rows + count - 1) / count
      let bands = min(blocks, ScoreLoop.mostBands)
      let result = (0..<bands).map { band in
        let (from, to) = (blocks * band / bands * count, min(rows, blocks * (band + 1) / bands * count))
        let first = visible[from..<to].reduce(columns) { min($0, $1.lowerBound) }
        let last = visible[from..<to].reduce(0) { max($0, $1.upperBound) }
        // Whole vectors.
        let step = ScoreLoop.columnStep
        return ScoreBand(rows: from..<to, columns: first / step * step..<min(columns, (last + step - 1) / step * step))
      }
      let area = result.reduce(0) { $0 + $1.rows.count * $1.columns.count }
      // Each band has kernels of its own, which must be compiled.
      if area <= rows * columns / 8 * 7 { return result }
    }
    return whole
  }

  private static let mostBands = 4
  private static let columnStep = 16
  private static let mostMasks = 4

  private enum Hidden {
    /// So low that its exponential is nothing beside that of any score that is seen.
    case low
    case zero
  }

  /// Whether the results would be the same without the elements for which a mask is false, wherever operands are finite and
  /// scores are far above what replaces them.
  private func ignoresWhatHides(_ mask: ValueID) -> Bool {
    var states: [ValueID: Hidden] = [:]
    // What comes from products and plain numbers alone. What another mask hides, be it selected or added, may be as low.
    var modest: Set<ValueID> = []
    func isModest(_ id: ValueID) -> Bool {
      computed.contains(id) ? modest.contains(id) : number(id).map { abs($0) <= ScoreLoop.mostModest } ?? false
    }
    let ends = Set(results.map(\.id))
    for node in nodes {
      let operands = node.operands.map { states[$0] }
      if node.op is Matmul || !(node.op is Select) && node.operands.allSatisfy(isModest) { modest.insert(node.result) }
      if ends.contains(node.id) {
        guard zip(node.operands, operands).allSatisfy({ !computed.contains($0) || $1 == .zero }) else { return false }
      } else if node.op.asReduction != nil {
        // A maximum over what is low, a sum over zeros.
        let isRow = graph.type(of: node.operands[0]).shape.dims.last == .number(columns)
        guard isRow, node.op is ReduceMax && operands[0] == .low || node.op is ReduceSum && operands[0] == .zero else {
          return false
        }
      } else if node.op is Select, node.operands[0] == mask {
        states[node.result] =
          operands[2] ?? hidden(number(node.operands[2]), isModest: isModest(node.operands[1]))
      } else {
        states[node.result] = hidden(node, operands)
      }
    }
    return true
  }

  private func hidden(_ node: Node, _ operands: [Hidden?]) -> Hidden? {
    switch node.op {
    // What is seen is in that maximum.
    case is Subtract where operands[0] == .low && isMaximum(node.operands[1], of: node.operands[0]): .low
    case is Exp where operands[0] == .low: .zero
    case is Multiply where operands.contains(.zero): .zero
    case is Divide where operands[0] == .zero: .zero
    default: nil
    }
  }

  private func isMaximum(_ id: ValueID, of rows: ValueID) -> Bool {
    let node = graph.producer(of: id)
    return node.op is ReduceMax && node.operands[0] == rows
  }

  /// - Parameter isModest: whether what is seen where the number is not cannot be as low.
  private func hidden(_ number: Double?, isModest: Bool) -> Hidden? {
    guard let number else { return nil }
    if number == 0 { return .zero }
    return number == -.infinity || number <= ScoreLoop.low && isModest ? .low : nil
  }

  /// Scores are taken to be greater than this by a hundred and more.
  private static let low = -1e8
  private static let mostModest = 1e4
}
