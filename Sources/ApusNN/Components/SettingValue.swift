/// A Swift type that a setting can have.
public protocol SettingValue: SendableType {
  /// What a text may hold, for messages: `a number`.
  static var settingKind: String { get }
  /// Nil if the text is not of this kind.
  init?(settingText: String)
  /// What `init` reads; nil for an absent value.
  var settingText: String? { get }
  /// What a range is compared with; nil if it is not a number.
  var settingNumber: Double? { get }
  /// The value of a text; nil if the text is not of this kind.
  /// - Throws: `ApusError` if a text of this kind has parts that are wrong.
  static func parsed(_ text: String) throws -> Self?
  /// - Throws: `ApusError` if a part of the value is wrong.
  func checkSetting() throws
}

extension SettingValue {
  public static func parsed(_ text: String) throws -> Self? { Self(settingText: text) }
  public func checkSetting() throws {}
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

/// A list of values: `[1, 2.5]`.
extension Array: SettingValue where Element: SettingValue {
  public static var settingKind: String { "a list, as [1, 2], of which each is \(Element.settingKind)" }
  public init?(settingText: String) {
    guard settingText.hasPrefix("["), settingText.hasSuffix("]") else { return nil }
    let values = ComponentText.parts(settingText.dropFirst().dropLast()).map {
      Element(settingText: ComponentText.trimmed($0))
    }
    guard values.allSatisfy({ $0 != nil }) else { return nil }
    self = values.compactMap(\.self)
  }
  public var settingText: String? { "[\(map { $0.settingText ?? "none" }.joined(separator: ", "))]" }
}

/// A setting with a few named choices.
public protocol SettingChoice: SettingValue, RawRepresentable, CaseIterable where RawValue == String {}

extension SettingChoice {
  public static var settingKind: String { "one of \(allCases.map(\.rawValue).joined(separator: ", "))" }
  public init?(settingText: String) { self.init(rawValue: settingText) }
  public var settingText: String? { rawValue }
}
