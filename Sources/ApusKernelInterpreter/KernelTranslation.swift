import ApusCore
import ApusKernels

/// Makes closures of a kernel's statements.
struct KernelTranslation {
  let kernel: Kernel
  /// By register: where its first lane is.
  private let starts: [Int]
  let slotCount: Int
  private var statementCount = 0

  init(_ kernel: Kernel) {
    self.kernel = kernel
    var starts: [Int] = []
    var next = 0
    for type in kernel.types {
      starts.append(next)
      next += type.lanes
    }
    (self.starts, slotCount) = (starts, next)
  }

  mutating func translate(_ block: Block) throws -> [KernelAction] {
    try block.statements.map { try translate($0) }
  }

  private mutating func translate(_ statement: Block.Statement) throws -> KernelAction {
    let number = statementCount
    statementCount += 1
    switch statement.instruction {
    case .loop(let loop): return try translate(loop, statement.results)
    case .branch(let branch): return try translate(branch, statement.results)
    case .whileLoop(let loop): return try translate(loop, statement.results)
    case .load(let access): return located(load(access, into: statement.results[0]), number)
    case .store(let access, let value): return located(store(access, value), number)
    case .prefetch: return { _ in }
    case .fail(let condition, let code, let value):
      let (condition, value) = (slot(condition), slot(value))
      return { frame in
        if frame.slots[condition] != 0, frame.failure == nil {
          frame.failure = KernelFailure(code: code, value: frame.integer(value))
        }
      }
    default:
      guard let result = statement.results.first, let action = compute(statement.instruction, result) else {
        throw ApusError.defect("kernel @\(kernel.name): `\(KernelText(kernel).statement(number))` has no meaning")
      }
      return located(action, number)
    }
  }

  /// Says which statement a trap comes from.
  private func located(_ action: @escaping KernelAction, _ number: Int) -> KernelAction {
    let kernel = kernel
    return { frame in
      do { try action(frame) } catch let trap as KernelTrap {
        let text = KernelText(kernel)
        throw ApusError.defect(
          "kernel @\(kernel.name), line \(text.statementLines[number] + 1), `\(text.statement(number))` \(trap.message)"
        )
      }
    }
  }

  // MARK: Parts

  func slot(_ register: Register) -> Int { starts[register.index] }
  func lanes(_ register: Register) -> Int { kernel.type(of: register).lanes }

  func slots(_ registers: [Register]) -> [Int] {
    registers.flatMap { slot($0)..<slot($0) + lanes($0) }
  }

  /// Copies registers to others, all at once.
  private func assignment(_ sources: [Register], to targets: [Register]) -> @Sendable (KernelFrame) -> Void {
    let (from, to) = (slots(sources), slots(targets))
    if Set(from).isDisjoint(with: to) {
      return { frame in for position in from.indices { frame.slots[to[position]] = frame.slots[from[position]] } }
    }
    return { frame in
      frame.moving.removeAll(keepingCapacity: true)
      for slot in from { frame.moving.append(frame.slots[slot]) }
      for position in to.indices { frame.slots[to[position]] = frame.moving[position] }
    }
  }

  // MARK: Nesting

  private mutating func translate(_ loop: Loop, _ results: [Register]) throws -> KernelAction {
    let (induction, lower, upper, step) = (slot(loop.induction), slot(loop.lower), slot(loop.upper), loop.step)
    let body = try translate(loop.body)
    let begin = assignment(loop.initial, to: loop.carried)
    let next = assignment(loop.body.yields, to: loop.carried)
    let end = assignment(loop.carried, to: results)
    return { frame in
      var position = frame.integer(lower)
      let limit = frame.integer(upper)
      begin(frame)
      while position < limit {
        frame.slots[induction] = UInt64(bitPattern: Int64(position))
        for action in body { try action(frame) }
        next(frame)
        position &+= step
      }
      end(frame)
    }
  }

  private mutating func translate(_ branch: Branch, _ results: [Register]) throws -> KernelAction {
    let condition = slot(branch.condition)
    let (then, otherwise) = (try translate(branch.then), try translate(branch.otherwise))
    let first = assignment(branch.then.yields, to: results)
    let second = assignment(branch.otherwise.yields, to: results)
    return { frame in
      let holds = frame.slots[condition] != 0
      for action in holds ? then : otherwise { try action(frame) }
      if holds { first(frame) } else { second(frame) }
    }
  }

  private mutating func translate(_ loop: WhileLoop, _ results: [Register]) throws -> KernelAction {
    let (condition, body) = (try translate(loop.condition), try translate(loop.body))
    let goesOn = slot(loop.condition.yields[0])
    let begin = assignment(loop.initial, to: loop.carried)
    let next = assignment(loop.body.yields, to: loop.carried)
    let end = assignment(loop.carried, to: results)
    return { frame in
      begin(frame)
      while true {
        for action in condition { try action(frame) }
        if frame.slots[goesOn] == 0 { break }
        for action in body { try action(frame) }
        next(frame)
      }
      end(frame)
    }
  }
}
