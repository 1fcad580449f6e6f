import ApusCore
import ApusGraph
import ApusInterpreter
import ApusKernelInterpreter
import ApusKernels
import ApusLowering
import ApusPasses
import ApusPlanning

/// Compares what each kernel of a graph's native code writes with the reference, and so names the stage and the launch that
/// are at fault.
///
/// 1. Rules of kernels and of the plan are checked, and the plan against its draft: barriers, memory, order.
/// 2. The kernels are interpreted, without LLVM, and each value in memory is compared with the graph's interpreter right
///    after its launch: what differs first is a fault of lowering.
/// 3. The same in machine code: what differs first is a fault of code generation.
/// 4. The results are compared with those of the graph that no pass has touched.
public struct KernelValidation: Sendable {
  /// What lowers, plans and compiles.
  public var native: NativeBackend
  /// What the graph is run on.
  public var inputs = [RandomInputs(seed: 1), RandomInputs(seed: 1, kind: .sparse)]

  public init(_ native: NativeBackend = NativeBackend()) {
    self.native = native
    // As the reference does.
    self.native.subnormals = .keep
  }

  /// A stage of the way from a graph to machine code.
  public enum Stage: String, Sendable {
    case passes, lowering, planning
    case codeGeneration = "code generation"
  }

  /// What is wrong.
  public struct Fault: Sendable, CustomStringConvertible {
    public let stage: Stage
    /// The launch, as plans name it; nil: no launch is known.
    public let launch: String?
    public let reason: String
    /// How elements differ.
    public var details: String?

    public var description: String {
      "\(stage.rawValue) is at fault\(launch.map { ": \($0)" } ?? ""): \(reason)"
    }
  }

  /// What was compared, and the first fault.
  public struct Verdict: Sendable, CustomStringConvertible {
    public var fault: Fault?
    /// Values that launches write and that were compared, and how far they were apart at most. Values inside of loops and
    /// branches are not among them.
    public var launches: [(origin: String, largestULP: UInt64)] = []
    /// How many outputs and new values of variables were compared.
    public var resultCount = 0
    /// Whether machine code was run.
    public var ranNatively = false
    /// Whether a part is computed once for all runs, such as packed weights: it was run before, as it is in any run.
    public var hasPreparation = false

    public var description: String {
      if let fault { return fault.description }
      let largest = launches.map(\.largestULP).max() ?? 0
      return
        "launches: \(launches.count) values, results: \(resultCount) values, agree with the reference to \(largest) ULP"
        + (ranNatively ? "" : " (kernels interpreted: native code does not run here)")
    }
  }

  /// Changes to what the stages make, for tests that plant faults.
  package struct Planting: Sendable {
    package var draft: @Sendable (inout ProgramDraft) -> Void = { _ in }
    package var program: @Sendable (inout KernelProgram) -> Void = { _ in }
    package var code: @Sendable (inout KernelProgram) -> Void = { _ in }
    /// As `program` and `code`, of what is computed once.
    package var preparation: @Sendable (inout KernelProgram) -> Void = { _ in }
    package var preparationCode: @Sendable (inout KernelProgram) -> Void = { _ in }
    package init() {}
  }

  /// - Parameters:
  ///   - graph: static, after the native backend's passes.
  ///   - original: static, as no pass has touched it.
  /// - Throws: `ApusError` if the graph cannot be run, or lowered.
  public func verdict(on graph: Graph, from original: Graph) throws -> Verdict {
    try verdict(on: graph, from: original, planting: Planting())
  }

  package func verdict(on graph: Graph, from original: Graph, planting: Planting) throws -> Verdict {
    var draft = try GraphLowering.draft(graph, target: native.target.processor)
    planting.draft(&draft)
    func refused(_ stage: Stage, _ body: () throws -> Void) -> Verdict? {
      do { try body() } catch {
        let reason = (error as? ApusError)?.message ?? "\(error)"
        return Verdict(fault: Fault(stage: stage, launch: nil, reason: reason))
      }
      return nil
    }
    if let found = refused(.lowering, { for kernel in draft.kernels { try KernelVerifier.check(kernel) } }) {
      return found
    }
    var plan = try native.planned(draft, of: graph)
    planting.program(&plan.program)
    plan.preparation = plan.preparation.map { changed($0, planting.preparation) }
    let soundness = refused(.planning) {
      for each in [plan.preparation, plan.program] { try each?.verify() }
      try PlanChecker.check(plan.program, preparation: plan.preparation, against: draft)
    }
    if let soundness { return soundness }

    var verdict = Verdict()
    let observed = ObservedPlan(plan, graph, target: native.target.processor)
    verdict.hasPreparation = plan.preparation != nil
    planting.code(&plan.program)
    plan.preparation = plan.preparation.map { changed($0, planting.preparationCode) }
    let code = ObservedPlan(plan, graph, target: native.target.processor)
    let compiler = ProgramCompiler(target: native.target, level: native.level, verifies: true, cache: native.cache)
    let compiled = NativeBackend.isAvailable ? try compiler.compile(code.program.program) : nil
    let compiledPreparation =
      NativeBackend.isAvailable ? try code.preparation.map { try compiler.compile($0.program) } : nil
    verdict.ranNatively = compiled != nil
    var refusal: ApusError?
    var isCompared = false
    for inputs in inputs {
      let feeds = try inputs.arguments(of: graph).feeds
      let variables = try graph.variables.map { try inputs.weights($0.declaration) }
      let reference: ValueTrace
      // What a run refuses is compared by the validation of passes.
      do { reference = try ValueTrace(graph, feeds, variables: variables) } catch let error as ApusError {
        refusal = error
        continue
      }
      isCompared = true
      var fault = try fault(at: .lowering, observed, reference, &verdict) {
        try observed.run(feeds, variables) { address in
          if let preparation = observed.preparation {
            try InterpretedProgram(preparation.program).run(address: address)
          }
        } running: {
          try InterpretedProgram(observed.program.program).run(address: $0)
        }
      }
      if let compiled, fault == nil {
        fault = try self.fault(at: .codeGeneration, observed, reference, &verdict) {
          try observed.run(feeds, variables) {
            try compiledPreparation?.run(workers: native.workers, address: $0)
          } running: {
            try compiled.run(workers: native.workers, address: $0)
          }
        }
      }
      if let fault {
        verdict.fault = fault
        return verdict
      }
      if graph != original, inputs.kind == .ordinary,
        let whole = try? Interpreter(original).run(feeds, variables: variables)
      {
        let results = zip(graph.outputs + graph.updates.map(\.value), whole.outputs + whole.updates.map(\.value))
        for (id, right) in results {
          guard let found = reference[id], let difference = Self.difference(right, found) else { continue }
          verdict.fault = Fault(
            stage: .passes, launch: nil, reason: "\(graph.label(of: id)), \(difference), on \(inputs)",
            details: right.type == found.type ? "\(ULPHistogram(right, found))" : nil)
          return verdict
        }
      }
    }
    if let refusal, !isCompared {
      throw ApusError(
        .input,
        refusal.diagnostics.map { $0.within("@\(graph.name) cannot be validated: it refuses all random inputs") })
    }
    return verdict
  }

  /// What is wrong with a run of the program.
  private func fault(
    at stage: Stage, _ observed: ObservedPlan, _ reference: ValueTrace, _ verdict: inout Verdict,
    _ run: () throws -> ObservedProgram.Values
  ) throws -> Fault? {
    let values: ObservedProgram.Values
    // A kernel that leaves its memory is a defect that the run itself finds.
    do { values = try run() } catch let error as ApusError where error.fault == .defect {
      return Fault(stage: stage, launch: nil, reason: error.message)
    }
    return compare(observed, values, reference, stage, &verdict)
  }

  /// The first launch whose result differs, or else the first result of the graph: launches in loops and branches are seen
  /// by these.
  private func compare(
    _ observed: ObservedPlan, _ values: ObservedProgram.Values, _ reference: ValueTrace, _ stage: Stage,
    _ verdict: inout Verdict
  ) -> Fault? {
    var compared: [(origin: String, largestULP: UInt64)] = []
    for (point, value) in zip(observed.points, values.points) {
      guard let right = reference[point.value] else { continue }
      let histogram = ULPHistogram(right, value)
      compared.append((point.origin, histogram.largest))
      guard let difference = Self.difference(right, value) else { continue }
      return Fault(
        stage: stage, launch: point.origin,
        reason: "\(reference.graph.label(of: point.value)), \(difference)", details: "\(histogram)")
    }
    let graph = reference.graph
    let updated = graph.updates.map { update in
      (update.value, values.variables[graph.variables.firstIndex { $0.id == update.variable } ?? 0])
    }
    verdict.resultCount = 0
    for (id, value) in Array(zip(graph.outputs, values.outputs)) + updated {
      guard let right = reference[id] else { continue }
      verdict.resultCount += 1
      guard let difference = Self.difference(right, value) else { continue }
      return Fault(
        stage: stage, launch: nil, reason: "result \(graph.label(of: id)), \(difference)",
        details: "\(ULPHistogram(right, value))")
    }
    // The same launches on all inputs: each has the largest of its errors.
    verdict.launches =
      verdict.launches.isEmpty
      ? compared : zip(verdict.launches, compared).map { ($0.origin, max($0.largestULP, $1.largestULP)) }
    return nil
  }

  /// Kernels round in other places than the interpreter, and what follows them has their errors.
  private static func difference(_ a: Tensor, _ b: Tensor) -> String? {
    // Small numbers among themselves, as second moments and gradients of means, are compared as such, down to what sums of
    // numbers near 1 that cancel may leave.
    TensorComparison.firstDifference(a, b, tolerance: 10 * TensorComparison.tolerance(a.dtype), leastScale: 0.01)
  }
}

private func changed(_ program: KernelProgram, _ change: (inout KernelProgram) -> Void) -> KernelProgram {
  var result = program
  change(&result)
  return result
}
