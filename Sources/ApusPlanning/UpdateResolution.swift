import ApusCore
import ApusKernels

extension Planning {
  /// Makes updates and carries part of the steps: if it is safe, the value is computed in its target's own memory,
  /// otherwise a copy at the end moves it there.
  func resolve(
    _ steps: [DraftStep], updates: [BufferUpdate], loops: IterationCounts, isProgram: Bool = false
  ) throws -> [DraftStep] {
    let inner = try steps.map { step in
      // Carries take effect after a loop's last block: its body.
      let blocks = step.blocks
      return step.resolved(
        try blocks.indices.map { index in
          let carries = index == blocks.count - 1 ? step.carries : []
          return try resolve(blocks[index], updates: carries, loops: loops + step.loops)
        })
    }
    if updates.isEmpty { return inner }
    var resolution = UpdateResolution(self, inner, updates, loops, isProgram: isProgram)
    return try resolution.resolved()
  }

  /// Gives a variable that launches write themselves, before all that can fail is done, memory of its own for the time
  /// of the program: a program that fails must leave variables alone.
  func detachVariables() {
    guard let lastFailing = steps.lastIndex(where: canFail) else { return }
    var detached: [Int: Int] = [:]
    var copies: [DraftStep] = []
    func written(_ step: DraftStep) -> [Int] {
      var (inside, carried): ([Int], [Int]) = ([], [])
      CollectionOfOne(step).walk { event, _ in
        carried += event.carries.map { find($0.target) }
        guard case .launch(let launch) = event else { return }
        inside += memoryUses(launch.launch, []).filter(\.writes).map(\.buffer)
      }
      return carried + inside
    }
    for step in steps[...lastFailing] {
      for variable in written(step) where isVariable(variable) && detached[variable] == nil {
        let name = buffers[variable].name
        let own = makeTemporary("\(name) while the program may fail", byteCount: buffers[variable].byteCount)
        detached[variable] = own
        copies.append(.launch(copy(from: variable, to: own)))
        if !updates.contains(where: { find($0.target) == variable }) {
          updates.append(BufferUpdate(target: variable, value: variable))
        }
      }
    }
    guard !detached.isEmpty else { return }
    func renamed(_ buffer: Int) -> Int { detached[find(buffer)] ?? buffer }
    steps = copies + steps.mapBuffers(renamed)
    updates = updates.map { BufferUpdate(target: $0.target, value: renamed($0.value)) }
    countUses()
  }
}

/// Decides, for the updates at the end of a program or of a loop's iteration, what is computed in place.
///
/// A value may lie in its target's memory if everything that reads the target's old value runs before the first launch
/// that writes the new one. If the order is not so already, the writers, and all that depend on them, move to after
/// the readers; that fails only if a reader depends on a writer, as when two variables exchange their values.
private struct UpdateResolution {
  let planning: Planning
  let loops: IterationCounts
  let isProgram: Bool
  var steps: [DraftStep]
  var updates: [BufferUpdate]
  /// Of classes read in an iteration before they are written.
  var exposed: Set<Int> = []
  /// Values in their targets' memory.
  var settled: Set<Int> = []
  var order = StepOrder()
  /// By class: positions in `steps`.
  var readers: [Int: [Int]] = [:]
  var writers: [Int: [Int]] = [:]
  /// By class: how many locations in the steps name it.
  var usesInside: [Int: Int] = [:]
  /// A node that comes after all steps that can fail, and before all that write variables.
  var gate: Int?

  init(
    _ planning: Planning, _ steps: [DraftStep], _ updates: [BufferUpdate], _ loops: IterationCounts, isProgram: Bool
  ) {
    self.planning = planning
    self.loops = loops
    self.isProgram = isProgram
    self.steps = steps
    self.updates = updates
  }

  mutating func resolved() throws -> [DraftStep] {
    separateExchanges()
    analyze()
    var copies: [(index: Int, update: BufferUpdate)] = []
    // Outputs first: nothing reads them. Then the most bytes.
    let candidates = updates.indices.sorted { a, b in
      let (x, y) = (rank(updates[a]), rank(updates[b]))
      return x != y ? x > y : a < b
    }
    for index in candidates where !settle(updates[index]) { copies.append((index, updates[index])) }
    copies.sort { $0.index < $1.index }
    for (_, update) in copies where planning.buffers[update.value].byteCount > 0 {
      planning.uses[planning.find(update.value)] -= 1
      planning.uses[planning.find(update.target)] -= 1
    }
    let launches = copies.filter { planning.buffers[$0.update.value].byteCount > 0 }.map {
      let launch = planning.copy(from: $0.update.value, to: $0.update.target)
      for argument in launch.launch.arguments { planning.uses[planning.find(argument.buffer)] += 1 }
      return DraftStep.launch(launch)
    }
    return order.order.compactMap { $0 < steps.count ? steps[$0] : nil } + launches
  }

  private func rank(_ update: BufferUpdate) -> Int {
    if case .output = planning.role(of: update.target) { return .max }
    return planning.buffers[update.value].byteCount
  }

  /// Copies a value that is another update's target to a temporary first.
  private mutating func separateExchanges() {
    let targets = Set(updates.map { planning.find($0.target) })
    var separate: [BufferUpdate] = []
    for update in updates {
      let (value, target) = (planning.find(update.value), planning.find(update.target))
      if value == target {
        planning.uses[value] -= 2
      } else if targets.contains(value) {
        let name = planning.buffers[update.value].name
        let own = planning.makeTemporary(
          "\(name) before its update", byteCount: planning.buffers[update.value].byteCount)
        steps.append(.launch(planning.copy(from: update.value, to: own)))
        // The copy's two arguments and the update's new value, less the old one.
        planning.uses[own] += 2
        separate.append(BufferUpdate(target: update.target, value: own))
      } else {
        separate.append(update)
      }
    }
    updates = separate
  }

  private mutating func analyze() {
    var exposure = Exposure()
    exposure.append(steps, planning, loops)
    for update in updates { exposure.read(planning.find(update.value), 0..<planning.buffers[update.value].byteCount) }
    exposed = exposure.exposed

    for (index, step) in steps.enumerated() {
      let uses = NodeUses(planning.memoryUses(step, loops))
      order.append(uses)
      for buffer in uses.read { readers[buffer, default: []].append(index) }
      for buffer in uses.written { writers[buffer, default: []].append(index) }
      CollectionOfOne(step).walk { event, _ in
        for location in event.locations { usesInside[planning.find(location.buffer), default: 0] += 1 }
      }
    }
    guard isProgram, let last = steps.lastIndex(where: planning.canFail) else { return }
    // Launches that write variables themselves come after the last that can fail: see `detachVariables`.
    let node = order.insertNode(after: last)
    for index in steps.indices {
      if planning.canFail(steps[index]) {
        order.connect(index, before: node)
      } else if index > last,
        NodeUses(planning.memoryUses(steps[index], loops)).written.contains(where: planning.isVariable)
      {
        order.connect(node, before: index)
      }
    }
    gate = node
  }

  /// Lets a value be computed in its target's memory, if that is safe.
  private mutating func settle(_ update: BufferUpdate) -> Bool {
    let (value, target) = (planning.find(update.value), planning.find(update.target))
    let pending = updates.count { planning.find($0.value) == value }
    guard planning.pinned[value] == nil, !settled.contains(value), value != target,
      planning.sizes[value] == planning.buffers[update.target].byteCount,
      // All that touches the value is here, and writes it first.
      usesInside[value, default: 0] + pending == planning.uses[value], !exposed.contains(value),
      isProgram || !movesWithIteration(value),
      // Nothing else writes the target.
      writers[target, default: []].isEmpty
    else { return false }

    let produced = writers[value, default: []]
    let read = readers[target, default: []]
    // More pairs of launches would take longer to look at than the copy that is saved.
    guard !produced.isEmpty, produced.count * read.count <= 1 << 16 else { return false }
    let both = read.filter { produced.contains($0) }
    var before = read
    if let both = both.first {
      guard read.count(where: { produced.contains($0) }) == 1, case .launch(let launch) = steps[both],
        planning.mayShare(launch, target: value, value: target)
      else { return false }
      let others = produced.filter { $0 != both }
      guard order.move(others, after: [both]) else { return false }
      before.removeAll { $0 == both }
    }
    if let gate, planning.isVariable(target) { before.append(gate) }
    guard order.move(produced, after: before) else { return false }
    for node in produced {
      for earlier in before { order.connect(earlier, before: node) }
      if let both = both.first, both != node { order.connect(both, before: node) }
    }

    planning.uses[value] -= 1
    planning.uses[target] -= 1
    planning.unite(value, into: target)
    settled.insert(target)
    readers[target, default: []] += readers[value, default: []]
    writers[target, default: []] += produced
    usesInside[target, default: 0] += usesInside[value, default: 0]
    return true
  }

  /// Whether a class is another place in each iteration.
  private func movesWithIteration(_ buffer: Int) -> Bool {
    let nodes = Set(readers[buffer, default: []] + writers[buffer, default: []])
    var found = false
    nodes.lazy.map { steps[$0] }.walk { event, _ in
      for location in event.locations where planning.find(location.buffer) == buffer {
        found = found || location.strides.count >= loops.count && location.strides[loops.count - 1] != 0
      }
    }
    return found
  }
}
