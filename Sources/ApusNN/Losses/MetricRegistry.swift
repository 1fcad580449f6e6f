/// The metrics by name, for the command line and saved models.
public enum MetricRegistry: ComponentRegistry {
  public static let store = ComponentStore<Metric>(
    "metric", registration: "MetricRegistry.register",
    [
      entry(Accuracy.self), entry(BinaryAccuracy.self), entry(CategoricalAccuracy.self),
      entry(SparseCategoricalAccuracy.self), entry(MeanSquaredErrorMetric.self), entry(MeanAbsoluteErrorMetric.self),
    ])

  /// Adds a metric of another package, for the rest of the process.
  /// - Throws: `ApusError` if its name is taken.
  public static func register<T: MetricFunction>(_ type: T.Type) throws { try store.register(entry(type)) }

  private static func entry<T: MetricFunction>(_ type: T.Type) -> ComponentStore<Metric>.Entry {
    .init(type) { Metric($0) }
  }
}
