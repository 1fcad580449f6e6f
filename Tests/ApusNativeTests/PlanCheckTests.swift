import Apus
import ApusNative
import ApusPlanning
import TestSupport
import Testing

/// The plans of real graphs do what their drafts say: for one run, over batches, and with what is computed once.
///
/// One after the other: a checked plan of a large model takes some gigabytes.
@Suite(.serialized) struct PlanCheckTests {
  static let models = Repository.files(below: "Graphs/Models", ending: ".graph").map {
    String($0.split(separator: "/").last?.dropLast(6) ?? "")
  }

  @Test(arguments: models, [false, true]) func plansOfModels(_ name: String, training: Bool) throws {
    let planned = try PlannedGraph(PlannedGraph.model(name, training: training))
    #expect(planned.refusal() == "nothing")
    #expect(planned.refusal(of: planned.overBatches()) == "nothing")
    // The same without anything computed once.
    let whole = try Planner.plan(planned.draft, options: .init(target: NativeTarget.host.processor))
    try PlanChecker.check(whole, against: planned.draft)
  }

  @Test func plansOfOperators() throws {
    var count = 0
    for path in Repository.files(below: "Graphs/Operators", ending: ".graph") {
      for graph in try GraphFile.load(Repository.file(path).path) {
        let bound = try graph.bound(to: .inference)
        guard bound.symbols.isEmpty else { continue }
        let backend = NativeBackend(verifies: true)
        do { _ = try backend.plan(backend.optimized(bound)) } catch { Issue.record("\(path): \(error)") }
        count += 1
      }
    }
    #expect(count > 200)
  }

  /// What `verifies` promises holds for what the planner cannot place into less memory, too.
  @Test func plansUnderAMemoryLimit() throws {
    var backend = NativeBackend(verifies: true)
    backend.memoryLimit = 1 << 20
    _ = try backend.plan(backend.optimized(PlannedGraph.model("cnn", training: true, batch: 32)))
  }
}
