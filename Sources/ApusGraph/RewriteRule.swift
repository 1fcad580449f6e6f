/// One of the rewrites that a pass makes: its record lists it, and the pass names it when it asks whether it may rewrite.
///
/// ```swift
/// static let square = RewriteRule("square", "x² → x · x")
/// ```
public struct RewriteRule: Sendable, Hashable {
  public let name: String
  /// One line: left side, arrow, right side, and the condition.
  public let law: String
  /// How closely the right side agrees with the left one.
  public let precision: PassPrecision

  public init(_ name: String, _ law: String, _ precision: PassPrecision = .exact) {
    (self.name, self.law, self.precision) = (name, law, precision)
  }
}
