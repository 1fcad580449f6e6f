import Synchronization

/// Things that are found by name, to which a program may add its own: the store of every registry of Apus.
///
/// Entries can be added from any thread; they stay for the rest of the process. A name is given once, so that a saved
/// model or a command line means the same thing whoever registers last.
public final class NameRegistry<Entry: Sendable>: Sendable {
  /// What an entry is, for messages: `optimizer`.
  public let kind: String
  /// The call that adds an entry, for messages: `OptimizerRegistry.register`.
  public let registration: String
  private let items: Mutex<[(names: [String], entry: Entry)]>

  /// - Parameter entries: what is there from the start; the first of an entry's names is its own, the others are aliases.
  public init(kind: String, registration: String, _ entries: [(names: [String], entry: Entry)]) {
    self.kind = kind
    self.registration = registration
    items = Mutex(entries)
  }

  /// All entries in order of registration.
  public var entries: [Entry] { items.withLock { $0.map(\.entry) } }

  /// All names, aliases after the name they stand for.
  public var names: [String] { items.withLock { $0.flatMap(\.names) } }

  /// The entry with a name or an alias; nil if there is none.
  public func entry(named name: String) -> Entry? {
    items.withLock { items in items.first { $0.names.contains(name) }?.entry }
  }

  /// Adds an entry.
  /// - Throws: `ApusError` if a name is taken, or is not a lower-case word as `my_name` or `my-name`; nothing is added
  ///   then.
  public func register(_ entry: Entry, names: [String]) throws {
    for name in names where !Self.isWord(name) {
      throw ApusError.usage(
        "'\(name)' cannot be the name of \(article) \(kind)",
        help: "a letter, then letters, digits, '_' and '-'")
    }
    let taken = items.withLock { items -> String? in
      if let taken = names.first(where: { name in items.contains { $0.names.contains(name) } }) { return taken }
      items.append((names, entry))
      return nil
    }
    guard let taken else { return }
    throw ApusError.usage(
      "there is \(article) \(kind) '\(taken)' already", help: "register each \(kind) once, under a name of its own")
  }

  /// The entry with a name.
  /// - Throws: `unknown(_:)` if there is none.
  public func required(_ name: String) throws -> Entry {
    guard let entry = entry(named: name) else { throw unknown(name) }
    return entry
  }

  /// The error for a name that nothing has: what was probably meant, or what there is and how to add to it.
  public func unknown(_ name: String) -> ApusError {
    let names = names
    let guess = Suggestion.didYouMean(name, among: names)
    let list = "one of \(names.joined(separator: ", "))"
    return .usage(
      "there is no \(kind) '\(name)'", help: guess ?? "\(list); your own is added by \(registration)",
      commandHelp: guess ?? list)
  }

  private var article: String { kind.first.map { "aeio".contains($0) } ?? false ? "an" : "a" }

  private static func isWord(_ name: String) -> Bool {
    guard let first = name.first, first.isLetter else { return false }
    return name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }
  }
}
