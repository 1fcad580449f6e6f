import ApusCore
import ApusGraph

/// A reduction of each window of x to one element.
public protocol WindowReduction: WindowOperator {}

extension WindowReduction {
  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    [operands[0].with(shape: try windowed(operands[0].shape))]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    windowFlopCount(results[0].shape)
  }

  static func windowReduction(_ name: String, _ summary: String) -> OperatorRecord {
    OperatorRecord(
      name, .window, summary, operands: [OperandRecord("x", .numeric)], attributes: windowAttributes())
  }

  /// The gradient of a maximum or minimum: the cotangent of each window flows to the position of its extremum.
  fileprivate func scattered(_ kind: WindowExtremum, _ context: GradientContext) throws -> [Value?] {
    let op = WindowScatter(settings, kind: kind)
    return [try context.builder.append(op, [context.operands[0], context.cotangent])[0]]
  }
}

/// The largest element of each window; NaN wins. A window of padding alone gives -∞ or the smallest integer.
public struct ReduceWindowMax: WindowReduction {
  public var settings = WindowSettings()
  public init() {}
  public static let record = windowReduction(
    "reduce_window_max", "the largest element of each window of [batch, spatial…, channels]; NaN wins")

  public func gradient(_ context: GradientContext) throws -> [Value?] { try scattered(.max, context) }
}

/// The smallest element of each window; NaN wins. A window of padding alone gives ∞ or the largest integer.
public struct ReduceWindowMin: WindowReduction {
  public var settings = WindowSettings()
  public init() {}
  public static let record = windowReduction(
    "reduce_window_min", "the smallest element of each window of [batch, spatial…, channels]; NaN wins")

  public func gradient(_ context: GradientContext) throws -> [Value?] { try scattered(.min, context) }
}

/// The sum of each window; padding adds nothing.
public struct ReduceWindowSum: WindowReduction {
  public var settings = WindowSettings()
  public init() {}
  public static let record = windowReduction(
    "reduce_window_sum", "the sum of each window of [batch, spatial…, channels]; integers wrap"
  ).accurate(Accuracy.sum)

  // Linear: each element gets the cotangents of the windows that contain it.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let op = WindowSumGradient(settings, shape: context.operands[0].shape)
    return [try context.builder.append(op, [context.cotangent])[0]]
  }
}

/// The transpose of `reduce_window_sum`: each element of the result is the sum over the windows that contain it.
public struct WindowSumGradient: WindowOperator, ShapedOperator {
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
    [try context.builder.append(ReduceWindowSum(settings), [context.cotangent])[0]]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    windowFlopCount(operands[0].shape)
  }
}

extension TensorType {
  /// - Throws: `TypeError` that names both shapes if they differ.
  func requireShape(_ expected: Shape, _ meaning: String, operand: Int) throws {
    guard shape == expected else {
      throw TypeError("\(meaning) have shape \(expected), but \(self) is given", operand: operand)
    }
  }
}
