import ApusCore
import ApusKernels

/// Reads what the texts of plans and drafts have in common.
struct PlanParser {
  var cursor: TextCursor
  let kernels: [Kernel]
  /// Whether the text is a plan's: with numbers before steps, barriers, no carries.
  let isPlan: Bool
  private(set) var failures: [ProgramFailure] = []
  /// How many buffers have been read.
  var bufferCount = 0
  private var next = 0
  private var depth = 0
  private static let deepest = 64

  init(_ cursor: TextCursor, kernels: [Kernel], isPlan: Bool) {
    (self.cursor, self.kernels, self.isPlan) = (cursor, kernels, isPlan)
  }

  // MARK: Buffers and failures

  /// `b0:` of the next buffer, if it comes next. Steps of drafts begin with other words.
  mutating func acceptBufferLabel() throws -> Bool {
    var ahead = cursor
    guard let word = ahead.word(), word.hasPrefix("b"), let number = Int(word.dropFirst()), ahead.accept(":") else {
      return false
    }
    guard number == bufferCount else {
      throw cursor.fail("expected buffer b\(bufferCount)", help: "buffers are numbered in their order")
    }
    cursor = ahead
    bufferCount += 1
    return true
  }

  /// `, 64 bytes`
  mutating func byteCount() throws -> Int {
    try cursor.expect(",")
    let count = try cursor.integer("a number of bytes")
    try cursor.expect("bytes")
    return count
  }

  /// `, for "x"`
  mutating func label() throws -> String {
    try cursor.expect(",")
    try cursor.expect("for")
    return try cursor.string("a value's name")
  }

  mutating func parseFailures() throws {
    while cursor.accept("failure") {
      let place = cursor.position
      guard try cursor.integer("the failure's number") == failures.count + 1 else {
        throw cursor.fail("expected failure \(failures.count + 1)", at: place, help: "failures are numbered from 1")
      }
      try cursor.expect(":")
      let message = try cursor.string("what is wrong")
      try cursor.expect(",")
      try cursor.expect("from")
      let origin = try cursor.string("the node that fails")
      var help: String?
      if cursor.accept(",") {
        try cursor.expect("help")
        help = try cursor.string("what would be right")
      }
      failures.append(ProgramFailure(origin: origin, message: message, help: help))
    }
  }

  // MARK: Steps

  /// Steps up to a closing brace or a word that only ends lists of steps.
  mutating func steps() throws -> [TextStep] {
    depth += 1
    defer { depth -= 1 }
    guard depth <= PlanParser.deepest else {
      throw cursor.fail("steps are nested more than \(PlanParser.deepest) deep")
    }
    var steps: [TextStep] = []
    while let step = try step() { steps.append(step) }
    return steps
  }

  /// Nil at the end of a list.
  private mutating func step() throws -> TextStep? {
    if isPlan, cursor.accept("barrier") { return .barrier }
    let start = cursor
    if isPlan, !(try acceptNumber()) { return nil }
    if cursor.accept("loop") { return try loop() }
    if cursor.accept("if") { return try branch() }
    if cursor.accept("while") { return try whileLoop() }
    guard let launch = try launch() else {
      // The number of a condition.
      cursor = start
      return nil
    }
    if isPlan { next += 1 }
    return .launch(launch)
  }

  /// `12:`, which must be the number of the next step. It is not counted yet.
  private mutating func acceptNumber() throws -> Bool {
    var ahead = cursor
    guard let text = ahead.numberText(), let number = Int(text), ahead.accept(":") else { return false }
    guard number == next else {
      throw cursor.fail(
        "expected step \(next)",
        help: "launches, conditions, and both ends of loops are numbered in the order of the text")
    }
    cursor = ahead
    return true
  }

  private mutating func body() throws -> (steps: [TextStep], carries: [BufferUpdate]) {
    try cursor.expect("{")
    let steps = try steps()
    let carries = isPlan ? [] : try updates("carry")
    try cursor.expect("}")
    return (steps, carries)
  }

  mutating func updates(_ keyword: StaticString) throws -> [BufferUpdate] {
    var list: [BufferUpdate] = []
    while cursor.accept(keyword) {
      let target = try buffer()
      try cursor.expect("=")
      list.append(BufferUpdate(target: target, value: try buffer()))
    }
    return list
  }

  private mutating func loop() throws -> TextStep {
    next += 1
    let count = isPlan && cursor.accept("given") ? nil : try cursor.integer("a number of iterations")
    let (steps, carries) = try body()
    next += 1
    return .loop(count: count, carries: carries, steps)
  }

  private mutating func branch() throws -> TextStep {
    next += 1
    let condition = try location()
    let then = try body().steps
    return .branch(condition: condition, then: then, otherwise: cursor.accept("else") ? try body().steps : [])
  }

  private mutating func whileLoop() throws -> TextStep {
    next += 1
    var limit: Int?
    if cursor.accept("at") {
      try cursor.expect("most")
      limit = try cursor.integer("a number of iterations")
    }
    try cursor.expect("{")
    let test = try steps()
    if isPlan, !(try acceptNumber()) { throw cursor.fail("expected the condition's number, \(next)") }
    next += 1
    try cursor.expect("continue")
    try cursor.expect("if")
    let condition = try location()
    try cursor.expect("}")
    try cursor.expect("do")
    let (steps, carries) = try body()
    next += 1
    return .whileLoop(condition: condition, limit: limit, carries: carries, test: test, body: steps)
  }
}
