import ApusCore
import ApusGraph

/// The formula of a metric with its settings: what a package declares to add one.
///
/// Stored properties are settings, `record` declares them, and `MetricRegistry.register` makes the name known.
public protocol MetricFunction: Component, Sendable {
  /// The metric of each sample, of shape (batch, …); logs show the mean.
  /// - Parameter takesClassNumbers: whether the loss takes targets as class numbers, one for each row of predictions.
  /// - Throws: `ApusError` in words that a user of the metric understands.
  func values(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value
}

extension MetricFunction {
  public static var kind: String { "metric" }
}

/// What training shows beside the loss: a mean over samples.
public struct Metric: Sendable {
  /// The name in logs and in `History`.
  public let name: String
  /// Name and settings, as `named` reads them; settings that have their defaults are left out.
  public let specification: String
  private let formula: @Sendable (_ target: Value, _ prediction: Value, _ takesClassNumbers: Bool) throws -> Value
  private let check: @Sendable () throws -> Void

  /// The metric of a function that has a record.
  public init(_ function: some MetricFunction) {
    name = Swift.type(of: function).record.name
    specification = function.specificationText(omittingDefaults: true)
    formula = { try function.values(of: $1, against: $0, takesClassNumbers: $2) }
    check = { try function.checkSettings() }
  }

  /// A metric for this program; `MetricFunction` is for metrics that saved models and the command line name.
  /// - Parameter formula: the metric of each sample; of shape (batch, …).
  public init(
    _ name: String,
    formula: @escaping @Sendable (_ target: Value, _ prediction: Value, _ takesClassNumbers: Bool) throws -> Value
  ) {
    self.name = name
    specification = name
    self.formula = formula
    check = {}
  }

  func mean(_ target: Value, _ prediction: Value, _ takesClassNumbers: Bool) throws -> Value {
    try formula(target, prediction, takesClassNumbers).mean()
  }

  /// - Throws: `ApusError` that names a setting outside its range.
  func checkSettings() throws { try check() }

  /// Names that `named` takes, the short forms of Keras included.
  public static var names: [String] { MetricRegistry.names }

  /// The metric of a name.
  /// - Throws: `ApusError` with a suggestion if there is no such metric or setting.
  public static func named(_ text: String) throws -> Metric { try MetricRegistry.named(text) }
}
