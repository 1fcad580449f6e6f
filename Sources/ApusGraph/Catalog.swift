import ApusCore

/// A list of operators: what the parser knows, help prints and tests walk.
public struct OperatorCatalog: Sendable {
  public let types: [any Operator.Type]
  private let byName: [String: any Operator.Type]

  public init(_ types: [any Operator.Type]) {
    self.types = types
    byName = Dictionary(types.map { ($0.record.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  public func type(named name: String) -> (any Operator.Type)? { byName[name] }

  /// Names in order of declaration.
  public var names: [String] { types.map { $0.record.name } }

  /// What may mend a name that no operator has.
  func help(forUnknown name: String) -> String {
    Suggestion.didYouMean(name, among: names)
      ?? "an operator of another package is registered before the text is read, by OperatorRegistry.register"
  }

  /// Parameter, variable, constant: part of every catalog.
  public static let declarations: [any Operator.Type] = [Parameter.self, Variable.self, Constant.self]
}
