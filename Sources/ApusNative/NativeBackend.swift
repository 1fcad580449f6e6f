import ApusCore
import ApusGraph
import ApusKernels
import ApusLowering
import ApusPasses
import ApusPlanning

/// Runs graphs as native code, made by LLVM for this processor and these shapes.
public struct NativeBackend: Backend {
  /// How many workers share each step; results do not depend on it. Runs over the batches of a data set use fewer where
  /// that is faster.
  public var workers: Int
  public var target: NativeTarget
  /// Whether the results of lowering, of the planner and of LLVM are checked each time.
  public var verifies: Bool
  /// Whether programs measure their launches.
  public var isProfiled: Bool
  /// Side of the tiles by which Winograd's algorithm computes 3 × 3 convolutions; 0: as a cost model says; 1: not at all.
  public var winogradTile = 0
  /// The most bytes that values on the way may take at once, estimated: above that cheap ones are computed twice rather
  /// than kept; 0: any number.
  public var memoryLimit = 0
  /// What becomes of results below the least normal number.
  public var subnormals = Subnormals.auto
  /// Told once a graph if its plan needs more than `memoryLimit`.
  public var warningHandler: (@Sendable (Diagnostic) -> Void)?
  /// How layers are computed that it names, where `winogradTile` is 0; nil: as `tune` has found for a graph, if it has.
  public var tuning: TuningRecord?
  /// Whether what `tune` remembers is applied.
  package var isTuned = true
  /// Chooses for layers instead of a record.
  var winogradChoice: (@Sendable (TunableLayer) -> Int?)?
  /// How hard LLVM works on kernels.
  package var level = CodeLevel.standard
  /// The threads that run what is compiled.
  package var team = WorkerTeam.shared
  /// Whether runs over batches find out how many workers are the fastest.
  package var adaptsTeam = true
  /// Where object code is kept from run to run; nil: nowhere.
  package var cache: ObjectCache? = .standard

  public init(
    workers: Int = WorkerTeam.defaultCount, target: NativeTarget = .host, verifies: Bool = false,
    isProfiled: Bool = false
  ) {
    self.workers = max(1, workers)
    self.target = target
    self.verifies = verifies
    self.isProfiled = isProfiled
  }

  public var name: String { "native" }

  /// Whether this machine can make native code and run it.
  public static var isAvailable: Bool { availability == .available }

  /// Whether a machine can make native code and run it, and what is missing if not.
  public enum Availability: Hashable, Sendable {
    case available
    /// - Parameters:
    ///   - reason: half a sentence, as "this processor lacks avx2".
    ///   - help: what would change it, if anything would.
    case unavailable(reason: String, help: String?)
  }

  /// Of this machine.
  public static let availability = availability(on: .current, hasLLVM: LLVMInstallation.isPresent)

  /// - Parameter hasLLVM: whether there is a release of LLVM that Apus works with; asked only if the processor can run the
  ///   code.
  package static func availability(
    on host: HostProcessor, hasLLVM: @autoclosure () -> Bool
  ) -> Availability {
    if let obstacle = NativeTarget.native(on: host).obstacle(on: host) {
      return .unavailable(reason: obstacle, help: nil)
    }
    if !hasLLVM() {
      return .unavailable(reason: "the LLVM library was not found", help: LLVMInstallation.installHelp)
    }
    return .available
  }

  public func passes(for graph: Graph) -> BackendPasses {
    var winograd = Winograd(tile: winogradTile, processor: target.processor)
    winograd.choice = choice(for: graph)
    return BackendPasses(
      expandsComposites: true,
      legalization: [SelectIndices()],
      combinations: [ReciprocalRoots(), JoinSlices(), SinkSums()],
      selection: [
        winograd, SplitBatch(processor: target.processor), TileAttention(processor: target.processor),
        Rematerialize(limit: memoryLimit) { graph in
          var unlimited = self
          unlimited.memoryLimit = 0
          return try unlimited.plan(Pipeline([Fuse()]).run(graph).graph).program.arenaByteCount
        },
      ])
  }

  /// The plan of a static graph after `pipeline(for:level:)`: the program of a run, and one to be run before the first, if
  /// anything is the same in all runs.
  /// - Parameter precomputing: whether to look for that.
  /// - Throws: `ApusError` if a shape is symbolic, or an operator cannot be lowered.
  public func plan(
    _ graph: Graph, precomputing: Bool = true
  ) throws -> (program: KernelProgram, preparation: KernelProgram?) {
    if let symbol = graph.symbols.first {
      throw ApusError.input(
        "graph @\(graph.name) has the symbolic dimension '\(symbol)'",
        help: "bind it: specialized([\"\(symbol)\": 32])", commandHelp: "bind it: --bind \(symbol)=32")
    }
    try graph.checkSizes(emptyOnes: true)
    let draft = try GraphLowering.draft(graph, target: target.processor)
    let plan = try planned(draft, of: graph, precomputing: precomputing)
    if verifies { try verify(plan.program, preparation: plan.preparation, of: draft, graph) }
    warnAboveLimit(plan.program)
    return plan
  }

  /// The plan of a draft of a graph; see `plan(_:precomputing:)`.
  func planned(
    _ draft: ProgramDraft, of graph: Graph, precomputing: Bool = true
  ) throws -> (program: KernelProgram, preparation: KernelProgram?) {
    let options = Planner.Options(target: target.processor)
    let updated = Set(graph.updates.map(\.variable))
    let fixed = graph.variables.indices.filter { !updated.contains(graph.variables[$0].id) }
    let split = precomputing ? draft.splittingPreparation(fixed: Set(fixed)) : nil
    var program = try Planner.plan(split?.rest ?? draft, options: options)
    program.flushesSubnormals = subnormals.areFlushed(in: graph)
    return (program, try split.map { try Planner.plan($0.preparation, options: options) })
  }

  private func warnAboveLimit(_ program: KernelProgram) {
    guard memoryLimit > 0, program.arenaByteCount > memoryLimit, let warningHandler else { return }
    warningHandler(
      Diagnostic(
        .warning,
        "the memory limit of \(memoryLimit) bytes cannot be met: graph @\(program.name) needs \(program.arenaByteCount)",
        help: "a smaller batch needs less"))
  }

  public func prepare(_ graph: Graph) throws -> any Executable { try executable(graph) }

  /// A bound, static graph as native code.
  public func compile(
    _ graph: Graph, passes: Compilation.Passes = .level(.standard)
  ) throws -> NativeExecutable {
    try executable(optimized(graph, passes: passes))
  }

  /// A graph after `pipeline(for:level:)` as native code.
  public func executable(_ graph: Graph) throws -> NativeExecutable {
    let (program, preparation) = try plan(graph)
    try MemoryNeed(program, preparation: preparation).check("a run of graph @\(graph.name) needs")
    if verifies { for each in [preparation, program] { try each?.verify() } }
    return try NativeExecutable(
      graph, program, preparation: preparation,
      ProgramCompiler(target: target, level: level, verifies: verifies, isProfiled: isProfiled, cache: cache),
      workers: workers, team: team, adaptsTeam: adaptsTeam)
  }
}
