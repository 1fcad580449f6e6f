/// A Swift type that a setting can have.
public protocol SettingValue: SendableType {
  /// What a text may hold, for messages: `a number`.
  static var settingKind: String { get }
  /// Nil if the text is not of this kind.
  init?(settingText: String)
  /// What `init` reads; nil for an absent value.
  var settingText: String? { get }
  /// What a range is compared with; nil if it is no number.
  var settingNumber: Double? { get }
}

extension SettingValue {
  public var settingNumber: Double? { nil }
}

extension Double: SettingValue {
  public static var settingKind: String { "a number" }
  public init?(settingText: String) {
    guard let x = Double(settingText), x.isFinite else { return nil }
    self = x
  }
  public var settingText: String? { "\(self)" }
  public var settingNumber: Double? { self }
}

extension Int: SettingValue {
  public static var settingKind: String { "a whole number" }
  public init?(settingText: String) { self.init(settingText) }
  public var settingText: String? { "\(self)" }
  public var settingNumber: Double? { Double(self) }
}

extension Bool: SettingValue {
  public static var settingKind: String { "true or false" }
  public init?(settingText: String) { self.init(settingText.lowercased()) }
  public var settingText: String? { "\(self)" }
}

extension String: SettingValue {
  public static var settingKind: String { "a text" }
  public init?(settingText: String) { self = settingText }
  /// In quotes unless it is a plain word.
  public var settingText: String? { ComponentText.quoted(self) }
}

/// A setting that may be absent; `none` spells its absence.
extension Optional: SettingValue where Wrapped: SettingValue {
  public static var settingKind: String { "\(Wrapped.settingKind) or none" }
  public init?(settingText: String) {
    if settingText == "none" {
      self = .none
    } else if let wrapped = Wrapped(settingText: settingText) {
      self = .some(wrapped)
    } else {
      return nil
    }
  }
  public var settingText: String? { self?.settingText }
  public var settingNumber: Double? { self?.settingNumber }
}

/// A setting with a few named choices.
public protocol SettingChoice: SettingValue, RawRepresentable, CaseIterable where RawValue == String {}

extension SettingChoice {
  public static var settingKind: String { "one of \(allCases.map(\.rawValue).joined(separator: ", "))" }
  public init?(settingText: String) { self.init(rawValue: settingText) }
  public var settingText: String? { rawValue }
}
