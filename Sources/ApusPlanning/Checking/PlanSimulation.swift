import ApusCore
import ApusKernels

/// A program's run on symbols.
struct PlanSimulation {
  let checker: PlanChecker
  let source: DraftOutline
  let meaning: DraftSimulation
  let scenario: PlanScenario
  let maximumRounds: Int
  private var symbols: PlanSymbols
  private var memories: [Memory: PlanMemory] = [:]
  /// Since the last barrier.
  private var running: [Touch] = []
  private var mayFail: String?
  private var hasWritten: String?
  /// Buffers that stand in launches where the draft has a variable: its memory for a time.
  private var substitutes: [Int: Int] = [:]

  /// Bytes apart from all others.
  private enum Memory: Hashable {
    case arena
    case parameter(Int)
    case prepared(Int)
    case variable(Int)
    case output(Int)
    case constant(Int)
  }

  private struct Touch {
    var memory: Memory
    var range: Range<Int>
    var writes: Bool
    var isSerial: Bool
    var buffer: Int
    var what: String
    /// How many bytes each unit has to itself, and how many units there are; nil: not known.
    var division: (byteCount: Int, units: Int)?
  }

  init(
    _ checker: PlanChecker, _ source: DraftOutline, _ meaning: DraftSimulation, _ scenario: PlanScenario,
    _ maximumRounds: Int
  ) {
    self.checker = checker
    self.source = source
    self.meaning = meaning
    self.scenario = scenario
    self.maximumRounds = maximumRounds
    // As the draft's run began, so that the same launches get the same symbols.
    symbols = meaning.symbols
    let start = DraftSimulation(source, scenario, maximumRounds)
    for (index, memory) in start.memories.enumerated() where !memory.segments.isEmpty {
      memories[place(index).memory] = memory
    }
  }

  mutating func run(_ steps: [MatchedStep]) throws {
    findSubstitutes(steps)
    try run(steps, [])
    for (index, buffer) in source.draft.buffers.enumerated() {
      switch buffer.role {
      case .temporary, .parameter, .prepared, .constant: continue
      case .variable, .output:
        let expected = meaning.memories[source.memories[index]].segments
        try compare(expected, place(index), 0..<buffer.byteCount) { "at the end, \(buffer.name)" }
      }
    }
  }

  private mutating func findSubstitutes(_ steps: [MatchedStep]) {
    for step in steps {
      switch step {
      case .barrier, .launch(nil, _): break
      case .launch(let number?, let launch):
        for (drafted, planned) in zip(source.launches[number].launch.arguments, launch.arguments)
        where drafted.buffer != planned.buffer {
          substitutes[source.memories[drafted.buffer]] = planned.buffer
        }
      case .loop(_, _, _, let body): findSubstitutes(body)
      case .branch(_, _, let then, let otherwise): findSubstitutes(then + otherwise)
      case .whileLoop(_, _, _, _, let test, let body): findSubstitutes(test + body)
      }
    }
  }

  private func name(_ buffer: Int) -> String { checker.program.buffers[buffer].name }

  private func place(_ buffer: Int) -> (memory: Memory, base: Int) {
    switch checker.program.buffers[buffer].place {
    case .arena(let offset): (.arena, offset)
    case .parameter(let position): (.parameter(position), 0)
    case .prepared(let position): (.prepared(position), 0)
    case .variable(let position): (.variable(position), 0)
    case .output(let position): (.output(position), 0)
    case .constant, .dataset, .rows, .series: (.constant(buffer), 0)
    }
  }

  private mutating func run(_ steps: [MatchedStep], _ rounds: [Int]) throws {
    for step in steps {
      switch step {
      case .barrier:
        running = []
        mayFail = nil
      case .launch(let number, let launch): try run(number, launch, rounds)
      case .loop(let number, let count, let carries, let body):
        for round in 0..<min(count, maximumRounds) {
          begin(number, round)
          try run(body, rounds + [round])
          carry(carries)
        }
      case .branch(let number, let condition, let then, let otherwise):
        try read(condition, number, rounds)
        try run(scenario.holds(number + rounds.reduce(0, +)) ? then : otherwise, rounds)
      case .whileLoop(let number, let condition, let limit, let carries, let test, let body):
        let count = min(limit ?? .max, scenario.rounds)
        for round in 0...count {
          if round == limit { break }
          begin(number, round)
          try run(test, rounds + [round])
          try read(condition, number, rounds + [round])
          if round == count { break }
          try run(body, rounds + [round])
          carry(carries)
        }
      }
    }
  }

  private mutating func begin(_ loop: Int, _ round: Int) {
    guard round > 0, let locals = source.locals[loop] else { return }
    let stale = Set(locals)
    for memory in memories.keys { memories[memory]?.changeAll { if stale.contains($0.owner) { $0.isStale = true } } }
  }

  /// Whatever lies in a target's memory at the end of a round is the target's from then on.
  private mutating func carry(_ carries: [BufferUpdate]) {
    for carry in carries where source.memories[carry.target] != source.memories[carry.value] {
      let memory = source.memories[carry.target]
      let target = place(substitutes[memory] ?? carry.target)
      memories[target.memory]?.change(target.base..<target.base + source.draft.buffers[carry.target].byteCount) {
        $0.owner = memory
        $0.isStale = false
      }
    }
  }

  // MARK: Steps

  private mutating func read(_ condition: Location, _ number: Int, _ rounds: [Int]) throws {
    let instance = PlanInstance(number: -number, rounds: rounds)
    try touch(condition, 1, rounds, writes: false, isSerial: false, "a condition")
    try compare(meaning.reads[instance]?.first ?? [], condition, 1, rounds) {
      "a condition in \(name(condition.buffer))"
    }
  }

  private mutating func run(_ number: Int?, _ launch: Launch, _ rounds: [Int]) throws {
    let kernel = checker.program.kernels[launch.kernel]
    func size(_ argument: Int) -> Int { kernel.buffers[argument].count * kernel.buffers[argument].dtype.byteCount }
    let what =
      rounds.isEmpty ? launch.origin : "\(launch.origin) in round \(rounds.map { "\($0 + 1)" }.joined(separator: "."))"
    try checkOverlaps(number, launch, kernel, rounds, what)
    func division(_ argument: Int) -> (byteCount: Int, units: Int)? {
      guard let number, !launch.isSerial else { return nil }
      let counts = source.launches[number].unitByteCounts
      return argument < counts.count && counts[argument] > 0 ? (counts[argument], kernel.units) : nil
    }
    let before = running.count
    for (argument, location) in launch.arguments.enumerated() {
      try touch(
        location, size(argument), rounds, writes: kernel.buffers[argument].use != .read, isSerial: launch.isSerial,
        what,
        among: before, division: division(argument))
    }
    try checkFailures(launch, kernel, what)

    guard let number else { return copy(launch, size(0), rounds) }
    let instance = PlanInstance(number: number, rounds: rounds)
    guard let expected = meaning.reads[instance] else { throw checker.defect("\(what) runs, but not in the draft") }
    for (argument, location) in launch.arguments.enumerated() where kernel.buffers[argument].use != .write {
      try compare(expected[argument], location, size(argument), rounds) {
        "\(what), which reads \(name(location.buffer))"
      }
      let (memory, base) = place(location.buffer)
      let start = base + location.start(rounds)
      memories[memory]?.change(start..<start + size(argument)) { $0.isStale = false }
    }
    for (argument, location) in launch.arguments.enumerated() where kernel.buffers[argument].use != .read {
      // A buffer that the planner put in place of a variable is that variable.
      let owner = source.memories[source.launches[number].launch.arguments[argument].buffer]
      let (memory, base) = place(location.buffer)
      let start = base + location.start(rounds)
      let range = start..<start + size(argument)
      let old = memories[memory, default: PlanMemory()].complete(
        range, nothing: PlanContent(symbol: 0, owner: owner, writer: -1))
      memories[memory, default: PlanMemory()].set(range, symbols.written(instance, argument, owner, old))
    }
  }

  private mutating func copy(_ launch: Launch, _ size: Int, _ rounds: [Int]) {
    let (source, target) = (launch.arguments[0], launch.arguments[1])
    let (from, to) = (place(source.buffer), place(target.buffer))
    let (a, b) = (from.base + source.start(rounds), to.base + target.start(rounds))
    let isDraft = target.buffer < self.source.draft.buffers.count
    let values = memories[from.memory, default: PlanMemory()][a..<a + size].map { segment in
      var content = segment.content
      content.isStale = false
      if isDraft { content.owner = self.source.memories[target.buffer] }
      return (range: segment.range.lowerBound - a + b..<segment.range.upperBound - a + b, content: content)
    }
    memories[to.memory, default: PlanMemory()].set(b..<b + size, values)
  }

  // MARK: Checks

  private func compare(
    _ expected: [PlanMemory.Segment], _ location: Location, _ size: Int, _ rounds: [Int], _ what: () -> String
  ) throws {
    let (memory, base) = place(location.buffer)
    let start = base + location.start(rounds)
    try compare(expected, (memory, start), 0..<size, what)
  }

  private func compare(
    _ expected: [PlanMemory.Segment], _ place: (memory: Memory, base: Int), _ range: Range<Int>, _ what: () -> String
  ) throws {
    let memory = memories[place.memory, default: PlanMemory()]
    for segment in expected where segment.content.symbol != 0 {
      let bytes = segment.range.lowerBound + place.base..<segment.range.upperBound + place.base
      let nothing = PlanContent(symbol: 0, owner: -1, writer: -1)
      for found in memory.complete(bytes, nothing: nothing) where found.content.symbol != segment.content.symbol {
        let right = words(segment.content)
        let wrong = words(found.content)
        let (first, end) = (found.range.lowerBound - place.base, found.range.upperBound - place.base)
        throw checker.defect("\(what()) finds, in bytes \(first)..<\(end), \(wrong) instead of \(right)")
      }
    }
  }

  private func words(_ content: PlanContent) -> String {
    if content.symbol == 0 { return "nothing" }
    let buffer = name(content.owner)
    if content.writer < 0 { return "what \(buffer) held at the beginning" }
    return "what \(source.launches[content.writer].launch.origin) wrote for \(buffer)"
  }

  private mutating func touch(
    _ location: Location, _ size: Int, _ rounds: [Int], writes: Bool, isSerial: Bool, _ what: String,
    among count: Int? = nil, division: (byteCount: Int, units: Int)? = nil
  ) throws {
    if size == 0 { return }
    let (memory, base) = place(location.buffer)
    let start = location.start(rounds)
    guard start >= 0, start + size <= checker.program.buffers[location.buffer].byteCount else {
      throw checker.defect("\(what) touches bytes \(start)..<\(start + size) of \(name(location.buffer))")
    }
    if writes {
      switch memory {
      case .parameter, .prepared, .constant: throw checker.defect("\(what) writes \(name(location.buffer))")
      case .arena, .variable, .output: break
      }
    }
    let touch = Touch(
      memory: memory, range: base + start..<base + start + size, writes: writes, isSerial: isSerial,
      buffer: location.buffer, what: what, division: division)
    for other in running.prefix(count ?? running.count)
    where other.memory == memory && (other.writes || writes) && !(other.isSerial && isSerial)
      && other.range.overlaps(touch.range)
    {
      if let division, let known = other.division, known == division,
        other.range.lowerBound == touch.range.lowerBound
      {
        continue
      }
      throw checker.defect(
        "there is no barrier between \(other.what), which \(other.writes ? "writes" : "reads") \(name(other.buffer)), "
          + "and \(what), which \(writes ? "writes" : "reads") \(name(location.buffer))")
    }
    running.append(touch)
  }

  private mutating func checkFailures(_ launch: Launch, _ kernel: Kernel, _ what: String) throws {
    let writes = launch.arguments.indices.contains { argument in
      guard kernel.buffers[argument].use != .read, kernel.buffers[argument].count > 0 else { return false }
      if case .variable = checker.program.buffers[launch.arguments[argument].buffer].place { return true }
      return false
    }
    let fails = kernel.reportsFailures
    if writes, let mayFail {
      throw checker.defect("\(what) writes a variable before a barrier tells whether \(mayFail) failed")
    }
    if writes, fails { throw checker.defect("\(what) writes a variable, and may fail") }
    if fails, let hasWritten { throw checker.defect("\(what) may fail after \(hasWritten) has written a variable") }
    if writes { hasWritten = hasWritten ?? what }
    if fails { mayFail = what }
  }

  /// Arguments of one launch that share bytes must be allowed to.
  private func checkOverlaps(
    _ number: Int?, _ launch: Launch, _ kernel: Kernel, _ rounds: [Int], _ what: String
  ) throws {
    for write in launch.arguments.indices where kernel.buffers[write].use != .read {
      for other in launch.arguments.indices where other != write {
        let (a, b) = (launch.arguments[write], launch.arguments[other])
        let (left, right) = (bytes(a, kernel.buffers[write], rounds), bytes(b, kernel.buffers[other], rounds))
        guard left.memory == right.memory, left.range.overlaps(right.range) else { continue }
        if let number {
          let drafted = source.launches[number].launch.arguments
          if source.memories[drafted[write].buffer] == source.memories[drafted[other].buffer] { continue }
        }
        let isAllowed =
          number.map { source.launches[$0].inPlace.contains { $0.write == write && $0.read == other } } ?? true
        guard isAllowed, kernel.buffers[other].use == .read, left.range == right.range,
          kernel.buffers[write].dtype.byteCount == kernel.buffers[other].dtype.byteCount
        else {
          throw checker.defect("\(what) writes \(name(a.buffer)) where it reads or writes \(name(b.buffer))")
        }
      }
    }
  }

  private func bytes(_ location: Location, _ buffer: KernelBuffer, _ rounds: [Int]) -> (
    memory: Memory, range: Range<Int>
  ) {
    let (memory, base) = place(location.buffer)
    let start = base + location.start(rounds)
    return (memory, start..<start + buffer.count * buffer.dtype.byteCount)
  }
}

extension Kernel {
  /// Whether it may report a failure.
  var reportsFailures: Bool {
    func reports(_ block: Block) -> Bool {
      block.statements.contains { statement in
        switch statement.instruction {
        case .fail: return true
        case .loop(let loop): return reports(loop.body)
        case .branch(let branch): return reports(branch.then) || reports(branch.otherwise)
        case .whileLoop(let loop): return reports(loop.condition) || reports(loop.body)
        default: return false
        }
      }
    }
    return reports(body)
  }
}
