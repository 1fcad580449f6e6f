import ApusCore
import ApusGraph

/// An element type that sums and products are computed in. Integers wrap.
protocol ArithmeticElement: TensorElement {
  static var zero: Self { get }
  /// What any other number is above: -∞, or the smallest integer.
  static var lowest: Self { get }
  /// What any other number is below: ∞, or the largest integer.
  static var highest: Self { get }
  static func sum(_ a: Self, _ b: Self) -> Self
  static func product(_ a: Self, _ b: Self) -> Self
  static func isLess(_ a: Self, _ b: Self) -> Bool
  var isNotANumber: Bool { get }
  /// C = A B, or C += A B; see `MatrixProduct`.
  static func multiply(
    _ shape: MatrixProduct, _ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>, _ c: UnsafeMutablePointer<Self>) throws
}

extension ArithmeticElement where Self: BinaryFloatingPoint {
  static var lowest: Self { -.infinity }
  static var highest: Self { .infinity }
  static func sum(_ a: Self, _ b: Self) -> Self { a + b }
  static func product(_ a: Self, _ b: Self) -> Self { a * b }
  static func isLess(_ a: Self, _ b: Self) -> Bool { a < b }
  var isNotANumber: Bool { isNaN }
}

extension ArithmeticElement where Self: FixedWidthInteger {
  static var lowest: Self { .min }
  static var highest: Self { .max }
  static func sum(_ a: Self, _ b: Self) -> Self { a &+ b }
  static func product(_ a: Self, _ b: Self) -> Self { a &* b }
  static func isLess(_ a: Self, _ b: Self) -> Bool { a < b }
  var isNotANumber: Bool { false }
  static func multiply(
    _ shape: MatrixProduct, _ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>, _ c: UnsafeMutablePointer<Self>
  ) throws { shape.multiplyByLoops(a, b, c) }
}

extension Float: ArithmeticElement {}
extension Double: ArithmeticElement {}
extension Int8: ArithmeticElement {}
extension UInt8: ArithmeticElement {}
extension Int32: ArithmeticElement {}
extension Int64: ArithmeticElement {}

/// A kernel that is generic over the element types of arithmetic.
protocol ArithmeticVisitor<Result> {
  associatedtype Result
  mutating func visit<Element: ArithmeticElement>(_ type: Element.Type) throws -> Result
}

extension DType {
  /// Calls `visitor` with this type's Swift counterpart, each a separate, specialized call.
  func dispatchArithmetic<Visitor: ArithmeticVisitor>(_ visitor: inout Visitor) throws -> Visitor.Result {
    switch self {
    case .f32: try visitor.visit(Float.self)
    case .f64: try visitor.visit(Double.self)
    case .i8: try visitor.visit(Int8.self)
    case .u8: try visitor.visit(UInt8.self)
    case .i32: try visitor.visit(Int32.self)
    case .i64: try visitor.visit(Int64.self)
    case .bf16, .f16, .bool: throw ApusError.defect("arithmetic on \(self) reached a kernel")
    }
  }
}

extension KernelContext {
  /// A tensor of the type of result `position`, its elements not set.
  func unsetResult(_ position: Int = 0) throws -> Tensor {
    try Tensor(uninitialized: resultTypes[position].dtype, dimensions(position))
  }

  /// Zeros of the type of result `position`.
  func zeroResult(_ position: Int = 0) throws -> Tensor {
    try Tensor(zeros: resultTypes[position].dtype, dimensions(position))
  }
}

extension Tensor {
  /// Addresses of two operands of one element type.
  static func withPointers<Element: TensorElement, Result>(
    _ a: Tensor, _ b: Tensor, as type: Element.Type,
    _ body: (UnsafePointer<Element>, UnsafePointer<Element>) throws -> Result
  ) throws -> Result {
    try a.withElements(as: type) { a in
      try b.withElements(as: type) { b in
        guard let a = a.baseAddress, let b = b.baseAddress else { throw ApusError.defect("a tensor has no storage") }
        return try body(a, b)
      }
    }
  }

  /// The address to write a result to.
  mutating func withMutablePointer<Element: TensorElement, Result>(
    as type: Element.Type, _ body: (UnsafeMutablePointer<Element>) throws -> Result
  ) throws -> Result {
    try withMutableElements(as: type) { elements in
      guard let base = elements.baseAddress else { throw ApusError.defect("a tensor has no storage") }
      return try body(base)
    }
  }
}
