import ApusCore

/// A number that is equal to another if its bits are: 0.0 and -0.0 are two numbers, and NaN is equal to NaN, of which there
/// is one.
///
/// Operators declare their floating-point attributes with it, so that nodes are merged only if they compute the same:
/// ```swift
/// @ComparedByBits public var slope = 0.2
/// ```
@propertyWrapper public struct ComparedByBits: Hashable, Sendable {
  private var bits: UInt64

  public init(wrappedValue: Double) { bits = Self.bits(wrappedValue) }

  public var wrappedValue: Double {
    get { Double(bitPattern: bits) }
    set { bits = Self.bits(newValue) }
  }

  /// Texts have one NaN, without sign and payload.
  private static func bits(_ x: Double) -> UInt64 { x.canonical.bitPattern }
}
