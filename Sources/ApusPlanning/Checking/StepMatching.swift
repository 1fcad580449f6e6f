import ApusCore
import ApusKernels

/// Which step of a draft each step of its program stands for.
struct StepMatching {
  /// By a program's number: the draft's; nil: the planner, or a loop over batches, has added the step.
  private(set) var draftNumbers: [Int?]
  /// The number of the loop over batches.
  private(set) var batchLoop: Int?

  private let program: KernelProgram
  private let outline: DraftOutline
  /// By the draft's kernels: the program's.
  private let kernels: [Int]
  private let isCopy: [Bool]
  private let isVariable: [Bool]

  /// What tells launches apart.
  private struct Key: Hashable {
    var kernel: Int
    var origin: String
    var failureBase: Int
    var arguments: [Location]
  }

  /// - Throws: `ApusError` if a step of the draft is missing, or the program has one that the draft does not have.
  init(_ program: KernelProgram, _ outline: DraftOutline) throws {
    self.program = program
    self.outline = outline
    var known: [Kernel: Int] = [:]
    for (index, kernel) in program.kernels.enumerated() {
      guard known.updateValue(index, forKey: kernel) == nil else {
        throw program.defect("kernel \(kernel.name) is there twice")
      }
    }
    kernels = outline.draft.kernels.map { known[$0] ?? -1 }
    isCopy = program.kernels.map(\.isCopy)
    isVariable = outline.draft.buffers.map { if case .variable = $0.role { true } else { false } }
    draftNumbers = Array(repeating: nil, count: program.steps.numberCount())

    var planned = program.steps.numbered(from: 0)
    if program.isOverBatches {
      guard let loop = planned.popLast(), case .loop(nil, _, let body) = loop.step else {
        throw program.defect("it is over batches, but does not end with a loop over them")
      }
      batchLoop = loop.number
      planned += body.numbered(from: loop.number + 1)
    }
    try match(planned, outline.draft.steps.numbered(from: 0))
  }

  /// A program may give a variable other memory for a time. The loop over batches moves nothing that the draft knows.
  private func key(_ launch: Launch, kernel: Int, isPlanned: Bool) -> Key {
    Key(
      kernel: kernel, origin: launch.origin, failureBase: launch.failureBase,
      arguments: launch.arguments.map { location in
        let isOpen = location.buffer >= isVariable.count || isVariable[location.buffer]
        var strides = location.strides
        if isPlanned, batchLoop != nil, !strides.isEmpty { strides.removeFirst() }
        while strides.last == 0 { strides.removeLast() }
        return Location(buffer: isOpen ? -1 : location.buffer, offset: location.offset, strides: strides)
      })
  }

  private func key(_ launch: Launch) -> Key { key(launch, kernel: launch.kernel, isPlanned: true) }
  private func key(_ launch: DraftLaunch) -> Key {
    key(launch.launch, kernel: kernels[launch.launch.kernel], isPlanned: false)
  }

  /// Matches two lists in which steps may have different orders.
  private mutating func match(
    _ planned: [(number: Int, step: ProgramStep)], _ drafted: [(number: Int, step: DraftStep)]
  ) throws {
    var launches: [Key: [Int]] = [:]
    var others: [(number: Int, step: DraftStep, first: Key?)] = []
    for (number, step) in drafted.reversed() {
      if case .launch(let launch) = step {
        launches[key(launch), default: []].append(number)
      } else {
        others.insert((number, step, [step].launches().first.map(key)), at: 0)
      }
    }
    for (number, step) in planned {
      switch step {
      case .barrier: break
      case .launch(let launch): draftNumbers[number] = try match(launch, &launches)
      case .loop, .branch, .whileLoop:
        // Of several of one kind the one whose first launch is in here, or any, so that what is wrong inside is named.
        let inside = Set([step].launches().map(key))
        let equal = others.indices.filter { step.isSame(as: others[$0].step) }
        let candidate = equal.first { others[$0].first.map(inside.contains) ?? true } ?? equal.first
        guard let candidate else { throw program.defect("a loop or branch is not in the draft at this place") }
        let other = others.remove(at: candidate)
        try match(step, number, other.step, other.number)
      }
    }
    for case (let number, .launch(let launch)) in drafted where launches[key(launch)]?.contains(number) == true {
      throw program.defect("\(launch.launch.origin) is missing")
    }
    if !others.isEmpty { throw program.defect("a loop or branch of the draft is missing") }
  }

  /// - Returns: the draft's number; nil: a copy that the planner has added, or the gathering of a batch.
  private func match(_ launch: Launch, _ launches: inout [Key: [Int]]) throws -> Int? {
    guard program.kernels.indices.contains(launch.kernel),
      launch.arguments.count == program.kernels[launch.kernel].buffers.count,
      launch.arguments.allSatisfy({ program.buffers.indices.contains($0.buffer) })
    else { throw program.defect("\(launch.origin) names what is not there") }
    let number = launches[key(launch)]?.popLast()
    guard number != nil || isCopy[launch.kernel] || program.isGathering(launch) else {
      throw program.defect("\(launch.origin) is not in the draft at this place")
    }
    return number
  }

  private mutating func match(_ planned: ProgramStep, _ number: Int, _ drafted: DraftStep, _ other: Int) throws {
    guard planned.carries.isEmpty else { throw program.defect("a loop carries what the planner should have moved") }
    draftNumbers[number] = other
    var (here, there) = (number + 1, other + 1)
    for (index, (block, source)) in zip(planned.blocks, drafted.blocks).enumerated() {
      if index == 1, case .whileLoop = planned {
        // The condition, between the test and the body.
        draftNumbers[here] = there
        (here, there) = (here + 1, there + 1)
      }
      try match(block.numbered(from: here), source.numbered(from: there))
      (here, there) = (here + block.numberCount(), there + source.numberCount())
    }
  }
}

extension Step {
  /// Whether both are loops or branches of one kind.
  fileprivate func isSame(as other: Step<some KernelCall>) -> Bool {
    switch (self, other) {
    case (.loop(let a, _, _), .loop(let b, _, _)): a == b
    case (.branch, .branch): true
    case (.whileLoop(_, let a, _, _, _), .whileLoop(_, let b, _, _, _)): a == b
    default: false
    }
  }
}

extension Sequence {
  /// Steps with their numbers; those inside them have the numbers between.
  fileprivate func numbered<Call>(from first: Int) -> [(number: Int, step: Step<Call>)] where Element == Step<Call> {
    var next = first
    return map { step in
      defer { next += [step].numberCount() }
      return (next, step)
    }
  }
}

extension KernelProgram {
  /// Whether the program runs batch after batch of a data set.
  var isOverBatches: Bool { buffers.contains { $0.place == .rows } }

  /// Whether a launch brings the rows of a batch to where the program expects its parameter.
  func isGathering(_ launch: Launch) -> Bool {
    guard launch.arguments.count == 4 else { return false }
    if case .dataset = buffers[launch.arguments[0].buffer].place {
      return buffers[launch.arguments[1].buffer].place == .rows && buffers[launch.arguments[2].buffer].place == .rows
    }
    return false
  }

  func defect(_ message: String) -> ApusError { .defect("plan @\(name): \(message)") }
}

extension Kernel {
  /// Whether all that it does is to store what it loads, at the same position of its other buffer.
  fileprivate var isCopy: Bool {
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
