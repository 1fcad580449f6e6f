import ApusCore
import ApusKernels

/// A program's run on symbols, held against what the draft means.
struct PlanSimulation {
  let plan: PlanUnderCheck
  let outline: DraftOutline
  let meaning: DraftSimulation
  private var symbols: SymbolTable
  private var memories: [SymbolicMemory]
  private var clock: IterationClock
  private var conflicts = Conflicts()
  private var failures = FailureOrder()
  /// Buffers that launches have in place of the draft's variables: their memory for a time.
  private var substitutes: [Int: Int] = [:]

  private var program: KernelProgram { plan.program }

  init(_ plan: PlanUnderCheck, _ outline: DraftOutline, _ meaning: DraftSimulation) {
    self.plan = plan
    self.outline = outline
    self.meaning = meaning
    // As the draft's run has left it, so that the same launches get the same symbols.
    symbols = meaning.symbols
    clock = IterationClock(bufferCount: outline.draft.buffers.count)
    memories = Array(repeating: SymbolicMemory(), count: plan.places.memoryCount)
    for (index, buffer) in outline.draft.buffers.enumerated() where outline.memories[index] == index {
      switch program.buffers[index].place {
      case .parameter, .variable, .precomputed, .constant:
        if case .temporary = buffer.role { continue }
        memories[plan.places[index].memory].set(0..<buffer.byteCount, symbols.initial(index))
      case .arena, .output, .series, .dataset, .rows: break
      }
    }
  }

  /// - Throws: `ApusError` that names the launches, the buffer and the reason.
  mutating func run(_ scenario: Scenario, limit: Int) throws {
    findSubstitutes()
    let run = StepRun(scenario: scenario, draftNumbers: plan.matching.draftNumbers)
    try run.run(program.steps, limit: limit) { event, instance in
      switch event {
      case .launch(let launch): try self.run(launch, instance, scenario)
      case .condition(let location): try read(location, instance)
      case .begin: begin(instance)
      case .end: end(instance)
      case .barrier:
        conflicts.passBarrier()
        failures.passBarrier()
      }
    }
    try checkEnd()
  }

  private mutating func findSubstitutes() {
    program.steps.walk { event, position in
      guard case .launch(let launch) = event, let drafted = plan.draftLaunch(position.number, outline) else { return }
      for (old, new) in zip(drafted.arguments, launch.arguments) where old.buffer != new.buffer {
        substitutes[outline.memories[old.buffer]] = new.buffer
      }
    }
  }

  // MARK: Loops

  private mutating func begin(_ instance: StepInstance) {
    if instance.number == plan.matching.batchLoop {
      forgetTemporaries()
      failures = FailureOrder()
    } else if instance.iterations.last != 0, let loop = plan.matching.draftNumbers[instance.number] {
      clock.begin(outline.locals[loop] ?? [])
    }
  }

  /// A batch means nothing to the next but through variables, and what is computed once for all.
  private mutating func forgetTemporaries() {
    let temporaries = plan.temporaries
    for memory in memories.indices {
      memories[memory].changeAll { if temporaries.contains($0.owner) { $0 = .nothing } }
    }
  }

  private mutating func end(_ instance: StepInstance) {
    if instance.number == plan.matching.batchLoop {
      // Outputs have new memory in each batch.
      carry(outline.draft.updates.filter { !outline.isOutput(outline.memories[$0.target]) }, [:], batch: 0)
    } else if let loop = plan.matching.draftNumbers[instance.number] {
      let batch = plan.matching.batchLoop == nil ? 0 : instance.iterations[0]
      carry(outline.carries[loop] ?? [], substitutes, batch: batch)
    }
  }

  /// Whatever lies in a target's memory at the end of an iteration is the target's from then on.
  private mutating func carry(_ carries: [BufferUpdate], _ substitutes: [Int: Int], batch: Int) {
    let now = clock.now
    for carry in carries where outline.memories[carry.target] != outline.memories[carry.value] {
      let owner = outline.memories[carry.target]
      let buffer = substitutes[owner] ?? carry.target
      let (target, byteCount) = (plan.places[buffer], outline.draft.buffers[carry.target].byteCount)
      // The series of an output has a part for each batch.
      var start = target.base
      if case .series = program.buffers[buffer].place { start += batch * byteCount }
      memories[target.memory].change(start..<start + byteCount) {
        $0.owner = owner
        $0.time = now
      }
    }
  }

  // MARK: Steps

  private mutating func read(_ condition: Location, _ instance: StepInstance) throws {
    let label = InstanceLabel(origin: "a condition", iterations: instance.iterations)
    let touch = plan.touch(condition, 1, instance, isSerial: false, label)
    try add([(touch, plan.places[condition.buffer].memory, false)])
    try compare(meaning.reads[plan.drafted(instance)]?.first ?? [], touch, plan.places[condition.buffer].memory) {
      "\(label), in \(program.buffers[condition.buffer].name),"
    }
  }

  private mutating func run(_ launch: Launch, _ instance: StepInstance, _ scenario: Scenario) throws {
    let kernel = program.kernels[launch.kernel]
    let label = InstanceLabel(origin: launch.origin, iterations: instance.iterations)
    let touches = launch.arguments.indices.map { argument in
      plan.touch(
        launch.arguments[argument], kernel.buffers[argument].byteCount, instance, isSerial: launch.isSerial, label)
    }
    func memory(_ argument: Int) -> Int { plan.places[launch.arguments[argument].buffer].memory }
    for (argument, touch) in touches.enumerated() where !touch.range.isEmpty {
      try plan.checkBounds(
        launch.arguments[argument], kernel.buffers[argument], instance, batches: scenario.batches, label)
    }
    try plan.checkSharing(launch, kernel, touches, plan.draftLaunch(instance.number, outline), outline, label)
    try add(launch.arguments.indices.map { (touches[$0], memory($0), kernel.buffers[$0].use != .read) })
    try failures.add(
      program, label, mayFail: plan.mayFail[launch.kernel],
      writesVariable: launch.arguments.indices.contains { argument in
        kernel.buffers[argument].use != .read && !touches[argument].range.isEmpty
          && program.isVariable(launch.arguments[argument].buffer)
      })

    guard let drafted = plan.draftLaunch(instance.number, outline) else {
      if program.isGathering(launch) {
        gather(launch, touches[3], instance)
      } else {
        copy(touches[0], memory(0), to: touches[1], memory(1))
      }
      return
    }
    let meant = plan.drafted(instance)
    guard let expected = meaning.reads[meant] else { throw program.defect("\(label) runs, but not in the draft") }
    let now = clock.now
    for (argument, touch) in touches.enumerated() where kernel.buffers[argument].use != .write {
      try compare(expected[argument], touch, memory(argument)) {
        "\(label), which reads \(program.buffers[touch.buffer].name),"
      }
      memories[memory(argument)].change(touch.range) { $0.time = now }
    }
    for (argument, touch) in touches.enumerated() where kernel.buffers[argument].use != .read {
      // A buffer that the planner put in place of a variable is that variable.
      let owner = outline.memories[drafted.arguments[argument].buffer]
      let old = memories[memory(argument)].complete(touch.range)
      memories[memory(argument)].set(touch.range, symbols.written(meant, argument, owner, old, clock))
    }
  }

  private mutating func copy(_ value: Conflicts.Touch, _ from: Int, to target: Conflicts.Touch, _ to: Int) {
    let isDrafted = target.buffer < outline.draft.buffers.count
    let distance = target.range.lowerBound - value.range.lowerBound
    let values = memories[from][value.range].map { segment in
      var content = segment.content
      content.time = clock.now
      if isDrafted { content.owner = outline.memories[target.buffer] }
      return (range: segment.range.lowerBound + distance..<segment.range.upperBound + distance, content: content)
    }
    memories[to].set(target.range, values)
  }

  /// Brings the batch whose rows a launch is told.
  private mutating func gather(_ launch: Launch, _ target: Conflicts.Touch, _ instance: StepInstance) {
    let list = launch.arguments[1]
    let batch = list.start(instance.iterations) / program.kernels[launch.kernel].buffers[1].byteCount
    memories[plan.places[target.buffer].memory].set(
      target.range, symbols.batch(batch, of: outline.memories[target.buffer]))
  }

  // MARK: Checks

  /// Adds what one launch touches; arguments of one launch do not conflict with each other.
  private mutating func add(_ touches: [(touch: Conflicts.Touch, memory: Int, writes: Bool)]) throws {
    func name(_ touch: Conflicts.Touch, _ writes: Bool) -> String {
      "\(touch.label), which \(writes ? "writes" : "reads") \(program.buffers[touch.buffer].name)"
    }
    for (touch, memory, writes) in touches where !touch.range.isEmpty {
      guard let found = conflicts.conflict(of: touch, in: memory, writes: writes) else { continue }
      throw program.defect(
        "there is no barrier between \(name(found.other, found.writes)), and \(name(touch, writes))")
    }
    for (touch, memory, writes) in touches where !touch.range.isEmpty {
      conflicts.add(touch, in: memory, writes: writes)
    }
  }

  private func checkEnd() throws {
    for index in outline.memories.indices where outline.memories[index] == index {
      let buffer = outline.draft.buffers[index]
      switch buffer.role {
      case .temporary, .parameter, .precomputed, .constant: break
      case .variable:
        try compare(meaning.memories[index].segments, plan.places[index]) { "at the end, \(buffer.name)" }
      case .output:
        for (batch, outputs) in meaning.outputs.enumerated() {
          var place = plan.places[index]
          place.base += batch * buffer.byteCount
          try compare(outputs[index]?.segments ?? [], place) { "at the end, \(buffer.name)" }
        }
      }
    }
  }

  private func compare(
    _ expected: [SymbolicMemory.Segment], _ touch: Conflicts.Touch, _ memory: Int, _ what: () -> String
  ) throws {
    try compare(expected, PlanPlaces.Place(memory: memory, base: touch.range.lowerBound), what)
  }

  private func compare(
    _ expected: [SymbolicMemory.Segment], _ place: PlanPlaces.Place, _ what: () -> String
  ) throws {
    for segment in expected where segment.content.symbol != 0 {
      let bytes = segment.range.lowerBound + place.base..<segment.range.upperBound + place.base
      for found in memories[place.memory].complete(bytes) where found.content.symbol != segment.content.symbol {
        let (first, end) = (found.range.lowerBound - place.base, found.range.upperBound - place.base)
        throw program.defect(
          "\(what()) finds, in bytes \(first)..<\(end), \(text(found.content)) instead of \(text(segment.content))")
      }
    }
  }

  private func text(_ content: SymbolicContent) -> String {
    if content.symbol == 0 { return "nothing" }
    let buffer = program.buffers[content.owner].name
    if let batch = symbols.batches[content.symbol] { return "batch \(batch + 1) of \(buffer)" }
    guard let writer = content.writer, let launch = outline.launches[writer] else {
      return "what \(buffer) held at the beginning"
    }
    return "what \(launch.launch.origin) wrote for \(buffer)"
  }
}
