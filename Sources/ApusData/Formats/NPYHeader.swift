import ApusCore

/// The Python dictionary at the head of an NPY file:
/// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
struct NPYHeader {
  var descr: String
  var fortranOrder: Bool
  var shape: [Int]

  private enum Literal {
    case string(String)
    case bool(Bool)
    case tuple([Int])
    case other
  }

  /// - Throws: `ApusError` if the text is not such a dictionary, with each of the three keys once.
  init(parsing text: String, path: String) throws {
    var scanner = Scanner(rest: Substring(text).unicodeScalars[...], path: path)
    var descr: String?
    var order: Bool?
    var shape: [Int]?
    try scanner.expect("{")
    while !scanner.accept("}") {
      let key = try scanner.string()
      try scanner.expect(":")
      switch (key, try scanner.literal()) {
      case ("descr", .string(let value)) where descr == nil: descr = value
      case ("descr", .other):
        throw ApusError.file(
          path, "is a structured array, of several fields an element", help: "save each field as an array of its own")
      case ("fortran_order", .bool(let value)) where order == nil: order = value
      case ("shape", .tuple(let value)) where shape == nil: shape = value
      default: throw scanner.malformed("the entry '\(key)' is unknown, repeated or of the wrong kind")
      }
      if !scanner.accept(",") {
        try scanner.expect("}")
        break
      }
    }
    guard scanner.isAtEnd else { throw scanner.malformed("text follows the dictionary") }
    guard let descr, let order, let shape else {
      throw scanner.malformed("'descr', 'fortran_order' and 'shape' are all needed")
    }
    self.descr = descr
    fortranOrder = order
    self.shape = shape
  }

  /// Just enough of Python's literals.
  private struct Scanner {
    var rest: Substring.UnicodeScalarView
    let path: String

    func malformed(_ reason: String) -> ApusError {
      .file(path, "its NPY header is malformed: \(reason)")
    }

    mutating func skipSpace() {
      while let c = rest.first, c == " " || c == "\n" || c == "\t" { rest.removeFirst() }
    }

    var isAtEnd: Bool {
      mutating get {
        skipSpace()
        return rest.isEmpty
      }
    }

    mutating func accept(_ scalar: Unicode.Scalar) -> Bool {
      skipSpace()
      guard rest.first == scalar else { return false }
      rest.removeFirst()
      return true
    }

    mutating func expect(_ scalar: Unicode.Scalar) throws {
      guard accept(scalar) else {
        throw malformed("'\(scalar)' is expected where " + (rest.first.map { "'\($0)' stands" } ?? "the header ends"))
      }
    }

    mutating func string() throws -> String {
      let quote: Unicode.Scalar = accept("\"") ? "\"" : "'"
      if quote == "'" { try expect("'") }
      guard let end = rest.firstIndex(of: quote) else { throw malformed("a quote is not closed") }
      defer { rest = rest[rest.index(after: end)...] }
      return String(rest[..<end])
    }

    mutating func literal() throws -> Literal {
      skipSpace()
      switch rest.first {
      case "'", "\"": return .string(try string())
      case "T", "F":
        for (word, value) in [("True", true), ("False", false)] where rest.starts(with: word.unicodeScalars) {
          rest.removeFirst(word.unicodeScalars.count)
          return .bool(value)
        }
        throw malformed("True or False is expected")
      case "(":
        rest.removeFirst()
        return .tuple(try integers())
      case "[": return .other
      default: throw malformed("a string, a truth value or a tuple is expected")
      }
    }

    private mutating func integers() throws -> [Int] {
      var values: [Int] = []
      while !accept(")") {
        skipSpace()
        let digits = String(rest.prefix { ("0"..."9").contains($0) })
        guard let value = Int(digits) else { throw malformed("a shape is a tuple of sizes up to 2^63 - 1") }
        rest.removeFirst(digits.count)
        _ = accept("L")  // Python 2 wrote long integers so.
        values.append(value)
        if !accept(",") {
          try expect(")")
          break
        }
      }
      return values
    }
  }
}
