import ApusCore
import ApusKernels

/// Where a program's buffers lie: memories that are apart from each other, and the first byte in one.
struct PlanPlaces {
  /// The arena is memory 0.
  struct Place {
    var memory: Int
    var base: Int
  }

  private(set) var places: [Place] = []
  private(set) var memoryCount = 1
  private let program: KernelProgram

  init(_ program: KernelProgram) {
    self.program = program
    var known: [ProgramBuffer.Place: Int] = [:]
    for buffer in program.buffers {
      switch buffer.place {
      case .arena(let offset): places.append(Place(memory: 0, base: offset))
      case .constant:
        places.append(Place(memory: memoryCount, base: 0))
        memoryCount += 1
      case .parameter, .variable, .precomputed, .output, .dataset, .rows, .series:
        let memory = known[buffer.place] ?? memoryCount
        if memory == memoryCount { memoryCount += 1 }
        known[buffer.place] = memory
        places.append(Place(memory: memory, base: 0))
      }
    }
  }

  subscript(buffer: Int) -> Place { places[buffer] }

  /// The first byte of a location, in its memory.
  func start(_ location: Location, _ iterations: [Int]) -> Place {
    var place = places[location.buffer]
    place.base += location.start(iterations)
    return place
  }
}

extension KernelProgram {
  /// Checks what needs no run: each buffer lies where its role says, inside the arena and aligned, and each location is
  /// inside its buffer in all iterations, aligned to its elements.
  func checkPlaces(against draft: ProgramDraft) throws {
    guard buffers.count >= draft.buffers.count else { throw defect("buffers are missing") }
    // Buffers of empty tensors have a size, but no byte of them is touched.
    let touched = reachedBuffers
    for (index, buffer) in buffers.enumerated() {
      if case .arena(let offset) = buffer.place, touched.contains(index) {
        guard offset >= 0, offset % Memory.alignment == 0, offset + buffer.byteCount <= arenaByteCount else {
          throw defect("\(buffer.name) of \(buffer.byteCount) bytes lies at \(offset) of \(arenaByteCount)")
        }
      }
      guard index < draft.buffers.count else { continue }
      guard fits(buffer.place, draft.buffers[index].role), buffer.byteCount == draft.buffers[index].byteCount else {
        throw defect("\(buffer.name) is \(draft.buffers[index].role) in the draft, but lies at \(buffer.place)")
      }
    }
    try steps.walk { event, position in
      switch event {
      case .launch(let launch):
        for (argument, location) in launch.arguments.enumerated() {
          let buffer = kernels[launch.kernel].buffers[argument]
          try check(location, buffer.byteCount, alignment: buffer.dtype.byteCount, position.loops, launch.origin)
        }
      case .condition(let location, _): try check(location, 1, alignment: 1, position.loops, "a condition")
      case .barrier, .enterLoop, .otherwise, .leaveBranch, .leaveLoop: break
      }
    }
  }

  private func fits(_ place: ProgramBuffer.Place, _ role: DraftBuffer.Role) -> Bool {
    switch (role, place) {
    case (.parameter(let a), .parameter(let b)), (.variable(let a), .variable(let b)),
      (.precomputed(let a), .precomputed(let b)), (.output(let a), .output(let b)):
      a == b
    case (.output(let a), .series(let b)): isOverBatches && a == b
    // A batch is gathered there.
    case (.parameter, .arena): isOverBatches
    case (.constant(let a), .constant(let b)): a == b
    case (.temporary, _): true
    default: false
    }
  }

  private func check(
    _ location: Location, _ byteCount: Int, alignment: Int, _ loops: IterationCounts, _ what: String
  ) throws {
    if byteCount == 0 { return }
    let buffer = buffers[location.buffer]
    switch buffer.place {
    // Of all batches, whose number is not known here: a run checks these.
    case .dataset, .rows, .series: return
    case .parameter, .variable, .precomputed, .constant, .output, .arena: break
    }
    var (lower, upper) = (location.offset, location.offset + byteCount)
    for (stride, count) in zip(location.strides, loops) where stride != 0 {
      guard let count else {
        throw defect("\(what) moves through \(buffer.name) by \(stride) bytes an iteration, in a loop without a count")
      }
      lower += min(0, stride * (count - 1))
      upper += max(0, stride * (count - 1))
    }
    guard lower >= 0, upper <= buffer.byteCount else {
      throw defect("\(what) touches bytes \(lower)..<\(upper) of \(buffer.name), which has \(buffer.byteCount)")
    }
    guard ([location.offset] + location.strides).allSatisfy({ $0 % alignment == 0 }) else {
      throw defect("\(what) touches \(buffer.name) at bytes that are not aligned to \(alignment)")
    }
  }

  /// Checks that each buffer is said to be needed whenever a step touches it: poison and precomputation rely on that.
  func checkLifetimes() throws {
    try steps.walk { event, position in
      for location in event.locations {
        let buffer = buffers[location.buffer]
        if buffer.byteCount == 0 || buffer.lifetime?.contains(position.number) == true { continue }
        var what = "a condition"
        if case .launch(let launch) = event {
          what = launch.origin
          let touches = zip(launch.arguments, kernels[launch.kernel].buffers)
            .contains { $0.buffer == location.buffer && $1.byteCount > 0 }
          if !touches { continue }
        }
        let life = buffer.lifetime.map { "from step \($0.lowerBound) to \($0.upperBound)" } ?? "never"
        throw defect("\(what), step \(position.number), touches \(buffer.name), which is said to be needed \(life)")
      }
    }
  }
}
