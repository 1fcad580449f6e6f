/// A pipeline with a name, for the command line: `-O2`, `--pipeline inference`.
public struct NamedPipeline: Sendable {
  public let name: String
  /// One line.
  public let summary: String
  public let pipeline: Pipeline

  /// The passes as `--passes` takes them.
  public var passes: String { pipeline.description }

  init(_ name: String, _ summary: String, _ pipeline: Pipeline) {
    self.name = name
    self.summary = summary
    self.pipeline = pipeline
  }
}

extension Pipeline {
  /// `O2`: what sessions run unless they are told otherwise.
  public static let standard = optimizing()

  /// The order of the passes, in the only place that states it: algebra on what was written, then on what composites
  /// stand for; axes in the order that convolutions take, before what looks for a convolution and its neighbors; fusion
  /// last, for nothing looks into a fusion.
  /// - Parameters:
  ///   - weights: passes that rewrite weights. They come before composites are expanded, which they look for.
  ///   - folding: the constant folder, with its limit.
  static func optimizing(weights: [any Pass] = [], folding: FoldConstants = FoldConstants()) -> Pipeline {
    Pipeline(
      [Simplify()] + (weights.isEmpty ? [] : [Layout()] + weights)
        + [ExpandComposites(), Layout(), folding, Simplify(), CommonSubexpressions(), DeadCode(), Fuse()])
  }
}

extension PassRegistry {
  /// Ready-made pipelines.
  public static let pipelines = [
    NamedPipeline("O0", "nothing", Pipeline([])),
    NamedPipeline("O1", "what costs nothing to find", Pipeline([CommonSubexpressions(), DeadCode()])),
    NamedPipeline("O2", "everything that is exact", .standard),
    NamedPipeline(
      "O3", "the same with a larger limit on folded constants", .optimizing(folding: FoldConstants(limit: 64 << 20))),
    NamedPipeline(
      "inference", "for a forward graph; weights take in batch normalization",
      .optimizing(weights: [FoldBatchNorm()])),
    NamedPipeline("training", "for a training step", .standard),
  ]
}
