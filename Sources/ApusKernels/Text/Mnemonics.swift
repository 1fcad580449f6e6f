/// An operation that the text of a kernel names by a word.
package protocol Mnemonic: RawRepresentable<String>, CaseIterable, Sendable {}

extension Mnemonic {
  /// `floatToSigned` is `float_to_signed` in a text, as operators of graphs are spelled.
  package var mnemonic: String {
    rawValue.reduce(into: "") { text, letter in
      if letter.isUppercase { text += "_" }
      text += letter.lowercased()
    }
  }
}

extension Unary: Mnemonic {}
extension Binary: Mnemonic {}
extension Comparison: Mnemonic {}
extension Conversion: Mnemonic {}
extension KernelBuffer.Use: Mnemonic {}

/// The operations of the text by their words.
enum Mnemonics {
  static let unary = table(of: Unary.self)
  static let binary = table(of: Binary.self)
  static let comparisons = table(of: Comparison.self)
  static let conversions = table(of: Conversion.self)
  static let uses = table(of: KernelBuffer.Use.self)

  /// Instructions with a syntax of their own.
  static let others = [
    "constant", "lanes", "first_unit", "end_unit", "multiply_add", "select", "splat", "extract", "shuffle", "load",
    "store", "prefetch", "fail", "for", "if", "while",
  ]

  /// All words that an instruction can begin with, for suggestions.
  static let all =
    others + unary.keys.sorted() + binary.keys.sorted() + comparisons.keys.sorted() + conversions.keys.sorted()

  private static func table<T: Mnemonic>(of type: T.Type) -> [String: T] {
    Dictionary(T.allCases.map { ($0.mnemonic, $0) }, uniquingKeysWith: { first, _ in first })
  }
}
