import ApusCore
import ApusGraph

/// The loss of a prediction, one number for each sample: folded over the last axis only, as Keras does. The mean over the
/// batch is a separate step, so that samples can be weighted before it.
public protocol LossOperator: CompositeOperator {}

extension LossOperator {
  /// Prediction and target of one shape; the result lacks its last axis.
  public func requireSameShape(_ target: TensorType, _ prediction: TensorType) throws -> [TensorType] {
    guard prediction.rank >= 1 else {
      throw TypeError("a loss folds the last axis, but the prediction is a scalar", operand: 1)
    }
    guard target.shape == prediction.shape else {
      throw TypeError("target \(target) and prediction \(prediction) must have one shape", operand: 0)
    }
    return [prediction.with(shape: Shape(Array(prediction.shape.dims.dropLast())))]
  }

  /// The record of a loss of a target and a prediction of one shape. Targets may be of any type: they are cast.
  public static func loss(_ name: String, _ summary: String, attributes: [AttributeRecord] = []) -> OperatorRecord {
    OperatorRecord(
      name, .loss, summary,
      operands: [OperandRecord("target", .comparable), OperandRecord("prediction", .floating)],
      attributes: attributes)
  }

  /// The target as numbers of the prediction's type, and back: its cotangent, nil for whole numbers.
  public func cotangent(ofTarget target: Value, _ cotangent: Value) throws -> Value? {
    target.dtype.isFloating ? try cotangent.cast(to: target.dtype) : nil
  }
}

/// The distance from 0 and 1 that Keras keeps probabilities at, so that ln 0 is never computed.
enum Probability {
  static let least: ExactNumber = 1e-7
  static let largest = ExactNumber(1 - 1e-7)
}

extension Value {
  /// Probabilities kept off 0 and 1.
  package func guarded() throws -> Value { try clip(low: Probability.least, high: Probability.largest) }

  /// self · factor, and 0 if the factor is 0, even if self is infinite.
  func weighted(by factor: Value) throws -> Value { try factor.equal(0).select(scalar(0), self * factor) }

  /// A value for each sample, shaped so that it multiplies the elements of the sample's last axis.
  func perElement() throws -> Value { try expandedDims(at: rank) }
}
