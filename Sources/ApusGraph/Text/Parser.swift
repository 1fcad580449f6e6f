import ApusCore

extension Graph {
  /// The graphs of a text. See Docs/TextFormat.md for the grammar.
  ///
  /// After an error the parser goes on with the next statement, so one call reports all that is wrong (twenty at most).
  /// - Parameters:
  ///   - file: the name that messages give.
  ///   - catalog: the operators that the text may use.
  /// - Throws: `ApusError` with a located diagnostic for each error.
  public static func parse(_ text: String, file: String = "<text>", catalog: OperatorCatalog) throws -> [Graph] {
    var parser = Parser(text, file: file, catalog: catalog)
    return try parser.parseFile()
  }
}

struct Parser {
  let lexer: Lexer
  let catalog: OperatorCatalog
  var position = 0
  var literalType: DType?  // of the constant whose elements are being read
  var diagnostics: [Diagnostic]
  static let (mostErrors, deepest) = (20, 32)

  init(_ text: String, file: String, catalog: OperatorCatalog) {
    lexer = Lexer(text, file: file)
    self.catalog = catalog
    diagnostics = lexer.diagnostics
  }

  /// An error that ends the current statement; it has been reported already.
  struct Abandon: Error {}

  /// Names of one graph or region. A name whose definition failed maps to nil, and whatever reads it is left out
  /// without a message of its own.
  struct Scope {
    let builder: GraphBuilder
    let depth: Int
    var values: [String: ValueID?] = [:]
    var isSound = true
  }

  // MARK: Files and graphs

  mutating func parseFile() throws -> [Graph] {
    var graphs: [Graph] = []
    var names: Set<String> = []
    while current.kind != .end {
      do {
        guard accept(word: "graph") else {
          throw fail(
            "expected 'graph', found \(current.description)",
            help: "a file is a list of: graph @name(%x: f32[2]) { … return %x }")
        }
        let nameToken = current
        guard case .graphName(let name) = current.kind else { throw fail("expected the graph's name, as @main") }
        advance()
        if !names.insert(name).inserted { report("the file already has a graph @\(name)", nameToken) }
        if let graph = try graphBody(name, depth: 0, closing: nameToken) { graphs.append(graph) }
      } catch is Abandon {
        skip { $0.kind == .word("graph") }
      }
      if diagnostics.count >= Parser.mostErrors { break }
    }
    if diagnostics.isEmpty, graphs.isEmpty { report("the file holds no graph", current) }
    guard diagnostics.isEmpty else {
      let sorted = diagnostics.sorted {
        ($0.location?.line ?? 0, $0.location?.column ?? 0) < ($1.location?.line ?? 0, $1.location?.column ?? 0)
      }
      throw ApusError(.input, Array(sorted.prefix(Parser.mostErrors)))
    }
    return graphs
  }

  /// `(parameters) { statements return … }`, or for a region `{ (parameters) in statements return … }`, whose brace
  /// has been read.
  private mutating func graphBody(_ name: String, depth: Int, closing opener: Token) throws -> Graph? {
    guard depth <= Parser.deepest else { throw fail("regions are nested more than \(Parser.deepest) deep") }
    var scope = Scope(builder: GraphBuilder(name, sharingEqualNodes: false), depth: depth)
    try parameters(&scope)
    if depth == 0 {
      try expect("{")
    } else if !accept(word: "in") {
      throw fail("expected 'in' after the region's parameters")
    }

    var outputs: [ValueID]?
    while outputs == nil {
      if current.kind == .end {
        report("the body of this graph does not end", opener, help: "it ends with: return … and }")
        throw Abandon()
      }
      if diagnostics.count >= Parser.mostErrors { throw Abandon() }
      do {
        if accept(word: "return") {
          outputs = try valueList(&scope)
        } else if accept(word: "update") {
          try update(&scope)
        } else if current.kind == .punctuation("}") {
          throw fail("a graph ends with a return statement", help: "return the values that a run should give")
        } else {
          try statement(&scope)
        }
      } catch is Abandon {
        scope.isSound = false
        skip { token in
          guard token.startsLine else { return false }
          return switch token.kind {
          case .value, .word("return"), .word("update"), .punctuation("}"), .word("graph"): true
          case .punctuation, .word, .graphName, .int, .float, .string, .end: false
          }
        }
        if current.kind == .punctuation("}") {
          advance()
          return nil
        }
        if current.kind == .word("graph") { return nil }
      }
    }
    try expect("}")
    guard scope.isSound, let outputs else { return nil }
    let graph = scope.builder.build(outputs: outputs)
    if depth == 0 {
      for violation in graph.violations() {
        diagnostics.append(Diagnostic(.error, violation.description, at: violation.location ?? lexer.location(opener)))
      }
    }
    return graph
  }

  private mutating func parameters(_ scope: inout Scope) throws {
    try expect("(")
    while current.kind != .punctuation(")") {
      let token = current
      guard case .value(let name) = token.kind, Identifier.isValid(name) else {
        throw fail("expected a parameter like %x: f32[batch, 784], found \(current.description)")
      }
      advance()
      try expect(":")
      let type = try tensorType()
      let origin = Origin(location: lexer.location(token))
      define(name, token, &scope) { scope in
        try scope.builder.append(Parameter(name, type), [], names: [name], origin: origin)[0]
      }
      if !accept(",") { break }
    }
    try expect(")")
  }

  // MARK: Statements

  private mutating func update(_ scope: inout Scope) throws {
    let token = current
    let target = try value(&scope)
    try expect("=")
    let source = try value(&scope)
    guard let target, let source else { throw Abandon() }
    guard scope.builder.graph.producer(of: target).op is Variable else {
      throw fail("\(token.description) is not a variable, so it cannot be updated", at: token)
    }
    scope.builder.appendUpdate(target, source)
  }

  private mutating func statement(_ scope: inout Scope) throws {
    var results: [(token: Token, name: String, type: TensorType?, typeToken: Token)] = []
    repeat {
      let token = current
      guard case .value(let name) = token.kind else {
        throw fail("expected a statement like %y = relu(%x), found \(current.description)")
      }
      advance()
      var type: TensorType?
      let typeToken: Token
      if accept(":") {
        typeToken = current
        type = try tensorType()
      } else {
        typeToken = token
      }
      results.append((token, name, type, typeToken))
    } while accept(",")

    var ids: [ValueID]?
    defer {
      for (position, result) in results.enumerated() {
        let id = ids.flatMap { position < $0.count ? $0[position] : nil }
        define(result.name, result.token, &scope) { _ in id }
      }
    }
    try expect("=")
    let call = try self.call(&scope, declared: results.map { ($0.name, $0.type, $0.token) })
    guard let found = try node(call, results.map { ($0.name, $0.type, $0.token) }, &scope) else { throw Abandon() }
    guard found.count == results.count else {
      throw fail(
        "\(call.op.name) has \(found.count) result\(found.count == 1 ? "" : "s"), but \(results.count) are named",
        at: results[0].token)
    }
    for (result, id) in zip(results, found) {
      if let declared = result.type, declared != scope.builder.graph.type(of: id) {
        throw fail(
          "\(result.token.description) is declared \(declared), but \(call.op.name) gives \(scope.builder.graph.type(of: id))",
          at: result.typeToken)
      }
    }
    ids = found
  }

  /// An operator with its arguments, not yet applied.
  private struct Call {
    var op: any Operator
    let token: Token
    var operands: [(id: ValueID?, token: Token)] = []
    var attributes: [(name: String, token: Token)] = []
    var literal: (value: AttributeValue, token: Token)?
    var regions: [Graph] = []
    var originName: String?
  }

  private mutating func call(_ scope: inout Scope, declared: [(name: String, type: TensorType?, token: Token)]) throws
    -> Call
  {
    let token = current
    guard case .word(let name) = token.kind else { throw fail("expected an operator, found \(current.description)") }
    advance()
    guard let type = catalog.type(named: name) else {
      throw fail("unknown operator '\(name)'", at: token, help: catalog.help(forUnknown: name))
    }
    var call = Call(op: type.init(), token: token)
    try expect("(")
    literalType = call.op is Constant ? declared.first?.type?.dtype : nil
    while current.kind != .punctuation(")") {
      try argument(&call, &scope)
      if !accept(",") { break }
    }
    try expect(")")
    while current.kind == .punctuation("{") {
      let opener = current
      advance()
      let index = call.regions.count
      let regionName = index < type.record.regions.count ? type.record.regions[index] : "region"
      guard let region = try graphBody(regionName, depth: scope.depth + 1, closing: opener) else { throw Abandon() }
      call.regions.append(region)
    }
    if accept(word: "from") {
      guard case .string(let text) = current.kind else { throw fail("expected a string after 'from'") }
      advance()
      call.originName = text
    }
    for attribute in type.record.attributes where attribute.isRequired {
      if !call.attributes.contains(where: { $0.name == attribute.name }) {
        throw fail(
          "\(name) lacks '\(attribute.name)': \(attribute.kind)", at: token, help: "usage: \(type.record.usage)")
      }
    }
    return call
  }

  private mutating func argument(_ call: inout Call, _ scope: inout Scope) throws {
    let token = current
    if case .value = token.kind {
      guard call.attributes.isEmpty, call.literal == nil else { throw fail("operands come before attributes") }
      call.operands.append((try value(&scope), token))
      return
    }
    if case .word(let label) = token.kind, tokens(1).kind == .punctuation(":") {
      advance()
      advance()
      let value = try attributeValue(depth: 0)
      if call.op is Constant, label == "base64" {
        call.literal = (.call("base64", [AttributeArgument("bytes", value)]), token)
        return
      }
      try set(label, to: value, token, &call)
      return
    }
    let value = try attributeValue(depth: 0)
    if call.op is Constant, call.literal == nil {
      call.literal = (value, token)
    } else if let positional = call.op.record.attributes.first(where: { $0.isPositional }) {
      try set(positional.name, to: value, token, &call)
    } else {
      throw fail("expected an operand like %x or an attribute like name: value", at: token)
    }
  }

  private mutating func set(_ label: String, to value: AttributeValue, _ token: Token, _ call: inout Call) throws {
    let record = call.op.record
    guard let attribute = record.attributes.first(where: { $0.name == label }) else {
      throw fail(
        "\(record.name) has no attribute '\(label)'", at: token,
        help: Suggestion.didYouMean(label, among: record.attributes.map(\.name)) ?? "usage: \(record.usage)")
    }
    if call.attributes.contains(where: { $0.name == label }) { throw fail("'\(label)' is given twice", at: token) }
    guard let op = attribute.write(call.op, value) else {
      throw fail("'\(label)' of \(record.name) must be \(attribute.kind)", at: token)
    }
    call.op = op
    call.attributes.append((label, token))
  }

  private mutating func node(
    _ call: Call, _ declared: [(name: String, type: TensorType?, token: Token)], _ scope: inout Scope
  ) throws -> [ValueID]? {
    var op = call.op
    let name = declared[0].name
    let isNamed = Identifier.isValid(name)
    if op is Constant || op is any DeclarationOperator {
      guard let type = declared[0].type else {
        throw fail("a \(op.name) needs its type: %\(name): f32[2] = \(op.name)(…)", at: declared[0].token)
      }
      if op is Parameter || op is Variable {
        guard isNamed else { throw fail("a \(op.name) needs a name, not a number", at: declared[0].token) }
      }
      switch op {
      case is Parameter: op = Parameter(name, type)
      case var variable as Variable:
        variable.type = type
        variable.label = name
        op = variable
      default: op = Constant(try constant(call, type))
      }
    }
    var operands: [ValueID] = []
    for operand in call.operands {
      guard let id = operand.id else { return nil }
      operands.append(id)
    }
    do {
      return try scope.builder.append(
        op, operands, regions: call.regions, names: declared.map { Identifier.isValid($0.name) ? $0.name : nil },
        origin: Origin(name: call.originName, location: lexer.location(call.token)))
    } catch let error as TypeError {
      let culprit =
        error.operand.flatMap { $0 < call.operands.count ? call.operands[$0].token : nil }
        ?? error.attribute.flatMap { name in call.attributes.first { $0.name == name }?.token } ?? call.token
      throw fail(error.message, at: culprit, help: error.help)
    } catch let error as ApusError {
      throw fail(error.message, at: call.token, help: error.diagnostics.first?.help)
    }
  }

  private mutating func constant(_ call: Call, _ type: TensorType) throws -> Tensor {
    guard let literal = call.literal else {
      throw fail("a constant needs its elements: constant(0.5) or constant([1, 2])", at: call.token)
    }
    do { return try TensorLiteral.tensor(literal.value, type) } catch let error as TypeError {
      throw fail(error.message, at: literal.token, help: error.help)
    } catch let error as ApusError { throw fail(error.message, at: literal.token) }
  }
}
