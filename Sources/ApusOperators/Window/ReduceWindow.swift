import ApusCore
import ApusGraph

/// The largest element of each window; NaN wins. A window that lies in padding only gives -∞ or the smallest integer.
public struct ReduceWindowMax: WindowOperator {
  public var settings = WindowSettings()
  public init() {}

  public static let record = OperatorRecord(
    "reduce_window_max", .window, "the largest element of each window of [batch, spatial…, channels]; NaN wins",
    operands: [OperandRecord("x", .numeric)], attributes: windowAttributes())

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    [operands[0].with(shape: try windowed(operands[0].shape))]
  }

  // The cotangent of each window flows to the place of its maximum.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let op = WindowScatter(kind: .max, like: self)
    return [try context.builder.append(op, [context.operands[0], context.cotangent])[0]]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    windowFlopCount(results[0].shape)
  }
}

/// The smallest element of each window; NaN wins. A window that lies in padding only gives ∞ or the largest integer.
public struct ReduceWindowMin: WindowOperator {
  public var settings = WindowSettings()
  public init() {}

  public static let record = OperatorRecord(
    "reduce_window_min", .window, "the smallest element of each window of [batch, spatial…, channels]; NaN wins",
    operands: [OperandRecord("x", .numeric)], attributes: windowAttributes())

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    [operands[0].with(shape: try windowed(operands[0].shape))]
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let op = WindowScatter(kind: .min, like: self)
    return [try context.builder.append(op, [context.operands[0], context.cotangent])[0]]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    windowFlopCount(results[0].shape)
  }
}

/// The sum of each window; padding adds nothing.
public struct ReduceWindowSum: WindowOperator {
  public var settings = WindowSettings()
  public init() {}

  public static let record = OperatorRecord(
    "reduce_window_sum", .window, "the sum of each window of [batch, spatial…, channels]; integers wrap",
    operands: [OperandRecord("x", .numeric)], attributes: windowAttributes())

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    [operands[0].with(shape: try windowed(operands[0].shape))]
  }

  // Linear: each element gets the cotangents of the windows it lies in.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    var op = WindowSumGradient(like: self)
    op.shape = context.operands[0].shape
    return [try context.builder.append(op, [context.cotangent])[0]]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    windowFlopCount(results[0].shape)
  }
}

/// The transpose of `reduce_window_sum`: each element of the result is the sum over the windows that it lies in.
public struct WindowSumGradient: WindowOperator {
  public var settings = WindowSettings()
  /// The shape that the window moved over.
  public var shape = Shape.scalar
  public init() {}

  public static let record = OperatorRecord(
    "window_sum_gradient", .window,
    "the transpose of reduce_window_sum: each element gets the sum of g over its windows",
    operands: [OperandRecord("g", .numeric)],
    attributes: [attribute("shape", \.shape, "the shape that the window moved over", required: true)]
      + windowAttributes())

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try operands[0].requireShape(windowed(shape), "the windows over \(shape)", operand: 0)
    return [operands[0].with(shape: shape)]
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    [try context.builder.append(ReduceWindowSum(like: self), [context.cotangent])[0]]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    windowFlopCount(operands[0].shape)
  }
}

extension TensorType {
  /// - Throws: `TypeError` that names both shapes where they differ.
  func requireShape(_ expected: Shape, _ meaning: String, operand: Int) throws {
    guard shape == expected else {
      throw TypeError("\(meaning) have shape \(expected), but \(self) is given", operand: operand)
    }
  }
}
