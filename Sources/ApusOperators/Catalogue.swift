import ApusCore
import ApusGraph

extension OperatorCatalogue {
  /// All operators of Apus: the only list. Families stand in the order of Docs/Operators.md.
  public static let standard = OperatorCatalogue(
    declarations + elementwise)

  static let elementwise: [any Operator.Type] = [Add.self, Multiply.self, Exp.self, Log.self]
}

extension Graph {
  /// The graphs of a text, with all operators of Apus.
  /// - Throws: `ApusError` with a located diagnostic for each error.
  public static func parse(_ text: String, file: String = "<text>") throws -> [Graph] {
    try parse(text, file: file, catalogue: .standard)
  }
}
