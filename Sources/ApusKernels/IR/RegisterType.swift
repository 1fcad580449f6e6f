import ApusCore

/// What a register of a kernel holds: one number, or several of the same type side by side.
public struct RegisterType: Hashable, Sendable, CustomStringConvertible {
  public var scalar: ScalarType
  /// 1: a scalar.
  public var lanes: Int

  public init(_ scalar: ScalarType, lanes: Int = 1) {
    self.scalar = scalar
    self.lanes = lanes
  }

  /// Positions in buffers and numbers of iterations.
  public static let index = RegisterType(.i64)

  public func with(_ scalar: ScalarType) -> RegisterType { RegisterType(scalar, lanes: lanes) }
  public func with(lanes: Int) -> RegisterType { RegisterType(scalar, lanes: lanes) }

  /// `f32`, `f32x16`
  public var description: String { lanes == 1 ? scalar.rawValue : "\(scalar.rawValue)x\(lanes)" }
}

/// A number in a register. Integers have no sign of their own: instructions say how they read them.
public enum ScalarType: String, Hashable, Sendable, CaseIterable {
  case i1, i8, i16, i32, i64, f32, f64

  public var isFloating: Bool { self == .f32 || self == .f64 }

  public var bits: Int {
    switch self {
    case .i1: 1
    case .i8: 8
    case .i16: 16
    case .i32, .f32: 32
    case .i64, .f64: 64
    }
  }
}

extension DType {
  /// The register type of one element. Half floats travel as their 16 bits: only casts compute with them.
  public var scalarType: ScalarType {
    switch self {
    case .f32: .f32
    case .f64: .f64
    case .bf16, .f16: .i16
    case .i8, .u8: .i8
    case .i32: .i32
    case .i64: .i64
    case .bool: .i1
    }
  }
}
