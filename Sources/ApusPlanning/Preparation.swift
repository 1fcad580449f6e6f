import ApusCore
import ApusKernels

extension ProgramDraft {
  /// Splits off what is the same in every run: launches that read nothing but constants and variables that never change,
  /// such as packed weights and the transforms of filters. Buffers keep their positions in both drafts.
  /// - Parameter fixed: positions of the variables that stay as they are.
  /// - Returns: a draft whose outputs are what the other reads as `.precomputed`; nil if there is nothing to split off.
  public func splittingPreparation(fixed: Set<Int>) -> (preparation: ProgramDraft, rest: ProgramDraft)? {
    var split = PreparationSplit(self, fixed: fixed)
    return split.run()
  }
}

private struct PreparationSplit {
  let draft: ProgramDraft
  /// Buffers that hold the same in every run, or may turn out to.
  private var isFixed: [Bool]

  /// What is smaller is made anew faster than it is remembered: sixteen lines, less than a launch costs.
  private static let leastBytes = 1024

  init(_ draft: ProgramDraft, fixed: Set<Int>) {
    self.draft = draft
    isFixed = draft.buffers.map { buffer in
      switch buffer.role {
      case .constant: true
      case .variable(let position): fixed.contains(position)
      // Until a launch is found that writes it and must be run each time.
      case .temporary: true
      case .parameter, .precomputed, .output: false
      }
    }
    // What becomes a variable or is carried around a loop changes.
    for update in draft.updates { isFixed[update.value] = false }
    // So does all that a step with steps inside may write.
    draft.steps.lazy.filter { !$0.isLaunch }.walk { event, _ in
      for carry in event.carries {
        isFixed[carry.target] = false
        isFixed[carry.value] = false
      }
      guard case .launch(let launch) = event else { return }
      for (buffer, use) in uses(launch) where use != .read { isFixed[buffer] = false }
    }
  }

  private func uses(_ launch: DraftLaunch) -> [(buffer: Int, use: KernelBuffer.Use)] {
    zip(launch.launch.arguments, draft.kernels[launch.launch.kernel].buffers).map { ($0.buffer, $1.use) }
  }

  /// Buffers that a step which stays finds before a prepared launch writes them further: parts of a value that are written one
  /// by one, of which one is read already. After the preparation it would find all of them.
  /// - Parameter touched: what each step reads or writes.
  private func readBeforeWritten(_ isPrepared: [Bool], _ touched: [[Int]]) -> Set<Int> {
    var (writtenLater, found) = (Set<Int>(), Set<Int>())
    for (step, isPrepared) in isPrepared.enumerated().reversed() {
      if isPrepared, case .launch(let launch) = draft.steps[step] {
        for (buffer, use) in uses(launch) where use != .read { writtenLater.insert(buffer) }
      } else if !writtenLater.isEmpty {
        found.formUnion(touched[step].filter(writtenLater.contains))
      }
    }
    return found
  }

  mutating func run() -> (preparation: ProgramDraft, rest: ProgramDraft)? {
    let launches = draft.steps.map { step in if case .launch(let launch) = step { launch } else { nil as DraftLaunch? }
    }
    var isPrepared = launches.map { launch in
      guard let launch else { return false }
      let uses = uses(launch)
      return !draft.kernels[launch.launch.kernel].body.canFail
        && uses.contains { $0.use == .read && draft.buffers[$0.buffer].byteCount >= PreparationSplit.leastBytes }
    }
    let touched = draft.steps.map { step in
      var buffers: [Int] = []
      [step].walk { event, _ in buffers += event.locations.map(\.buffer) }
      return buffers
    }
    var hasChanged = true
    while hasChanged {
      hasChanged = false
      for buffer in readBeforeWritten(isPrepared, touched) where isFixed[buffer] {
        isFixed[buffer] = false
        hasChanged = true
      }
      for (step, launch) in launches.enumerated() {
        guard let launch else { continue }
        let uses = uses(launch)
        if isPrepared[step], !uses.allSatisfy({ isFixed[$0.buffer] }) { isPrepared[step] = false }
        guard !isPrepared[step] else { continue }
        for (buffer, use) in uses where use != .read && isFixed[buffer] {
          isFixed[buffer] = false
          hasChanged = true
        }
      }
    }
    guard isPrepared.contains(true) else { return nil }

    var (preparation, rest) = (draft, draft)
    preparation.name = draft.name + "_preparation"
    preparation.updates = []
    preparation.steps = zip(draft.steps, isPrepared).filter(\.1).map(\.0)
    rest.steps = zip(draft.steps, isPrepared).filter { !$0.1 }.map(\.0)
    var written = Set<Int>()
    for (launch, isPrepared) in zip(launches, isPrepared) where isPrepared {
      guard let launch else { continue }
      for (buffer, use) in uses(launch) where use != .read { written.insert(buffer) }
    }
    var read = Set<Int>()
    rest.steps.walk { event, _ in read.formUnion(event.locations.map(\.buffer)) }
    for (position, buffer) in written.intersection(read).sorted().enumerated() {
      preparation.buffers[buffer].role = .output(position)
      rest.buffers[buffer].role = .precomputed(position)
    }
    // The outputs are now those of the preparation alone.
    for buffer in preparation.buffers.indices where !written.contains(buffer) {
      if case .output = preparation.buffers[buffer].role { preparation.buffers[buffer].role = .temporary }
    }
    return (preparation.withoutUnusedKernels(), rest.withoutUnusedKernels())
  }
}

extension ProgramDraft {
  fileprivate func withoutUnusedKernels() -> ProgramDraft {
    var result = self
    result.kernels = []
    var positions: [Int: Int] = [:]
    result.steps = steps.mapLaunches { launch in
      var launch = launch
      let old = launch.launch.kernel
      if positions[old] == nil {
        positions[old] = result.kernels.count
        result.kernels.append(kernels[old])
      }
      launch.launch.kernel = positions[old] ?? 0
      return launch
    }
    return result
  }
}
