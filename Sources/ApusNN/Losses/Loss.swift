import ApusCore
import ApusGraph
import ApusOperators

/// The formula of a loss with its settings: what a package declares to add one.
///
/// Stored properties are settings, `record` declares them, and `LossRegistry.register` makes the name known.
public protocol LossFunction: Component, Sendable {
  /// Whether targets are class numbers, one for each row of predictions, rather than values of the predictions' shape.
  static var takesClassNumbers: Bool { get }

  /// If predictions are yes or no, the prediction above which it is yes.
  var decisionThreshold: Double? { get }

  /// The loss of each sample, of shape (batch, …); training minimizes the mean over all of it.
  /// - Throws: `ApusError` in words that a user of the loss understands.
  func losses(of prediction: Value, against target: Value) throws -> Value

  /// Which of the losses count, of their shape; nil if all do. Training then minimizes the mean over these alone.
  /// - Throws: `ApusError` in words that a user of the loss understands.
  func mask(of prediction: Value, against target: Value) throws -> Value?

  /// Whether labels may be something else than positions of outputs, 0 ..< classes; `accepts` then says which.
  var takesOtherLabels: Bool { get }

  /// Whether a label may be given to a model with so many outputs, if targets are class numbers.
  func accepts(label: Int, classes: Int) -> Bool
}

extension LossFunction {
  public static var kind: String { "loss" }
  public static var takesClassNumbers: Bool { false }
  public var decisionThreshold: Double? { nil }
  public func mask(of prediction: Value, against target: Value) throws -> Value? { nil }
  public var takesOtherLabels: Bool { false }
  public func accepts(label: Int, classes: Int) -> Bool { 0..<classes ~= label }
}

/// What training makes small. Names and formulas are Keras's.
public struct Loss: Sendable {
  /// The name on the command line, in saved models and in messages.
  public let name: String
  /// Whether targets are class numbers, one for each row of predictions, rather than values of the predictions' shape.
  public let takesClassNumbers: Bool
  /// Name and settings, as `named` reads them: `huber(delta=2.0)`; settings that have their defaults are left out.
  public let specification: String
  /// If predictions are yes or no, the prediction above which it is yes.
  public let decisionThreshold: Double?
  /// Whether labels may be something else than positions of outputs.
  let takesOtherLabels: Bool
  /// Whether a label may be given to a model with so many outputs.
  let acceptsLabel: @Sendable (_ label: Int, _ classes: Int) -> Bool
  private let formula: @Sendable (_ target: Value, _ prediction: Value) throws -> Value
  private let mask: @Sendable (_ target: Value, _ prediction: Value) throws -> Value?
  private let check: @Sendable () throws -> Void

  /// The loss of a function that has a record.
  public init(_ function: some LossFunction) {
    let type = Swift.type(of: function)
    name = type.record.name
    takesClassNumbers = type.takesClassNumbers
    specification = function.specificationText(omittingDefaults: true)
    decisionThreshold = function.decisionThreshold
    takesOtherLabels = function.takesOtherLabels
    acceptsLabel = { function.accepts(label: $0, classes: $1) }
    formula = { try function.losses(of: $1, against: $0) }
    mask = { try function.mask(of: $1, against: $0) }
    check = { try function.checkSettings() }
  }

  /// A loss for this program. A trainer that is saved with it can be resumed only by giving it again; `LossFunction`
  /// is for losses that saved models and the command line name.
  /// - Parameters:
  ///   - formula: the loss of each sample from target and prediction; of shape (batch, …).
  public init(
    _ name: String, takesClassNumbers: Bool = false,
    formula: @escaping @Sendable (_ target: Value, _ prediction: Value) throws -> Value
  ) {
    self.name = name
    self.takesClassNumbers = takesClassNumbers
    specification = name
    decisionThreshold = nil
    takesOtherLabels = false
    acceptsLabel = { 0..<$1 ~= $0 }
    mask = { _, _ in nil }
    self.formula = formula
    check = {}
  }

  /// The loss of each sample, of shape (batch, …), those that a mask leaves out included.
  package func samples(_ target: Value, _ prediction: Value) throws -> Value { try formula(target, prediction) }

  /// The mean over all per-sample values that count.
  /// - Parameters:
  ///   - weights: what multiplies each sample's values, of shape (batch) or of that of the values; the divisor stays the
  ///     number of values, as in Keras.
  ///   - outputMask: which steps of the output count, as layers have it; others are no part of the mean.
  package func mean(
    _ target: Value, _ prediction: Value, weights: Value? = nil, mask outputMask: Value? = nil
  ) throws -> Value {
    var values = try samples(target, prediction)
    if let weights { values = try values.weighted(by: weights) }
    let masks = [try mask(target, prediction), try outputMask.flatMap { try values.counted(by: $0) }].compactMap(\.self)
    guard let first = masks.first else { return try values.mean() }
    let mask = try masks.dropFirst().reduce(first) { try $0.and($1) }
    let count = try mask.cast(to: values.dtype).sum()
    return try mask.select(values, values.scalar(0)).sum() / count.maximum(1)
  }

  /// - Throws: `ApusError` that names a setting outside its range.
  func checkSettings() throws { try check() }

  /// Names that `named` takes, the short forms of Keras included.
  public static var names: [String] { LossRegistry.names }

  /// The loss of a name, with settings: `sparse_categorical_crossentropy(from_logits=true)`.
  /// - Throws: `ApusError` with a suggestion if there is no such loss or setting.
  public static func named(_ text: String) throws -> Loss { try LossRegistry.named(text) }
}
