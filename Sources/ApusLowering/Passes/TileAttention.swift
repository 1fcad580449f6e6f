import ApusCore
import ApusGraph
import ApusOperators
import ApusPasses

/// Computes attention some rows of scores at a time, so that scores stay in the caches and are never stored as a whole.
///
/// A product of queries and keys, elementwise operators and reductions along its rows (a scale, a mask, softmax), and the
/// product with the values become loops: one for each axis of the batch that has several matrices, and one over blocks of
/// rows. Rows are whole: softmax is computed as it is written, not piece by piece.
///
/// Gradients are computed in such loops, too, after those that they wait for. Each loop computes the scores that it needs
/// again, which costs a product and is less than storing and reading them. Gradients of keys and values are sums over all
/// rows, carried from block to block (as in Dao et al. 2022, FlashAttention, algorithm 4).
///
/// Columns that a mask hides from all rows of a band add nothing and are left out, if the mask is the same in all runs, as a
/// causal one is: rows are divided into four bands. Hidden scores are `select`ed to be -1e8 or less; what is seen is
/// taken to be far above, and values to be finite.
///
/// In a softmax that subtracts the maximum, x / Σ of the exponentials x is divided out after the second product, which takes
/// a division for each result instead of one for each score (as in Dao 2023, FlashAttention-2, section 3.1). Each
/// product is then at most as many times as large as there are columns: that overflows where values are near the largest
/// number.
public struct TileAttention: Pass {
  /// How many rows of scores are computed at a time; 0: as the caches say.
  public var rows = 0
  /// Whose caches.
  public var processor = ProcessorModel.zen4

  public static let record = PassRecord(
    "tile-attention", "computes attention some rows of scores at a time, so that scores stay in the caches",
    options: [option("rows", \.rows, "rows at a time; 0: as the caches say, if at all")],
    statistics: [
      PassStatistic("tiled", "products of scores computed in parts"),
      PassStatistic("again", "products of scores that a gradient's loop computes again"),
      PassStatistic("bands", "bands of rows that are computed without the columns which a mask hides"),
      PassStatistic("deferred", "divisions of scores that became divisions of results"),
    ], precision: .rounded, rules: [hidden])

  private static let hidden = RewriteRule(
    "hidden",
    "softmax(scores) · values → softmax(seen scores) · seen values, where a mask makes all other weights zero",
    .rounded.assumingFinite)

  public init() {}
  public init(processor: ProcessorModel) { self.processor = processor }

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let graph = try graph.rewritingControlFlow { try run($0, &context) }
    var found: [(loop: ScoreLoop, tiling: ScoreTiling)] = []
    var masks = MaskTable()
    for region in regions(of: graph) {
      guard let tilings = try tilings(of: region, &masks) else { continue }
      let isHiding = zip(region.loops, tilings).contains { $1.leavesOut(of: $0.columns) }
      guard context.permits(isHiding ? [Self.hidden] : []) else { continue }
      remark(region, tilings, &context)
      found += zip(region.loops, tilings).map { (loop: $0, tiling: $1) }
    }
    guard !found.isEmpty else { return graph }
    var rewriter = GraphRewriter(graph, sharingEqualNodes: false)
    for step in try ScoreLoop.order(graph, found.map(\.loop)) {
      switch step {
      case .node(let node): try rewriter.keep(node)
      case .loop(let index):
        let (loop, tiling) = found[index]
        let operands = try loop.operands.map { read in
          (read: read, value: rewriter.builder.value(try rewriter.counterpart(of: read.id)))
        }
        for (node, result) in zip(loop.results, try loop.tiled(tiling, operands, in: rewriter.builder)) {
          if let name = graph.name(of: node.result) { rewriter.builder.name(result, name) }
          try rewriter.define(node, as: [result.id])
        }
      }
    }
    return try rewriter.finish().withoutDeadNodes()
  }

  private func regions(of graph: Graph) -> [ScoreRegion] {
    ScoreRegion.regions(of: graph) { node in
      rows > 0 || ScoreLoop.mayLeaveCache(graph.type(of: node.result), processor)
    }
  }

  /// How each loop of a region is divided; nil if a whole one is best.
  private func tilings(of region: ScoreRegion, _ masks: inout MaskTable) throws -> [ScoreTiling]? {
    var result: [ScoreTiling] = []
    for loop in region.loops {
      guard let count = rows > 0 ? min(rows, loop.rows) : loop.rowsThatFit(processor),
        count < loop.rows || loop.batch.contains(where: { $0 > 1 })
      else { return nil }
      result.append(ScoreTiling(rows: count, bands: try loop.bands(count, &masks)))
    }
    return result
  }

  private func remark(_ region: ScoreRegion, _ tilings: [ScoreTiling], _ context: inout PassContext) {
    let all = region.loops.flatMap(\.scores)
    let scores = Set(all.map(\.id)).count
    context.count("tiled", scores)
    context.count("again", all.count - scores)
    context.count("deferred", region.loops.count { $0.quotient != nil })
    guard let first = all.first, let type = region.loops.first?.graph.type(of: first.result) else { return }
    let rows = Set(tilings.map(\.rows)).sorted().map(String.init).joined(separator: " and ")
    context.applied("scores \(type) are computed \(rows) rows at a time", at: first)
    for (loop, tiling) in zip(region.loops, tilings) where tiling.leavesOut(of: loop.columns) {
      context.count("bands", tiling.bands.count)
      context.applied("columns that a mask hides are left out in \(tiling.bands.count) bands of rows", at: first)
    }
  }
}
