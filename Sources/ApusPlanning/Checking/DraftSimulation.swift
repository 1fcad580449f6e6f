import ApusCore
import ApusKernels

/// What the draft means: a memory for each buffer, one launch after the other.
struct DraftSimulation {
  let source: DraftOutline
  let scenario: PlanScenario
  let maximumRounds: Int
  private(set) var memories: [PlanMemory]
  /// What each launch reads: by argument, places relative to its own, and symbols.
  private(set) var reads: [PlanInstance: [[PlanMemory.Segment]]] = [:]
  private(set) var symbols = PlanSymbols()

  init(_ source: DraftOutline, _ scenario: PlanScenario, _ maximumRounds: Int) {
    self.source = source
    self.scenario = scenario
    self.maximumRounds = maximumRounds
    memories = source.draft.buffers.map { _ in PlanMemory() }
    for (index, buffer) in source.draft.buffers.enumerated() where source.memories[index] == index {
      guard let content = symbols.initial(index, buffer) else { continue }
      memories[index].set(0..<buffer.byteCount, [(0..<buffer.byteCount, content)])
    }
  }

  mutating func run() {
    run(source.steps, [])
    update(source.draft.updates)
  }

  private mutating func run(_ steps: [DraftOutline.Step], _ rounds: [Int]) {
    for step in steps {
      switch step {
      case .launch(let number, let launch): run(number, launch, rounds)
      case .loop(let number, let count, let carries, let body):
        for round in 0..<min(count, maximumRounds) {
          begin(number, round)
          run(body, rounds + [round])
          update(carries)
        }
      case .branch(let number, let condition, let then, let otherwise):
        read(condition, number, rounds)
        run(scenario.holds(number + rounds.reduce(0, +)) ? then : otherwise, rounds)
      case .whileLoop(let number, let condition, let limit, let carries, let test, let body):
        let count = min(limit ?? .max, scenario.rounds)
        for round in 0...count {
          if round == limit { break }
          begin(number, round)
          run(test, rounds + [round])
          read(condition, number, rounds + [round])
          if round == count { break }
          run(body, rounds + [round])
          update(carries)
        }
      }
    }
  }

  private mutating func begin(_ loop: Int, _ round: Int) {
    if round == 0 { return }
    for buffer in source.locals[loop] ?? [] { memories[buffer].changeAll { $0.isStale = true } }
  }

  private mutating func read(_ condition: Location, _ number: Int, _ rounds: [Int]) {
    reads[PlanInstance(number: -number, rounds: rounds)] = [contents(condition, 1, rounds)]
  }

  private mutating func contents(_ location: Location, _ size: Int, _ rounds: [Int]) -> [PlanMemory.Segment] {
    let memory = source.memories[location.buffer]
    let start = location.start(rounds)
    memories[memory].change(start..<start + size) { $0.isStale = false }
    return memories[memory][start..<start + size].map {
      ($0.range.lowerBound - start..<$0.range.upperBound - start, $0.content)
    }
  }

  private mutating func run(_ number: Int, _ launch: DraftLaunch, _ rounds: [Int]) {
    let instance = PlanInstance(number: number, rounds: rounds)
    let call = launch.launch
    let kernel = source.draft.kernels[call.kernel]
    reads[instance] = call.arguments.indices.map { argument in
      let buffer = kernel.buffers[argument]
      if buffer.use == .write { return [] }
      return contents(call.arguments[argument], buffer.count * buffer.dtype.byteCount, rounds)
    }
    for argument in call.arguments.indices where kernel.buffers[argument].use != .read {
      let location = call.arguments[argument]
      let memory = source.memories[location.buffer]
      let start = location.start(rounds)
      let range = start..<start + kernel.buffers[argument].count * kernel.buffers[argument].dtype.byteCount
      let old = memories[memory].complete(range, nothing: PlanContent(symbol: 0, owner: memory, writer: -1))
      memories[memory].set(range, symbols.written(instance, argument, memory, old))
    }
  }

  private mutating func update(_ updates: [BufferUpdate]) {
    let values = updates.map { memories[source.memories[$0.value]] }
    for (update, var value) in zip(updates, values) {
      let target = source.memories[update.target]
      if target == source.memories[update.value] { continue }
      value.changeAll {
        $0.owner = target
        $0.isStale = false
      }
      memories[source.memories[update.value]].changeAll { $0.isStale = false }
      memories[target] = value
    }
  }
}

/// Symbols, each for one launch, argument and earlier content.
struct PlanSymbols {
  private struct Key: Hashable {
    var instance: PlanInstance
    var argument: Int
    var old: Int
  }
  private var known: [Key: Int] = [:]
  private var count = 0

  /// What a buffer holds when a program begins.
  mutating func initial(_ index: Int, _ buffer: DraftBuffer) -> PlanContent? {
    switch buffer.role {
    case .temporary, .output: return nil
    case .parameter, .variable, .prepared, .constant:
      count += 1
      return PlanContent(symbol: count, owner: index, writer: -1)
    }
  }

  /// The new content of bytes: it depends on the old one where that is the same buffer's, since a launch may write only
  /// some of the bytes that it is said to.
  mutating func written(
    _ instance: PlanInstance, _ argument: Int, _ owner: Int, _ old: [PlanMemory.Segment]
  ) -> [PlanMemory.Segment] {
    old.map { segment in
      let before = segment.content.owner == owner && !segment.content.isStale ? segment.content.symbol : 0
      let key = Key(instance: instance, argument: argument, old: before)
      if known[key] == nil {
        count += 1
        known[key] = count
      }
      return (segment.range, PlanContent(symbol: known[key] ?? 0, owner: owner, writer: instance.number))
    }
  }
}
