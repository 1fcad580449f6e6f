import ApusCore
import ApusGraph

/// Finds the pass that breaks a graph, and the rewrite of that pass.
public struct Bisection: Sendable {
  /// How many of the passes run before the result is wrong: the culprit is the last of them.
  public let passCount: Int
  public let culprit: String
  /// What was wrong.
  public let reason: String
  /// The first rewrite of the pass after which the result is wrong; nil if the graph itself is, or no rewrite alone.
  public let rewrite: Rewrite?

  /// One rewrite of a pass.
  public struct Rewrite: Sendable {
    /// Counted over all passes, as `--rewrite-limit` counts: up to this one the result is wrong.
    public let number: Int
    /// Counted in its pass, from 1.
    public let numberInPass: Int
    /// How many rewrites the pass makes.
    public let count: Int
    /// The graph right before it.
    public let before: Graph
    /// The graph with it; nil if the pipeline refuses that.
    public let after: Graph?
    /// The rules by which it is made, if the pass names them.
    public let rules: [RewriteRule]
  }

  /// What a check is asked: how the result of some passes, or of one, compares with the graph before them.
  /// - Returns: what is wrong, in words; nil if nothing is.
  public typealias Check = (
    _ before: Graph, _ result: Graph, _ precision: PassPrecision, _ isOfOnePass: Bool
  ) throws -> String?

  /// The first pass after which `check` finds fault, by binary search over how many passes run, and its first rewrite
  /// after which it does, by the same search; nil if all is well.
  ///
  /// Results are compared with the graph itself, which no pass has touched. Where passes that round hide the fault of one
  /// that must not, each pass's result is compared with what it was given.
  /// - Parameter check: is told what the rewrites that were made keep.
  public static func firstFault(_ pipeline: Pipeline, _ graph: Graph, check: @escaping Check) throws -> Bisection? {
    let search = Search(pipeline: pipeline, graph: graph, check: check)
    guard var reason = try search.fault(passes: pipeline.passes.count) else { return try search.hiddenFault() }
    // Invariant: with `good` passes all is well, with `bad` it is not.
    var (good, bad) = (0, pipeline.passes.count)
    if let already = try search.fault(passes: 0) {
      return Bisection(passCount: 0, culprit: "the graph itself", reason: already, rewrite: nil)
    }
    while bad - good > 1 {
      let middle = (good + bad) / 2
      if let found = try search.fault(passes: middle) { (bad, reason) = (middle, found) } else { good = middle }
    }
    return try search.narrowed(bad, reason) { try search.fault(of: $0) }
  }

  /// Whether a pass alone breaks a graph: for graphs that are made small.
  /// - Returns: what is wrong, in words; nil if nothing is.
  public static func fault(of pass: any Pass, on graph: Graph, check: @escaping Check) throws -> String? {
    try Search(pipeline: Pipeline([pass]), graph: graph, check: check).fault(passes: 1)
  }
}

/// The runs of a search.
private struct Search {
  let pipeline: Pipeline
  let graph: Graph
  let check: Bisection.Check

  /// What is wrong if so many passes run.
  func fault(passes count: Int) throws -> String? {
    try fault { try pipeline.run(graph, limit: count, remarking: false) }
  }

  /// What is wrong with a result, by the graph that no pass has touched.
  func fault(of run: () throws -> PipelineResult) throws -> String? {
    do {
      let result = try run()
      return try check(graph, result.graph, result.precision, pipeline.passes.count == 1)
    } catch let error as ApusError where error.fault == .defect { return error.message }
  }

  /// The first pass whose result is not what it was given, where the whole is near enough to the graph.
  func hiddenFault() throws -> Bisection? {
    let reports = try pipeline.run(graph, remarking: false).reports
    for (index, report) in reports.enumerated() where report.changed {
      guard let reason = try check(report.before, report.after, report.precision, true) else { continue }
      return try narrowed(index + 1, reason) { try check(report.before, $0().graph, report.precision, true) }
    }
    return nil
  }

  /// - Parameters:
  ///   - passCount: the last of them is at fault.
  ///   - fault: what is wrong with the result of a run.
  func narrowed(
    _ passCount: Int, _ reason: String, _ fault: (() throws -> PipelineResult) throws -> String?
  ) throws -> Bisection {
    let earlier = try pipeline.run(graph, limit: passCount - 1, remarking: false).reports.reduce(0) { $0 + $1.rewrites }
    func run(_ rewrites: Int) throws -> PipelineResult {
      try pipeline.run(graph, limit: passCount, rewriteLimit: earlier + rewrites, remarking: false)
    }
    var reason = reason
    let culprit = pipeline.passes[passCount - 1].name
    let all = try? pipeline.run(graph, limit: passCount, remarking: false).reports.last?.rewrites
    // How many rewrites there are is not known if the pipeline refuses the whole.
    let most = all ?? 1 << 20
    var (good, bad) = (0, 1)
    while true {
      if let found = try fault({ try run(bad) }) {
        reason = found
        break
      }
      // No part of the pass is at fault, but the whole: it does more than its rewrites.
      if bad >= most { return Bisection(passCount: passCount, culprit: culprit, reason: reason, rewrite: nil) }
      (good, bad) = (bad, min(2 * bad, most))
    }
    while bad - good > 1 {
      let middle = (good + bad) / 2
      if let found = try fault({ try run(middle) }) { (bad, reason) = (middle, found) } else { good = middle }
    }
    let with = try? run(bad)
    let rewrite = Bisection.Rewrite(
      number: earlier + bad, numberInPass: bad, count: max(bad, all ?? bad), before: try run(bad - 1).graph,
      after: with?.graph, rules: with?.reports.last?.rewriteRules.last ?? [])
    return Bisection(passCount: passCount, culprit: culprit, reason: reason, rewrite: rewrite)
  }
}
