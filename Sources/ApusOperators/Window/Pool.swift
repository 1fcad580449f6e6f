import ApusCore
import ApusGraph

/// Pooling by a window: a composite whose strides are the window's sizes unless given.
public protocol PoolOperator: WindowOperator, CompositeOperator {
  /// The primitive that folds each window.
  associatedtype Reduction: WindowReduction
}

extension PoolOperator {
  /// The primitive with its strides explicit.
  var reduction: Reduction {
    var explicit = settings
    if explicit.strides.isEmpty { explicit.strides = explicit.window }
    return Reduction(explicit)
  }

  static func pool(_ name: String, _ summary: String, _ dtypes: DTypeSet = .numeric) -> OperatorRecord {
    OperatorRecord(
      name, .window, summary, operands: [OperandRecord("x", dtypes)],
      attributes: windowAttributes(stridesDefault: "the window"))
  }

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try reduction.resultTypes(operands, regions)
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    try builder.append(reduction, operands)
  }
}

/// Max pooling.
public struct MaxPool: PoolOperator {
  public typealias Reduction = ReduceWindowMax
  public var settings = WindowSettings()
  public init() {}
  public static let record = pool("max_pool", "reduce_window_max with strides that default to the window")
}

/// Min pooling.
public struct MinPool: PoolOperator {
  public typealias Reduction = ReduceWindowMin
  public var settings = WindowSettings()
  public init() {}
  public static let record = pool("min_pool", "reduce_window_min with strides that default to the window")
}

/// Average pooling; padding is not counted, as in TensorFlow.
public struct AveragePool: PoolOperator {
  public typealias Reduction = ReduceWindowSum
  public var settings = WindowSettings()
  public init() {}
  public static let record = pool(
    "average_pool", "the mean of each window; padding is not counted, a window of padding alone gives 0", .floating)

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[0]
    let op = reduction
    let sum = try builder.append(op, [x])[0]
    if try op.geometry(x.shape).axes.allSatisfy({ $0.low == 0 && $0.high == 0 }) {
      return [try sum / Double(Shape.elementCount(settings.window) ?? .max)]
    }
    // The number of elements of each window without padding: the sum of ones, computed once for all samples and channels.
    let image = Shape([1] + x.shape.dims[1..<(x.rank - 1)] + [1])
    let ones = try builder.constant(1, x.dtype).broadcast(to: image)
    let counts = try builder.append(op, [ones])[0].maximum(1)
    return [try sum / counts]
  }
}

/// Pooling of whole channels.
public protocol GlobalPoolOperator: CompositeOperator {
  /// Whether spatial axes stay, with size 1.
  var keepDims: Bool { get set }
}

extension GlobalPoolOperator {
  init(keepDims: Bool) {
    self.init()
    self.keepDims = keepDims
  }

  static func globalPool(_ name: String, _ summary: String, _ dtypes: DTypeSet) -> OperatorRecord {
    OperatorRecord(
      name, .window, summary, operands: [OperandRecord("x", dtypes)],
      attributes: [attribute("keep_dims", \.keepDims, "keep the spatial axes, with size 1")])
  }
}

/// The largest element of each channel.
public struct GlobalMaxPool: GlobalPoolOperator {
  public var keepDims = false
  public init() {}
  public static let record = globalPool(
    "global_max_pool", "the largest element over all spatial axes of [batch, spatial…, channels]", .numeric)

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    [try operands[0].max(axes: try spatialAxes(operands[0]), keepDims: keepDims)]
  }
}

/// The mean of each channel.
public struct GlobalAveragePool: GlobalPoolOperator {
  public var keepDims = false
  public init() {}
  public static let record = globalPool(
    "global_average_pool", "the mean over all spatial axes of [batch, spatial…, channels]", .floating)

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
    try apply(MaxPool(WindowSettings(window: window, strides: strides ?? [], padding: padding)))
  }

  /// The smallest element of each window of `[batch, spatial…, channels]`.
  public func minPool(window: [Int], strides: [Int]? = nil, padding: Padding = .valid) throws -> Value {
    try apply(MinPool(WindowSettings(window: window, strides: strides ?? [], padding: padding)))
  }

  /// The mean of each window of `[batch, spatial…, channels]`, padding not counted.
  public func averagePool(window: [Int], strides: [Int]? = nil, padding: Padding = .valid) throws -> Value {
    try apply(AveragePool(WindowSettings(window: window, strides: strides ?? [], padding: padding)))
  }

  /// The largest element of each channel: `[batch, channels]`, or `[batch, 1…, channels]` if axes are kept.
  public func globalMaxPool(keepDims: Bool = false) throws -> Value {
    try apply(GlobalMaxPool(keepDims: keepDims))
  }

  /// The mean of each channel: `[batch, channels]`, or `[batch, 1…, channels]` if axes are kept.
  public func globalAveragePool(keepDims: Bool = false) throws -> Value {
    try apply(GlobalAveragePool(keepDims: keepDims))
  }
}
