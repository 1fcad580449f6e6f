import ApusCore
import ApusGraph
import ApusOperators
import RealModule

/// A function of one real number.
protocol RealKernel: Interpretable {
  static func apply<T: Real>(_ x: T) -> T
}

extension RealKernel {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let x = operands[0]
    switch x.dtype {
    case .f32: return [try map(x, Float.self) { Self.apply($0) }]
    case .f64: return [try map(x, Double.self) { Self.apply($0) }]
    case .bf16, .f16, .i8, .u8, .i32, .i64, .bool: throw unsupported(x)
    }
  }
}

/// A function of one number of any arithmetic type.
protocol NumericKernel: RealKernel {
  static func apply<T: FixedWidthInteger>(integer x: T) -> T
}

extension NumericKernel {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let x = operands[0]
    switch x.dtype {
    case .f32: return [try map(x, Float.self) { Self.apply($0) }]
    case .f64: return [try map(x, Double.self) { Self.apply($0) }]
    case .i8: return [try map(x, Int8.self) { Self.apply(integer: $0) }]
    case .u8: return [try map(x, UInt8.self) { Self.apply(integer: $0) }]
    case .i32: return [try map(x, Int32.self) { Self.apply(integer: $0) }]
    case .i64: return [try map(x, Int64.self) { Self.apply(integer: $0) }]
    case .bf16, .f16, .bool: throw unsupported(x)
    }
  }
}

extension Operator {
  /// The record admits no such operand, so the graph's rules were broken.
  func unsupported(_ x: Tensor) -> ApusError { .defect("\(name) has no kernel for \(x.dtype)") }
}

extension Exp: RealKernel { static func apply<T: Real>(_ x: T) -> T { .exp(x) } }
extension Expm1: RealKernel { static func apply<T: Real>(_ x: T) -> T { .expMinusOne(x) } }
extension Log: RealKernel { static func apply<T: Real>(_ x: T) -> T { .log(x) } }
extension Log1p: RealKernel { static func apply<T: Real>(_ x: T) -> T { .log(onePlus: x) } }
extension Sqrt: RealKernel { static func apply<T: Real>(_ x: T) -> T { x.squareRoot() } }
extension Rsqrt: RealKernel { static func apply<T: Real>(_ x: T) -> T { 1 / x.squareRoot() } }
extension Reciprocal: RealKernel { static func apply<T: Real>(_ x: T) -> T { 1 / x } }
extension Sin: RealKernel { static func apply<T: Real>(_ x: T) -> T { .sin(x) } }
extension Cos: RealKernel { static func apply<T: Real>(_ x: T) -> T { .cos(x) } }
extension Tan: RealKernel { static func apply<T: Real>(_ x: T) -> T { .tan(x) } }
extension Tanh: RealKernel { static func apply<T: Real>(_ x: T) -> T { .tanh(x) } }
extension Erf: RealKernel { static func apply<T: Real>(_ x: T) -> T { .erf(x) } }
extension Floor: RealKernel { static func apply<T: Real>(_ x: T) -> T { x.rounded(.down) } }
extension Ceil: RealKernel { static func apply<T: Real>(_ x: T) -> T { x.rounded(.up) } }
extension Round: RealKernel { static func apply<T: Real>(_ x: T) -> T { x.rounded(.toNearestOrEven) } }

extension Sigmoid: RealKernel {
  /// From the side on which the exponential stays below 1, so that nothing overflows and no digits cancel.
  static func apply<T: Real>(_ x: T) -> T {
    let e = T.exp(-x.magnitude)
    return x.sign == .minus ? e / (1 + e) : 1 / (1 + e)
  }
}

extension Negate: NumericKernel {
  static func apply<T: Real>(_ x: T) -> T { -x }
  static func apply<T: FixedWidthInteger>(integer x: T) -> T { 0 &- x }
}

extension Abs: NumericKernel {
  static func apply<T: Real>(_ x: T) -> T { x.magnitude }
  static func apply<T: FixedWidthInteger>(integer x: T) -> T { x < 0 ? 0 &- x : x }
}

extension Sign: NumericKernel {
  static func apply<T: Real>(_ x: T) -> T { x > 0 ? 1 : x < 0 ? -1 : x }
  static func apply<T: FixedWidthInteger>(integer x: T) -> T { x.signum() }
}

extension StopGradient: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] { [operands[0]] }
}

extension Not: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let x = operands[0]
    switch x.dtype {
    case .bool: return [try map(x, Bool.self) { !$0 }]
    case .i8: return [try map(x, Int8.self) { ~$0 }]
    case .u8: return [try map(x, UInt8.self) { ~$0 }]
    case .i32: return [try map(x, Int32.self) { ~$0 }]
    case .i64: return [try map(x, Int64.self) { ~$0 }]
    case .f32, .f64, .bf16, .f16: throw unsupported(x)
    }
  }
}

/// A question about one real number.
protocol PredicateKernel: Interpretable {
  static func holds<T: BinaryFloatingPoint>(_ x: T) -> Bool
}

extension PredicateKernel {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let x = operands[0]
    switch x.dtype {
    case .f32: return [try map(x, Float.self, to: Bool.self) { Self.holds($0) }]
    case .f64: return [try map(x, Double.self, to: Bool.self) { Self.holds($0) }]
    case .bf16, .f16, .i8, .u8, .i32, .i64, .bool: throw unsupported(x)
    }
  }
}

extension IsNaN: PredicateKernel { static func holds<T: BinaryFloatingPoint>(_ x: T) -> Bool { x.isNaN } }
extension IsFinite: PredicateKernel { static func holds<T: BinaryFloatingPoint>(_ x: T) -> Bool { x.isFinite } }

extension Cast: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    if operands[0].dtype == dtype { return [operands[0]] }
    var read = CastFrom(x: operands[0], to: dtype)
    return [try operands[0].dtype.dispatch(&read)]
  }
}

private struct CastFrom: TensorElementVisitor {
  let x: Tensor
  let to: DType

  func visit<From: TensorElement>(_ type: From.Type) throws -> Tensor {
    // The two casts that a training step does are worth a loop of their own.
    if From.self == UInt8.self, to == .f32 { return try map(x, UInt8.self, to: Float.self) { Float($0) } }
    if From.self == Bool.self, to == .f32 { return try map(x, Bool.self, to: Float.self) { $0 ? 1 : 0 } }
    var write = CastTo<From>(x: x)
    return try to.dispatch(&write)
  }
}

private struct CastTo<From: TensorElement>: TensorElementVisitor {
  let x: Tensor

  /// Through `Int64` between integers, which is exact, else through a double.
  func visit<To: TensorElement>(_ type: To.Type) throws -> Tensor {
    From.dtype.isFloating
      ? try map(x, From.self, to: To.self) { To(converting: $0.asDouble) }
      : try map(x, From.self, to: To.self) { To(converting: $0.asInt64) }
  }
}
