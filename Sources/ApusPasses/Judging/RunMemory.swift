import ApusCore
import ApusGraph
import Synchronization

/// What graphs gave that are compared more than once: the one that no pass has touched, and what a pass gives and the next
/// one takes.
final class RunMemory: Sendable {
  typealias Outcome = Result<[Tensor], ApusError>

  private struct State: Sendable {
    var outcomes: [(graph: Graph, inputs: RandomInputs, outcome: Outcome)] = []
    var original: Graph?
    var last: Graph?
    var precision = PassPrecision.exact
    var omissions: [String] = []
  }

  /// Three graphs on seven inputs.
  private static let most = 21
  private let state = Mutex(State())

  var omissions: [String] { state.withLock(\.omissions) }

  func omit(_ reason: String) {
    state.withLock { if !$0.omissions.contains(reason) { $0.omissions.append(reason) } }
  }

  /// The outcome of a run, computed if it is not known.
  func outcome(of graph: Graph, on inputs: RandomInputs, _ run: () throws -> [Tensor]) -> Outcome {
    let known = state.withLock { state in
      state.outcomes.first { $0.inputs == inputs && $0.graph == graph }?.outcome
    }
    if let known { return known }
    let outcome: Outcome
    do { outcome = .success(try run()) } catch {
      outcome = .failure(error as? ApusError ?? .defect("\(error)"))
    }
    state.withLock { state in
      if state.outcomes.count >= RunMemory.most {
        let index = state.outcomes.firstIndex { $0.graph != state.original } ?? 0
        state.outcomes.remove(at: index)
      }
      state.outcomes.append((graph, inputs, outcome))
    }
    return outcome
  }

  /// The graph that the pipeline was given, and what the passes that have changed something since keep.
  func history(with report: PassReport) -> (original: Graph, precision: PassPrecision) {
    state.withLock { state in
      if state.last != report.before { (state.original, state.precision) = (report.before, .exact) }
      if report.changed { state.precision = state.precision.union(report.precision) }
      state.last = report.after
      return (state.original ?? report.before, state.precision)
    }
  }
}
