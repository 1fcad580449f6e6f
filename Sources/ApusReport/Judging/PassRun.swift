import ApusCore
import ApusGraph
import ApusPasses

/// What passes made of a graph, as far as the pipeline took it.
struct PassRun {
  let passes: [any Pass]
  let reports: [PassReport]
  /// Why the pipeline did not take what the next pass made; nil: all of them have run.
  let refusal: ApusError?
  /// What the last of them made.
  let graph: Graph

  /// - Parameter isJudged: whether a result that is not taken is kept as a verdict, rather than thrown.
  /// - Throws: what passes throw.
  init(_ compilation: Compilation, _ graph: Graph, isJudged: Bool) throws {
    passes = compilation.pipeline(for: graph).passes
    let recorder = Recorder()
    var refusal: ApusError?
    do { _ = try compilation.optimized(graph, observers: [recorder]) } catch let error as ApusError
      where isJudged && error.fault == .defect && recorder.reports.count < passes.count
    {
      refusal = error
    }
    self.refusal = refusal
    reports = recorder.reports
    self.graph = reports.last?.after ?? graph
  }

  private final class Recorder: PipelineObserver {
    private(set) var reports: [PassReport] = []
    func passDidRun(_ report: PassReport) { reports.append(report) }
  }
}
