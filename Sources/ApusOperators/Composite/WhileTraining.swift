import ApusCore
import ApusGraph

/// A value while training, another one while predicting. What only the other mode needs is not computed.
///
/// Layers that differ between the modes append what they do while training, and this operator: noise, augmentation,
/// masks of dropout. In a training step it leaves no trace, nor in a prediction.
public struct WhileTraining: ModeDependentOperator {
  public init() {}

  public static let countsSteps = false
  public static let record = OperatorRecord(
    "while_training", .activation, "training while training; otherwise while predicting",
    operands: [
      OperandRecord("training", .any), OperandRecord("otherwise", .any, "of the type of the first operand"),
    ])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    guard operands[0] == operands[1] else {
      throw TypeError(
        "both operands must have one type, not \(operands[0]) and \(operands[1])", operand: 1,
        help: "what follows must not depend on the mode")
    }
    return [operands[0]]
  }

  public func bound(to mode: Mode, _ operands: [Value], step: Value?, _ builder: GraphBuilder) throws -> [Value] {
    [operands[mode == .training ? 0 : 1]]
  }
}

/// The number of the training step, by which random numbers are drawn: 0, 1, 2 …; 0 while predicting.
public struct TrainingStep: ModeDependentOperator {
  public init() {}

  public static let countsSteps = true
  public static let record = OperatorRecord(
    "training_step", .random, "the number of the training step, an i64 scalar to draw by; 0 while predicting")

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] { [.scalar(.i64)] }

  public func bound(to mode: Mode, _ operands: [Value], step: Value?, _ builder: GraphBuilder) throws -> [Value] {
    if mode == .training, let step { return [step] }
    return [try builder.constant(0, .i64)]
  }
}

extension Value {
  /// This value while training, `other` while predicting.
  /// - Parameter other: of the type of this value.
  public func whileTraining(otherwise other: Value) throws -> Value {
    try builder.append(WhileTraining(), [self, other])[0]
  }
}

extension GraphBuilder {
  /// The number of the training step, an `i64` scalar, as the counter of random numbers; 0 while predicting.
  public func trainingStep() throws -> Value { try append(TrainingStep(), [])[0] }
}
