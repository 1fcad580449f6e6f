/// Finds accesses that leave their buffers, by ranges of integers.
///
/// Each integer register is a constant plus multiples of unknowns (`IndexForm`). An access that is surely executed is
/// reported if it is outside its buffer whatever the unknowns are, or if its index reaches a place outside and all that
/// the index depends on is known exactly: constants, units, lanes, positions of loops with constant counts. So no sound
/// kernel is reported; what depends on loaded values, on conditions, or on masks other than `lanes < n`, is left to the
/// kernel interpreter, which checks each access.
struct KernelBounds {
  private let kernel: Kernel
  private var forms: [IndexForm?]
  /// Lanes that take part under masks of the form `lanes < n`, by register.
  private var prefixes: [Int: Int] = [:]
  /// Whether a comparison is known, by register.
  private var truths: [Int: Bool] = [:]
  /// Registers that hold a call's units.
  private var units: (first: Set<Register>, end: Set<Register>) = ([], [])
  private var nextUnknown = IndexForm.lane + 1
  /// Whether what is being looked at is surely executed.
  private var isExecuted = true
  private var violations: [KernelVerifier.Violation] = []
  private var statementCount = 0
  /// Statements that never run are counted, and nothing else.
  private var isDead = false

  /// - Parameter kernel: sound in registers and types.
  static func violations(of kernel: Kernel) -> [KernelVerifier.Violation] {
    var bounds = KernelBounds(kernel)
    bounds.isDead = kernel.units == 0
    bounds.walk(kernel.body)
    return bounds.violations
  }

  private init(_ kernel: Kernel) {
    self.kernel = kernel
    forms = [IndexForm?](repeating: nil, count: kernel.types.count)
  }

  private func form(_ register: Register) -> IndexForm? { forms[register.index] }

  private mutating func unknown(in range: ClosedRange<Int>, isExact: Bool = false) -> IndexForm {
    nextUnknown += 1
    return IndexForm(IndexForm.Unknown(id: nextUnknown, range: range, isExact: isExact))
  }

  // MARK: Blocks

  private mutating func walk(_ block: Block) {
    for statement in block.statements { walk(statement) }
  }

  /// Walks a block that may not be executed.
  private mutating func walk(_ block: Block, isSure: Bool, isDead dies: Bool = false) {
    let before = (isExecuted, isDead)
    (isExecuted, isDead) = (isExecuted && isSure, isDead || dies)
    walk(block)
    (isExecuted, isDead) = before
  }

  private mutating func walk(_ statement: Block.Statement) {
    let number = statementCount
    statementCount += 1
    switch statement.instruction {
    case .loop(let loop): walk(loop)
    case .branch(let branch):
      let known = truths[branch.condition.index]
      walk(branch.then, isSure: known == true, isDead: known == false)
      walk(branch.otherwise, isSure: known == false, isDead: known == true)
    case .whileLoop(let loop):
      walk(loop.condition, isSure: false)
      walk(loop.body, isSure: false)
    case .load(let access):
      check(access, lanes: kernel.type(of: statement.results[0]).lanes, "reads", number)
    case .store(let access, let value): check(access, lanes: kernel.type(of: value).lanes, "writes", number)
    case .firstUnit:
      units.first.insert(statement.results[0])
      compute(statement)
    case .endUnit:
      units.end.insert(statement.results[0])
      compute(statement)
    case .compare(let op, let a, let b): compare(op, a, b, statement.results[0])
    default: compute(statement)
    }
  }

  private mutating func compute(_ statement: Block.Statement) {
    guard let result = statement.results.first else { return }
    forms[result.index] = integer(statement.instruction, kernel.type(of: result))
  }

  private mutating func walk(_ loop: Loop) {
    let (lower, upper) = (form(loop.lower), form(loop.upper))
    if isUnitLoop(loop) {
      forms[loop.induction.index] =
        kernel.units > 0 ? unknown(in: 0...kernel.units - 1, isExact: isExecuted) : nil
      return walk(loop.body, isSure: true)
    }
    guard let lower, let upper, let count = upper.adding(lower, times: -1) else {
      return walk(loop.body, isSure: false)
    }
    if let number = count.number {
      // So many iterations, wherever it begins.
      let last = number <= 0 ? 0 : (number - 1) / loop.step
      forms[loop.induction.index] = lower.adding(unknown(in: 0...last, isExact: true), times: loop.step)
      return walk(loop.body, isSure: true, isDead: number <= 0)
    }
    if let low = lower.range?.lowerBound, let high = upper.range?.upperBound {
      forms[loop.induction.index] = unknown(in: low...max(low, high - 1))
      return walk(loop.body, isSure: false, isDead: high <= low)
    }
    walk(loop.body, isSure: false)
  }

  /// Between them the calls do each unit once.
  private func isUnitLoop(_ loop: Loop) -> Bool {
    loop.step == 1 && units.first.contains(loop.lower) && units.end.contains(loop.upper)
  }

  // MARK: Masks and conditions

  private mutating func compare(_ op: Comparison, _ a: Register, _ b: Register, _ result: Register) {
    guard let x = form(a), let y = form(b), let difference = x.adding(y, times: -1) else { return }
    if let range = difference.range { truths[result.index] = truth(op, range) }
    // lanes + c < n
    if op == .less || op == .lessUnsigned, difference.lanesFactor == 1, let rest = difference.at(lane: 0)?.number {
      prefixes[result.index] = max(0, -rest)
    }
  }

  /// What the comparison with 0 gives for all numbers of a range; nil: not the same.
  private func truth(_ op: Comparison, _ range: ClosedRange<Int>) -> Bool? {
    func all(_ holds: Bool, none: Bool) -> Bool? { holds ? true : none ? false : nil }
    let (low, high) = (range.lowerBound, range.upperBound)
    switch op {
    case .less: return all(high < 0, none: low >= 0)
    case .lessEqual: return all(high <= 0, none: low > 0)
    case .greater: return all(low > 0, none: high <= 0)
    case .greaterEqual: return all(low >= 0, none: high < 0)
    case .equal: return all(low == 0 && high == 0, none: low > 0 || high < 0)
    case .notEqual: return all(low > 0 || high < 0, none: low == 0 && high == 0)
    case .lessUnsigned, .lessEqualUnsigned: return nil
    }
  }

  // MARK: Accesses

  private mutating func check(_ access: Access, lanes: Int, _ verb: String, _ number: Int) {
    guard isExecuted, !isDead, let index = form(access.index) else { return }
    var active = lanes
    if let mask = access.mask {
      guard let prefix = prefixes[mask.index] else { return }
      active = min(lanes, prefix)
    }
    guard active > 0 else { return }
    let isVector = kernel.type(of: access.index).lanes > 1
    guard let first = isVector ? index.at(lane: 0) : index,
      let last = isVector ? index.at(lane: active - 1) : index.adding(IndexForm(active - 1)),
      let a = first.range, let b = last.range
    else { return }
    let count = kernel.buffers[access.buffer].count
    let all = min(a.lowerBound, b.lowerBound)...max(a.upperBound, b.upperBound)
    let isOutside = [a, b].contains { $0.upperBound < 0 || $0.lowerBound >= count }
    let reaches = index.isExact && (all.lowerBound < 0 || all.upperBound >= count)
    guard isOutside || reaches else { return }
    violations.append(
      KernelVerifier.Violation(
        statement: number,
        message: "it \(verb) b\(access.buffer)[\(all.lowerBound)] to b\(access.buffer)[\(all.upperBound)]",
        help: count == 0 ? "b\(access.buffer) is empty" : "b\(access.buffer) has elements 0 to \(count - 1)"))
  }

  // MARK: Integers

  /// What is known of a result; nil: nothing.
  private mutating func integer(_ instruction: Instruction, _ type: RegisterType) -> IndexForm? {
    if case .firstUnit = instruction { return unknown(in: 0...max(0, kernel.units)) }
    if case .endUnit = instruction { return unknown(in: 0...max(0, kernel.units)) }
    guard !type.scalar.isFloating, type.scalar != .i1, let form = exactInteger(instruction, type) else { return nil }
    // Arithmetic of fewer bits wraps.
    guard let range = form.range else { return nil }
    let (low, high) = (Int.min >> (64 - type.scalar.bits), Int.max >> (64 - type.scalar.bits))
    return low <= range.lowerBound && range.upperBound <= high ? form : nil
  }

  private mutating func exactInteger(_ instruction: Instruction, _ type: RegisterType) -> IndexForm? {
    switch instruction {
    case .constant(let bits): return IndexForm(KernelBuilder.signed(bits, type.scalar))
    case .lanes:
      return IndexForm(IndexForm.Unknown(id: IndexForm.lane, range: 0...type.lanes - 1, isExact: true))
    case .splat(let x), .convert(.signExtend, let x), .convert(.truncate, let x): return form(x)
    case .convert(.zeroExtend, let x):
      guard let form = form(x), let range = form.range, range.lowerBound >= 0 else { return nil }
      return form
    case .extract(let x, let lane): return form(x)?.at(lane: lane)
    case .select(_, let a, let b):
      guard let x = form(a)?.range, let y = form(b)?.range else { return nil }
      return unknown(in: min(x.lowerBound, y.lowerBound)...max(x.upperBound, y.upperBound))
    case .binary(let op, let a, let b): return binary(op, form(a), form(b))
    default: return nil
    }
  }

  private mutating func binary(_ op: Binary, _ a: IndexForm?, _ b: IndexForm?) -> IndexForm? {
    // One known operand is enough for some.
    if op == .and, let mask = b?.number, mask >= 0, a?.number == nil { return unknown(in: 0...mask) }
    if op == .remainderUnsigned, let divisor = b?.number, divisor > 0, a == nil { return unknown(in: 0...divisor - 1) }
    guard let a, let b else { return nil }
    switch op {
    case .add: return a.adding(b)
    case .subtract: return a.adding(b, times: -1)
    case .multiply:
      if let number = b.number { return a.multiplied(by: number) }
      if let number = a.number { return b.multiplied(by: number) }
      return nil
    case .shiftLeft:
      guard let number = b.number, (0..<62).contains(number) else { return nil }
      return a.multiplied(by: 1 << number)
    case .minimumSigned, .maximumSigned: return extremum(op, a, b)
    case .divideUnsigned, .divideSigned, .remainderUnsigned, .remainderSigned:
      guard let divisor = b.number, divisor > 0, let range = a.range, range.lowerBound >= 0 else { return nil }
      if let number = a.number {
        return IndexForm(op == .divideUnsigned || op == .divideSigned ? number / divisor : number % divisor)
      }
      if op == .divideUnsigned || op == .divideSigned {
        return unknown(in: range.lowerBound / divisor...range.upperBound / divisor)
      }
      return range.upperBound < divisor ? a : unknown(in: 0...divisor - 1)
    default: return nil
    }
  }

  private mutating func extremum(_ op: Binary, _ a: IndexForm, _ b: IndexForm) -> IndexForm? {
    guard let x = a.range, let y = b.range else { return nil }
    let isMinimum = op == .minimumSigned
    if x.upperBound <= y.lowerBound { return isMinimum ? a : b }
    if y.upperBound <= x.lowerBound { return isMinimum ? b : a }
    let pick: (Int, Int) -> Int = isMinimum ? { min($0, $1) } : { max($0, $1) }
    return unknown(in: pick(x.lowerBound, y.lowerBound)...pick(x.upperBound, y.upperBound))
  }
}
