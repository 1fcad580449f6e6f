import ApusCore

/// The optimizers, losses, metrics or callbacks by name, open to those of other packages.
///
/// A package registers its own once, before models that use them are loaded or the command line starts:
/// `try OptimizerRegistry.register(Signum.self)`. Any thread may do so. Names that are taken are refused.
public protocol ComponentRegistry {
  associatedtype Product
  static var store: ComponentStore<Product> { get }
}

extension ComponentRegistry {
  /// The declarations in order of registration.
  public static var records: [ComponentRecord] { store.registry.entries.map(\.record) }

  /// All names, aliases included.
  public static var names: [String] { store.registry.names }

  /// What a text describes, as `sgd(learning_rate=0.1, momentum=0.9, nesterov=true)`.
  /// - Throws: `ApusError` with a suggestion if there is no such name or setting, or a value is outside its range.
  public static func named(_ text: String) throws -> Product {
    let parsed = try ComponentText(text, kind: store.registry.kind)
    if let modifier = store.modifier, parsed.name == modifier.name {
      guard parsed.arguments.count == 1, parsed.arguments[0].label == nil else {
        throw ApusError.usage("'\(text)' does not name one \(store.registry.kind)", help: "as \(modifier.name)(NAME)")
      }
      return modifier.change(try named(parsed.arguments[0].value))
    }
    return try store.registry.required(parsed.name).make(parsed)
  }

  /// What each part of a list describes: `early_stopping(patience=2),csv_logger(log.csv)`.
  /// - Throws: as `named`.
  public static func list(_ text: String) throws -> [Product] {
    try ComponentText.parts(text).map { try named($0.trimming(\.isWhitespace)) }
  }

  /// The declaration with a name or an alias.
  /// - Throws: `ApusError` with a suggestion if there is none.
  public static func record(named name: String) throws -> ComponentRecord { try store.registry.required(name).record }
}

/// What a registry of components holds.
public struct ComponentStore<Product>: Sendable {
  struct Entry: Sendable {
    let record: ComponentRecord
    let make: @Sendable (ComponentText) throws -> Product

    init<Stored: Component>(_ type: Stored.Type, _ product: @escaping @Sendable (Stored) -> Product) {
      record = type.record
      make = { product(try Stored($0)) }
    }
  }

  let registry: NameRegistry<Entry>
  /// A word before parentheses that changes what is in them: `weighted(accuracy)`; nil if there is none.
  let modifier: (name: String, change: @Sendable (Product) -> Product)?

  init(
    _ kind: String, registration: String, modifier: (name: String, change: @Sendable (Product) -> Product)? = nil,
    _ entries: [Entry]
  ) {
    self.modifier = modifier
    registry = NameRegistry(
      kind: kind, registration: registration,
      entries.map { (names: [$0.record.name] + $0.record.aliases, entry: $0) })
  }

  func register(_ entry: Entry) throws {
    try registry.register(entry, names: [entry.record.name] + entry.record.aliases)
  }
}

extension StringProtocol {
  fileprivate func trimming(_ isTrimmed: (Character) -> Bool) -> String {
    String(drop(while: isTrimmed).reversed().drop(while: isTrimmed).reversed())
  }
}
