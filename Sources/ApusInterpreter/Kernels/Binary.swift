import ApusCore
import ApusGraph
import ApusOperators
import Glibc
import RealModule

/// A function of two numbers of any arithmetic type.
protocol BinaryKernel: Interpretable {
  static func apply<T: Real>(_ a: T, _ b: T) -> T
  static func apply<T: FixedWidthInteger>(integers a: T, _ b: T) -> T
}

extension BinaryKernel {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let (a, b) = (operands[0], operands[1])
    let dimensions = try context.dimensions()
    switch a.dtype {
    case .f32: return [try zipMap(a, b, dimensions, Float.self) { Self.apply($0, $1) }]
    case .f64: return [try zipMap(a, b, dimensions, Double.self) { Self.apply($0, $1) }]
    case .i8: return [try zipMap(a, b, dimensions, Int8.self) { Self.apply(integers: $0, $1) }]
    case .u8: return [try zipMap(a, b, dimensions, UInt8.self) { Self.apply(integers: $0, $1) }]
    case .i32: return [try zipMap(a, b, dimensions, Int32.self) { Self.apply(integers: $0, $1) }]
    case .i64: return [try zipMap(a, b, dimensions, Int64.self) { Self.apply(integers: $0, $1) }]
    case .bf16, .f16, .bool: throw unsupported(a)
    }
  }
}

extension Add: BinaryKernel {
  static func apply<T: Real>(_ a: T, _ b: T) -> T { a + b }
  static func apply<T: FixedWidthInteger>(integers a: T, _ b: T) -> T { a &+ b }
}

extension Subtract: BinaryKernel {
  static func apply<T: Real>(_ a: T, _ b: T) -> T { a - b }
  static func apply<T: FixedWidthInteger>(integers a: T, _ b: T) -> T { a &- b }
}

extension Multiply: BinaryKernel {
  static func apply<T: Real>(_ a: T, _ b: T) -> T { a * b }
  static func apply<T: FixedWidthInteger>(integers a: T, _ b: T) -> T { a &* b }
}

extension Divide: BinaryKernel {
  static func apply<T: Real>(_ a: T, _ b: T) -> T { a / b }
  /// The least integer divided by −1 wraps to itself.
  static func apply<T: FixedWidthInteger>(integers a: T, _ b: T) -> T {
    b == 0 ? 0 : a.dividedReportingOverflow(by: b).partialValue
  }
}

extension Remainder: BinaryKernel {
  static func apply<T: Real>(_ a: T, _ b: T) -> T { a.truncatingRemainder(dividingBy: b) }
  static func apply<T: FixedWidthInteger>(integers a: T, _ b: T) -> T {
    b == 0 ? 0 : a.remainderReportingOverflow(dividingBy: b).partialValue
  }
}

extension Maximum: BinaryKernel {
  static func apply<T: Real>(_ a: T, _ b: T) -> T { a > b || a.isNaN ? a : b }
  static func apply<T: FixedWidthInteger>(integers a: T, _ b: T) -> T { max(a, b) }
}

extension Minimum: BinaryKernel {
  static func apply<T: Real>(_ a: T, _ b: T) -> T { a < b || a.isNaN ? a : b }
  static func apply<T: FixedWidthInteger>(integers a: T, _ b: T) -> T { min(a, b) }
}

extension Power: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let (a, b) = (operands[0], operands[1])
    let dimensions = try context.dimensions()
    switch a.dtype {
    // The C library's, for RealModule's has no powers of negative numbers and no 0⁰.
    case .f32: return [try zipMap(a, b, dimensions, Float.self) { a, b in powf(a, b) }]
    case .f64: return [try zipMap(a, b, dimensions, Double.self) { a, b in pow(a, b) }]
    case .bf16, .f16, .i8, .u8, .i32, .i64, .bool: throw unsupported(a)
    }
  }
}

/// A function of truth values, or of bits.
protocol LogicKernel: Interpretable {
  static func apply(_ a: Bool, _ b: Bool) -> Bool
  static func apply<T: FixedWidthInteger>(bits a: T, _ b: T) -> T
}

extension LogicKernel {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let (a, b) = (operands[0], operands[1])
    let dimensions = try context.dimensions()
    switch a.dtype {
    case .bool: return [try zipMap(a, b, dimensions, Bool.self) { Self.apply($0, $1) }]
    case .i8: return [try zipMap(a, b, dimensions, Int8.self) { Self.apply(bits: $0, $1) }]
    case .u8: return [try zipMap(a, b, dimensions, UInt8.self) { Self.apply(bits: $0, $1) }]
    case .i32: return [try zipMap(a, b, dimensions, Int32.self) { Self.apply(bits: $0, $1) }]
    case .i64: return [try zipMap(a, b, dimensions, Int64.self) { Self.apply(bits: $0, $1) }]
    case .f32, .f64, .bf16, .f16: throw unsupported(a)
    }
  }
}

extension And: LogicKernel {
  static func apply(_ a: Bool, _ b: Bool) -> Bool { a && b }
  static func apply<T: FixedWidthInteger>(bits a: T, _ b: T) -> T { a & b }
}

extension Or: LogicKernel {
  static func apply(_ a: Bool, _ b: Bool) -> Bool { a || b }
  static func apply<T: FixedWidthInteger>(bits a: T, _ b: T) -> T { a | b }
}

extension Xor: LogicKernel {
  static func apply(_ a: Bool, _ b: Bool) -> Bool { a != b }
  static func apply<T: FixedWidthInteger>(bits a: T, _ b: T) -> T { a ^ b }
}

/// A question about two numbers.
protocol ComparisonKernel: Interpretable {
  static func holds<T: Comparable>(_ a: T, _ b: T) -> Bool
}

extension ComparisonKernel {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let (a, b) = (operands[0], operands[1])
    let dimensions = try context.dimensions()
    switch a.dtype {
    case .f32: return [try zipMap(a, b, dimensions, Float.self, to: Bool.self) { Self.holds($0, $1) }]
    case .f64: return [try zipMap(a, b, dimensions, Double.self, to: Bool.self) { Self.holds($0, $1) }]
    case .i8: return [try zipMap(a, b, dimensions, Int8.self, to: Bool.self) { Self.holds($0, $1) }]
    case .u8: return [try zipMap(a, b, dimensions, UInt8.self, to: Bool.self) { Self.holds($0, $1) }]
    case .i32: return [try zipMap(a, b, dimensions, Int32.self, to: Bool.self) { Self.holds($0, $1) }]
    case .i64: return [try zipMap(a, b, dimensions, Int64.self, to: Bool.self) { Self.holds($0, $1) }]
    case .bool:
      return [try zipMap(a, b, dimensions, Bool.self, to: Bool.self) { Self.holds($0 ? 1 : 0, $1 ? 1 : 0) }]
    case .bf16, .f16: throw unsupported(a)
    }
  }
}

extension Equal: ComparisonKernel { static func holds<T: Comparable>(_ a: T, _ b: T) -> Bool { a == b } }
extension NotEqual: ComparisonKernel { static func holds<T: Comparable>(_ a: T, _ b: T) -> Bool { a != b } }
extension Less: ComparisonKernel { static func holds<T: Comparable>(_ a: T, _ b: T) -> Bool { a < b } }
extension LessEqual: ComparisonKernel { static func holds<T: Comparable>(_ a: T, _ b: T) -> Bool { a <= b } }
extension Greater: ComparisonKernel { static func holds<T: Comparable>(_ a: T, _ b: T) -> Bool { a > b } }
extension GreaterEqual: ComparisonKernel { static func holds<T: Comparable>(_ a: T, _ b: T) -> Bool { a >= b } }

extension Select: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    var choose = Choose(condition: operands[0], a: operands[1], b: operands[2], dimensions: try context.dimensions())
    return [try operands[1].dtype.dispatch(&choose)]
  }
}

private struct Choose: TensorElementVisitor {
  let condition: Tensor
  let a: Tensor
  let b: Tensor
  let dimensions: [Int]

  func visit<T: TensorElement>(_ type: T.Type) throws -> Tensor {
    var y = try Tensor(uninitialized: T.dtype, dimensions)
    let walk = StridedWalk(
      sizes: dimensions,
      strides: [StridedWalk.dense(dimensions)]
        + [condition, a, b].map { StridedWalk.broadcast($0.dimensions, to: dimensions) })
    let (sc, sa, sb) = (walk.innerStride(1), walk.innerStride(2), walk.innerStride(3))
    let pc = condition.address(of: Bool.self)
    let (pa, pb, py) = (a.address(of: T.self), b.address(of: T.self), y.mutableAddress(of: T.self))
    let n = walk.innerSize
    var rows = walk.rows()
    while rows.advance() {
      let (y, c) = (py + rows.offsets[0], pc + rows.offsets[1])
      let (a, b) = (pa + rows.offsets[2], pb + rows.offsets[3])
      for i in 0..<n { y[i] = c[i * sc] ? a[i * sa] : b[i * sb] }
    }
    extendLifetime(condition)
    extendLifetime(a)
    extendLifetime(b)
    return y
  }
}
