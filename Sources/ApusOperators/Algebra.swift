import ApusCore
import ApusGraph

/// What a binary operator does with special constants. Simplification reads this instead of knowing operators by name.
///
/// A law is declared only if it holds bit for bit, including NaN, infinities and −0. For floats x + 0 is not x (it turns
/// −0 into 0) but x + −0 is; x · 0 is not 0 (NaN, infinity, −0).
public protocol AlgebraicOperator: BinaryOperator {
  /// e with x ∘ e = x for all x of this type.
  func rightIdentity(_ dtype: DType) -> Double?
  /// e with e ∘ x = x for all x of this type.
  func leftIdentity(_ dtype: DType) -> Double?
  /// z with x ∘ z = z for all x of this type.
  func rightAbsorber(_ dtype: DType) -> Double?
}

extension AlgebraicOperator {
  public func leftIdentity(_ dtype: DType) -> Double? {
    traits.contains(.commutative) ? rightIdentity(dtype) : nil
  }
  public func rightAbsorber(_ dtype: DType) -> Double? { nil }
}

extension Add: AlgebraicOperator {
  public func rightIdentity(_ dtype: DType) -> Double? { dtype.isFloating ? -0.0 : 0 }
}

extension Subtract: AlgebraicOperator {
  public func rightIdentity(_ dtype: DType) -> Double? { 0 }
}

extension Multiply: AlgebraicOperator {
  public func rightIdentity(_ dtype: DType) -> Double? { 1 }
  public func rightAbsorber(_ dtype: DType) -> Double? { dtype.isInteger ? 0 : nil }
}

extension Divide: AlgebraicOperator {
  public func rightIdentity(_ dtype: DType) -> Double? { 1 }
}

extension Power: AlgebraicOperator {
  public func rightIdentity(_ dtype: DType) -> Double? { 1 }
}

// Neither commutes for floats: of 0 and −0 the result is the second.

extension Maximum: AlgebraicOperator {
  public func rightIdentity(_ dtype: DType) -> Double? { dtype.isFloating ? -.infinity : nil }
  public func leftIdentity(_ dtype: DType) -> Double? { rightIdentity(dtype) }
}

extension Minimum: AlgebraicOperator {
  public func rightIdentity(_ dtype: DType) -> Double? { dtype.isFloating ? .infinity : nil }
  public func leftIdentity(_ dtype: DType) -> Double? { rightIdentity(dtype) }
}

extension And: AlgebraicOperator {
  public func rightIdentity(_ dtype: DType) -> Double? { dtype == .bool ? 1 : nil }
  public func rightAbsorber(_ dtype: DType) -> Double? { 0 }
}

extension Or: AlgebraicOperator {
  public func rightIdentity(_ dtype: DType) -> Double? { 0 }
  public func rightAbsorber(_ dtype: DType) -> Double? { dtype == .bool ? 1 : nil }
}

extension Xor: AlgebraicOperator {
  public func rightIdentity(_ dtype: DType) -> Double? { 0 }
}

/// An operator that composes with itself: two in a row are one.
public protocol ComposableOperator: Operator {
  /// The operator that does what this one does after `inner`; nil if there is none.
  /// - Parameter x: the type that `inner` is applied to.
  func composed(after inner: Self, _ x: TensorType) -> Self?
}

extension Reshape: ComposableOperator {
  public func composed(after inner: Reshape, _ x: TensorType) -> Reshape? { self }
}

extension Transpose: ComposableOperator {
  public func composed(after inner: Transpose, _ x: TensorType) -> Transpose? {
    Transpose(permutation.map { inner.permutation[$0] })
  }
}

extension Broadcast: ComposableOperator {
  public func composed(after inner: Broadcast, _ x: TensorType) -> Broadcast? { self }
}

extension Cast: ComposableOperator {
  /// Only if the first cast loses nothing: the intermediate type represents each value of `x`'s type exactly.
  public func composed(after inner: Cast, _ x: TensorType) -> Cast? {
    x.dtype.isExact(in: inner.dtype) && inner.dtype.kind == x.dtype.kind ? self : nil
  }
}

extension DType {
  /// Whether `other` represents every value of this type exactly.
  func isExact(in other: DType) -> Bool {
    switch (self, other) {
    case (.f32, .f64), (.bf16, .f32), (.bf16, .f64), (.f16, .f32), (.f16, .f64): true
    case (.i8, .i32), (.i8, .i64), (.i32, .i64): true
    default: self == other
    }
  }
}

/// A reduction that returns a single element unchanged, bit for bit. The sum does not: 0 + −0 is 0.
public protocol SingletonPreserving: ReductionOperator {}

extension ReduceMax: SingletonPreserving {}
extension ReduceMin: SingletonPreserving {}
extension ReduceProduct: SingletonPreserving {}
extension ReduceAny: SingletonPreserving {}
extension ReduceAll: SingletonPreserving {}

extension Size {
  /// The size of the axis; nil while it is a symbol.
  public func determinedResult(_ operands: [TensorType]) -> Tensor? {
    let position = axis < 0 ? axis + operands[0].rank : axis
    return operands[0].shape[position].number.map { Tensor(scalar: Int64($0)) }
  }
}
