import ApusCore
import ApusGraph
import ApusOperators

/// What several metrics do with targets and predictions.
extension Value {
  /// These targets as values of the predictions' shape: class numbers become one-hot.
  func targets(like prediction: Value, areClassNumbers: Bool) throws -> Value {
    guard prediction.rank > 0 else { throw Self.mismatch(self, prediction) }
    guard areClassNumbers else {
      guard shape == prediction.shape else { throw Self.mismatch(self, prediction) }
      return self
    }
    guard shape.dims == prediction.shape.dims.dropLast(), let classes = prediction.shape.dims.last?.number else {
      throw Self.mismatch(self, prediction)
    }
    return try oneHot(depth: classes, dtype: prediction.dtype)
  }

  /// These targets as class numbers (i64): the largest element of each row if they are values.
  func labels(of prediction: Value, areClassNumbers: Bool) throws -> Value {
    guard prediction.rank > 0 else { throw Self.mismatch(self, prediction) }
    if areClassNumbers {
      guard shape.dims == prediction.shape.dims.dropLast() else { throw Self.mismatch(self, prediction) }
      return try cast(to: .i64)
    }
    guard shape == prediction.shape else { throw Self.mismatch(self, prediction) }
    return try argMax()
  }

  /// How many elements each sum over axes has, whatever they are.
  func counted(axes: [Int]? = nil) throws -> Value {
    try builder.constant(1, dtype).broadcast(to: shape).sum(axes: axes)
  }

  /// Values one after the other in one row.
  static func row(_ values: [Value]) throws -> Value {
    try ApusOperators.concatenate(values.map { try $0.reshaped($0.shape.isScalar ? [1] : $0.shape) }, axis: 0)
  }

  private static func mismatch(_ target: Value, _ prediction: Value) -> ApusError {
    .input(
      "targets of shape \(target.shape) do not fit outputs of shape \(prediction.shape)",
      help: "targets of the outputs' shape; or, with a loss of class numbers, one for each row of outputs")
  }
}
