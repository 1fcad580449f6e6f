import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// A reduction as arithmetic on registers.
public protocol ReductionLowerable: ReductionOperator {
  /// What folding nothing gives, in each lane.
  func identity(_ type: RegisterType, _ dtype: DType, _ builder: KernelBuilder) -> Register
  /// - Parameter dtype: of the elements; of a sum of many `f32` it may be `f64`.
  func combine(_ a: Register, _ b: Register, _ dtype: DType, _ builder: KernelBuilder) -> Register
  /// Whether elements are added, beginning with 0: then rounding errors must not grow with their number, and blocks of
  /// them are added up in double precision.
  var isSum: Bool { get }
  /// Whether parts of the elements may be folded by themselves, and their results then, without a change of any bit that
  /// matters.
  var isSplittable: Bool { get }
}

extension ReductionLowerable {
  public var isSum: Bool { false }
  public var isSplittable: Bool { true }
}

extension ReduceSum: ReductionLowerable {
  public var isSum: Bool { true }
  public var isSplittable: Bool { false }
  public func identity(_ type: RegisterType, _ dtype: DType, _ builder: KernelBuilder) -> Register {
    builder.constant(0, type)
  }
  public func combine(_ a: Register, _ b: Register, _ dtype: DType, _ builder: KernelBuilder) -> Register {
    builder.binary(.add, a, b)
  }
}

extension ReduceProduct: ReductionLowerable {
  public var isSplittable: Bool { false }
  public func identity(_ type: RegisterType, _ dtype: DType, _ builder: KernelBuilder) -> Register {
    builder.constant(1, type)
  }
  public func combine(_ a: Register, _ b: Register, _ dtype: DType, _ builder: KernelBuilder) -> Register {
    builder.binary(.multiply, a, b)
  }
}

extension ReduceMax: ReductionLowerable {
  public func identity(_ type: RegisterType, _ dtype: DType, _ builder: KernelBuilder) -> Register {
    builder.leastElement(type, dtype)
  }
  public func combine(_ a: Register, _ b: Register, _ dtype: DType, _ builder: KernelBuilder) -> Register {
    builder.extremum(a, b, isMaximum: true, dtype)
  }
}

extension ReduceMin: ReductionLowerable {
  public func identity(_ type: RegisterType, _ dtype: DType, _ builder: KernelBuilder) -> Register {
    builder.greatestElement(type, dtype)
  }
  public func combine(_ a: Register, _ b: Register, _ dtype: DType, _ builder: KernelBuilder) -> Register {
    builder.extremum(a, b, isMaximum: false, dtype)
  }
}

extension ReduceAny: ReductionLowerable {
  public func identity(_ type: RegisterType, _ dtype: DType, _ builder: KernelBuilder) -> Register {
    builder.constant(0, type)
  }
  public func combine(_ a: Register, _ b: Register, _ dtype: DType, _ builder: KernelBuilder) -> Register {
    builder.binary(.or, a, b)
  }
}

extension ReduceAll: ReductionLowerable {
  public func identity(_ type: RegisterType, _ dtype: DType, _ builder: KernelBuilder) -> Register {
    builder.constant(1, type)
  }
  public func combine(_ a: Register, _ b: Register, _ dtype: DType, _ builder: KernelBuilder) -> Register {
    builder.binary(.and, a, b)
  }
}

extension KernelBuilder {
  /// −∞, or the least integer.
  func leastElement(_ type: RegisterType, _ dtype: DType) -> Register {
    switch dtype.kind {
    case .floating: constant(-Double.infinity, type)
    case .signed: constant(bits: 1 << UInt64(type.scalar.bits - 1), type)
    case .unsigned, .boolean: constant(0, type)
    }
  }

  /// ∞, or the largest integer.
  func greatestElement(_ type: RegisterType, _ dtype: DType) -> Register {
    switch dtype.kind {
    case .floating: constant(Double.infinity, type)
    case .signed: constant(bits: 1 << UInt64(type.scalar.bits - 1) - 1, type)
    case .unsigned: constant(-1, type)
    case .boolean: constant(1, type)
    }
  }
}
