import ApusKernels

/// What the draft means: a memory for each buffer, one launch after the other, batch after batch.
struct DraftSimulation {
  let outline: DraftOutline
  /// By buffer; those that are the same memory use the first.
  private(set) var memories: [SymbolicMemory]
  /// What each launch or condition reads: by argument, bytes relative to its own, and symbols.
  private(set) var reads: [StepInstance: [[SymbolicMemory.Segment]]] = [:]
  /// What outputs hold at the end of each batch, by buffer; one batch if there is no loop over them.
  private(set) var outputs: [[Int: SymbolicMemory]] = []
  private(set) var symbols = SymbolTable()
  private var clock: IterationClock
  /// Whether launches are in a loop over batches that their locations do not know of.
  private let isOverBatches: Bool
  /// Numbers of the launches that the program runs once for all batches.
  private let once: Set<Int>

  init(_ outline: DraftOutline, isOverBatches: Bool, once: Set<Int>) {
    self.outline = outline
    self.once = once
    self.isOverBatches = isOverBatches
    let buffers = outline.draft.buffers
    clock = IterationClock(bufferCount: buffers.count)
    memories = buffers.map { _ in SymbolicMemory() }
    for index in buffers.indices where outline.memories[index] == index {
      switch buffers[index].role {
      case .temporary, .output: break
      case .parameter, .variable, .precomputed, .constant:
        memories[index].set(0..<buffers[index].byteCount, symbols.initial(index))
      }
    }
  }

  mutating func run(_ scenario: Scenario, limit: Int) throws {
    for batch in 0..<(isOverBatches ? scenario.batches : 1) {
      if isOverBatches { begin(batch) }
      let around = isOverBatches ? [batch] : []
      try StepRun(scenario: scenario).run(outline.draft.steps, around, limit: limit) { event, instance in
        switch event {
        case .launch(let launch): run(launch, instance)
        case .condition(let location): reads[instance] = [contents(location, 1, instance)]
        case .begin: if instance.iterations.last != 0 { clock.begin(outline.locals[instance.number] ?? []) }
        case .end: update(outline.carries[instance.number] ?? [])
        case .barrier: break
        }
      }
      update(outline.draft.updates)
      var outputs: [Int: SymbolicMemory] = [:]
      for index in memories.indices where outline.isOutput(index) { outputs[index] = memories[index] }
      self.outputs.append(outputs)
    }
  }

  private mutating func begin(_ batch: Int) {
    for buffer in outline.temporaries { memories[buffer] = SymbolicMemory() }
    for (index, buffer) in outline.draft.buffers.enumerated() where outline.memories[index] == index {
      if case .parameter = buffer.role {
        memories[index].set(0..<buffer.byteCount, symbols.batch(batch, of: index))
      }
      if outline.isOutput(index) { memories[index] = SymbolicMemory() }
    }
  }

  private func start(_ location: Location, _ instance: StepInstance) -> Int {
    location.start(instance.iterations.dropFirst(isOverBatches ? 1 : 0))
  }

  private mutating func contents(
    _ location: Location, _ size: Int, _ instance: StepInstance
  ) -> [SymbolicMemory.Segment] {
    let memory = outline.memories[location.buffer]
    let start = start(location, instance)
    let now = clock.now
    memories[memory].change(start..<start + size) { $0.time = now }
    return memories[memory][start..<start + size].map {
      ($0.range.lowerBound - start..<$0.range.upperBound - start, $0.content)
    }
  }

  private mutating func run(_ launch: DraftLaunch, _ event: StepInstance) {
    var instance = event
    if once.contains(instance.number) { instance.iterations = [] }
    let kernel = outline.draft.kernels[launch.launch.kernel]
    reads[instance] = launch.arguments.indices.map { argument in
      let buffer = kernel.buffers[argument]
      return buffer.use == .write ? [] : contents(launch.arguments[argument], buffer.byteCount, event)
    }
    for argument in launch.arguments.indices where kernel.buffers[argument].use != .read {
      let location = launch.arguments[argument]
      let memory = outline.memories[location.buffer]
      let start = start(location, event)
      let range = start..<start + kernel.buffers[argument].byteCount
      memories[memory].set(
        range, symbols.written(instance, argument, memory, memories[memory].complete(range), clock))
    }
  }

  private mutating func update(_ updates: [BufferUpdate]) {
    let now = clock.now
    let values = updates.map { memories[outline.memories[$0.value]] }
    for (update, var value) in zip(updates, values) {
      let (target, source) = (outline.memories[update.target], outline.memories[update.value])
      if target == source { continue }
      value.changeAll {
        $0.owner = target
        $0.time = now
      }
      memories[source].changeAll { $0.time = now }
      memories[target] = value
    }
  }
}

extension DraftOutline {
  func isOutput(_ buffer: Int) -> Bool {
    if case .output = draft.buffers[buffer].role { memories[buffer] == buffer } else { false }
  }
}

extension KernelBuffer {
  var byteCount: Int { count * dtype.byteCount }
}
