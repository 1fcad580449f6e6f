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

  /// Which samples count, a `bool` of the shape of `values` or of its leading axes; nil if all do.
  func counted(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value?

  /// Whether larger values are better: callbacks that watch it ask.
  static var largerIsBetter: Bool { get }
}

extension MetricFunction {
  public static var kind: String { "metric" }
  public static var largerIsBetter: Bool { false }
  public func counted(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value? { nil }
}

/// What training shows beside the loss: a mean over samples, or what follows from sums over them.
public struct Metric: Sendable {
  /// The name in logs and in `History`.
  public let name: String
  /// Name and settings, as `named` reads them; settings that have their defaults are left out.
  public private(set) var specification: String
  /// Whether weights of samples count.
  private(set) var isWeighted = false
  /// Whether larger values are better: callbacks that watch it ask.
  public let largerIsBetter: Bool
  private let formula: @Sendable (_ target: Value, _ prediction: Value, _ takesClassNumbers: Bool) throws -> Value
  /// Which samples count; nil if all do.
  private let counted: @Sendable (_ target: Value, _ prediction: Value, _ takesClassNumbers: Bool) throws -> Value?
  /// The metric from the sums of all batches; nil if it is a mean over samples.
  let result: (@Sendable (_ sums: [Double]) -> Double)?
  private let check: @Sendable () throws -> Void

  /// The metric of a function that has a record.
  public init(_ function: some MetricFunction) {
    name = Swift.type(of: function).record.name
    specification = function.specificationText(omittingDefaults: true)
    formula = { try function.values(of: $1, against: $0, takesClassNumbers: $2) }
    counted = { try function.counted(of: $1, against: $0, takesClassNumbers: $2) }
    largerIsBetter = Swift.type(of: function).largerIsBetter
    result = nil
    check = { try function.checkSettings() }
  }

  /// The metric of sums that has a record.
  public init(_ function: some AccumulatedMetric) {
    name = Swift.type(of: function).record.name
    specification = function.specificationText(omittingDefaults: true)
    formula = { try function.statistics(of: $1, against: $0, takesClassNumbers: $2) }
    counted = { _, _, _ in nil }
    largerIsBetter = Swift.type(of: function).largerIsBetter
    result = { function.result($0) }
    check = { try function.checkSettings() }
  }

  /// A metric for this program; `MetricFunction` is for metrics that saved models and the command line name.
  /// - Parameters:
  ///   - largerIsBetter: whether callbacks that watch it, in mode `auto`, want it to grow.
  ///   - formula: the metric of each sample; of shape (batch, …).
  public init(
    _ name: String, largerIsBetter: Bool = false,
    formula: @escaping @Sendable (_ target: Value, _ prediction: Value, _ takesClassNumbers: Bool) throws -> Value
  ) {
    self.name = name
    specification = name
    self.formula = formula
    self.largerIsBetter = largerIsBetter
    counted = { _, _, _ in nil }
    result = nil
    check = {}
  }

  /// The metric with the weights of samples, Σ w v / Σ w: one of `weighted_metrics` in Keras. Its name in logs is the same,
  /// and begins with `weighted_` if the metric without weights is there, too. Texts have it as `weighted(accuracy)`.
  public var weighted: Metric {
    guard !isWeighted else { return self }
    var result = self
    (result.isWeighted, result.specification) = (true, "\(Self.weightedName)(\(specification))")
    return result
  }

  static let weightedName = "weighted"

  /// What a step computes of a batch: the mean over its samples, or its sums. Of an output with a mask, and with weights, the
  /// sum of what counts and the sum of the weights; metrics that are no means do not heed masks, as in Keras.
  func output(
    _ target: Value, _ prediction: Value, _ takesClassNumbers: Bool, mask: Value? = nil, weights: Value? = nil
  ) throws -> Value {
    // Sums of 16 bits would end at 2048.
    let values = try formula(target.widened(), prediction.widened(), takesClassNumbers)
    guard result == nil else { return values }
    let own = try counted(target.widened(), prediction.widened(), takesClassNumbers)
    let masks = try [own, mask].compactMap { try $0.flatMap { try values.counted(by: $0) } }
    guard isWeighted || mask != nil || !masks.isEmpty else { return try values.mean() }
    var (kept, shares) = (values, try values.builder.constant(1, values.dtype).broadcast(to: values.shape))
    for mask in masks {
      kept = try mask.select(kept, values.scalar(0))
      shares = try mask.select(shares, values.scalar(0))
    }
    // Without weights or a mask of the output the step's mean is logged.
    guard isWeighted || mask != nil else { return try kept.sum() / shares.sum().maximum(1) }
    if isWeighted, let weights { shares = try shares.weighted(by: weights) }
    return try .row([(kept * shares).sum(), shares.sum()])
  }

  /// The metric from the sums of all batches; nil if it is a mean over samples.
  /// - Parameter isMasked: whether the output has a mask.
  func result(isMasked: Bool) -> (@Sendable (_ sums: [Double]) -> Double)? {
    if result != nil || !(isMasked || isWeighted) { return result }
    return { $0[0].over($0[1]) }
  }

  /// - Throws: `ApusError` that names a setting outside its range.
  func checkSettings() throws {
    guard result == nil || !isWeighted else {
      throw ApusError.input(
        "the metric '\(name)' takes no weights of samples",
        help: "it follows from counts of all samples: leave out weighted")
    }
    try check()
  }

  /// Names that `named` takes, the short forms of Keras included.
  public static var names: [String] { MetricRegistry.names }

  /// The metric of a name.
  /// - Throws: `ApusError` with a suggestion if there is no such metric or setting.
  public static func named(_ text: String) throws -> Metric { try MetricRegistry.named(text) }
}
