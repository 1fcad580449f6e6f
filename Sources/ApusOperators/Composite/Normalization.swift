import ApusCore
import ApusGraph

/// Normalization along an axis of each example, as Ba et al. 2016.
public struct LayerNorm: CompositeOperator {
  @ComparedByBits public var epsilon = 1e-3
  public var axis = -1
  public init() {}

  public static let record = OperatorRecord(
    "layer_norm", .normalization, "(x − mean) / √(variance + ε) · scale + offset, statistics along an axis",
    operands: [
      OperandRecord("x", .floating), OperandRecord("scale", .floating, "a vector as long as the axis"),
      OperandRecord("offset", .floating, "a vector as long as the axis"),
    ],
    attributes: [
      attribute("epsilon", \.epsilon, "added to the variance"), attribute("axis", \.axis, "the axis of the statistics"),
    ]
  ).accurate(Accuracy.statistic)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try requireEpsilon(epsilon)
    try requireVectors(operands, axis: axis, names: ["scale", "offset"])
    return [operands[0]]
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[0]
    let (centered, inverse) = try standardized(x)
    return [
      try centered * inverse * operands[1].along(axis, of: x) + operands[2].along(axis, of: x)
    ]
  }

  /// x − mean, and 1 / √(variance + ε).
  private func standardized(_ x: Value) throws -> (Value, Value) {
    let centered = try x - x.mean(axes: [axis], keepDims: true)
    return (centered, try (x.variance(axes: [axis], keepDims: true) + epsilon).rsqrt())
  }

  public var hasOwnGradient: Bool { true }

  // With x̂ = (x − mean) / σ and h = g · scale: ∂L/∂x = (h − mean(h) − x̂ mean(h x̂)) / σ, ∂L/∂scale = Σ g x̂,
  // ∂L/∂offset = Σ g over all other axes
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (x, g) = (context.operands[0], try context.cotangent)
    let (centered, inverse) = try standardized(x)
    let normal = try centered * inverse
    let others = try otherAxes(x, axis)
    var dx: Value?
    if context.wanted[0] {
      let h = try g * context.operands[1].along(axis, of: x)
      let alongNormal = try normal * (h * normal).mean(axes: [axis], keepDims: true)
      dx = try (h - h.mean(axes: [axis], keepDims: true) - alongNormal) * inverse
    }
    return [
      dx, context.wanted[1] ? try (g * normal).sum(axes: others) : nil,
      context.wanted[2] ? try g.sum(axes: others) : nil,
    ]
  }
}

/// Batch normalization with given statistics, as while predicting: Ioffe and Szegedy 2015.
public struct BatchNormInference: CompositeOperator {
  @ComparedByBits public var epsilon = 1e-3
  public var axis = -1
  public init() {}

  public static let record = OperatorRecord(
    "batch_norm_inference", .normalization, "(x − mean) / √(variance + ε) · scale + offset, statistics given",
    operands: [
      OperandRecord("x", .floating), OperandRecord("scale", .floating, "a vector as long as the axis"),
      OperandRecord("offset", .floating, "a vector as long as the axis"),
      OperandRecord("mean", .floating, "a vector as long as the axis"),
      OperandRecord("variance", .floating, "a vector as long as the axis"),
    ],
    attributes: [
      attribute("epsilon", \.epsilon, "added to the variance"), attribute("axis", \.axis, "the axis of the channels"),
    ])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try requireEpsilon(epsilon)
    try requireVectors(operands, axis: axis, names: ["scale", "offset", "mean", "variance"])
    return [operands[0]]
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[0]
    let factor = try operands[1] * (operands[4] + epsilon).rsqrt()
    return [
      try (x - operands[3].along(axis, of: x)) * factor.along(axis, of: x) + operands[2].along(axis, of: x)
    ]
  }
}

/// Batch normalization with the batch's own statistics, as while training; gives them, too.
public struct BatchNormTraining: CompositeOperator {
  @ComparedByBits public var epsilon = 1e-3
  public var axis = -1
  public init() {}

  public static let record = OperatorRecord(
    "batch_norm_training", .normalization,
    "(x − mean) / √(variance + ε) · scale + offset; mean and (biased) variance over all axes but one",
    operands: [
      OperandRecord("x", .floating), OperandRecord("scale", .floating, "a vector as long as the axis"),
      OperandRecord("offset", .floating, "a vector as long as the axis"),
    ],
    attributes: [
      attribute("epsilon", \.epsilon, "added to the variance"), attribute("axis", \.axis, "the axis of the channels"),
    ], results: ["y", "mean", "variance"]
  ).accurate(Accuracy.statistic)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try requireEpsilon(epsilon)
    try requireVectors(operands, axis: axis, names: ["scale", "offset"])
    return [operands[0], operands[1], operands[1]]
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[0]
    let others = try otherAxes(x, axis)
    let (mean, variance) = (try x.mean(axes: others), try x.variance(axes: others))
    let factor = try operands[1] * (variance + epsilon).rsqrt()
    let y = try (x - mean.along(axis, of: x)) * factor.along(axis, of: x) + operands[2].along(axis, of: x)
    return [y, mean, variance]
  }

  public var hasOwnGradient: Bool { true }

  // With x̂ = (x − mean) / σ, sums and means over the batch: ∂L/∂x = scale / σ · (g − mean(g) − x̂ mean(g x̂)) for the
  // cotangent g of y, plus g / n for that of the mean and 2 g (x − mean) / n for that of the variance;
  // ∂L/∂scale = Σ g x̂, ∂L/∂offset = Σ g
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (x, scale) = (context.operands[0], context.operands[1])
    let others = try otherAxes(x, axis)
    let centered = try x - context.results[1].along(axis, of: x)
    var dx: Value?
    func add(_ part: Value) throws { dx = try dx.map { try $0 + part } ?? part }
    var (dScale, dOffset): (Value?, Value?)
    if let g = context.cotangents[0] {
      let inverse = try (context.results[2] + epsilon).rsqrt()
      let normal = try centered * inverse.along(axis, of: x)
      let (sumG, sumGX) = (try g.sum(axes: others), try (g * normal).sum(axes: others))
      (dScale, dOffset) = (sumGX, sumG)
      let mean = try sumG.divided(byCountOf: x, axes: others).along(axis, of: x)
      let slope = try sumGX.divided(byCountOf: x, axes: others).along(axis, of: x)
      if context.wanted[0] { try add((g - mean - normal * slope) * (scale * inverse).along(axis, of: x)) }
    }
    if context.wanted[0], let g = context.cotangents[1] {
      try add(g.divided(byCountOf: x, axes: others).along(axis, of: x).broadcast(to: x.shape))
    }
    if context.wanted[0], let g = context.cotangents[2] {
      try add(centered * (g * 2).divided(byCountOf: x, axes: others).along(axis, of: x))
    }
    return [dx, dScale, dOffset]
  }
}

/// All axes but one.
private func otherAxes(_ x: Value, _ axis: Int) throws -> [Int] {
  let axis = try Axis.normalized(axis, rank: x.rank)
  return (0..<x.rank).filter { $0 != axis }
}

/// Checks what is added to a variance.
/// - Throws: `TypeError` if it is negative: the root may not exist.
func requireEpsilon(_ epsilon: Double) throws {
  guard epsilon >= 0, epsilon.isFinite else {
    throw TypeError("'epsilon' must be 0 or more, not \(epsilon)", attribute: "epsilon")
  }
}

/// Checks the vectors of a normalization, one number for each channel.
/// - Throws: `TypeError` that names the first that does not fit.
func requireVectors(_ operands: [TensorType], axis: Int, names: [String]) throws {
  let x = operands[0]
  let channels = x.shape.dims[try Axis.normalized(axis, rank: x.rank)]
  let expected = TensorType(x.dtype, [channels])
  for (position, name) in names.enumerated() where operands[position + 1] != expected {
    throw TypeError(
      "'\(name)' must be a \(expected), as axis \(axis) of \(x) asks for, not a \(operands[position + 1])",
      operand: position + 1)
  }
}

extension Value {
  /// A vector as a shape that broadcasts along one axis of `x`.
  package func along(_ axis: Int, of x: Value) throws -> Value {
    let axis = try Axis.normalized(axis, rank: x.rank)
    var dims = [Dim](repeating: 1, count: x.rank - axis)
    dims[0] = x.shape[axis]
    return try reshaped(Shape(dims))
  }

  /// Normalized along `axis` of each example.
  /// - Parameters:
  ///   - scale: a vector as long as the axis.
  ///   - offset: a vector as long as the axis.
  public func layerNorm(scale: Value, offset: Value, epsilon: Double = 1e-3, axis: Int = -1) throws -> Value {
    var op = LayerNorm()
    (op.epsilon, op.axis) = (epsilon, axis)
    return try builder.append(op, [self, scale, offset])[0]
  }

  /// Normalized by given statistics of each channel.
  public func batchNormInference(
    scale: Value, offset: Value, mean: Value, variance: Value, epsilon: Double = 1e-3, axis: Int = -1
  ) throws -> Value {
    var op = BatchNormInference()
    (op.epsilon, op.axis) = (epsilon, axis)
    return try builder.append(op, [self, scale, offset, mean, variance])[0]
  }

  /// Normalized by the batch's own statistics of each channel, which are given, too.
  public func batchNormTraining(
    scale: Value, offset: Value, epsilon: Double = 1e-3, axis: Int = -1
  ) throws -> (y: Value, mean: Value, variance: Value) {
    var op = BatchNormTraining()
    (op.epsilon, op.axis) = (epsilon, axis)
    let results = try builder.append(op, [self, scale, offset])
    return (results[0], results[1], results[2])
  }
}
