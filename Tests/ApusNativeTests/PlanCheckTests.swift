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

  /// A loop's carry that is an output has memory of its own in each batch.
  @Test func carriesThatAreOutputs() throws {
    let text = """
      graph @carry(%x: f32[1, 2]) {
        %1: i32 = constant(0)
        %2: i32 = while(%1, carries: 1, trip_count: 3) { (%c: i32) in
          %1: i32 = constant(2)
          %2: bool = less(%c, %1)
          return %2
        } { (%c: i32) in
          %1: i32 = constant(1)
          return %1
        }
        %3: f32[1, 2] = negate(%x)
        return %3, %2
      }

      """
    let planned = try PlannedGraph(Graph.parse(text)[0])
    #expect(planned.refusal() == "nothing")
    #expect(planned.refusal(of: planned.overBatches()) == "nothing")
  }
}
