import Apus
import ApusKernels
import ApusLowering
import ApusOperators
import Foundation

/// ln σ(x) = −ln(1 + e⁻ˣ), exact in both tails: `x.sigmoid().log()` is −∞ below −104 in f32.
public struct LogSigmoid: UnaryOperator {
  public init() {}
  public static let record = unary("log_sigmoid", "−ln(1 + e⁻ˣ), exact in both tails", family: .activation)
  // ∂y/∂x = 1 − σ(x) = 1 − eʸ
  public func cotangent(_ x: Value, _ y: Value, _ g: Value) throws -> Value? { try -(g * y.expm1()) }
}

extension Value {
  /// ln σ(x), elementwise.
  public func logSigmoid() throws -> Value { try apply(LogSigmoid()) }
}

/// The reference kernel.
extension LogSigmoid: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    func f(_ x: Double) -> Double { min(x, 0) - log1p(exp(-abs(x))) }
    let x = operands[0]
    switch x.dtype {
    case .f32: return [try Tensor(x.doubles().map { Float(f($0)) }, x.dimensions)]
    case .f64: return [try Tensor(x.doubles().map(f), x.dimensions)]
    case .bf16, .f16, .i8, .u8, .i32, .i64, .bool:
      throw ApusError.input("log_sigmoid has no kernel for \(x.dtype)")
    }
  }
}

/// Native code: the same formula on registers, each of one element or of a vector of them. At most 4 ULP.
extension LogSigmoid: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register {
    let b = context.builder
    let zero = b.constant(0.0, b.type(of: x[0]))
    let tail = b.log1p(b.exp(b.unary(.negate, b.abs(x[0]))))
    return b.binary(.subtract, b.minimum(x[0], zero), tail)
  }
}
