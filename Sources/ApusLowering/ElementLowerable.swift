import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// An elementwise operator as arithmetic on registers: one element, or a vector of them.
public protocol ElementLowerable: Operator {
  /// - Parameter x: the operands, all of as many lanes.
  /// - Returns: a register of the result's type and as many lanes.
  func element(_ x: [Register], _ context: ElementContext) -> Register
}

/// What an elementwise operator is lowered with.
public struct ElementContext {
  public let builder: KernelBuilder
  /// Of the operands.
  public let dtypes: [DType]
  public let result: DType
  /// Lanes that hold elements, where some do not.
  public let mask: Register?
  let failure: (_ message: String, _ help: String) -> Int
}

// MARK: One operand

extension Negate: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register {
    let b = context.builder
    let type = b.type(of: x[0])
    return type.scalar.isFloating ? b.unary(.negate, x[0]) : b.binary(.subtract, b.constant(0, type), x[0])
  }
}

extension Abs: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register {
    let b = context.builder
    let type = b.type(of: x[0])
    if type.scalar.isFloating { return b.unary(.absolute, x[0]) }
    if context.dtypes[0].kind == .unsigned { return x[0] }
    let zero = b.constant(0, type)
    return b.select(b.compare(.less, x[0], zero), b.binary(.subtract, zero, x[0]), x[0])
  }
}

extension Sign: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register {
    let b = context.builder
    let type = b.type(of: x[0])
    let (zero, one) = (b.constant(0, type), b.constant(1, type))
    if context.dtypes[0].kind == .unsigned { return b.select(b.compare(.equal, x[0], zero), zero, one) }
    let negative = b.select(b.compare(.less, x[0], zero), b.constant(-1, type), x[0])
    return b.select(b.compare(.greater, x[0], zero), one, negative)
  }
}

extension StopGradient: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { x[0] }
}

extension Not: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { context.builder.unary(.not, x[0]) }
}

extension Floor: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { context.builder.unary(.floor, x[0]) }
}
extension Ceil: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { context.builder.unary(.ceil, x[0]) }
}
extension Round: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { context.builder.unary(.round, x[0]) }
}
extension Sqrt: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register {
    context.builder.unary(.squareRoot, x[0])
  }
}
extension Reciprocal: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register {
    let b = context.builder
    return b.binary(.divide, b.constant(1.0, b.type(of: x[0])), x[0])
  }
}
extension Rsqrt: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { context.builder.rsqrt(x[0]) }
}
extension Exp: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { context.builder.exp(x[0]) }
}
extension Expm1: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { context.builder.expm1(x[0]) }
}
extension Log: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { context.builder.log(x[0]) }
}
extension Log1p: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { context.builder.log1p(x[0]) }
}
extension Sin: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { context.builder.sin(x[0]) }
}
extension Cos: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { context.builder.cos(x[0]) }
}
extension Tan: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { context.builder.tan(x[0]) }
}
extension Tanh: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { context.builder.tanh(x[0]) }
}
extension Sigmoid: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { context.builder.sigmoid(x[0]) }
}
extension Erf: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { context.builder.erf(x[0]) }
}

// MARK: Two operands

/// Floats by one instruction, integers by another.
private func arithmetic(_ x: [Register], _ context: ElementContext, _ op: Binary) -> Register {
  context.builder.binary(op, x[0], x[1])
}

/// A product that a sum may take in unrounded.
protocol ProductLowerable: ElementLowerable {}

/// A sum or difference, which takes in a product without rounding it first: one instruction instead of two.
protocol SumLowerable: ElementLowerable {
  /// The element where one operand is the product of two registers.
  func element(product: (Register, Register), isFirst: Bool, other: Register, _ builder: KernelBuilder) -> Register
}

extension Add: SumLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { arithmetic(x, context, .add) }

  func element(product: (Register, Register), isFirst: Bool, other: Register, _ builder: KernelBuilder) -> Register {
    builder.multiplyAdd(product.0, product.1, other)
  }
}
extension Subtract: SumLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { arithmetic(x, context, .subtract) }

  func element(product: (Register, Register), isFirst: Bool, other: Register, _ builder: KernelBuilder) -> Register {
    isFirst
      ? builder.multiplyAdd(product.0, product.1, builder.unary(.negate, other))
      : builder.multiplyAdd(builder.unary(.negate, product.0), product.1, other)
  }
}
extension Multiply: ProductLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { arithmetic(x, context, .multiply) }
}
extension Divide: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register {
    let b = context.builder
    if context.result.isFloating { return b.binary(.divide, x[0], x[1]) }
    return b.integerDivide(x[0], x[1], isSigned: context.result.kind == .signed)
  }
}
extension Remainder: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register {
    let b = context.builder
    if context.result.isFloating { return b.remainder(x[0], x[1]) }
    return b.integerRemainder(x[0], x[1], isSigned: context.result.kind == .signed)
  }
}
extension Power: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { context.builder.power(x[0], x[1]) }
}
extension Maximum: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register {
    context.builder.extremum(x[0], x[1], isMaximum: true, context.result)
  }
}
extension Minimum: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register {
    context.builder.extremum(x[0], x[1], isMaximum: false, context.result)
  }
}
extension And: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { arithmetic(x, context, .and) }
}
extension Or: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { arithmetic(x, context, .or) }
}
extension Xor: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { arithmetic(x, context, .xor) }
}

extension KernelBuilder {
  /// The larger or the smaller; NaN wins, and of equals (±0) the second, as the interpreter has it.
  func extremum(_ a: Register, _ b: Register, isMaximum: Bool, _ dtype: DType) -> Register {
    switch dtype.kind {
    case .signed: return binary(isMaximum ? .maximumSigned : .minimumSigned, a, b)
    case .unsigned: return binary(isMaximum ? .maximumUnsigned : .minimumUnsigned, a, b)
    case .boolean: return binary(isMaximum ? .or : .and, a, b)
    case .floating: return isMaximum ? maximum(a, b) : minimum(a, b)
    }
  }
}

// MARK: Comparisons, choices, casts

extension Comparison {
  /// The same question of unsigned numbers; `a` and `b` may have to change places.
  var unsigned: (comparison: Comparison, isSwapped: Bool) {
    switch self {
    case .less: (.lessUnsigned, false)
    case .lessEqual: (.lessEqualUnsigned, false)
    case .greater: (.lessUnsigned, true)
    case .greaterEqual: (.lessEqualUnsigned, true)
    case .equal, .notEqual, .lessUnsigned, .lessEqualUnsigned: (self, false)
    }
  }
}

private func compared(_ x: [Register], _ context: ElementContext, _ op: Comparison) -> Register {
  let b = context.builder
  switch context.dtypes[0].kind {
  case .floating, .signed: return b.compare(op, x[0], x[1])
  case .unsigned, .boolean:
    let (comparison, isSwapped) = op.unsigned
    return isSwapped ? b.compare(comparison, x[1], x[0]) : b.compare(comparison, x[0], x[1])
  }
}

extension Equal: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { compared(x, context, .equal) }
}
extension NotEqual: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { compared(x, context, .notEqual) }
}
extension Less: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { compared(x, context, .less) }
}
extension LessEqual: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { compared(x, context, .lessEqual) }
}
extension Greater: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { compared(x, context, .greater) }
}
extension GreaterEqual: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register { compared(x, context, .greaterEqual) }
}

extension IsNaN: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register {
    context.builder.compare(.notEqual, x[0], x[0])
  }
}

extension IsFinite: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register {
    let b = context.builder
    return b.compare(.less, b.unary(.absolute, x[0]), b.constant(Double.infinity, b.type(of: x[0])))
  }
}

extension Select: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register {
    context.builder.select(x[0], x[1], x[2])
  }
}

extension Cast: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register {
    context.builder.cast(x[0], from: context.dtypes[0], to: dtype)
  }
}

extension CheckIndex: ElementLowerable {
  public func element(_ x: [Register], _ context: ElementContext) -> Register {
    let b = context.builder
    let size = size
    let code = context.failure("{value} is out of range", outOfRangeHelp)
    let wide = b.cast(x[0], from: context.dtypes[0], to: .i64)
    let type = b.type(of: wide)
    var isBad = b.unary(.not, b.compare(.lessUnsigned, wide, b.constant(size, type)))
    if let mask = context.mask { isBad = b.binary(.and, isBad, mask) }
    let any = b.horizontal(isBad) { b.binary(.or, $0, $1) }
    b.branch(any) {
      for lane in 0..<type.lanes {
        b.fail(where: b.extract(isBad, lane: lane), code: code, value: b.extract(wide, lane: lane))
      }
      return []
    }
    return x[0]
  }
}
