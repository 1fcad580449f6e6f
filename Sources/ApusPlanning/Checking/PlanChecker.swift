import ApusCore
import ApusKernels

/// Derives again, from the draft alone, that a program does what its draft says. Shares no code with the planner.
///
/// Draft and program run side by side on symbols instead of numbers: each launch of the draft writes a new symbol for
/// each range of bytes, made of the launch, the round and what was there before. In the program each launch must read
/// the very symbols that it reads in the draft, and variables and outputs must end with those that they end with there.
/// So whatever the planner did (shared memory, another order, values computed in place, copies) is right, or a
/// launch finds a wrong symbol. Besides, launches between two barriers must not touch each other's bytes, and nothing
/// may fail once a variable has been written.
///
/// Loops run a few rounds. Branches and loops with a condition run several ways.
public struct PlanChecker {
  let draft: ProgramDraft
  let program: KernelProgram
  let maximumRounds: Int

  /// - Throws: `ApusError` (a defect of the planner) that names launches and buffers.
  public static func check(_ program: KernelProgram, against draft: ProgramDraft, maximumRounds: Int = 3) throws {
    try PlanChecker(draft: draft, program: program, maximumRounds: maximumRounds).check()
  }

  private func check() throws {
    try checkPlaces()
    let source = DraftOutline(draft)
    let steps = try PlanMatching(self, source).match(program.steps, source.steps)
    for scenario in source.hasConditions ? PlanScenario.several : [PlanScenario.several[0]] {
      var meaning = DraftSimulation(source, scenario, maximumRounds)
      meaning.run()
      var simulation = PlanSimulation(self, source, meaning, scenario, maximumRounds)
      try simulation.run(steps)
    }
  }

  func defect(_ message: String) -> ApusError { .defect("plan \(program.name): \(message)") }

  private func checkPlaces() throws {
    guard program.buffers.count >= draft.buffers.count else { throw defect("buffers are missing") }
    for (index, buffer) in program.buffers.enumerated() {
      if case .arena(let offset) = buffer.place {
        guard offset >= 0, offset % Memory.alignment == 0, offset + buffer.byteCount <= program.arenaByteCount else {
          throw defect("\(buffer.name) of \(buffer.byteCount) bytes lies at \(offset) of \(program.arenaByteCount)")
        }
      }
      guard index < draft.buffers.count else { continue }
      let isRight: Bool =
        switch (draft.buffers[index].role, buffer.place) {
        case (.parameter(let a), .parameter(let b)), (.variable(let a), .variable(let b)),
          (.prepared(let a), .prepared(let b)), (.output(let a), .output(let b)):
          a == b
        case (.constant(let a), .constant(let b)): a == b
        case (.temporary, _): true
        default: false
        }
      guard isRight, buffer.byteCount == draft.buffers[index].byteCount else {
        throw defect("\(buffer.name) is \(draft.buffers[index].role) in the draft, but lies at \(buffer.place)")
      }
    }
  }
}

/// How conditions come out.
struct PlanScenario {
  /// Rounds of loops with a condition.
  var rounds: Int
  /// Whether a branch's condition holds, given its number plus the rounds around it.
  var holds: @Sendable (Int) -> Bool

  static let several = [
    PlanScenario(rounds: 2) { _ in true }, PlanScenario(rounds: 0) { _ in false },
    PlanScenario(rounds: 3) { $0 % 2 == 0 }, PlanScenario(rounds: 1) { $0 % 2 == 1 },
  ]
}

/// A draft with numbers for its steps.
struct DraftOutline {
  indirect enum Step {
    case launch(Int, DraftLaunch)
    case loop(Int, count: Int, carries: [BufferUpdate], [Step])
    case branch(Int, Location, [Step], [Step])
    case whileLoop(Int, Location, limit: Int?, carries: [BufferUpdate], test: [Step], body: [Step])
  }

  let draft: ProgramDraft
  private(set) var steps: [Step] = []
  private(set) var launches: [DraftLaunch] = []
  private(set) var hasConditions = false
  /// By loop: temporaries that nothing outside of it names. They mean nothing at the beginning of a round, unless the
  /// round reads them first.
  private(set) var locals: [Int: [Int]] = [:]
  /// By buffer: the first that is the same memory.
  private(set) var memories: [Int] = []
  private var next = 0

  init(_ draft: ProgramDraft) {
    self.draft = draft
    var known: [DraftBuffer.Role: Int] = [:]
    for (index, buffer) in draft.buffers.enumerated() {
      switch buffer.role {
      case .temporary, .constant: memories.append(index)
      case .parameter, .variable, .prepared, .output:
        memories.append(known[buffer.role] ?? index)
        if known[buffer.role] == nil { known[buffer.role] = index }
      }
    }
    steps = outline(draft.steps)
    findLocals()
  }

  private mutating func outline(_ steps: [DraftStep]) -> [Step] {
    steps.map { step in
      switch step {
      case .launch(let launch):
        launches.append(launch)
        return .launch(launches.count - 1, launch)
      case .loop(let count, let carries, let body):
        next += 1
        return .loop(next, count: count, carries: carries, outline(body))
      case .branch(let condition, let then, let otherwise):
        next += 1
        hasConditions = true
        return .branch(next, condition, outline(then), outline(otherwise))
      case .whileLoop(let condition, let limit, let carries, let test, let body):
        next += 1
        hasConditions = true
        return .whileLoop(next, condition, limit: limit, carries: carries, test: outline(test), body: outline(body))
      }
    }
  }

  private mutating func findLocals() {
    var total = [Int](repeating: 0, count: draft.buffers.count)
    var inside: [(loop: Int, counts: [Int: Int])] = []
    func count(_ steps: [Step]) -> [Int: Int] {
      var counts: [Int: Int] = [:]
      func add(_ buffer: Int) { counts[buffer, default: 0] += 1 }
      func add(_ nested: [Step]) { counts.merge(count(nested)) { $0 + $1 } }
      func add(_ carries: [BufferUpdate]) {
        for carry in carries {
          add(carry.target)
          add(carry.value)
        }
      }
      for step in steps {
        switch step {
        case .launch(_, let launch): for location in launch.launch.arguments { add(location.buffer) }
        case .branch(_, let condition, let then, let otherwise):
          add(condition.buffer)
          add(then)
          add(otherwise)
        case .loop(let loop, _, let carries, let body):
          var own = count(body)
          own.merge(count([], carries)) { $0 + $1 }
          inside.append((loop, own))
          counts.merge(own) { $0 + $1 }
        case .whileLoop(let loop, let condition, _, let carries, let test, let body):
          var own = count(test + body)
          own.merge(count([], carries)) { $0 + $1 }
          own[condition.buffer, default: 0] += 1
          inside.append((loop, own))
          counts.merge(own) { $0 + $1 }
        }
      }
      return counts
    }
    func count(_: [Step], _ carries: [BufferUpdate]) -> [Int: Int] {
      carries.flatMap { [$0.target, $0.value] }.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }
    for (buffer, uses) in count(steps) { total[buffer] += uses }
    for update in draft.updates {
      total[update.target] += 1
      total[update.value] += 1
    }
    for (loop, counts) in inside {
      locals[loop] = counts.keys.filter {
        draft.buffers[$0].role == .temporary && counts[$0] == total[$0]
      }.sorted()
    }
  }
}

/// A program's steps, each with the draft's step that it stands for.
indirect enum MatchedStep {
  /// No number: a copy that the planner added.
  case launch(Int?, Launch)
  case barrier
  case loop(Int, count: Int, carries: [BufferUpdate], [MatchedStep])
  case branch(Int, Location, [MatchedStep], [MatchedStep])
  case whileLoop(Int, Location, limit: Int?, carries: [BufferUpdate], test: [MatchedStep], body: [MatchedStep])
}

/// Finds, list by list, which step of a program stands for which of its draft.
struct PlanMatching {
  let checker: PlanChecker
  /// By the draft's kernels: the program's.
  private let kernels: [Int]
  private let bufferCount: Int
  private let isVariable: [Bool]

  private struct Key: Hashable {
    var kernel: Int
    var origin: String
    var failureBase: Int
    var arguments: [Location]
  }

  init(_ checker: PlanChecker, _ source: DraftOutline) throws {
    self.checker = checker
    var known: [Kernel: Int] = [:]
    for (index, kernel) in checker.program.kernels.enumerated() {
      guard known.updateValue(index, forKey: kernel) == nil else {
        throw checker.defect("kernel \(kernel.name) stands there twice")
      }
    }
    kernels = checker.draft.kernels.map { known[$0] ?? -1 }
    bufferCount = checker.draft.buffers.count
    isVariable = checker.draft.buffers.map { if case .variable = $0.role { true } else { false } }
  }

  /// A program may give a variable other memory for a time.
  private func key(_ launch: Launch, kernel: Int) -> Key {
    Key(
      kernel: kernel, origin: launch.origin, failureBase: launch.failureBase,
      arguments: launch.arguments.map {
        let isOpen = $0.buffer >= bufferCount || isVariable[$0.buffer]
        return Location(buffer: isOpen ? -1 : $0.buffer, offset: $0.offset, strides: $0.strides)
      })
  }

  private func key(_ launch: DraftLaunch) -> Key { key(launch.launch, kernel: kernels[launch.launch.kernel]) }

  func match(_ steps: [ProgramStep], _ source: [DraftOutline.Step]) throws -> [MatchedStep] {
    var launches: [Key: [Int]] = [:]
    var others: [DraftOutline.Step] = []
    for step in source.reversed() {
      if case .launch(let number, let launch) = step { launches[key(launch), default: []].append(number) }
    }
    for step in source { if case .launch = step { continue } else { others.append(step) } }

    var result: [MatchedStep] = []
    for step in steps {
      switch step {
      case .barrier: result.append(.barrier)
      case .launch(let launch):
        guard checker.program.kernels.indices.contains(launch.kernel),
          launch.arguments.count == checker.program.kernels[launch.kernel].buffers.count,
          launch.arguments.allSatisfy({ checker.program.buffers.indices.contains($0.buffer) })
        else { throw checker.defect("\(launch.origin) names what is not there") }
        let number = launches[key(launch, kernel: launch.kernel)]?.popLast()
        if number == nil, !checker.program.kernels[launch.kernel].isCopy {
          throw checker.defect("\(launch.origin) is not in the draft at this place")
        }
        result.append(.launch(number, launch))
      default:
        let inside = keys(step)
        let candidate = others.firstIndex { isSame(step, $0) && (firstKey($0).map(inside.contains) ?? true) }
        guard let candidate else { throw checker.defect("a loop or branch is not in the draft at this place") }
        result.append(try matched(step, others.remove(at: candidate)))
      }
    }
    for step in source {
      guard case .launch(_, let launch) = step, let left = launches[key(launch)], !left.isEmpty else { continue }
      throw checker.defect("\(launch.launch.origin) is missing")
    }
    if !others.isEmpty { throw checker.defect("a loop or branch of the draft is missing") }
    return result
  }

  private func matched(_ step: ProgramStep, _ source: DraftOutline.Step) throws -> MatchedStep {
    switch (step, source) {
    case (.loop(_, let body), .loop(let number, let count, let carries, let inner)):
      return .loop(number, count: count, carries: carries, try match(body, inner))
    case (.branch(let condition, let then, let otherwise), .branch(let number, _, let first, let second)):
      return .branch(number, condition, try match(then, first), try match(otherwise, second))
    case (
      .whileLoop(let condition, let limit, let test, let body),
      .whileLoop(let number, _, _, let carries, let first, let second)
    ):
      return .whileLoop(
        number, condition, limit: limit, carries: carries, test: try match(test, first), body: try match(body, second))
    default: throw checker.defect("steps of different kinds")
    }
  }

  private func isSame(_ step: ProgramStep, _ source: DraftOutline.Step) -> Bool {
    switch (step, source) {
    case (.loop(let a, _), .loop(_, let b, _, _)): a == b
    case (.branch, .branch): true
    case (.whileLoop(_, let a, _, _), .whileLoop(_, _, let b, _, _, _)): a == b
    default: false
    }
  }

  private func keys(_ step: ProgramStep) -> Set<Key> {
    switch step {
    case .barrier: []
    case .launch(let launch): [key(launch, kernel: launch.kernel)]
    case .loop(_, let body): Set(body.flatMap(keys))
    case .branch(_, let then, let otherwise): Set((then + otherwise).flatMap(keys))
    case .whileLoop(_, _, let test, let body): Set((test + body).flatMap(keys))
    }
  }

  private func firstKey(_ step: DraftOutline.Step) -> Key? {
    switch step {
    case .launch(_, let launch): key(launch)
    case .loop(_, _, _, let body): body.lazy.compactMap(firstKey).first
    case .branch(_, _, let then, let otherwise): (then + otherwise).lazy.compactMap(firstKey).first
    case .whileLoop(_, _, _, _, let test, let body): (test + body).lazy.compactMap(firstKey).first
    }
  }
}

extension Kernel {
  /// Whether all that it does is to store what it loads, at the same position of its other buffer.
  var isCopy: Bool {
    guard buffers.count == 2, buffers[0].use == .read, buffers[1].use == .write,
      buffers[0].count == buffers[1].count, buffers[0].dtype == buffers[1].dtype
    else { return false }
    var loads: [Register: Access] = [:]
    func copies(_ block: Block) -> Bool {
      block.statements.allSatisfy { statement in
        switch statement.instruction {
        case .load(let access):
          loads[statement.results[0]] = access
          return access.buffer == 0
        case .store(let access, let value):
          guard access.buffer == 1, let source = loads[value] else { return false }
          return source.index == access.index && source.mask == access.mask
        case .fail: return false
        case .loop(let loop): return copies(loop.body)
        case .branch(let branch): return copies(branch.then) && copies(branch.otherwise)
        case .whileLoop(let loop): return copies(loop.condition) && copies(loop.body)
        default: return true
        }
      }
    }
    return copies(body)
  }
}
