import ApusCore
import ApusGraph

/// Finds the pass that breaks a graph.
public struct Bisection: Sendable {
  /// How many of the passes run before the result is wrong: the culprit is the last of them.
  public let passCount: Int
  public let culprit: String
  /// What was wrong.
  public let reason: String

  /// The first pass after which `check` finds fault, by binary search over how many passes run; nil if all is well.
  /// - Parameter check: compares the original graph with the result of some passes and says what is wrong, if anything.
  public static func firstFault(
    _ pipeline: Pipeline, _ graph: Graph, check: (_ original: Graph, _ result: Graph) throws -> String?
  ) throws -> Bisection? {
    func fault(_ count: Int) throws -> String? {
      do { return try check(graph, pipeline.run(graph, limit: count).graph) } catch let error as ApusError
        where error.fault == .defect
      { return error.message }
    }
    guard var reason = try fault(pipeline.passes.count) else { return nil }
    // Invariant: with `good` passes all is well, with `bad` it is not.
    var (good, bad) = (0, pipeline.passes.count)
    if let already = try fault(0) { return Bisection(passCount: 0, culprit: "the graph itself", reason: already) }
    while bad - good > 1 {
      let middle = (good + bad) / 2
      if let found = try fault(middle) { (bad, reason) = (middle, found) } else { good = middle }
    }
    return Bisection(passCount: bad, culprit: pipeline.passes[bad - 1].name, reason: reason)
  }
}
