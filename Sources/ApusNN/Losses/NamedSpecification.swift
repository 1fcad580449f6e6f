import ApusCore

/// `rmsprop(learning_rate=0.01, centered=true)`: how the command line names a thing with options.
struct NamedSpecification {
  let name: String
  private let kind: String
  private var options: [(name: String, text: String)] = []
  private var asked: [String] = []

  /// - Throws: `ApusError` where parentheses or options are malformed.
  init(_ text: String, kind: String) throws {
    self.kind = kind
    guard let open = text.firstIndex(of: "(") else {
      name = text
      return
    }
    name = String(text[..<open])
    guard text.hasSuffix(")") else {
      throw ApusError.usage("\(kind) '\(text)' lacks its closing parenthesis")
    }
    for part in text[text.index(after: open)..<text.index(before: text.endIndex)].split(separator: ",") {
      let sides = part.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " } }
      guard sides.count == 2 else {
        throw ApusError.usage(
          "'\(part)' in \(kind) '\(text)' is not name=value", help: "as \(name)(learning_rate=0.01)")
      }
      guard !options.contains(where: { $0.name == String(sides[0]) }) else {
        throw ApusError.usage("\(kind) '\(text)' gives '\(String(sides[0]))' twice")
      }
      options.append((String(sides[0]), String(sides[1])))
    }
  }

  /// What `init` reads.
  static func text(_ name: String, _ options: [(name: String, value: String)]) -> String {
    options.isEmpty ? name : "\(name)(\(options.map { "\($0.name)=\($0.value)" }.joined(separator: ", ")))"
  }

  mutating func number(_ option: String) throws -> Double? {
    guard let text = take(option) else { return nil }
    guard let x = Double(text), x.isFinite else {
      throw ApusError.usage("'\(option)' of \(kind) '\(name)' must be a number, not '\(text)'")
    }
    return x
  }

  mutating func bool(_ option: String) throws -> Bool? {
    guard let text = take(option) else { return nil }
    guard let value = Bool(text.lowercased()) else {
      throw ApusError.usage("'\(option)' of \(kind) '\(name)' must be true or false, not '\(text)'")
    }
    return value
  }

  private mutating func take(_ option: String) -> String? {
    asked.append(option)
    guard let index = options.firstIndex(where: { $0.name == option }) else { return nil }
    return options.remove(at: index).text
  }

  /// - Throws: `ApusError` where an option was given that nobody asked for.
  func finish() throws {
    guard let left = options.first else { return }
    throw ApusError.usage(
      "\(kind) '\(name)' has no option '\(left.name)'",
      help: Suggestion.didYouMean(left.name, among: asked) ?? "its options: \(asked.joined(separator: ", "))")
  }

  func unknown(among names: [String]) -> ApusError {
    .usage(
      "there is no \(kind) '\(name)'",
      help: Suggestion.didYouMean(name, among: names) ?? "one of \(names.joined(separator: ", "))")
  }
}
