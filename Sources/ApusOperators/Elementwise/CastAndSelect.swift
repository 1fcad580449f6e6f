import ApusCore
import ApusGraph

/// The nearest element of another type; see `TensorElement.init(converting:)` for rounding and saturation.
public struct Cast: Operator {
  public var dtype = DType.f32

  public init() {}
  public init(_ dtype: DType) { self.dtype = dtype }

  public static let record = OperatorRecord(
    "cast", .elementwise,
    "x as another type: floats round to nearest even, float to integer truncates and saturates, NaN becomes 0",
    operands: [OperandRecord("x", .any)],
    attributes: [attribute("dtype", \.dtype, "the type of the result", required: true)], traits: .elementwise)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    [operands[0].with(dtype: dtype)]
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let x = context.operands[0]
    guard dtype.isFloating else { throw NotDifferentiable("its result is of type \(dtype)") }
    // ∂y/∂x = 1
    return [x.dtype.isFloating ? try context.cotangent.cast(to: x.dtype) : nil]
  }

  public func isIdentity(_ operands: [TensorType], _ results: [TensorType]) -> Bool { operands[0].dtype == dtype }
}

/// a if the condition holds, else b.
public struct Select: Operator {
  public init() {}

  public static let record = OperatorRecord(
    "select", .elementwise, "a where the condition holds, b elsewhere; all three broadcast",
    operands: [OperandRecord("condition", .boolean), OperandRecord("a", .any), OperandRecord("b", .any)],
    traits: .elementwise)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let (condition, a, b) = (operands[0], operands[1], operands[2])
    guard a.dtype == b.dtype else {
      throw TypeError("both choices must have one element type, not \(a.dtype) and \(b.dtype)", operand: 2)
    }
    guard let choice = Shape.broadcast(a.shape, b.shape), let shape = Shape.broadcast(condition.shape, choice) else {
      throw TypeError("the shapes \(condition.shape), \(a.shape) and \(b.shape) do not broadcast")
    }
    return [TensorType(a.dtype, shape)]
  }

  // ∂y/∂a = 1 if the condition holds, ∂y/∂b = 1 otherwise
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let g = try context.cotangent
    let (condition, a, b) = (context.operands[0], context.operands[1], context.operands[2])
    let zero = try g.scalar(0)
    return [
      nil,
      context.wanted[1] ? try condition.select(g, zero).summed(to: a.shape) : nil,
      context.wanted[2] ? try condition.select(zero, g).summed(to: b.shape) : nil,
    ]
  }
}

extension Value {
  /// This value as another element type; itself if it has it already.
  public func cast(to dtype: DType) throws -> Value { dtype == self.dtype ? self : try apply(Cast(dtype)) }

  /// `a` if this condition holds, else `b`.
  public func select(_ a: Value, _ b: Value) throws -> Value { try builder.append(Select(), [self, a, b])[0] }
}
