import ApusCore
import ApusGraph

/// The cross-entropy of one answer out of several, targets given as probabilities (usually one-hot).
public struct CategoricalCrossEntropy: SmoothedCrossEntropy {
  public var fromLogits = false
  @ComparedByBits public var labelSmoothing = 0.0
  public init() {}
  public static let record = crossEntropy(
    "categorical_cross_entropy",
    "−Σ t ln p over the last axis; p is divided by its sum and clipped to [1e-7, 1 − 1e-7], or softmax(prediction)",
    smoothing: "how far targets are drawn to the even distribution, 0 to 1")

  private func smoothed(_ target: Value, like prediction: Value) throws -> Value {
    let t = try target.cast(to: prediction.dtype)
    if labelSmoothing == 0 { return t }
    return try t * (1 - labelSmoothing)
      + prediction.scalar(labelSmoothing).divided(byCountOf: prediction, axes: [-1])
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[1]
    let t = try smoothed(operands[0], like: x)
    // From scores, a class of target 0 costs 0 even if its logarithm is −∞. Probabilities are clipped, so that their
    // logarithms are finite and the product also has a gradient by targets that are 0.
    let terms =
      try fromLogits
      ? x.logSoftmax().weighted(by: t) : (x / x.sum(axes: [-1], keepDims: true)).guarded().log() * t
    return [try -terms.sum(axes: [-1])]
  }

  // From scores: ∂/∂x = softmax(x) Σ t − t, ∂/∂t = −ln softmax(x)
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (target, x) = (context.operands[0], context.operands[1])
    let g = try context.cotangent.perElement()
    var cotangents: [Value?] = [nil, nil]
    if context.wanted[0] {
      cotangents[0] = try cotangent(ofTarget: target, -(g * x.logSoftmax()) * (1 - labelSmoothing))
    }
    if context.wanted[1] {
      let t = try smoothed(target, like: x)
      cotangents[1] = try g * (x.softmax() * t.sum(axes: [-1], keepDims: true) - t)
    }
    return cotangents
  }
}

/// The cross-entropy of one answer out of several, targets given as class numbers. A label out of range is an error when
/// the graph runs.
public struct SparseCategoricalCrossEntropy: CrossEntropyOperator {
  public var fromLogits = false
  public init() {}

  public static let record = OperatorRecord(
    "sparse_categorical_cross_entropy", .loss,
    "−ln p[label] over the last axis; p is divided by its sum and clipped to [1e-7, 1 − 1e-7], or softmax(prediction)",
    operands: [
      OperandRecord(
        "labels", .index, "class numbers, of the prediction's shape without its last axis, or with 1 there"),
      OperandRecord("prediction", .floating),
    ],
    attributes: [logitsAttribute])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let (labels, prediction) = (operands[0], operands[1])
    guard let classes = prediction.shape.dims.last else {
      throw TypeError("a loss folds the last axis, but the prediction is a scalar", operand: 1)
    }
    guard case .number = classes else {
      throw TypeError("the number of classes of \(prediction) must be known, not '\(classes)'", operand: 1)
    }
    let samples = Array(prediction.shape.dims.dropLast())
    guard labels.shape.dims == samples || labels.shape.dims == samples + [1] else {
      throw TypeError(
        "labels \(labels) do not fit the prediction \(prediction)", operand: 0,
        help: "they must have the shape \(Shape(samples)), or \(Shape(samples + [1]))")
    }
    return [prediction.with(shape: Shape(samples))]
  }

  /// The labels, checked, with a last axis of 1.
  private func column(_ labels: Value, _ prediction: Value) throws -> Value {
    let classes = prediction.shape.dims.last?.number ?? 0
    return try labels.reshaped(Shape(prediction.shape.dims.dropLast() + [1])).checkedIndex(below: classes)
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[1]
    let labels = try column(operands[0], x)
    let loss: Value
    if fromLogits {
      // ln Σ e^(x − max) − (x[label] − max)
      let largest = try x.max(axes: [-1], keepDims: true)
      let sum = try (x - largest).exp().sum(axes: [-1], keepDims: true)
      loss = try sum.log() - (x.takeAlongAxis(labels, axis: -1) - largest)
    } else {
      loss = try -(x.takeAlongAxis(labels, axis: -1) / x.sum(axes: [-1], keepDims: true)).guarded().log()
    }
    return [try loss.squeezed(axis: -1)]
  }

  // From scores: ∂/∂x = softmax(x) − 1 at the label, softmax(x) elsewhere
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let x = context.operands[1]
    guard context.wanted[1] else { return [nil, nil] }
    let classes = try context.builder.iota(.i64, [x.shape[x.rank - 1]])
    let isLabel = try column(context.operands[0], x).cast(to: .i64).equal(classes)
    return [nil, try context.cotangent.perElement() * (x.softmax() - isLabel.cast(to: x.dtype))]
  }
}

extension Value {
  /// For each sample the cross-entropy of one answer out of several.
  /// - Parameters:
  ///   - target: probabilities of the classes, usually one-hot, of this value's shape and any type.
  ///   - fromLogits: whether this value holds scores instead of probabilities.
  public func categoricalCrossEntropy(
    target: Value, fromLogits: Bool = false, labelSmoothing: Double = 0
  ) throws -> Value {
    let op = CategoricalCrossEntropy(fromLogits: fromLogits, labelSmoothing: labelSmoothing)
    return try builder.append(op, [target, self])[0]
  }

  /// For each sample the cross-entropy of one answer out of several.
  /// - Parameters:
  ///   - labels: class numbers (u8, i32, i64), of this value's shape without its last axis, or with 1 there.
  ///   - fromLogits: whether this value holds scores instead of probabilities.
  public func sparseCategoricalCrossEntropy(labels: Value, fromLogits: Bool = false) throws -> Value {
    var op = SparseCategoricalCrossEntropy()
    op.fromLogits = fromLogits
    return try builder.append(op, [labels, self])[0]
  }
}
