import ApusCore

extension Kernel {
  /// The kernels of a text: what `description` prints is read back as the same kernel.
  ///
  /// The syntax alone is checked here; `KernelVerifier` checks the rest.
  /// - Parameter file: the name that messages give.
  /// - Throws: `ApusError` with a located diagnostic for the first error.
  public static func parse(_ text: String, file: String = "<text>") throws -> [Kernel] {
    try ParsedKernel.parse(text, file: file).map(\.kernel)
  }
}

/// A kernel with the places in the text that it was read from.
package struct ParsedKernel {
  package var kernel: Kernel
  /// Of the kernel's name.
  package var location: SourceLocation
  /// By number of the statement, as `KernelText` numbers them.
  package var statementLocations: [SourceLocation]

  package static func parse(_ text: String, file: String) throws -> [ParsedKernel] {
    var cursor = TextCursor(text, file: file)
    var kernels: [ParsedKernel] = []
    while !cursor.isAtEnd { kernels.append(try KernelParser.parse(&cursor)) }
    guard !kernels.isEmpty else { throw cursor.fail("the file holds no kernel", help: KernelParser.form) }
    return kernels
  }
}

/// Reads one kernel.
package struct KernelParser {
  var cursor: TextCursor
  private var buffers: [KernelBuffer] = []
  /// Registers that the text defines, by number.
  var types: [Int: RegisterType] = [:]
  var statementPlaces: [Int] = []
  private var depth = 0

  package static let form = "a kernel: kernel @name(b0: read f32[64], b1: write f32[64]) units 4 { … }"
  private static let deepest = 64

  /// Reads a kernel that comes next.
  package static func parse(_ cursor: inout TextCursor) throws -> ParsedKernel {
    var parser = KernelParser(cursor: cursor)
    let result = try parser.kernel()
    cursor = parser.cursor
    return result
  }

  private init(cursor: TextCursor) { self.cursor = cursor }

  private mutating func kernel() throws -> ParsedKernel {
    try cursor.expect("kernel", help: KernelParser.form)
    let place = cursor.position
    let name = try cursor.name()
    try cursor.expect("(")
    if !cursor.accept(")") {
      repeat { buffers.append(try buffer()) } while cursor.accept(",")
      try cursor.expect(")")
    }
    try cursor.expect("units")
    let units = try cursor.integer("a number of units")
    let body = try block()
    // Numbers without gaps: a list by number holds the types.
    let types = try types.keys.sorted().enumerated().map { position, number in
      guard position == number else {
        throw cursor.fail(
          "kernel @\(name) defines %\(number) but not %\(position)", at: place,
          help: "registers are numbered from 0 without gaps")
      }
      return self.types[number] ?? .index
    }
    let kernel = Kernel(name: name, buffers: buffers, units: units, body: body, types: types)
    return ParsedKernel(
      kernel: kernel, location: cursor.location(place), statementLocations: statementPlaces.map(cursor.location))
  }

  private mutating func buffer() throws -> KernelBuffer {
    let place = cursor.position
    guard cursor.word() == "b\(buffers.count)" else {
      throw cursor.fail("expected buffer b\(buffers.count)", at: place, help: "buffers are numbered in their order")
    }
    try cursor.expect(":")
    let usePlace = cursor.position
    guard let use = cursor.word().flatMap({ Mnemonics.uses[$0] }) else {
      throw cursor.fail("expected what the buffer is for", at: usePlace, help: "read, write or read_write")
    }
    let typePlace = cursor.position
    guard let dtype = cursor.word().flatMap(DType.init) else {
      let all = DType.allCases.map(\.rawValue).joined(separator: ", ")
      throw cursor.fail("expected an element type", at: typePlace, help: "one of \(all)")
    }
    try cursor.expect("[")
    let count = try cursor.integer("a number of elements")
    try cursor.expect("]")
    return KernelBuffer(dtype, use, count: count)
  }

  // MARK: Blocks

  /// `{ statements yield … }`
  /// - Parameter isCondition: whether it ends with `continue if …` instead.
  mutating func block(isCondition: Bool = false) throws -> Block {
    try cursor.expect("{")
    depth += 1
    defer { depth -= 1 }
    guard depth <= KernelParser.deepest else {
      throw cursor.fail("blocks are nested more than \(KernelParser.deepest) deep")
    }
    var block = Block()
    while !cursor.accept("}") {
      if cursor.accept(isCondition ? "continue" : "yield") {
        if isCondition { try cursor.expect("if") }
        block.yields = try registers()
        try cursor.expect("}", help: "what a block yields ends it")
        break
      }
      guard !cursor.isAtEnd else { throw cursor.fail("the block does not end", help: "it ends with }") }
      block.statements.append(try statement())
    }
    return block
  }

  private mutating func statement() throws -> Block.Statement {
    statementPlaces.append(cursor.position)
    var results: [Register] = []
    var type: RegisterType?
    if cursor.accept("%") {
      repeat {
        if !results.isEmpty { try cursor.expect("%") }
        let (register, own) = try definition()
        results.append(register)
        type = type ?? own
      } while cursor.accept(",")
      try cursor.expect("=")
    }
    return Block.Statement(results: results, instruction: try instruction(type))
  }

  // MARK: Registers

  /// `5: f32x16`; the sign before it has been read.
  private mutating func definition() throws -> (Register, RegisterType) {
    let place = cursor.position
    let number = try cursor.integer("a register's number, as %5")
    try cursor.expect(":", help: "a definition names the type: %\(number): f32x16 = …")
    let type = try registerType()
    guard number >= 0, types.updateValue(type, forKey: number) == nil else {
      throw cursor.fail("%\(number) is defined twice", at: place, help: "each register is defined once")
    }
    return (Register(number), type)
  }

  mutating func typedRegister() throws -> Register {
    try cursor.expect("%")
    return try definition().0
  }

  mutating func register() throws -> Register {
    guard cursor.accept("%") else { throw cursor.fail("expected a register, as %5, found \(cursor.nextToken)") }
    return Register(try cursor.integer("a register's number, as %5"))
  }

  mutating func registers() throws -> [Register] {
    var list = [try register()]
    while cursor.accept(",") { list.append(try register()) }
    return list
  }

  private mutating func registerType() throws -> RegisterType {
    let place = cursor.position
    let parts = (cursor.word() ?? "").split(separator: "x", omittingEmptySubsequences: false)
    guard let scalar = ScalarType(rawValue: String(parts[0])), parts.count <= 2,
      let lanes = parts.count == 1 ? 1 : Int(parts[1]), lanes >= 1, lanes <= 1 << 16
    else {
      let all = ScalarType.allCases.map(\.rawValue).joined(separator: ", ")
      throw cursor.fail("expected a type, as f32 or f32x16", at: place, help: "one of \(all), and its lanes")
    }
    return RegisterType(scalar, lanes: lanes)
  }
}
