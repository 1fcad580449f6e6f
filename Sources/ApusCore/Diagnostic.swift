/// A place in a text: 1-based line and column, counted in characters.
public struct SourceLocation: Hashable, Sendable, CustomStringConvertible {
  public var file: String
  public var line: Int
  public var column: Int
  /// How many characters the caret underlines.
  public var length: Int
  /// The line's own text, so that a message can show it after the file is gone.
  public var excerpt: String?

  public init(file: String, line: Int, column: Int, length: Int = 1, excerpt: String? = nil) {
    self.file = file
    self.line = line
    self.column = column
    self.length = length
    self.excerpt = excerpt
  }

  public var description: String { "\(file):\(line):\(column)" }
}

/// One message to a person: what is wrong, where, and what would be right.
public struct Diagnostic: Hashable, Sendable, CustomStringConvertible {
  public enum Severity: String, Sendable, Hashable { case error, warning, remark }

  public var severity: Severity
  public var message: String
  public var location: SourceLocation?
  /// What would be right: a suggestion the user can act on.
  public var help: String?
  /// The same for users of the program `apus`, where `help` names a function that they cannot call.
  public var commandHelp: String?

  public init(
    _ severity: Severity = .error, _ message: String, at location: SourceLocation? = nil, help: String? = nil,
    commandHelp: String? = nil
  ) {
    self.severity = severity
    self.message = message
    self.location = location
    self.help = help
    self.commandHelp = commandHelp
  }

  /// The same diagnostic, whose message begins with where it came from: `CONTEXT: message`.
  package func within(_ context: String) -> Diagnostic {
    var result = self
    result.message = "\(context): \(message)"
    return result
  }

  /// `file:line:column: error: message`, the line with a caret under the place, and the help.
  public var description: String {
    var text = location.map { "\($0): " } ?? ""
    text += "\(severity.rawValue): \(message)"
    if let location, let excerpt = location.excerpt {
      // Tabs are kept in the margin, so that the caret is under its character whatever a tab's width.
      let margin = String(excerpt.prefix(location.column - 1).map { $0 == "\t" ? "\t" : " " })
      let room = max(1, min(location.length, excerpt.count - location.column + 1))
      text += "\n  \(excerpt)\n  \(margin)^" + String(repeating: "~", count: room - 1)
    }
    if let help { text += "\n  help: \(help)" }
    return text
  }
}

/// What every public function of Apus throws: one or more messages and whose fault it is.
public struct ApusError: Error, Sendable, CustomStringConvertible {
  /// Who can mend it; decides the exit code of the command line.
  public enum Fault: Int32, Sendable, Hashable {
    /// A graph, file, shape or feed that the user can correct.
    case input = 1
    /// An invalid command line.
    case usage = 2
    /// A defect in Apus.
    case defect = 70
  }

  public var fault: Fault
  public var diagnostics: [Diagnostic]

  public init(_ fault: Fault, _ diagnostics: [Diagnostic]) {
    self.fault = fault
    self.diagnostics = diagnostics
  }

  public static func input(
    _ message: String, at location: SourceLocation? = nil, help: String? = nil, commandHelp: String? = nil
  ) -> ApusError {
    ApusError(.input, [Diagnostic(.error, message, at: location, help: help, commandHelp: commandHelp)])
  }

  public static func usage(_ message: String, help: String? = nil, commandHelp: String? = nil) -> ApusError {
    ApusError(.usage, [Diagnostic(.error, message, help: help, commandHelp: commandHelp)])
  }

  /// - Parameter message: what did not hold, with the pass's, operator's or node's name.
  public static func defect(_ message: String) -> ApusError {
    ApusError(.defect, [Diagnostic(.error, message, help: "this is a defect in Apus, not in your input")])
  }

  public var description: String { diagnostics.map(\.description).joined(separator: "\n") }

  /// The first message without place and severity.
  public var message: String { diagnostics.first?.message ?? "" }
}
