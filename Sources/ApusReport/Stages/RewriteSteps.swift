import ApusGraph
import ApusPasses

/// Shows what a pass did rewrite by rewrite: the pass is run again with each number of rewrites that it may make, and
/// what it makes is compared with what it made of one fewer.
struct RewriteSteps {
  /// Passes whose intermediate graphs have more nodes than this together are not run again.
  var nodeLimit = 100_000

  /// - Parameters:
  ///   - pass: that was run.
  ///   - report: of that run.
  /// - Returns: a step for each rewrite; nil if there are too many to show.
  /// - Throws: what the pass throws.
  func steps(of pass: any Pass, _ report: PassReport) throws -> [Report.RewriteStep]? {
    guard report.changed else { return [] }
    guard report.rewrites * report.before.nodes.count <= nodeLimit else { return nil }
    var previous = report.before
    var remarkCount = 0
    return try (1...max(1, report.rewrites)).map { count in
      let result = try Pipeline([pass]).run(report.before, rewriteLimit: count)
      let applied = result.reports.flatMap(\.remarks).filter { $0.kind == .applied }.map(\.message)
      let changed = TextDiff(previous, result.graph).lines
      defer { (previous, remarkCount) = (result.graph, applied.count) }
      return Report.RewriteStep(
        laws: applied.dropFirst(remarkCount).map { $0 },
        removed: changed.filter { $0.kind == .removed }.map(\.text),
        added: changed.filter { $0.kind == .added }.map(\.text))
    }
  }
}
