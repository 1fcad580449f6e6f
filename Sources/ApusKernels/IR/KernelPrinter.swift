import ApusCore

extension Kernel: CustomStringConvertible {
  /// The kernel as text, one instruction a line.
  public var description: String {
    var printer = KernelPrinter(kernel: self)
    printer.print()
    return printer.text
  }
}

private struct KernelPrinter {
  let kernel: Kernel
  var text = ""
  var depth = 1

  init(kernel: Kernel) { self.kernel = kernel }

  mutating func print() {
    let buffers = kernel.buffers.enumerated().map { "b\($0): \($1.use.rawValue) \($1.dtype)[\($1.count)]" }
    text += "kernel @\(kernel.name)(\(buffers.joined(separator: ", "))) units \(kernel.units) {\n"
    print(kernel.body, yielding: nil)
    text += "}\n"
  }

  private mutating func line(_ content: String) {
    text += String(repeating: "  ", count: depth) + content + "\n"
  }

  private mutating func print(_ block: Block, yielding keyword: String?) {
    for statement in block.statements { print(statement) }
    if let keyword, !block.yields.isEmpty { line("\(keyword) \(list(block.yields))") }
  }

  private mutating func nest(_ block: Block, _ keyword: String = "yield") {
    depth += 1
    print(block, yielding: keyword)
    depth -= 1
  }

  private func list(_ registers: [Register]) -> String { registers.map(\.description).joined(separator: ", ") }

  private func initials(_ carried: [Register], _ initial: [Register]) -> String {
    carried.isEmpty
      ? "" : " carrying " + zip(carried, initial).map { "\($0) = \($1)" }.joined(separator: ", ")
  }

  private mutating func print(_ statement: Block.Statement) {
    let results = statement.results
    let left =
      results.isEmpty ? "" : list(results) + (results.count == 1 ? ": \(kernel.type(of: results[0]))" : "") + " = "
    switch statement.instruction {
    case .loop(let loop):
      line(
        left + "loop \(loop.induction) from \(loop.lower) to \(loop.upper) step \(loop.step)"
          + initials(loop.carried, loop.initial) + " {")
      nest(loop.body)
      line("}")
    case .branch(let branch):
      line(left + "if \(branch.condition) {")
      nest(branch.then)
      if !branch.otherwise.statements.isEmpty || !branch.otherwise.yields.isEmpty {
        line("} else {")
        nest(branch.otherwise)
      }
      line("}")
    case .whileLoop(let loop):
      line(left + "while" + initials(loop.carried, loop.initial) + " {")
      nest(loop.condition, "continue")
      line("} do {")
      nest(loop.body)
      line("}")
    default:
      line(left + words(statement.instruction, results.first.map(kernel.type)))
    }
  }

  private func words(_ instruction: Instruction, _ type: RegisterType?) -> String {
    switch instruction {
    case .constant(let bits):
      switch type?.scalar {
      case .f32: "constant \(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))"
      case .f64: "constant \(Double(bitPattern: bits))"
      case let scalar?: "constant \(KernelBuilder.signed(bits, scalar))"
      case nil: "constant"
      }
    case .lanes: "lanes"
    case .firstUnit: "first unit"
    case .endUnit: "end unit"
    case .unary(let op, let x): "\(op.rawValue) \(x)"
    case .binary(let op, let a, let b): "\(op.rawValue) \(a), \(b)"
    case .multiplyAdd(let a, let b, let c): "multiplyAdd \(a), \(b), \(c)"
    case .compare(let op, let a, let b): "\(op.rawValue) \(a), \(b)"
    case .select(let c, let a, let b): "select \(c), \(a), \(b)"
    case .convert(let op, let x): "\(op.rawValue) \(x)"
    case .splat(let x): "splat \(x)"
    case .extract(let x, let lane): "extract \(x)[\(lane)]"
    case .shuffle(let a, let b, let positions): "shuffle \(a), \(b) \(positions)"
    case .load(let access): "load \(words(access))"
    case .store(let access, let value): "store \(words(access)), \(value)"
    case .prefetch(let access, let level): "prefetch \(words(access)) into level \(level)"
    case .fail(let condition, let code, let value): "fail \(code) if \(condition) with \(value)"
    case .loop, .branch, .whileLoop: ""
    }
  }

  private func words(_ access: Access) -> String {
    "b\(access.buffer)[\(access.index)]" + (access.mask.map { " where \($0)" } ?? "")
  }
}
