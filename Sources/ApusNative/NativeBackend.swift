import ApusCore
import ApusGraph
import ApusKernels
import ApusLowering
import ApusPasses
import ApusPlanning

/// Runs graphs as native code, made by LLVM for this processor and these shapes.
public struct NativeBackend: Backend {
  /// How many workers share each step; results do not depend on it.
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
  /// Whether what `tune(_:seconds:)` remembers is heeded.
  package var isTuned = true
  /// How hard LLVM works on kernels.
  package var level = CodeLevel.standard
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

  /// Whether this machine has a release of LLVM that makes the code.
  public static let isAvailable = LLVMInstallation.isPresent

  /// What graphs go through before they are lowered: fusions are undone, for nests are larger.
  public var pipeline: Pipeline { pipeline(memoryLimit: memoryLimit) }

  private func pipeline(memoryLimit: Int) -> Pipeline {
    Pipeline([
      InlineFusions(), ExpandComposites(), SelectIndices(), FoldConstants(), Simplify(), ReciprocalRoots(),
      JoinSlices(), SinkSums(), CommonSubexpressions(), DeadCode(), Winograd(tile: winogradTile),
      Rematerialize(limit: memoryLimit), FuseNests(),
    ])
  }

  /// The plan of a static graph: its nests, the program of a run, and one to be run before the first, if anything is the
  /// same in all runs.
  /// - Parameter preparing: whether to look for that.
  /// - Throws: `ApusError` where a shape is symbolic.
  public func plan(
    _ graph: Graph, preparing: Bool = true
  ) throws -> (graph: Graph, program: KernelProgram, preparation: KernelProgram?) {
    if let symbol = graph.symbols.first {
      throw ApusError.input(
        "graph @\(graph.name) has the symbolic dimension '\(symbol)'",
        help: "bind it: specialized([\"\(symbol)\": 32])")
    }
    let backend = tuned(for: graph)
    let plain = try backend.plan(graph, memoryLimit: 0, preparing: preparing)
    if memoryLimit == 0 || plain.program.arenaByteCount <= memoryLimit { return plain }
    // What the pass estimates lacks packed operands and gaps between buffers: where those are too much for the limit, it
    // is given a lower one.
    var best = plain
    var limit = memoryLimit
    for _ in 0..<3 {
      let tried = try backend.plan(graph, memoryLimit: max(1, limit), preparing: preparing)
      if tried.program.arenaByteCount < best.program.arenaByteCount { best = tried }
      if tried.program.arenaByteCount <= memoryLimit { break }
      limit = Int(Double(limit) * Double(memoryLimit) / Double(tried.program.arenaByteCount) * 0.98)
    }
    return best
  }

  private func plan(
    _ graph: Graph, memoryLimit: Int, preparing: Bool
  ) throws -> (graph: Graph, program: KernelProgram, preparation: KernelProgram?) {
    let prepared = try pipeline(memoryLimit: memoryLimit).run(graph).graph
    let draft = try GraphLowering.draft(prepared, target: target.vector)
    let options = Planner.Options(target: target.vector)
    let updated = Set(prepared.updates.map(\.variable))
    let fixed = prepared.variables.indices.filter { !updated.contains(prepared.variables[$0].id) }
    guard preparing, let split = draft.splittingPreparation(fixed: Set(fixed)) else {
      return (prepared, try Planner.plan(draft, options: options), nil)
    }
    return (
      prepared, try Planner.plan(split.rest, options: options), try Planner.plan(split.preparation, options: options)
    )
  }

  public func prepare(_ graph: Graph) throws -> any Executable { try executable(graph) }

  public func executable(_ graph: Graph) throws -> NativeExecutable {
    let (prepared, program, preparation) = try plan(graph)
    if verifies { for each in [preparation, program] { try each?.verify() } }
    return try NativeExecutable(
      graph, prepared: prepared, program, preparation: preparation,
      ProgramCompiler(target: target, level: level, verifies: verifies, isProfiled: isProfiled, cache: cache),
      workers: workers)
  }
}
