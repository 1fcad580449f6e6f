import ApusGraph

/// How much a compilation does, as compilers count: `-O0` … `-O3`.
public enum OptimizationLevel: Int, Sendable, CaseIterable {
  /// Only what the backend cannot do without.
  case none
  /// What costs nothing to find.
  case basic
  /// Everything that is worth its time: the default.
  case standard
  /// The same with a larger limit on folded constants.
  case aggressive

  /// `O0` … `O3`
  public var name: String { "O\(rawValue)" }
}

extension Pipeline {
  /// `O2` for a backend without passes of its own.
  public static let standard = optimizing()

  /// The order of the passes, in the only place that states it.
  ///
  /// Algebra on what was written comes first, then on what composites are defined by, which is also where the scans that
  /// gradients extended become those that they extend. Axes are put into the order that
  /// convolutions take before passes look for a convolution and its neighbors. A backend's rewrites of several operators
  /// follow the algebra and precede the cleaning up. Fusion comes last, because no pass looks inside a fusion.
  /// - Parameters:
  ///   - weights: passes that rewrite weights. They come before composites are expanded, which they look for.
  ///   - folding: the constant folder, with its limit.
  ///   - backend: what a backend adds.
  static func optimizing(
    weights: [any Pass] = [], folding: FoldConstants = FoldConstants(), backend: BackendPasses = BackendPasses()
  ) -> Pipeline {
    var passes: [any Pass] = [Simplify()]
    if !weights.isEmpty { passes += [Layout()] + weights }
    passes += [ExpandComposites(), MergeScans(), Layout()] + backend.legalization
    passes += [folding, Simplify()] + backend.combinations
    passes += [CommonSubexpressions(), DeadCode()] + backend.selection
    return Pipeline(passes + [Fuse()])
  }
}

extension Backend {
  /// What a static graph goes through before this backend prepares it.
  public func pipeline(for graph: Graph, level: OptimizationLevel = .standard) -> Pipeline {
    let own = passes(for: graph)
    return switch level {
    case .none: own.required
    case .basic: Pipeline(own.required.passes + [CommonSubexpressions(), DeadCode()])
    case .standard: .optimizing(backend: own)
    case .aggressive: .optimizing(folding: .aggressive, backend: own)
    }
  }
}

extension BackendPasses {
  /// What a backend cannot do without.
  var required: Pipeline { Pipeline((expandsComposites ? [ExpandComposites()] : []) + legalization) }
}

extension FoldConstants {
  /// For `-O3`: constants of up to 64 MiB are folded.
  static let aggressive = FoldConstants(limit: 64 << 20)
}

/// A pipeline with a name, for the command line: `-O2`, `--pipeline inference`.
public struct NamedPipeline: Sendable {
  public let name: String
  /// One line.
  public let summary: String
  public let pipeline: Pipeline

  /// The passes as `--passes` takes them.
  public var passes: String { pipeline.description }

  /// The ready-made pipelines: none has a backend's own passes.
  public static let all = [
    NamedPipeline("O0", "nothing", Pipeline([])),
    NamedPipeline("O1", "what costs nothing to find", Pipeline([CommonSubexpressions(), DeadCode()])),
    NamedPipeline("O2", "everything that is exact but for the order of sums", .standard),
    NamedPipeline(
      "O3", "the same with a larger limit on folded constants", .optimizing(folding: .aggressive)),
    NamedPipeline(
      "inference", "for a forward graph; folds batch normalization into weights",
      .optimizing(weights: [FoldBatchNorm()])),
    NamedPipeline("training", "for a training step", .standard),
  ]

  init(_ name: String, _ summary: String, _ pipeline: Pipeline) {
    self.name = name
    self.summary = summary
    self.pipeline = pipeline
  }
}
