/// The type of one tensor element.
///
/// The raw value is the name the text format, messages and the command line use.
public enum DType: String, CaseIterable, Sendable, Hashable, CustomStringConvertible {
  case f32, f64, bf16, f16
  case i8, u8, i32, i64
  case bool

  /// What kind of number the type holds; shape rules and passes ask this instead of listing types.
  public enum Kind: Sendable, Hashable { case floating, signed, unsigned, boolean }

  public var kind: Kind {
    switch self {
    case .f32, .f64, .bf16, .f16: .floating
    case .i8, .i32, .i64: .signed
    case .u8: .unsigned
    case .bool: .boolean
    }
  }

  public var isFloating: Bool { kind == .floating }
  public var isInteger: Bool { kind == .signed || kind == .unsigned }
  public var isNumeric: Bool { kind != .boolean }

  /// Bytes of one element in memory; a `bool` is one byte, 0 or 1.
  public var byteCount: Int {
    switch self {
    case .f64, .i64: 8
    case .f32, .i32: 4
    case .bf16, .f16: 2
    case .i8, .u8, .bool: 1
    }
  }

  public var description: String { rawValue }
}

/// A Swift type that a tensor can hold: the static counterpart of `DType`.
public protocol TensorElement: BitwiseCopyable, Hashable, Sendable {
  static var dtype: DType { get }

  /// The element nearest to `value`: floats round to nearest even, integers truncate towards zero and
  /// saturate (NaN gives 0), `bool` is `value != 0`. This is the meaning of the operator `cast`.
  init(converting value: Double)

  /// The element nearest to `value`; integers wrap modulo 2ⁿ as two's complement does.
  init(converting value: Int64)

  /// The element as a double; exact for every type but `i64`, which rounds beyond 2⁵³.
  var asDouble: Double { get }

  /// The element as an `Int64`, floats truncated and saturated as in `init(converting:)`.
  var asInt64: Int64 { get }
}

extension TensorElement where Self: BinaryFloatingPoint {
  @inlinable public init(converting value: Double) { self.init(value) }
  @inlinable public init(converting value: Int64) { self.init(value) }
  @inlinable public var asDouble: Double { Double(self) }
  @inlinable public var asInt64: Int64 { Int64(converting: Double(self)) }
}

extension TensorElement where Self: FixedWidthInteger {
  @inlinable public init(converting value: Double) {
    if let exact = Self(exactly: value.rounded(.towardZero)) {
      self = exact
    } else if value.isNaN {
      self = 0
    } else {
      self = value < 0 ? .min : .max
    }
  }
  @inlinable public init(converting value: Int64) { self.init(truncatingIfNeeded: value) }
  @inlinable public var asDouble: Double { Double(self) }
  @inlinable public var asInt64: Int64 { Int64(truncatingIfNeeded: self) }
}

extension Float: TensorElement { public static var dtype: DType { .f32 } }
extension Double: TensorElement { public static var dtype: DType { .f64 } }
extension Float16: TensorElement { public static var dtype: DType { .f16 } }
extension Int8: TensorElement { public static var dtype: DType { .i8 } }
extension UInt8: TensorElement { public static var dtype: DType { .u8 } }
extension Int32: TensorElement { public static var dtype: DType { .i32 } }
extension Int64: TensorElement { public static var dtype: DType { .i64 } }

extension Bool: TensorElement {
  public static var dtype: DType { .bool }
  @inlinable public init(converting value: Double) { self = value != 0 }
  @inlinable public init(converting value: Int64) { self = value != 0 }
  @inlinable public var asDouble: Double { self ? 1 : 0 }
  @inlinable public var asInt64: Int64 { self ? 1 : 0 }
}

/// The upper half of an IEEE single: 8 bits of exponent, 7 of fraction. A storage type; arithmetic happens in `f32`.
public struct BFloat16: TensorElement {
  public var bitPattern: UInt16

  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  /// Rounds to nearest, ties to even; a NaN stays a (quiet) NaN.
  @inlinable public init(_ value: Float) {
    let bits = value.bitPattern
    if value.isNaN {
      bitPattern = UInt16(bits >> 16) | 0x0040
    } else {
      bitPattern = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
    }
  }

  public static var dtype: DType { .bf16 }

  /// Rounds once: through a single that keeps a sticky bit, so that the two roundings cannot compound.
  @inlinable public init(converting value: Double) {
    let single = Float(value)
    guard Double(single) != value, single.isFinite else {
      self.init(single)
      return
    }
    // Round to odd in f32: then rounding to bf16 sees on which side of a tie the double lay.
    let truncated = abs(Double(single)) > abs(value) ? Float(bitPattern: single.bitPattern - 1) : single
    self.init(Float(bitPattern: truncated.bitPattern | 1))
  }
  /// Rounds once: what a double cannot hold is kept as a sticky bit, far below the eight that stay.
  @inlinable public init(converting value: Int64) {
    let sticky: Int64 = value.magnitude < 1 << 53 ? value : value & ~0x3FF | (value & 0x3FF == 0 ? 0 : 0x400)
    self.init(converting: Double(sticky))
  }
  @inlinable public var asFloat: Float { Float(bitPattern: UInt32(bitPattern) << 16) }
  @inlinable public var asDouble: Double { Double(asFloat) }
  @inlinable public var asInt64: Int64 { Int64(converting: asDouble) }
}

/// A computation that is generic over the element type, for `DType.dispatch`.
public protocol TensorElementVisitor<Result> {
  associatedtype Result
  mutating func visit<Element: TensorElement>(_ type: Element.Type) throws -> Result
}

extension DType {
  /// Calls `visitor` with this type's Swift counterpart. The one switch from the dynamic to the static type:
  /// each case is a separate, specialized call.
  @inlinable public func dispatch<Visitor: TensorElementVisitor>(_ visitor: inout Visitor) throws -> Visitor.Result {
    switch self {
    case .f32: try visitor.visit(Float.self)
    case .f64: try visitor.visit(Double.self)
    case .bf16: try visitor.visit(BFloat16.self)
    case .f16: try visitor.visit(Float16.self)
    case .i8: try visitor.visit(Int8.self)
    case .u8: try visitor.visit(UInt8.self)
    case .i32: try visitor.visit(Int32.self)
    case .i64: try visitor.visit(Int64.self)
    case .bool: try visitor.visit(Bool.self)
    }
  }
}
