import ApusCore

extension Kernel: CustomStringConvertible {
  /// The kernel as text, one instruction a line: `Kernel.parse` reads the same kernel back. Docs/KernelForm.md describes
  /// the syntax.
  public var description: String { KernelText(self).text }
}

/// The text of a kernel with the place of each statement in it. Any kernel can be printed, an invalid one too.
package struct KernelText {
  private let kernel: Kernel
  package private(set) var lines: [String] = []
  /// The line, from 0, of each statement; statements are numbered in the order of the text, nested ones after the one
  /// that holds them.
  package private(set) var statementLines: [Int] = []
  private var depth = 1

  package init(_ kernel: Kernel) {
    self.kernel = kernel
    let buffers = kernel.buffers.enumerated().map { "b\($0): \($1.use.mnemonic) \($1.dtype)[\($1.count)]" }
    lines.append(
      "kernel @\(TextCursor.name(kernel.name))(\(buffers.joined(separator: ", "))) units \(kernel.units) {")
    print(kernel.body, yielding: "yield")
    lines.append("}")
  }

  package var text: String { lines.joined(separator: "\n") + "\n" }

  /// A statement as its line has it, without what is nested in it.
  package func statement(_ number: Int) -> String {
    String(lines[statementLines[number]].drop { $0 == " " })
  }

  // MARK: Statements

  private mutating func line(_ content: String) { lines.append(String(repeating: "  ", count: depth) + content) }

  private mutating func print(_ block: Block, yielding keyword: String) {
    for statement in block.statements {
      statementLines.append(lines.count)
      print(statement)
    }
    if !block.yields.isEmpty { line("\(keyword) \(list(block.yields))") }
  }

  private mutating func nest(_ block: Block, _ keyword: String = "yield") {
    depth += 1
    print(block, yielding: keyword)
    depth -= 1
  }

  private mutating func print(_ statement: Block.Statement) {
    let left =
      statement.results.isEmpty ? "" : statement.results.map(typed).joined(separator: ", ") + " = "
    switch statement.instruction {
    case .loop(let loop):
      line(
        left + "for \(typed(loop.induction)) = \(loop.lower) to \(loop.upper) step \(loop.step)"
          + carrying(loop.carried, loop.initial) + " {")
      nest(loop.body)
      line("}")
    case .branch(let branch):
      line(left + "if \(branch.condition) {")
      nest(branch.then)
      if branch.otherwise != Block() {
        line("} else {")
        nest(branch.otherwise)
      }
      line("}")
    case .whileLoop(let loop):
      line(left + "while" + carrying(loop.carried, loop.initial) + " {")
      nest(loop.condition, "continue if")
      line("} do {")
      nest(loop.body)
      line("}")
    default: line(left + text(of: statement))
    }
  }

  private func text(of statement: Block.Statement) -> String {
    switch statement.instruction {
    case .constant(let bits):
      let scalar = statement.results.first.flatMap(type)?.scalar ?? .i64
      return "constant \(NumberText.describe(bits, scalar))"
    case .lanes: return "lanes"
    case .firstUnit: return "first_unit"
    case .endUnit: return "end_unit"
    case .unary(let op, let x): return "\(op.mnemonic) \(x)"
    case .binary(let op, let a, let b): return "\(op.mnemonic) \(a), \(b)"
    case .multiplyAdd(let a, let b, let c): return "multiply_add \(a), \(b), \(c)"
    case .compare(let op, let a, let b): return "\(op.mnemonic) \(a), \(b)"
    case .select(let condition, let a, let b): return "select \(condition), \(a), \(b)"
    case .convert(let op, let x): return "\(op.mnemonic) \(x)"
    case .splat(let x): return "splat \(x)"
    case .extract(let x, let lane): return "extract \(x)[\(lane)]"
    case .shuffle(let a, let b, let positions): return "shuffle \(a), \(b), \(positions)"
    case .load(let access): return "load \(place(access))\(mask(access))"
    case .store(let access, let value): return "store \(place(access)), \(value)\(mask(access))"
    case .prefetch(let access, let level, let isWrite):
      return "prefetch \(place(access)), level \(level)\(isWrite ? " to write" : "")\(mask(access))"
    case .fail(let condition, let code, let value): return "fail \(code) if \(condition) with \(value)"
    case .loop, .branch, .whileLoop: return ""
    }
  }

  // MARK: Parts

  private func type(_ register: Register) -> RegisterType? {
    kernel.types.indices.contains(register.index) ? kernel.types[register.index] : nil
  }

  private func typed(_ register: Register) -> String {
    "\(register): \(type(register)?.description ?? "unknown")"
  }

  private func list(_ registers: [Register]) -> String { registers.map(\.description).joined(separator: ", ") }

  /// An invalid loop may have fewer initial values than carried registers; all are shown.
  private func carrying(_ carried: [Register], _ initial: [Register]) -> String {
    if carried.isEmpty && initial.isEmpty { return "" }
    let parts = (0..<max(carried.count, initial.count)).map { position in
      (position < carried.count ? typed(carried[position]) : "nothing") + " = "
        + (position < initial.count ? initial[position].description : "nothing")
    }
    return " carrying " + parts.joined(separator: ", ")
  }

  private func place(_ access: Access) -> String { "b\(access.buffer)[\(access.index)]" }
  private func mask(_ access: Access) -> String { access.mask.map { ", mask \($0)" } ?? "" }
}
