import ApusKernels

/// What the checker must know of a draft, by the numbers of its steps.
struct DraftOutline {
  let draft: ProgramDraft
  /// By number; nil: not a launch.
  private(set) var launches: [DraftLaunch?] = []
  /// By a loop's number.
  private(set) var carries: [Int: [BufferUpdate]] = [:]
  /// By a loop's number: temporaries that nothing outside of it names. They mean nothing at the beginning of an
  /// iteration, unless that reads them first.
  private(set) var locals: [Int: [Int]] = [:]
  private(set) var hasConditions = false
  /// By buffer: the first that is the same memory.
  let memories: [Int]
  let temporaries: [Int]

  init(_ draft: ProgramDraft) {
    self.draft = draft
    var known: [DraftBuffer.Role: Int] = [:]
    memories = draft.buffers.enumerated().map { index, buffer in
      switch buffer.role {
      case .temporary, .constant: return index
      case .parameter, .variable, .precomputed, .output:
        let first = known[buffer.role] ?? index
        known[buffer.role] = first
        return first
      }
    }
    temporaries = draft.buffers.indices.filter { draft.buffers[$0].role == .temporary }
    collect()
  }

  private mutating func collect() {
    var total = [Int](repeating: 0, count: draft.buffers.count)
    /// Loops around, with how often each buffer is named in them.
    var open: [(number: Int, counts: [Int: Int])] = []
    var loops: [(number: Int, counts: [Int: Int])] = []
    func count(_ buffer: Int) {
      total[buffer] += 1
      for loop in open.indices { open[loop].counts[buffer, default: 0] += 1 }
    }
    let size = draft.steps.numberCount()
    launches = Array(repeating: nil, count: size)
    draft.steps.walk { event, position in
      for location in event.locations { count(location.buffer) }
      for carry in event.carries {
        count(carry.target)
        count(carry.value)
      }
      switch event {
      case .launch(let launch): launches[position.number] = launch
      case .enterLoop(let step):
        carries[position.number] = step.carries
        open.append((position.number, [:]))
        if case .whileLoop = step { hasConditions = true }
      case .condition: hasConditions = true
      case .leaveLoop: loops.append(open.removeLast())
      case .barrier, .otherwise, .leaveBranch: break
      }
    }
    for update in draft.updates {
      total[update.target] += 1
      total[update.value] += 1
    }
    for (loop, counts) in loops {
      locals[loop] = counts.keys.filter { draft.buffers[$0].role == .temporary && counts[$0] == total[$0] }.sorted()
    }
  }
}
