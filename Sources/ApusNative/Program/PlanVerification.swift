import ApusGraph
import ApusPlanning

extension NativeBackend {
  /// Checks that a plan does what its draft says, for single runs and, if the graph takes batches, for a run over them.
  /// - Throws: `ApusError` (a defect) that names the plan, launches, a buffer and the reason.
  func verify(
    _ program: KernelProgram, preparation: KernelProgram?, of draft: ProgramDraft, _ graph: Graph
  ) throws {
    try PlanChecker.check(program, preparation: preparation, against: draft)
    let parameters = graph.parameters.map { graph.type(of: $0) }
    guard let rows = parameters.first?.shape.numbers?.first, rows > 0,
      parameters.allSatisfy({ $0.shape.numbers?.first == rows && $0.byteCount != 0 })
    else { return }
    let repeated = program.overBatches(
      parameters.map { ($0.byteCount ?? 0, rows) }, target: target.processor)
    try PlanChecker.check(repeated, preparation: preparation, against: draft)
  }
}
