import ApusCore
import ApusKernels

extension ProgramDraft {
  /// - Throws: `ApusError` if positions, sizes or roles contradict each other.
  func validate() throws {
    for buffer in buffers where buffer.byteCount < 0 {
      throw ApusError.defect("draft \(name): buffer \(buffer.name) has \(buffer.byteCount) bytes")
    }
    try steps.walk { event, position in
      switch event {
      case .launch(let launch): try validate(launch, position.loops)
      case .barrier: throw ApusError.defect("draft \(name) has a barrier: the planner is to place them")
      case .enterLoop(.loop(let count, _, _)):
        guard let count, count >= 1 else {
          let number = count.map { "\($0)" } ?? "an unknown number of"
          throw ApusError.defect("draft \(name): a loop of \(number) iterations")
        }
      case .enterLoop(let step):
        if let limit = step.loops[0], limit < 0 {
          throw ApusError.defect("draft \(name): a loop of at most \(limit) iterations")
        }
      case .condition(let condition, _): try validate(condition, byteCount: 1, position.loops, "a condition")
      case .leaveLoop(let step): try validate(step.carries, "a loop")
      case .otherwise, .leaveBranch: break
      }
    }
    try validate(updates, "the program")
  }

  private func validate(_ launch: DraftLaunch, _ loops: [Int?]) throws {
    let call = launch.launch
    guard kernels.indices.contains(call.kernel) else {
      throw ApusError.defect("draft \(name), \(call.origin): there is no kernel \(call.kernel)")
    }
    let kernel = kernels[call.kernel]
    guard kernel.buffers.count == call.arguments.count else {
      throw ApusError.defect(
        "draft \(name), \(call.origin): kernel \(kernel.name) takes \(kernel.buffers.count) buffers, "
          + "not \(call.arguments.count)")
    }
    for (argument, location) in call.arguments.enumerated() {
      let buffer = kernel.buffers[argument]
      let what = "\(call.origin), argument \(argument)"
      try validate(location, byteCount: buffer.count * buffer.dtype.byteCount, loops, what)
      if buffer.use != .read { try validateWritable(location.buffer, what) }
    }
    for pair in launch.inPlace {
      guard kernel.buffers.indices.contains(pair.write), kernel.buffers.indices.contains(pair.read),
        kernel.buffers[pair.write].use != .read
      else { throw ApusError.defect("draft \(name), \(call.origin): \(pair) cannot be in place") }
    }
  }

  private func validate(_ location: Location, byteCount: Int, _ loops: [Int?], _ what: String) throws {
    guard buffers.indices.contains(location.buffer) else {
      throw ApusError.defect("draft \(name), \(what): there is no buffer \(location.buffer)")
    }
    if byteCount == 0 { return }
    var (lower, upper, overflow) = (location.offset, location.offset, false)
    for (stride, count) in zip(location.strides, loops) {
      // Of a loop without a limit the first iteration is checked.
      let (reach, tooFar) = stride.multipliedReportingOverflow(by: max(0, (count ?? 1) - 1))
      let bound = reach < 0 ? lower.addingReportingOverflow(reach) : upper.addingReportingOverflow(reach)
      if reach < 0 { lower = bound.partialValue } else { upper = bound.partialValue }
      overflow = overflow || tooFar || bound.overflow
    }
    let buffer = buffers[location.buffer]
    guard !overflow, lower >= 0, byteCount <= buffer.byteCount, upper <= buffer.byteCount - byteCount else {
      throw ApusError.defect(
        "draft \(name), \(what): bytes from \(lower) to \(upper) + \(byteCount) of buffer \(buffer.name), "
          + "which has \(buffer.byteCount)")
    }
  }

  private func validateWritable(_ buffer: Int, _ what: String) throws {
    switch buffers[buffer].role {
    case .parameter, .precomputed, .constant:
      throw ApusError.defect("draft \(name), \(what) writes \(buffers[buffer].name)")
    case .variable, .output, .temporary: break
    }
  }

  private func validate(_ updates: [BufferUpdate], _ place: String) throws {
    var targets: Set<DraftBuffer.Role> = []
    var temporaries: Set<Int> = []
    for update in updates {
      guard buffers.indices.contains(update.target), buffers.indices.contains(update.value) else {
        throw ApusError.defect("draft \(name): \(place) updates buffer \(update.target) by \(update.value)")
      }
      let (target, value) = (buffers[update.target], buffers[update.value])
      try validateWritable(update.target, "an update at the end of \(place)")
      guard target.byteCount == value.byteCount else {
        throw ApusError.defect(
          "draft \(name): \(place) updates \(target.name) of \(target.byteCount) bytes by \(value.name) of "
            + "\(value.byteCount)")
      }
      let isNew =
        target.role == .temporary
        ? temporaries.insert(update.target).inserted : targets.insert(target.role).inserted
      guard isNew else { throw ApusError.defect("draft \(name): \(place) updates \(target.name) twice") }
    }
  }
}
