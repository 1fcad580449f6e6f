import ApusCore
import ApusGraph

/// Pooling by a window: a composite whose strides are the window's sizes unless given.
public protocol PoolOperator: WindowOperator, CompositeOperator {}

extension PoolOperator {
  /// The window with its strides spelt out.
  func spelled<Reduction: WindowOperator>(_ type: Reduction.Type) -> Reduction {
    Reduction(window: window, strides: strides.isEmpty ? window : strides, padding: padding, dilation: dilation)
  }

  /// A pool's result has the shape of the window's places.
  func pooled<Reduction: WindowOperator>(_ type: Reduction.Type, _ operands: [TensorType]) throws -> [TensorType] {
    [operands[0].with(shape: try spelled(type).windowed(operands[0].shape))]
  }
}

/// Max pooling.
public struct MaxPool: PoolOperator {
  public var settings = WindowSettings()
  public init() {}

  public static let record = OperatorRecord(
    "max_pool", .window, "reduce_window_max with strides that default to the window",
    operands: [OperandRecord("x", .numeric)], attributes: windowAttributes(stridesDefault: "the window"))

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try pooled(ReduceWindowMax.self, operands)
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    try builder.append(spelled(ReduceWindowMax.self), operands)
  }
}

/// Min pooling.
public struct MinPool: PoolOperator {
  public var settings = WindowSettings()
  public init() {}

  public static let record = OperatorRecord(
    "min_pool", .window, "reduce_window_min with strides that default to the window",
    operands: [OperandRecord("x", .numeric)], attributes: windowAttributes(stridesDefault: "the window"))

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try pooled(ReduceWindowMin.self, operands)
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    try builder.append(spelled(ReduceWindowMin.self), operands)
  }
}

/// Average pooling; padding is not counted, as in TensorFlow.
public struct AveragePool: PoolOperator {
  public var settings = WindowSettings()
  public init() {}

  public static let record = OperatorRecord(
    "average_pool", .window, "the mean of each window; padding is not counted, a window of padding alone gives 0",
    operands: [OperandRecord("x", .floating)], attributes: windowAttributes(stridesDefault: "the window"))

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try pooled(ReduceWindowSum.self, operands)
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[0]
    let op = spelled(ReduceWindowSum.self)
    let sum = try builder.append(op, [x])[0]
    if try op.geometry(x.shape).axes.allSatisfy({ $0.low == 0 && $0.high == 0 }) {
      return [try sum / Double(Shape.elementCount(window) ?? .max)]
    }
    // Elements that each window really has: the sum of ones, one image with one channel for all.
    let image = Shape([1] + x.shape.dims[1..<(x.rank - 1)] + [1])
    let ones = try builder.constant(1, x.dtype).broadcast(to: image)
    let counts = try builder.append(op, [ones])[0].maximum(1)
    return [try sum / counts]
  }
}

/// The largest element of each channel.
public struct GlobalMaxPool: CompositeOperator {
  /// Whether spatial axes stay, with size 1.
  public var keepDims = false
  public init() {}

  public static let record = OperatorRecord(
    "global_max_pool", .window, "the largest element over all spatial axes of [batch, spatial…, channels]",
    operands: [OperandRecord("x", .numeric)],
    attributes: [attribute("keep_dims", \.keepDims, "keep the spatial axes, with size 1")])

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    [try operands[0].max(axes: try spatialAxes(operands[0]), keepDims: keepDims)]
  }
}

/// The mean of each channel.
public struct GlobalAveragePool: CompositeOperator {
  /// Whether spatial axes stay, with size 1.
  public var keepDims = false
  public init() {}

  public static let record = OperatorRecord(
    "global_average_pool", .window, "the mean over all spatial axes of [batch, spatial…, channels]",
    operands: [OperandRecord("x", .floating)],
    attributes: [attribute("keep_dims", \.keepDims, "keep the spatial axes, with size 1")])

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let axes = try spatialAxes(operands[0])
    let sum = try operands[0].sum(axes: axes, keepDims: keepDims)
    var count = try builder.constant(1, operands[0].dtype)
    var known = 1.0
    for axis in axes {
      if let size = operands[0].shape[axis].number {
        known *= Double(size)
      } else {
        count = try count * operands[0].size(axis: axis).cast(to: operands[0].dtype)
      }
    }
    return [try sum / (count * known)]
  }
}

private func spatialAxes(_ x: Value) throws -> [Int] {
  guard x.rank >= 3 else {
    throw ApusError.input("a pool needs [batch, spatial…, channels], but the operand has shape \(x.shape)")
  }
  return Array(1..<(x.rank - 1))
}

extension Value {
  /// The largest element of each window of `[batch, spatial…, channels]`.
  /// - Parameter strides: steps along each spatial axis; nil: the window's sizes.
  public func maxPool(window: [Int], strides: [Int]? = nil, padding: Padding = .valid) throws -> Value {
    try apply(MaxPool(window: window, strides: strides ?? [], padding: padding))
  }

  /// The smallest element of each window of `[batch, spatial…, channels]`.
  public func minPool(window: [Int], strides: [Int]? = nil, padding: Padding = .valid) throws -> Value {
    try apply(MinPool(window: window, strides: strides ?? [], padding: padding))
  }

  /// The mean of each window of `[batch, spatial…, channels]`, padding not counted.
  public func averagePool(window: [Int], strides: [Int]? = nil, padding: Padding = .valid) throws -> Value {
    try apply(AveragePool(window: window, strides: strides ?? [], padding: padding))
  }

  /// The largest element of each channel: `[batch, channels]`, or `[batch, 1…, channels]` where axes are kept.
  public func globalMaxPool(keepDims: Bool = false) throws -> Value {
    var op = GlobalMaxPool()
    op.keepDims = keepDims
    return try apply(op)
  }

  /// The mean of each channel: `[batch, channels]`, or `[batch, 1…, channels]` where axes are kept.
  public func globalAveragePool(keepDims: Bool = false) throws -> Value {
    var op = GlobalAveragePool()
    op.keepDims = keepDims
    return try apply(op)
  }
}
