import ApusCore

/// The declaration of a setting: how to read and set it on a component whose type is not known statically.
public struct SettingRecord: Sendable {
  public let name: String
  public let summary: String
  /// What it takes, for messages: `a number`.
  public let kind: String
  /// The numbers it may have; nil if it is not a number, or may be any finite one.
  public let range: SettingRange?
  /// Whether it must be given. The first required setting may be given without its name: `csv_logger(log.csv)`.
  public let isRequired: Bool
  /// Whether a whole specification names it even if it has its default. Those that came later are not, so that the texts of
  /// saved models stay what they were.
  let isShownByDefault: Bool
  /// `none` if it is absent unless given; nil if it is required.
  public let defaultText: String?
  /// The value's text; nil if it is absent.
  let read: @Sendable (any Component) -> String?
  /// The component with another value; nil if the text is not of this kind.
  let write: @Sendable (any Component, String) throws -> (any Component)?
  /// Throws what is wrong with a value that has parts.
  let check: @Sendable (any Component) throws -> Void
  /// The value, if it is a number.
  let number: @Sendable (any Component) -> Double?
}

extension Component {
  /// Declares the setting that `property` stores. Its default is its value in `Self()`.
  /// - Parameters:
  ///   - range: the numbers it may have; every finite one if nil.
  ///   - isShownByDefault: whether a whole specification names it even if it has its default.
  public static func setting<Stored: SettingValue>(
    _ name: String, _ property: WritableKeyPath<Self, Stored> & Sendable, in range: SettingRange? = nil,
    _ summary: String, required: Bool = false, isShownByDefault: Bool = true
  ) -> SettingRecord {
    SettingRecord(
      name: name, summary: summary, kind: Stored.settingKind, range: range, isRequired: required,
      isShownByDefault: isShownByDefault,
      defaultText: required ? nil : Self()[keyPath: property].settingText ?? "none",
      read: { ($0 as? Self)?[keyPath: property].settingText },
      write: { component, text in
        guard var typed = component as? Self, let value = try Stored.parsed(text) else { return nil }
        typed[keyPath: property] = value
        return typed
      },
      check: { try ($0 as? Self)?[keyPath: property].checkSetting() },
      number: { ($0 as? Self)?[keyPath: property].settingNumber })
  }
}

/// A range of numbers.
public struct SettingRange: Sendable, CustomStringConvertible {
  private let lower: Double
  private let includesLower: Bool
  private let upper: Double
  private let includesUpper: Bool

  /// Above 0.
  public static let positive = SettingRange(0, includesLower: false, .infinity, includesUpper: false)
  /// At most 0.
  public static let nonPositive = SettingRange(-.infinity, includesLower: false, 0, includesUpper: true)
  /// At least 0.
  public static let nonNegative = SettingRange(0, includesLower: true, .infinity, includesUpper: false)
  /// At least 0 and below 1: what remains of an average from step to step.
  public static let decay = SettingRange(0, includesLower: true, 1, includesUpper: false)
  /// From 0 to 1.
  public static let share = SettingRange(0, includesLower: true, 1, includesUpper: true)

  /// - Parameters:
  ///   - upper: infinity if the range has no end.
  public init(_ lower: Double, includesLower: Bool, _ upper: Double, includesUpper: Bool) {
    self.lower = lower
    self.includesLower = includesLower
    self.upper = upper
    self.includesUpper = includesUpper
  }

  /// NaN is in no range.
  public func contains(_ x: Double) -> Bool {
    (includesLower ? x >= lower : x > lower) && (includesUpper ? x <= upper : x < upper)
  }

  /// `at least 0 and below 1`
  public var description: String {
    var bounds: [String] = []
    if lower.isFinite { bounds.append((includesLower ? "at least " : "above ") + Self.text(lower)) }
    if upper.isFinite { bounds.append((includesUpper ? "at most " : "below ") + Self.text(upper)) }
    return bounds.joined(separator: " and ")
  }

  private static func text(_ x: Double) -> String { x == x.rounded() && abs(x) < 1e15 ? "\(Int(x))" : "\(x)" }
}
