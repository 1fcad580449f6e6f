import Apus
import ArgumentParser

/// How models are trained and judged.
struct LossOptions: ParsableArguments {
  @Option(
    help: """
      The loss: \(Loss.names.joined(separator: ", ")). Left out: the saved model's, else what suits the targets: \
      \(LossOptions.standardLoss) for classes, mean_squared_error for numbers.
      """)
  var loss: String?

  @Option(
    help: """
      Metrics to show, separated by commas: \(Metric.names.joined(separator: ", ")). Left out: the saved model's, else \
      \(LossOptions.standardMetrics) for classes, mean_absolute_error for numbers.
      """)
  var metrics: String?

  static let standardLoss = "sparse_categorical_crossentropy"
  static let standardMetrics = "accuracy"

  /// - Parameter saved: the model whose loss is taken if none is given.
  func makeLoss(of saved: SavedModel? = nil) throws -> Loss {
    try loss.map(Loss.named) ?? saved?.loss() ?? Loss.named(Self.standardLoss)
  }

  func makeMetrics(of saved: SavedModel? = nil) throws -> [Metric] {
    try givenMetrics() ?? saved?.metrics() ?? Self.list(Self.standardMetrics)
  }

  /// The loss and the metrics to train with: those that are given, else the saved model's, else what suits the targets.
  func make(of saved: SavedModel?, for targets: Tensor, of graph: Graph) throws -> (loss: Loss, metrics: [Metric]) {
    let usual = try Loss.usual(for: targets, of: graph)
    let given = try loss.map(Loss.named)
    // Metrics that suit the targets suit another loss than theirs only if both take the same targets.
    let suits = given.map { $0.takesClassNumbers == usual.loss.takesClassNumbers } ?? true
    return (
      try given ?? saved?.loss() ?? usual.loss,
      try givenMetrics() ?? saved?.metrics() ?? (suits ? usual.metrics : Self.list(Self.standardMetrics))
    )
  }

  /// The metrics that the command line names; nil if it names none.
  func givenMetrics() throws -> [Metric]? { try metrics.map(Self.list) }

  /// - Throws: `ApusError` if the command line names a loss or a metric that is not there.
  func check() throws {
    _ = try loss.map(Loss.named)
    _ = try givenMetrics()
  }

  private static func list(_ text: String) throws -> [Metric] {
    try text.split(separator: ",").map { try Metric.named(String($0)) }
  }
}
