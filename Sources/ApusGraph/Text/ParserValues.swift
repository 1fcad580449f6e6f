import ApusCore

extension AttributeValue {
  /// The value as the text format spells it.
  package var text: String { AttributeText.describe(self) }

  /// The value of a text.
  /// - Throws: `ApusError` if it is no attribute's.
  package init(parsing text: String) throws {
    var parser = Parser(text, file: "<attribute>", catalog: OperatorCatalog([]))
    guard let value = try? parser.attributeValue(depth: 0), parser.current.kind == .end, parser.diagnostics.isEmpty
    else {
      throw ApusError(.input, parser.diagnostics)
    }
    self = value
  }
}

/// The parts of statements: values, types, attributes, and the walk over the tokens.
extension Parser {
  mutating func define(
    _ name: String, _ token: Token, _ scope: inout Scope, _ make: (inout Scope) throws -> ValueID?
  ) {
    if scope.values.keys.contains(name) {
      report("\(token.description) is defined twice", token)
      scope.isSound = false
      return
    }
    do { scope.values[name] = .some(try make(&scope)) } catch let error as TypeError {
      report(error.message, token, help: error.help)
      scope.values[name] = .some(nil)
      scope.isSound = false
    } catch {
      scope.values[name] = .some(nil)
      scope.isSound = false
    }
  }

  mutating func valueList(_ scope: inout Scope) throws -> [ValueID]? {
    var result: [ValueID] = []
    guard case .value = current.kind else { return result }
    repeat {
      if let id = try value(&scope) { result.append(id) } else { scope.isSound = false }
    } while accept(",")
    return result
  }

  /// Nil if the value's own definition failed.
  mutating func value(_ scope: inout Scope) throws -> ValueID? {
    let token = current
    guard case .value(let name) = token.kind else {
      throw fail("expected a value like %x, found \(current.description)")
    }
    advance()
    guard let found = scope.values[name] else {
      scope.isSound = false
      let near = Suggestion.nearest(to: name, among: scope.values.keys.sorted())
      report(
        "\(token.description) is not defined", token,
        help: near.map { "did you mean '%\($0)'?" }
          ?? (scope.depth > 0 ? "a region sees only its parameters" : nil))
      return nil
    }
    return found
  }

  mutating func tensorType() throws -> TensorType {
    let token = current
    guard case .word(let name) = token.kind else {
      throw fail("expected a type like f32[2, 3], found \(current.description)")
    }
    guard let dtype = DType(rawValue: name) else {
      let all = DType.allCases.map(\.rawValue)
      throw fail(
        "unknown element type '\(name)'",
        help: Suggestion.didYouMean(name, among: all) ?? "one of \(all.joined(separator: ", "))")
    }
    advance()
    guard current.kind == .punctuation("[") else { return .scalar(dtype) }
    let opener = current
    let value = try attributeValue(depth: 0)
    guard let shape = Shape(attributeValue: value) else {
      throw fail("expected a shape like [batch, 784], sizes from 0 to \(Limits.magnitude)", at: opener)
    }
    return TensorType(dtype, shape)
  }

  mutating func attributeValue(depth: Int) throws -> AttributeValue {
    guard depth <= Parser.deepest else { throw fail("lists are nested more than \(Parser.deepest) deep") }
    let token = current
    switch token.kind {
    case .int(let n):
      advance()
      return .int(n)
    case .float(let x):
      advance()
      return .float(rounded(token, x))
    case .string(let s):
      advance()
      return .string(s)
    case .word(let word):
      advance()
      switch word {
      case "true": return .bool(true)
      case "false": return .bool(false)
      case "inf": return .float(.infinity)
      case "nan": return .float(.nan)
      default: break
      }
      guard accept("(") else { return .name(word) }
      var arguments: [AttributeArgument] = []
      while current.kind != .punctuation(")") {
        guard case .word(let label) = current.kind else {
          throw fail("expected name: value, found \(current.description)")
        }
        advance()
        try expect(":")
        arguments.append(AttributeArgument(label, try attributeValue(depth: depth + 1)))
        if !accept(",") { break }
      }
      try expect(")")
      return .call(word, arguments)
    case .punctuation("["):
      advance()
      var values: [AttributeValue] = []
      while current.kind != .punctuation("]") {
        values.append(try attributeValue(depth: depth + 1))
        if !accept(",") { break }
      }
      try expect("]")
      return .list(values)
    case .punctuation, .value, .graphName, .end: throw fail("expected a value, found \(token.description)")
    }
  }

  /// A decimal as the element of the constant that is being read: rounded once, and not to a double first.
  private func rounded(_ token: Token, _ x: Double) -> Double {
    let nearest: Double?
    switch literalType {
    case .f32: nearest = Float(lexer.text(of: token)).map(Double.init)
    case .f16: nearest = Float16(lexer.text(of: token)).map(Double.init)
    case .f64, .bf16, .i8, .u8, .i32, .i64, .bool, nil: nearest = nil
    }
    return nearest.flatMap { $0.isFinite ? $0 : nil } ?? x
  }

  // MARK: Tokens

  var current: Token { lexer.tokens[position] }
  func tokens(_ ahead: Int) -> Token { lexer.tokens[min(position + ahead, lexer.tokens.count - 1)] }

  mutating func advance() { position = min(position + 1, lexer.tokens.count - 1) }

  mutating func accept(_ c: Character) -> Bool {
    guard current.kind == .punctuation(c) else { return false }
    advance()
    return true
  }

  mutating func accept(word: String) -> Bool {
    guard current.kind == .word(word) else { return false }
    advance()
    return true
  }

  mutating func expect(_ c: Character) throws {
    if !accept(c) { throw fail("expected '\(c)', found \(current.description)") }
  }

  /// Moves past at least the statement that failed.
  mutating func skip(until condition: (Token) -> Bool) {
    while current.kind != .end, !condition(current) { advance() }
  }

  mutating func report(_ message: String, _ token: Token, help: String? = nil) {
    if diagnostics.count < Parser.mostErrors {
      diagnostics.append(Diagnostic(.error, message, at: lexer.location(token), help: help))
    }
  }

  mutating func fail(_ message: String, at token: Token? = nil, help: String? = nil) -> Abandon {
    report(message, token ?? current, help: help)
    return Abandon()
  }
}
