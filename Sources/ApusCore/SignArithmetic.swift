/// Arithmetic that is written with signs and can fail: `try a * b + 1`.
///
/// The values of graphs conform, in ApusOperators, where the operators' types are. The signs are declared here, so that
/// a program that imports Apus finds them without the operators' types.
public protocol SignArithmetic {
  static prefix func - (x: Self) throws -> Self

  static func + (a: Self, b: Self) throws -> Self
  static func - (a: Self, b: Self) throws -> Self
  static func * (a: Self, b: Self) throws -> Self
  static func / (a: Self, b: Self) throws -> Self

  static func + (a: Self, b: Double) throws -> Self
  static func - (a: Self, b: Double) throws -> Self
  static func * (a: Self, b: Double) throws -> Self
  static func / (a: Self, b: Double) throws -> Self

  static func + (a: Double, b: Self) throws -> Self
  static func - (a: Double, b: Self) throws -> Self
  static func * (a: Double, b: Self) throws -> Self
  static func / (a: Double, b: Self) throws -> Self
}
