import ApusCore
import ApusGraph
import ApusKernels
import ApusPasses

/// Runs graphs as native code, made by LLVM for this processor and these shapes.
public struct NativeBackend: Backend {
  /// How many workers share each step; results do not depend on it.
  public var workers: Int
  public var target: NativeTarget
  /// Whether LLVM's and the planner's results are checked each time.
  public var verifies: Bool
  /// Whether programs measure their launches.
  public var isProfiled: Bool
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
  public static let pipeline = Pipeline([
    InlineFusions(), ExpandComposites(), SelectIndices(), FoldConstants(), Simplify(), ReciprocalRoots(), JoinSlices(),
    CommonSubexpressions(), DeadCode(), FuseNests(),
  ])

  /// The plan of a static graph.
  /// - Throws: `ApusError` where a shape is symbolic.
  public func plan(_ graph: Graph) throws -> (graph: Graph, program: KernelProgram) {
    if let symbol = graph.symbols.first {
      throw ApusError.input(
        "graph @\(graph.name) has the symbolic dimension '\(symbol)'",
        help: "bind it: specialised([\"\(symbol)\": 32])")
    }
    let prepared = try NativeBackend.pipeline.run(graph).graph
    let draft = try GraphLowering.draft(prepared, target: target.vector)
    return (prepared, try Planner.plan(draft, options: .init(target: target.vector)))
  }

  public func prepare(_ graph: Graph) throws -> any Executable { try executable(graph) }

  public func executable(_ graph: Graph) throws -> NativeExecutable {
    let (prepared, program) = try plan(graph)
    return try NativeExecutable(
      graph, prepared: prepared, program,
      ProgramCompiler(target: target, level: level, verifies: verifies, isProfiled: isProfiled, cache: cache),
      workers: workers)
  }
}
