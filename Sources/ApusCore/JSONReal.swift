/// A double as JSON: a number, or `"NaN"`, `"Infinity"` or `"-Infinity"`, for which JSON has no numbers.
package struct JSONReal: Codable, Hashable, Sendable {
  package let value: Double

  package init(_ value: Double) { self.value = value }

  /// - Returns: nil for a finite number.
  package static func word(_ value: Double) -> String? {
    value.isFinite ? nil : value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity"
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if let word = Self.word(value) { try container.encode(word) } else { try container.encode(value) }
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Double.self) {
      value = number
      return
    }
    switch try container.decode(String.self) {
    // Earlier files have the words in lower case.
    case "NaN", "nan": value = .nan
    case "Infinity", "inf": value = .infinity
    case "-Infinity", "-inf": value = -.infinity
    case let word:
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(word)' is not a number")
    }
  }
}
