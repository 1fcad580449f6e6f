import ApusCore
import ApusGraph

/// Which element of a window is meant.
public enum WindowExtremum: String, AttributeChoice { case max, min }

/// An operator that looks at x only to find where each window has its extremum: the first such place, NaN wins.
/// Its derivative by x is zero almost everywhere.
public protocol WindowPlaceOperator: WindowOperator {
  var kind: WindowExtremum { get set }
}

extension WindowPlaceOperator {
  init(kind: WindowExtremum, like other: some WindowOperator) {
    self.init(like: other)
    self.kind = kind
  }

  static var placeAttributes: [AttributeRecord] {
    [attribute("kind", \.kind, "which element of a window of x is meant")] + windowAttributes()
  }
}

/// For each window the element of v where x has its maximum or minimum; 0 where the window lies in padding only.
public struct WindowSelect: WindowPlaceOperator {
  public var kind = WindowExtremum.max
  public var settings = WindowSettings()
  public init() {}

  public static let record = OperatorRecord(
    "window_select", .window, "the element of v at the place of each window's extremum of x, the first on ties",
    operands: [OperandRecord("x", .numeric), OperandRecord("v", .numeric, "of the type of x")],
    attributes: placeAttributes)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try operands[0].requireElementType(of: operands[1])
    try operands[1].requireShape(operands[0].shape, "the elements to select from", operand: 1)
    return [operands[0].with(shape: try windowed(operands[0].shape))]
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let op = WindowScatter(kind: kind, like: self)
    return [
      nil,
      context.wanted[1] ? try context.builder.append(op, [context.operands[0], context.cotangent])[0] : nil,
    ]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    windowFlopCount(results[0].shape)
  }
}

/// The transpose of `window_select`: adds each element of g at the place of its window's extremum of x. The gradient of
/// pooling by maximum or minimum.
public struct WindowScatter: WindowPlaceOperator {
  public var kind = WindowExtremum.max
  public var settings = WindowSettings()
  public init() {}

  public static let record = OperatorRecord(
    "window_scatter", .window, "zeros like x, g added at the place of each window's extremum of x, the first on ties",
    operands: [OperandRecord("x", .numeric), OperandRecord("g", .numeric, "one element for each window")],
    attributes: placeAttributes)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try operands[0].requireElementType(of: operands[1])
    try operands[1].requireShape(windowed(operands[0].shape), "the windows over \(operands[0].shape)", operand: 1)
    return [operands[0]]
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let op = WindowSelect(kind: kind, like: self)
    return [
      nil,
      context.wanted[1] ? try context.builder.append(op, [context.operands[0], context.cotangent])[0] : nil,
    ]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    windowFlopCount(operands[1].shape)
  }
}
