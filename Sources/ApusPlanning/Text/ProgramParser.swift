import ApusCore
import ApusKernels

extension KernelProgram {
  /// The program of a text: its kernels, then the plan. What `text(isComplete: true)` prints is read back as the same
  /// program.
  /// - Parameter file: the name that messages give.
  /// - Throws: `ApusError` with a located diagnostic for the first error.
  public static func parse(_ text: String, file: String = "<text>") throws -> KernelProgram {
    let parsed = try PlanText.parse(text, file: file)
    guard let program = parsed.programs.first, parsed.programs.count + parsed.drafts.count == 1 else {
      throw ApusError.input("\(file) is not the text of one plan", help: "kernels, then: plan @name { … }")
    }
    return program
  }
}

extension ProgramDraft {
  /// The draft of a text: its kernels, then the draft. What `text(isComplete: true)` prints is read back as the same
  /// draft.
  /// - Throws: `ApusError` with a located diagnostic for the first error.
  public static func parse(_ text: String, file: String = "<text>") throws -> ProgramDraft {
    let parsed = try PlanText.parse(text, file: file)
    guard let draft = parsed.drafts.first, parsed.programs.count + parsed.drafts.count == 1 else {
      throw ApusError.input("\(file) is not the text of one draft", help: "kernels, then: draft @name { … }")
    }
    return draft
  }
}

/// All that a file of kernels, drafts and plans holds. A draft or plan has the kernels that precede it, up to the plan or
/// draft before.
package struct PlanText {
  package private(set) var kernels: [ParsedKernel] = []
  package private(set) var drafts: [ProgramDraft] = []
  package private(set) var programs: [KernelProgram] = []

  package static func parse(_ text: String, file: String) throws -> PlanText {
    var result = PlanText()
    var cursor = TextCursor(text, file: file)
    var pending: [Kernel] = []
    while !cursor.isAtEnd {
      if cursor.accept("plan") {
        result.programs.append(try program(&cursor, pending))
        pending = []
      } else if cursor.accept("draft") {
        result.drafts.append(try draft(&cursor, pending))
        pending = []
      } else {
        let kernel = try KernelParser.parse(&cursor)
        result.kernels.append(kernel)
        pending.append(kernel.kernel)
      }
    }
    guard !result.kernels.isEmpty || !result.drafts.isEmpty || !result.programs.isEmpty else {
      throw cursor.fail("the file holds no kernel, draft or plan", help: KernelParser.form)
    }
    return result
  }

  private static func program(_ cursor: inout TextCursor, _ kernels: [Kernel]) throws -> KernelProgram {
    var parser = PlanParser(cursor, kernels: kernels, isPlan: true)
    var program = KernelProgram(name: try parser.cursor.name())
    program.kernels = kernels
    try parser.cursor.expect("{")
    try parser.cursor.expect("arena")
    program.arenaByteCount = try parser.cursor.integer("a number of bytes")
    try parser.cursor.expect("bytes")
    try parser.cursor.expect(",")
    for word: StaticString in ["largest", "live", "set"] { try parser.cursor.expect(word) }
    program.largestLiveSet = try parser.cursor.integer("a number of bytes")
    if parser.cursor.accept("flushes") {
      try parser.cursor.expect("subnormals")
      program.flushesSubnormals = true
    }
    while try parser.acceptBufferLabel() {
      let place = try parser.place()
      let byteCount = try parser.byteCount()
      let lifetime = try parser.lifetime()
      program.buffers.append(
        ProgramBuffer(name: try parser.label(), byteCount: byteCount, place: place, lifetime: lifetime))
    }
    try parser.parseFailures()
    program.failures = parser.failures
    program.steps = try parser.steps().planned
    try parser.cursor.expect("}")
    cursor = parser.cursor
    return program
  }

  private static func draft(_ cursor: inout TextCursor, _ kernels: [Kernel]) throws -> ProgramDraft {
    var parser = PlanParser(cursor, kernels: kernels, isPlan: false)
    var draft = ProgramDraft(name: try parser.cursor.name())
    draft.kernels = kernels
    try parser.cursor.expect("{")
    while try parser.acceptBufferLabel() {
      let role = try parser.role()
      let byteCount = try parser.byteCount()
      draft.buffers.append(DraftBuffer(name: try parser.label(), byteCount: byteCount, role: role))
    }
    try parser.parseFailures()
    draft.failures = parser.failures
    draft.steps = try parser.steps().drafted
    draft.updates = try parser.updates("update")
    try parser.cursor.expect("}")
    cursor = parser.cursor
    return draft
  }
}

extension PlanParser {
  /// Where a buffer is, up to the comma.
  fileprivate mutating func place() throws -> ProgramBuffer.Place {
    let start = cursor.position
    switch cursor.word() {
    case "parameter": return .parameter(try cursor.integer("a position"))
    case "variable": return .variable(try cursor.integer("a position"))
    case "precomputed": return .precomputed(try cursor.integer("a position"))
    case "constant": return .constant(try ConstantText.parse(&cursor))
    case "output": return .output(try cursor.integer("a position"))
    case "arena":
      try cursor.expect("+")
      return .arena(offset: try cursor.integer("a number of bytes"))
    case "dataset": return .dataset(parameter: try cursor.integer("a position"))
    case "rows": return .rows
    case "series": return .series(output: try cursor.integer("a position"))
    default:
      throw cursor.fail(
        "expected where the buffer is", at: start,
        help: "parameter, variable, precomputed, constant, output, arena, dataset, rows or series")
    }
  }

  fileprivate mutating func role() throws -> DraftBuffer.Role {
    if cursor.accept("temporary") { return .temporary }
    let start = cursor.position
    switch try place() {
    case .parameter(let position): return .parameter(position)
    case .variable(let position): return .variable(position)
    case .precomputed(let position): return .precomputed(position)
    case .constant(let tensor): return .constant(tensor)
    case .output(let position): return .output(position)
    case .arena, .dataset, .rows, .series:
      throw cursor.fail(
        "a draft's buffer has no address yet", at: start,
        help: "parameter, variable, precomputed, constant, output or temporary")
    }
  }

  /// `, live 0 to 3` or `, unused`
  fileprivate mutating func lifetime() throws -> ClosedRange<Int>? {
    try cursor.expect(",")
    if cursor.accept("unused") { return nil }
    try cursor.expect("live")
    let place = cursor.position
    let first = try cursor.integer("a step")
    try cursor.expect("to")
    let last = try cursor.integer("a step")
    guard first <= last else { throw cursor.fail("the buffer's last step precedes its first", at: place) }
    return first...last
  }
}
