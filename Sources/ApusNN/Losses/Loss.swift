import ApusCore
import ApusGraph

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
}

extension LossFunction {
  public static var kind: String { "loss" }
  public static var takesClassNumbers: Bool { false }
  public var decisionThreshold: Double? { nil }
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
  private let formula: @Sendable (_ target: Value, _ prediction: Value) throws -> Value
  private let check: @Sendable () throws -> Void

  /// The loss of a function that has a record.
  public init(_ function: some LossFunction) {
    let type = Swift.type(of: function)
    name = type.record.name
    takesClassNumbers = type.takesClassNumbers
    specification = function.specificationText(omittingDefaults: true)
    decisionThreshold = function.decisionThreshold
    formula = { try function.losses(of: $1, against: $0) }
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
    self.formula = formula
    check = {}
  }

  /// The mean over all per-sample values.
  /// - Parameter weights: of samples; values are multiplied by them, and the divisor stays their number, as in Keras.
  func mean(_ target: Value, _ prediction: Value, weights: Value? = nil) throws -> Value {
    let losses = try formula(target, prediction)
    return try (weights.map { try losses.weighted(by: $0) } ?? losses).mean()
  }

  /// - Throws: `ApusError` that names a setting outside its range.
  func checkSettings() throws { try check() }

  /// Names that `named` takes, the short forms of Keras included.
  public static var names: [String] { LossRegistry.names }

  /// The loss of a name, with settings: `sparse_categorical_crossentropy(from_logits=true)`.
  /// - Throws: `ApusError` with a suggestion if there is no such loss or setting.
  public static func named(_ text: String) throws -> Loss { try LossRegistry.named(text) }
}
