import ApusNN

/// What the record of an optimizer, a loss, a metric or a callback says, as text for people and programs.
public struct ComponentDocumentation: Encodable {
  struct Setting: Encodable {
    let name: String
    let kind: String
    let range: String?
    let `default`: String?
    let isRequired: Bool
    let summary: String

    private enum CodingKeys: String, CodingKey {
      case name, kind, range, `default`, summary
      case isRequired = "required"
    }

    /// `learning_rate: the size of a step (a number, at least 0, default 0.001)`
    var line: String {
      let facts = [kind, range, isRequired ? "required" : `default`.map { "default \($0)" }].compactMap(\.self)
      return "\(name): \(summary) (\(facts.joined(separator: ", ")))"
    }
  }

  let name: String
  let aliases: [String]
  let summary: String
  let usage: String
  let settings: [Setting]

  public init(_ record: ComponentRecord) {
    name = record.name
    aliases = record.aliases
    summary = record.summary
    usage = record.usage
    settings = record.settings.map {
      Setting(
        name: $0.name, kind: $0.kind, range: $0.range?.description, default: $0.defaultText, isRequired: $0.isRequired,
        summary: $0.summary)
    }
  }

  /// A line each.
  public static func list(_ records: [ComponentRecord]) -> String {
    let names = records.map { ([$0.name] + $0.aliases).joined(separator: ", ") }
    let width = names.map(\.count).max() ?? 0
    return zip(names, records).map { name, record in
      "\(name)\(String(repeating: " ", count: width - name.count))  \(record.summary)\n"
    }.joined()
  }

  /// All that the record says, for a terminal.
  public var explanation: String {
    var text = "\(name): \(summary)\n"
    if !aliases.isEmpty { text += "also called \(aliases.joined(separator: ", "))\n" }
    text += "\n  \(usage)\n"
    if !settings.isEmpty { text += "\n" + settings.map { "  \($0.line)\n" }.joined() }
    return text
  }
}
