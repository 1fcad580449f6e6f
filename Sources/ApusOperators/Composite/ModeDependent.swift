import ApusCore
import ApusGraph

/// In training, elements are set to 0 at random and the rest scaled up, so that the expectation does not change:
/// Srivastava et al. 2014. In inference it is the identity.
public struct Dropout: ModeDependentOperator {
  /// The share of elements that are dropped.
  @ComparedByBits public var rate = 0.5
  /// The key of the mask's generator. Two dropouts of the same seed drop the same elements.
  public var seed: UInt64 = 0
  public init() {}
  public init(rate: Double, seed: UInt64) { (self.rate, self.seed) = (rate, seed) }

  public static let countsSteps = true
  public static let record = OperatorRecord(
    "dropout", .activation,
    "while training x / (1 − rate) where random_uniform(step, seed) ≥ rate, else 0; while predicting x",
    operands: [OperandRecord("x", .floating)],
    attributes: [
      attribute("rate", \.rate, "the share of elements that are dropped", required: true),
      attribute("seed", \.seed, "the key of the mask's generator; give each dropout its own"),
    ])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    guard rate >= 0, rate <= 1 else {
      throw TypeError("'rate' must be between 0 and 1, not \(rate)", attribute: "rate")
    }
    return [operands[0]]
  }

  public func bound(to mode: Mode, _ operands: [Value], step: Value?, _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[0]
    guard mode == .training, rate > 0 else { return [x] }
    guard let step else { throw ApusError.defect("dropout was bound for training without a step") }
    if rate == 1 { return [try builder.zeros(x.type)] }
    let isKept = try builder.randomUniform(step, x.dtype, x.shape, seed: seed).greaterEqual(rate)
    return [try isKept.select(x * (1 / (1 - rate)), x.scalar(0))]
  }
}

/// Batch normalization: by the batch's own statistics in training, which update the moving averages, and by those averages
/// in inference. Ioffe and Szegedy 2015; momentum and ε as in Keras.
public struct BatchNorm: ModeDependentOperator {
  /// The share of a moving average that each update keeps.
  @ComparedByBits public var momentum = 0.99
  @ComparedByBits public var epsilon = 1e-3
  public var axis = -1
  public init() {}

  public static let countsSteps = false
  public static let record = OperatorRecord(
    "batch_norm", .normalization,
    "batch_norm_training that updates moving ← moving · momentum + batch · (1 − momentum), or batch_norm_inference",
    operands: [
      OperandRecord("x", .floating), OperandRecord("scale", .floating, "a vector as long as the axis"),
      OperandRecord("offset", .floating, "a vector as long as the axis"),
      OperandRecord("moving_mean", .floating, "a variable as long as the axis"),
      OperandRecord("moving_variance", .floating, "a variable as long as the axis"),
    ],
    attributes: [
      attribute("momentum", \.momentum, "how much of the moving averages stays in a step"),
      attribute("epsilon", \.epsilon, "added to the variance"), attribute("axis", \.axis, "the axis of the channels"),
    ])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try requireEpsilon(epsilon)
    guard momentum >= 0, momentum <= 1 else {
      throw TypeError("'momentum' must be between 0 and 1, not \(momentum)", attribute: "momentum")
    }
    try requireVectors(operands, axis: axis, names: ["scale", "offset", "moving_mean", "moving_variance"])
    return [operands[0]]
  }

  public func bound(to mode: Mode, _ operands: [Value], step: Value?, _ builder: GraphBuilder) throws -> [Value] {
    let (x, scale, offset) = (operands[0], operands[1], operands[2])
    guard mode == .training else {
      return [
        try x.batchNormInference(
          scale: scale, offset: offset, mean: operands[3], variance: operands[4], epsilon: epsilon, axis: axis)
      ]
    }
    let found = try x.batchNormTraining(scale: scale, offset: offset, epsilon: epsilon, axis: axis)
    for (name, moving, batch) in [
      ("moving_mean", operands[3], found.mean), ("moving_variance", operands[4], found.variance),
    ] {
      guard builder.graph.producer(of: moving.id).op is Variable else {
        throw ApusError.input(
          "batch_norm: its \(name) \(moving) is not a variable, so training cannot update it",
          help: "declare it: \(moving.type) = variable(\(name == "moving_mean" ? "zeros" : "ones"), trainable: false)")
      }
      try builder.update(moving, to: moving * momentum + batch * (1 - momentum))
    }
    return [found.y]
  }
}

extension Value {
  /// In training, this value with elements set to 0 at random and the rest scaled up; in inference, this value.
  /// - Parameter seed: the key of the mask's generator; give each dropout of a graph its own.
  public func dropout(rate: Double, seed: UInt64) throws -> Value { try apply(Dropout(rate: rate, seed: seed)) }

  /// Batch normalization, by the batch in training and by moving averages in inference.
  /// - Parameters:
  ///   - movingMean: a variable; training updates it.
  ///   - movingVariance: a variable; training updates it.
  public func batchNorm(
    scale: Value, offset: Value, movingMean: Value, movingVariance: Value, momentum: Double = 0.99,
    epsilon: Double = 1e-3, axis: Int = -1
  ) throws -> Value {
    var op = BatchNorm()
    (op.momentum, op.epsilon, op.axis) = (momentum, epsilon, axis)
    return try builder.append(op, [self, scale, offset, movingMean, movingVariance])[0]
  }
}
