import ApusCore
import ApusGraph

/// A cross-entropy of predictions that are probabilities or scores.
public protocol CrossEntropyOperator: LossOperator {
  /// Whether predictions are scores (any number) instead of probabilities.
  var fromLogits: Bool { get set }
}

extension CrossEntropyOperator {
  /// From scores the gradient has a closed form; from probabilities the expansion is differentiated.
  public var hasOwnGradient: Bool { fromLogits }

  static var logitsAttribute: AttributeRecord {
    attribute("from_logits", \.fromLogits, "whether predictions are scores instead of probabilities")
  }
}

/// A cross-entropy whose targets are probabilities, which can be smoothed: drawn to the even distribution.
public protocol SmoothedCrossEntropy: CrossEntropyOperator {
  /// How far targets are drawn to the even distribution, from 0 to 1.
  var labelSmoothing: Double { get set }
}

extension SmoothedCrossEntropy {
  init(fromLogits: Bool, labelSmoothing: Double) {
    self.init()
    (self.fromLogits, self.labelSmoothing) = (fromLogits, labelSmoothing)
  }

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    guard labelSmoothing >= 0, labelSmoothing <= 1 else {
      throw TypeError(
        "'label_smoothing' must be between 0 and 1, not \(labelSmoothing)", attribute: "label_smoothing")
    }
    return try requireSameShape(operands[0], operands[1])
  }

  static func crossEntropy(_ name: String, _ summary: String, smoothing: String) -> OperatorRecord {
    loss(
      name, summary,
      attributes: [logitsAttribute, attribute("label_smoothing", \.labelSmoothing, smoothing)])
  }
}
