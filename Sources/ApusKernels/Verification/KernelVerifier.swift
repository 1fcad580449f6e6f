import ApusCore

/// Checks that a kernel is sound: registers, types, blocks, and the bounds of accesses as far as they are known before a
/// run. Docs/KernelForm.md lists the rules.
///
/// Lowering is trusted by code generation, which would turn most of these faults into wrong numbers or damaged memory.
public struct KernelVerifier {
  /// A rule that a kernel breaks.
  public struct Violation: Hashable, Sendable {
    /// The number of the statement, counted in the order of the text; nil: the kernel as a whole.
    public var statement: Int?
    public var message: String
    /// What would be right.
    public var help: String?
  }

  /// The most that one kernel is said to break.
  private static let mostViolations = 20

  let kernel: Kernel
  private(set) var violations: [Violation] = []
  /// Registers that can be read here, by number.
  private var isVisible: [Bool]
  private var isDefined: [Bool]
  /// The number of the statement that is being checked.
  private var current: Int?
  private var statementCount = 0

  /// What is wrong with a kernel, in the order of its text; empty if nothing is.
  public static func violations(of kernel: Kernel) -> [Violation] {
    var verifier = KernelVerifier(kernel)
    verifier.check()
    // Bounds mean something only if registers and types do.
    if verifier.violations.isEmpty { verifier.violations = KernelBounds.violations(of: kernel) }
    return Array(verifier.violations.prefix(mostViolations))
  }

  /// - Throws: `ApusError` (a defect of what made the kernel) with the kernel's name and, for each fault, the line of its
  ///   text.
  public static func check(_ kernel: Kernel) throws {
    let violations = violations(of: kernel)
    if violations.isEmpty { return }
    let text = KernelText(kernel)
    throw ApusError(
      .defect,
      violations.map { violation in
        var place = "kernel @\(kernel.name)"
        if let statement = violation.statement {
          place += ", line \(text.statementLines[statement] + 1), `\(text.statement(statement))`"
        }
        return Diagnostic(.error, "\(place): \(violation.message)", help: violation.help)
      })
  }

  private init(_ kernel: Kernel) {
    self.kernel = kernel
    isVisible = [Bool](repeating: false, count: kernel.types.count)
    isDefined = isVisible
  }

  mutating func report(_ message: String, help: String? = nil) {
    violations.append(Violation(statement: current, message: message, help: help))
  }

  func type(_ register: Register) -> RegisterType { kernel.types[register.index] }

  // MARK: Kernels and blocks

  private mutating func check() {
    if kernel.units < 0 { report("it has \(kernel.units) units of work", help: "0 or more") }
    for (position, buffer) in kernel.buffers.enumerated() where buffer.count < 0 {
      report("b\(position) has \(buffer.count) elements", help: "0 or more")
    }
    for (number, type) in kernel.types.enumerated() where type.lanes < 1 {
      report("%\(number) has \(type.lanes) lanes", help: "1 or more")
      return
    }
    check(kernel.body, defining: [])
    current = nil
    if !kernel.body.yields.isEmpty { report("the kernel's own block yields values", help: "nothing can take them") }
    for number in kernel.types.indices where !isDefined[number] {
      report("%\(number) has a type but is not defined", help: "types are listed for the registers that there are")
    }
  }

  /// Checks a block whose registers can be read in it alone.
  /// - Parameter parameters: what the statement that holds it defines for it.
  private mutating func check(_ block: Block, defining parameters: [Register]) {
    let outside = isVisible
    let owner = current
    for register in parameters { define(register) }
    for statement in block.statements {
      current = statementCount
      statementCount += 1
      check(statement)
    }
    current = owner
    for register in block.yields { _ = isReadable(register, as: "yields") }
    isVisible = outside
  }

  private mutating func define(_ register: Register) {
    guard isDefined.indices.contains(register.index) else {
      return report("\(register) has no type", help: "the kernel lists types for \(isDefined.count) registers")
    }
    if isDefined[register.index] {
      report("\(register) is defined a second time", help: "each register is defined once")
    }
    isDefined[register.index] = true
    isVisible[register.index] = true
  }

  /// Reports a register that cannot be read here.
  private mutating func isReadable(_ register: Register, as verb: String = "reads") -> Bool {
    guard isDefined.indices.contains(register.index) else {
      report("it \(verb) \(register), which is not defined", help: "the last register is %\(isDefined.count - 1)")
      return false
    }
    if isVisible[register.index] { return true }
    report(
      isDefined[register.index]
        ? "it \(verb) \(register), which another block defines" : "it \(verb) \(register) before its definition",
      help: "a block reads what it has defined before, and what the blocks around it had")
    return false
  }

  // MARK: Statements

  private mutating func check(_ statement: Block.Statement) {
    var isSound = true
    for operand in statement.instruction.operands where !isReadable(operand) { isSound = false }
    switch statement.instruction {
    case .loop(let loop):
      check(loop.body, defining: [loop.induction] + loop.carried)
      for result in statement.results { define(result) }
      guard isSound, areTyped([loop.induction] + loop.carried + loop.body.yields + statement.results) else { return }
      check(loop, statement.results)
    case .branch(let branch):
      check(branch.then, defining: [])
      check(branch.otherwise, defining: [])
      for result in statement.results { define(result) }
      guard isSound, areTyped(branch.then.yields + branch.otherwise.yields + statement.results) else { return }
      check(branch, statement.results)
    case .whileLoop(let loop):
      checkBlocks(of: loop)
      for result in statement.results { define(result) }
      guard isSound, areTyped(loop.carried + loop.condition.yields + loop.body.yields + statement.results) else {
        return
      }
      check(loop, statement.results)
    default:
      for result in statement.results { define(result) }
      guard isSound, areTyped(statement.results) else { return }
      check(statement.instruction, statement.results)
    }
  }

  /// The carried registers can be read in both blocks, what the condition computes only in it.
  private mutating func checkBlocks(of loop: WhileLoop) {
    let outside = isVisible
    for register in loop.carried { define(register) }
    check(loop.condition, defining: [])
    check(loop.body, defining: [])
    isVisible = outside
  }

  /// Registers without a type have been reported.
  private func areTyped(_ registers: [Register]) -> Bool {
    registers.allSatisfy { kernel.types.indices.contains($0.index) }
  }
}
