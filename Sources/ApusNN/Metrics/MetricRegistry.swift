/// The metrics by name, for the command line and saved models.
public enum MetricRegistry: ComponentRegistry {
  public static let store = ComponentStore<Metric>(
    "metric", registration: "MetricRegistry.register", modifier: (Metric.weightedName, { $0.weighted }),
    [
      entry(Accuracy.self), entry(BinaryAccuracy.self), entry(CategoricalAccuracy.self),
      entry(SparseCategoricalAccuracy.self), entry(LossMetric<MeanSquaredErrorLoss>.self),
      entry(LossMetric<MeanAbsoluteErrorLoss>.self), entry(TopKCategoricalAccuracy.self),
      entry(SparseTopKCategoricalAccuracy.self), entry(Precision.self), entry(Recall.self), entry(F1Score.self),
      entry(FBetaScore.self), entry(AUC.self), entry(MeanIoU.self), entry(R2Score.self),
      entry(RootMeanSquaredError.self), entry(CosineSimilarityMetric.self),
      entry(LossMetric<MeanAbsolutePercentageErrorLoss>.self), entry(LossMetric<MeanSquaredLogarithmicErrorLoss>.self),
      entry(LossMetric<HuberLoss>.self), entry(LossMetric<LogCoshLoss>.self), entry(LossMetric<PoissonLoss>.self),
      entry(LossMetric<HingeLoss>.self), entry(LossMetric<SquaredHingeLoss>.self),
      entry(LossMetric<CategoricalHingeLoss>.self), entry(LossMetric<KLDivergenceLoss>.self),
      entry(LossMetric<BinaryCrossEntropyLoss>.self), entry(LossMetric<CategoricalCrossEntropyLoss>.self),
      entry(LossMetric<SparseCategoricalCrossEntropyLoss>.self),
    ])

  /// Adds a metric of another package, for the rest of the process.
  /// - Throws: `ApusError` if its name is taken.
  public static func register<T: MetricFunction>(_ type: T.Type) throws { try store.register(entry(type)) }

  /// Adds a metric of sums of another package, for the rest of the process.
  /// - Throws: `ApusError` if its name is taken.
  public static func register<T: AccumulatedMetric>(_ type: T.Type) throws { try store.register(entry(type)) }

  private static func entry<T: AccumulatedMetric>(_ type: T.Type) -> ComponentStore<Metric>.Entry {
    .init(type) { Metric($0) }
  }

  private static func entry<T: MetricFunction>(_ type: T.Type) -> ComponentStore<Metric>.Entry {
    .init(type) { Metric($0) }
  }
}
