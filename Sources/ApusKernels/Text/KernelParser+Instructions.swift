import ApusCore

extension KernelParser {
  /// What is right of `=`, or a statement without results.
  /// - Parameter type: of the first result.
  mutating func instruction(_ type: RegisterType?) throws -> Instruction {
    let place = cursor.position
    guard let word = cursor.word() else { throw cursor.fail("expected an instruction, found \(cursor.nextToken)") }
    if let op = Mnemonics.unary[word] { return .unary(op, try register()) }
    if let op = Mnemonics.conversions[word] { return .convert(op, try register()) }
    if let op = Mnemonics.binary[word] {
      let (a, b) = try pair()
      return .binary(op, a, b)
    }
    if let op = Mnemonics.comparisons[word] {
      let (a, b) = try pair()
      return .compare(op, a, b)
    }
    switch word {
    case "constant": return .constant(bits: try constant(type ?? .index))
    case "lanes": return .lanes
    case "first_unit": return .firstUnit
    case "end_unit": return .endUnit
    case "multiply_add":
      let (a, b, c) = try triple()
      return .multiplyAdd(a, b, c)
    case "select":
      let (condition, a, b) = try triple()
      return .select(condition, a, b)
    case "splat": return .splat(try register())
    case "extract":
      let x = try register()
      try cursor.expect("[")
      let lane = try cursor.integer("a lane")
      try cursor.expect("]")
      return .extract(x, lane: lane)
    case "shuffle":
      let (a, b) = try pair()
      try cursor.expect(",")
      return .shuffle(a, b, try positions())
    case "load":
      var access = try access()
      access.mask = try mask()
      return .load(access)
    case "store":
      var access = try access()
      try cursor.expect(",")
      let value = try register()
      access.mask = try mask()
      return .store(access, value)
    case "prefetch":
      var access = try access()
      try cursor.expect(",")
      try cursor.expect("level")
      let level = try cursor.integer("a level of the cache")
      let isWrite = cursor.accept("to")
      if isWrite { try cursor.expect("write") }
      access.mask = try mask()
      return .prefetch(access, level: level, isWrite: isWrite)
    case "fail":
      let code = try cursor.integer("a code")
      try cursor.expect("if")
      let condition = try register()
      try cursor.expect("with")
      return .fail(condition: condition, code: code, value: try register())
    case "for": return .loop(try loop())
    case "if": return .branch(try branch())
    case "while": return .whileLoop(try whileLoop())
    default:
      throw cursor.fail(
        "there is no instruction '\(word)'", at: place, help: Suggestion.didYouMean(word, among: Mnemonics.all))
    }
  }

  // MARK: Operands

  private mutating func pair() throws -> (Register, Register) {
    let a = try register()
    try cursor.expect(",")
    return (a, try register())
  }

  private mutating func triple() throws -> (Register, Register, Register) {
    let (a, b) = try pair()
    try cursor.expect(",")
    return (a, b, try register())
  }

  private mutating func constant(_ type: RegisterType) throws -> UInt64 {
    let place = cursor.position
    guard let text = cursor.numberText() else {
      throw cursor.fail("expected a number, found \(cursor.nextToken)")
    }
    guard let bits = NumberText.parse(text, type.scalar) else {
      throw cursor.fail("'\(text)' is not a number of type \(type.scalar.rawValue)", at: place)
    }
    return bits
  }

  private mutating func positions() throws -> [Int] {
    var list: [Int] = []
    try cursor.expect("[")
    if cursor.accept("]") { return list }
    repeat { list.append(try cursor.integer("a lane's position")) } while cursor.accept(",")
    try cursor.expect("]")
    return list
  }

  /// `b0[%4]`
  private mutating func access() throws -> Access {
    let place = cursor.position
    guard let word = cursor.word(), word.hasPrefix("b"), let buffer = Int(word.dropFirst()) else {
      throw cursor.fail("expected a place in a buffer, as b0[%4]", at: place)
    }
    try cursor.expect("[")
    let index = try register()
    try cursor.expect("]")
    return Access(buffer: buffer, index: index)
  }

  private mutating func mask() throws -> Register? {
    guard cursor.accept(",") else { return nil }
    try cursor.expect("mask")
    return try register()
  }

  // MARK: Nesting

  private mutating func carrying() throws -> (carried: [Register], initial: [Register]) {
    var (carried, initial): ([Register], [Register]) = ([], [])
    guard cursor.accept("carrying") else { return (carried, initial) }
    repeat {
      carried.append(try typedRegister())
      try cursor.expect("=")
      initial.append(try register())
    } while cursor.accept(",")
    return (carried, initial)
  }

  private mutating func loop() throws -> Loop {
    let induction = try typedRegister()
    try cursor.expect("=")
    let lower = try register()
    try cursor.expect("to")
    let upper = try register()
    try cursor.expect("step")
    let step = try cursor.integer("a step")
    let (carried, initial) = try carrying()
    return Loop(
      induction: induction, lower: lower, upper: upper, step: step, carried: carried, initial: initial,
      body: try block())
  }

  private mutating func branch() throws -> Branch {
    let condition = try register()
    let then = try block()
    return Branch(condition: condition, then: then, otherwise: cursor.accept("else") ? try block() : Block())
  }

  private mutating func whileLoop() throws -> WhileLoop {
    let (carried, initial) = try carrying()
    let condition = try block(isCondition: true)
    try cursor.expect("do")
    return WhileLoop(carried: carried, initial: initial, condition: condition, body: try block())
  }
}
