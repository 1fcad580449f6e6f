import Apus
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import TestSupport

/// A graph with what the native backend plans of it, step by step, for tests that look at plans or damage them.
struct PlannedGraph {
  var draft: ProgramDraft
  var program: KernelProgram
  var preparation: KernelProgram?
  /// Bytes and rows of each parameter.
  private var parameters: [(byteCount: Int, rows: Int)]
  private var target: ProcessorModel

  /// - Parameter graph: static, before the passes.
  init(_ graph: Graph, _ backend: NativeBackend = NativeBackend()) throws {
    let prepared = try backend.optimized(graph)
    target = backend.target.processor
    draft = try GraphLowering.draft(prepared, target: target)
    let updated = Set(prepared.updates.map(\.variable))
    let fixed = prepared.variables.indices.filter { !updated.contains(prepared.variables[$0].id) }
    let options = Planner.Options(target: target)
    if let split = draft.splittingPreparation(fixed: Set(fixed)) {
      program = try Planner.plan(split.rest, options: options)
      preparation = try Planner.plan(split.preparation, options: options)
    } else {
      program = try Planner.plan(draft, options: options)
    }
    parameters = prepared.parameters.map {
      let type = prepared.type(of: $0)
      return (type.byteCount ?? 0, type.shape.numbers?.first ?? 0)
    }
  }

  /// Over batches of a data set.
  func overBatches() -> KernelProgram { program.overBatches(parameters, target: target) }

  func check() throws { try PlanChecker.check(program, preparation: preparation, against: draft) }

  /// The checker's words for a plan that was changed by hand, or "nothing".
  func refusal(of program: KernelProgram? = nil, preparation: KernelProgram? = nil) -> String {
    do {
      try PlanChecker.check(program ?? self.program, preparation: preparation ?? self.preparation, against: draft)
      return "nothing"
    } catch let error as ApusError { return error.fault == .defect ? error.message : "not a defect: \(error)" } catch {
      return "\(error)"
    }
  }

  /// A model of `Graphs/Models`, for predictions or as a training step.
  static func model(_ name: String, training: Bool, batch: Int = 4) throws -> Graph {
    var graph = try GraphFile.load(Repository.file("Graphs/Models/\(name).graph").path)[0]
    if training {
      graph = try Trainer(
        graph, optimizer: Adam(), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy],
        backend: InterpreterBackend()
      ).trainingStep
    } else {
      graph = try graph.bound(to: .inference)
    }
    return try graph.specialized(["batch": batch])
  }
}

extension [ProgramStep] {
  /// The steps without one of their barriers, by its number.
  func removingBarrier(_ number: Int) -> [ProgramStep] {
    var next = 0
    return mapSteps { leaf, _ in
      guard leaf.isBarrier else { return [leaf] }
      next += 1
      return next - 1 == number ? [] : [leaf]
    }
  }
}
