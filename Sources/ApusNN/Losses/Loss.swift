import ApusCore
import ApusGraph
import ApusOperators

/// What training makes small. Names and formulas are Keras's.
public struct Loss: Sendable {
  /// The name on the command line, in saved models and in messages.
  public let name: String
  /// Whether targets are class numbers, one for each row of predictions, rather than values of the predictions' shape.
  public let takesClassNumbers: Bool
  /// Name and options, as `named` reads them: `huber(delta=2.0)`.
  public let specification: String
  private let formula: @Sendable (_ target: Value, _ prediction: Value) throws -> Value

  /// - Parameters:
  ///   - options: what makes it differ from others of its name, for saved models.
  ///   - formula: the loss of each sample from target and prediction; of shape (batch, …).
  public init(
    _ name: String, takesClassNumbers: Bool = false, options: [(name: String, value: String)] = [],
    formula: @escaping @Sendable (_ target: Value, _ prediction: Value) throws -> Value
  ) {
    self.name = name
    self.takesClassNumbers = takesClassNumbers
    specification = NamedSpecification.text(name, options)
    self.formula = formula
  }

  /// The mean over all per-sample values.
  func mean(_ target: Value, _ prediction: Value) throws -> Value {
    try formula(target, prediction).mean()
  }

  /// −ln p(label); labels are class numbers.
  public static let sparseCategoricalCrossEntropy = sparseCategoricalCrossEntropy(fromLogits: false)
  public static func sparseCategoricalCrossEntropy(fromLogits: Bool) -> Loss {
    Loss("sparse_categorical_crossentropy", takesClassNumbers: true, options: options(fromLogits)) {
      try $1.sparseCategoricalCrossEntropy(labels: $0, fromLogits: fromLogits)
    }
  }

  /// −Σ t ln p; targets are distributions over classes.
  public static let categoricalCrossEntropy = categoricalCrossEntropy(fromLogits: false)
  public static func categoricalCrossEntropy(fromLogits: Bool, labelSmoothing: Double = 0) -> Loss {
    Loss("categorical_crossentropy", options: options(fromLogits, labelSmoothing)) {
      try $1.categoricalCrossEntropy(target: $0, fromLogits: fromLogits, labelSmoothing: labelSmoothing)
    }
  }

  /// −t ln p − (1 − t) ln(1 − p), mean over the last axis.
  public static let binaryCrossEntropy = binaryCrossEntropy(fromLogits: false)
  public static func binaryCrossEntropy(fromLogits: Bool, labelSmoothing: Double = 0) -> Loss {
    Loss("binary_crossentropy", options: options(fromLogits, labelSmoothing)) {
      try $1.binaryCrossEntropy(target: $0, fromLogits: fromLogits, labelSmoothing: labelSmoothing)
    }
  }

  /// (t − p)², mean over the last axis.
  public static let meanSquaredError = Loss("mean_squared_error") {
    try $1.meanSquaredError(target: $0)
  }

  /// |t − p|, mean over the last axis.
  public static let meanAbsoluteError = Loss("mean_absolute_error") {
    try $1.meanAbsoluteError(target: $0)
  }

  /// Quadratic up to δ, linear beyond, mean over the last axis. Huber 1964.
  public static let huber = huber(delta: 1)
  public static func huber(delta: Double) -> Loss {
    Loss("huber", options: delta == 1 ? [] : [("delta", "\(delta)")]) { try $1.huber(target: $0, delta: delta) }
  }

  private static func options(_ fromLogits: Bool, _ labelSmoothing: Double = 0) -> [(name: String, value: String)] {
    (fromLogits ? [("from_logits", "true")] : [])
      + (labelSmoothing == 0 ? [] : [("label_smoothing", "\(labelSmoothing)")])
  }

  /// Names that `named` takes, the short forms of Keras included.
  public static let names = [
    "sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy", "mean_squared_error", "mse",
    "mean_absolute_error", "mae", "huber",
  ]

  /// The loss of a name; `from_logits` and the like as options: `sparse_categorical_crossentropy(from_logits=true)`.
  /// - Throws: `ApusError` with a suggestion where there is none.
  public static func named(_ text: String) throws -> Loss {
    var spec = try NamedSpecification(text, kind: "loss")
    // Asked for by those alone that have them: an option that changes nothing is an error.
    func fromLogits() throws -> Bool { try spec.bool("from_logits") ?? false }
    func smoothing() throws -> Double { try spec.number("label_smoothing") ?? 0 }
    let loss: Loss
    switch spec.name {
    case "sparse_categorical_crossentropy": loss = .sparseCategoricalCrossEntropy(fromLogits: try fromLogits())
    case "categorical_crossentropy":
      loss = .categoricalCrossEntropy(fromLogits: try fromLogits(), labelSmoothing: try smoothing())
    case "binary_crossentropy":
      loss = .binaryCrossEntropy(fromLogits: try fromLogits(), labelSmoothing: try smoothing())
    case "mean_squared_error", "mse": loss = .meanSquaredError
    case "mean_absolute_error", "mae": loss = .meanAbsoluteError
    case "huber": loss = .huber(delta: try spec.number("delta") ?? 1)
    default: throw spec.unknown(among: names)
    }
    try spec.finish()
    return loss
  }
}
