import ApusCore
import ApusGraph

/// Which element of a window is meant.
public enum WindowExtremum: String, AttributeChoice { case max, min }

/// An operator that reads x only to find the position of each window's extremum: the first one, NaN wins. Its derivative
/// by x is zero almost everywhere; in its second operand it is linear, and `Transpose` is its transpose.
public protocol WindowPositionOperator: WindowOperator {
  associatedtype Transpose: WindowPositionOperator
  var kind: WindowExtremum { get set }
}

extension WindowPositionOperator {
  init(_ settings: WindowSettings, kind: WindowExtremum) {
    self.init(settings)
    self.kind = kind
  }

  static func positionRecord(_ name: String, _ summary: String, _ second: OperandRecord) -> OperatorRecord {
    OperatorRecord(
      name, .window, summary, operands: [OperandRecord("x", .numeric), second],
      attributes: [attribute("kind", \.kind, "which element of a window of x is meant")] + windowAttributes())
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    guard context.wanted[1] else { return [nil, nil] }
    let transpose = Transpose(settings, kind: kind)
    return [nil, try context.builder.append(transpose, [context.operands[0], context.cotangent])[0]]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    (try? windowFlopCount(windowed(operands[0].shape))) ?? 0
  }
}

/// For each window the element of v at the position where x has its maximum or minimum; 0 if the window holds padding
/// alone.
public struct WindowSelect: WindowPositionOperator {
  public typealias Transpose = WindowScatter
  public var kind = WindowExtremum.max
  public var settings = WindowSettings()
  public init() {}
  public static let record = positionRecord(
    "window_select", "the element of v at the position of each window's extremum of x, the first on ties",
    OperandRecord("v", .numeric, "of the type of x"))

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try operands[0].requireElementType(of: operands[1])
    try operands[1].requireShape(operands[0].shape, "the elements to select from", operand: 1)
    return [operands[0].with(shape: try windowed(operands[0].shape))]
  }
}

/// The transpose of `window_select`: adds each element of g at the position of its window's extremum of x. The gradient
/// of pooling by maximum or minimum.
public struct WindowScatter: WindowPositionOperator {
  public typealias Transpose = WindowSelect
  public var kind = WindowExtremum.max
  public var settings = WindowSettings()
  public init() {}
  public static let record = positionRecord(
    "window_scatter", "zeros like x, g added at the position of each window's extremum of x, the first on ties",
    OperandRecord("g", .numeric, "one element for each window"))

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try operands[0].requireElementType(of: operands[1])
    try operands[1].requireShape(windowed(operands[0].shape), "the windows over \(operands[0].shape)", operand: 1)
    return [operands[0]]
  }
}
