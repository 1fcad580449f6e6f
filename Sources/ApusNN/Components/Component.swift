import ApusCore

/// What is chosen by name and has settings: an optimizer, a loss, a metric, a callback.
///
/// Its stored properties are its settings. The record declares each of them once; reading
/// (`adam(learning_rate=0.01)`), printing, checking, help and lists follow from it.
public protocol Component: SendableType {
  /// What it is, for messages: `optimizer`. Given by the protocol that refines this one.
  static var kind: String { get }
  /// Name, summary and settings.
  static var record: ComponentRecord { get }

  /// The setting that a first value without a name is for, if no setting is required: the learning rate of `adam(0.05)`.
  static var firstSetting: String? { get }

  /// Every setting at its default.
  init()

  /// Compares settings with each other, where ranges alone do not tell whether they are right.
  /// - Throws: `ApusError` that says what is wrong.
  func checkConsistency() throws
}

extension Component {
  public static var firstSetting: String? { nil }
  public func checkConsistency() throws {}

  /// - Throws: `ApusError` that names the component if `condition` does not hold.
  /// - Parameter message: what it needs, as `needs values that rise`.
  static func require(_ condition: Bool, _ message: String) throws {
    guard condition else { throw ApusError.usage("\(kind) '\(record.name)' \(message)") }
  }
}

// A record's functions hold the component's type and can be called from any thread. Compilers before Swift 6.2 ask for
// no declaration of that, and do not know this one.
#if compiler(>=6.2)
  public typealias SendableType = SendableMetatype
#else
  public typealias SendableType = Any
#endif

/// The declaration of a component.
public struct ComponentRecord: Sendable {
  /// The name in texts, saved models and messages.
  public let name: String
  /// Other names that mean the same, as `mse`.
  public let aliases: [String]
  /// One line.
  public let summary: String
  public let settings: [SettingRecord]

  public init(_ name: String, aliases: [String] = [], _ summary: String, settings: [SettingRecord] = []) {
    self.name = name
    self.aliases = aliases
    self.summary = summary
    self.settings = settings
  }

  /// `sgd(learning_rate=0.01, momentum=0.0, nesterov=false)`: every setting with its default, or with what it takes.
  public var usage: String {
    guard !settings.isEmpty else { return name }
    return "\(name)(\(settings.map { "\($0.name)=\($0.defaultText ?? "<\($0.kind)>")" }.joined(separator: ", ")))"
  }
}

extension Component {
  /// All that makes it, as its registry reads it: `sgd(learning_rate=0.1, momentum=0.9, nesterov=false)`. Settings that
  /// are absent are left out.
  /// - Parameter omitsDefaults: whether settings that have their default values are left out, too.
  public func specificationText(omittingDefaults omitsDefaults: Bool = false) -> String {
    let texts = Self.record.settings.compactMap { setting -> String? in
      // An absent value is written only if a value is the default.
      let isGivenUp = setting.read(self) == nil && setting.defaultText != nil && setting.defaultText != "none"
      guard let text = isGivenUp ? "none" : setting.read(self) else { return nil }
      guard !omitsDefaults && setting.isShownByDefault || text != setting.defaultText else { return nil }
      return "\(setting.name)=\(text)"
    }
    return texts.isEmpty ? Self.record.name : "\(Self.record.name)(\(texts.joined(separator: ", ")))"
  }

  /// Compares each setting with the range that its record allows.
  /// - Throws: `ApusError` that names the setting and the range.
  public func checkSettings() throws {
    for setting in Self.record.settings {
      try setting.check(self)
      guard let number = setting.number(self) else { continue }
      guard number.isFinite, setting.range?.contains(number) ?? true else {
        throw ApusError.usage(
          "'\(setting.name)' of \(Self.kind) '\(Self.record.name)' must be \(setting.range?.description ?? "finite"), "
            + "not \(setting.read(self) ?? "none")")
      }
    }
    try checkConsistency()
  }

  /// The component that a text describes.
  /// - Throws: `ApusError` if a setting is unknown, given twice, missing, of another kind, or outside its range.
  init(_ text: ComponentText) throws {
    let (name, settings) = (Self.record.name, Self.record.settings)
    var component: any Component = Self()
    var given: Set<String> = []
    for argument in text.arguments {
      let setting = try Self.setting(of: argument, in: text, given)
      guard given.insert(setting.name).inserted else {
        throw ApusError.usage("\(Self.kind) '\(text.whole)' gives '\(setting.name)' twice")
      }
      guard let next = try setting.write(component, argument.value) else {
        throw ApusError.usage(
          "'\(setting.name)' of \(Self.kind) '\(name)' must be \(setting.kind), not '\(argument.value)'")
      }
      component = next
    }
    if let missing = settings.first(where: { $0.isRequired && !given.contains($0.name) }) {
      throw ApusError.usage(
        "\(Self.kind) '\(name)' needs '\(missing.name)': \(missing.summary)", help: Self.record.usage)
    }
    guard let typed = component as? Self else { throw ApusError.defect("a setting of '\(name)' changed its type") }
    try typed.checkSettings()
    self = typed
  }

  /// The setting that an argument is for: by its label, or the first required one that is not given yet, or `firstSetting`.
  private static func setting(
    of argument: ComponentText.Argument, in text: ComponentText, _ given: Set<String>
  ) throws -> SettingRecord {
    let settings = record.settings
    guard let label = argument.label else {
      if let next = settings.first(where: { $0.isRequired && !given.contains($0.name) }) { return next }
      if given.isEmpty, let first = settings.first(where: { $0.name == firstSetting }) { return first }
      throw ApusError.usage(
        "'\(argument.value)' in \(kind) '\(text.whole)' is not name=value",
        help: settings.isEmpty ? "it has no options" : "as \(record.usage)")
    }
    if let setting = settings.first(where: { $0.name == label }) { return setting }
    let names = settings.map(\.name)
    throw ApusError.usage(
      "\(kind) '\(record.name)' has no option '\(label)'",
      help: Suggestion.didYouMean(label, among: names) ?? Suggestion.spelledOut(label, among: names)
        ?? (names.isEmpty ? "it has none" : "its options: \(names.joined(separator: ", "))"))
  }
}
