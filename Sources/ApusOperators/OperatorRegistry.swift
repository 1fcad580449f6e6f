import ApusCore
import ApusGraph

/// The operators by name: those of Apus, and those that other packages add.
///
/// A package registers its operators once, before graphs that use them are read:
/// `try OperatorRegistry.register(Swish.self)`. Any thread may do so. A registered operator is parsed, listed by
/// `apus ops`, and found in saved models like the others. Docs/AddAnOperator.md walks through one.
public enum OperatorRegistry {
  private static let store = NameRegistry<any Operator.Type>(
    kind: "operator", registration: "OperatorRegistry.register",
    OperatorCatalog.standard.types.map { (names: [$0.record.name], entry: $0) })

  /// Adds an operator of another package, for the rest of the process.
  /// - Throws: `ApusError` if its name is taken, or is not a word that a graph file can hold.
  public static func register(_ type: any Operator.Type) throws {
    let name = type.record.name
    guard Identifier.isValid(name) else { throw ApusError.usage("'\(name)' cannot be the name of an operator") }
    try store.register(type, names: [name])
  }

  /// All operators that texts may name.
  public static var catalog: OperatorCatalog { OperatorCatalog(store.entries) }
}
