import ApusCore
import ApusKernels

/// A program with what the checker has found out about it before it runs.
struct PlanUnderCheck {
  let program: KernelProgram
  let matching: StepMatching
  let places: PlanPlaces
  /// By kernel: whether it may report a failure.
  let mayFail: [Bool]
  /// Steps before this number compute what is the same in all runs.
  let precomputationEnd: Int
  /// The bytes of each output in one batch.
  private let outputSizes: [Int: Int]
  /// The draft's temporaries that are computed in each run.
  let temporaries: Set<Int>

  init(_ program: KernelProgram, _ outline: DraftOutline, precomputationEnd: Int) throws {
    self.program = program
    self.precomputationEnd = precomputationEnd
    matching = try StepMatching(program, outline)
    places = PlanPlaces(program)
    outputSizes = program.outputSizes
    mayFail = program.kernels.map(\.body.canFail)
    var temporaries = Set(outline.temporaries)
    for number in matching.draftNumbers[..<precomputationEnd] {
      guard let launch = number.flatMap({ outline.launches[$0] }) else { continue }
      for (location, buffer) in zip(launch.arguments, outline.draft.kernels[launch.launch.kernel].buffers)
      where buffer.use != .read { temporaries.remove(location.buffer) }
    }
    self.temporaries = temporaries
  }

  /// The draft's launch that a program's launch stands for.
  func draftLaunch(_ number: Int, _ outline: DraftOutline) -> DraftLaunch? {
    matching.draftNumbers[number].flatMap { outline.launches[$0] }
  }

  /// The draft's launches among them.
  var precomputed: Set<Int> { Set(matching.draftNumbers[..<precomputationEnd].compactMap { $0 }) }

  /// The instance as the draft knows it.
  func drafted(_ instance: StepInstance) -> StepInstance {
    var drafted = instance
    drafted.number = matching.draftNumbers[instance.number] ?? -1
    return drafted
  }

  func touch(
    _ location: Location, _ byteCount: Int, _ instance: StepInstance, isSerial: Bool, _ label: InstanceLabel
  ) -> Conflicts.Touch {
    let start = places.start(location, instance.iterations).base
    return Conflicts.Touch(
      range: start..<start + byteCount, buffer: location.buffer, isSerial: isSerial, label: label)
  }

  /// Checks what depends on the number of batches, and that only memory is written that may be.
  func checkBounds(
    _ location: Location, _ buffer: KernelBuffer, _ instance: StepInstance, batches: Int, _ label: InstanceLabel
  ) throws {
    let known = program.buffers[location.buffer]
    let isPrecomputing = instance.number < precomputationEnd
    let (isWritable, isReadable, size): (Bool, Bool, Int?) =
      switch known.place {
      case .parameter: (false, !isPrecomputing, nil)
      case .constant: (false, true, nil)
      case .precomputed: (isPrecomputing, true, nil)
      case .dataset: (false, !isPrecomputing, nil)
      case .rows: (false, !isPrecomputing, known.byteCount * (batches + KernelProgram.batchesAhead))
      case .series(let output): (true, true, (outputSizes[output] ?? 0) * batches)
      case .variable: (!isPrecomputing, true, nil)
      case .output, .arena: (true, true, nil)
      }
    if buffer.use != .read, !isWritable { throw program.defect("\(label) writes \(known.name)") }
    if buffer.use != .write, !isReadable {
      throw program.defect("\(label) is computed once, but reads \(known.name), which is another in each run")
    }
    guard let size else { return }
    let start = location.start(instance.iterations)
    guard start >= 0, start + buffer.byteCount <= size else {
      throw program.defect(
        "\(label) touches bytes \(start)..<\(start + buffer.byteCount) of \(known.name), which has \(size) for "
          + "\(batches) batches")
    }
  }

  /// Arguments of one launch that share bytes must be allowed to: the draft says so, or names one buffer twice.
  func checkSharing(
    _ launch: Launch, _ kernel: Kernel, _ touches: [Conflicts.Touch], _ drafted: DraftLaunch?, _ outline: DraftOutline,
    _ label: InstanceLabel
  ) throws {
    for write in touches.indices where kernel.buffers[write].use != .read {
      for other in touches.indices where other != write {
        let (a, b) = (touches[write], touches[other])
        guard places[a.buffer].memory == places[b.buffer].memory, a.range.overlaps(b.range) else { continue }
        if let arguments = drafted?.arguments,
          outline.memories[arguments[write].buffer] == outline.memories[arguments[other].buffer]
        {
          continue
        }
        let isAllowed = drafted?.inPlace.contains { $0.write == write && $0.read == other } ?? true
        guard isAllowed, kernel.buffers[other].use == .read, a.range == b.range,
          kernel.buffers[write].dtype.byteCount == kernel.buffers[other].dtype.byteCount
        else {
          throw program.defect(
            "\(label) writes \(program.buffers[a.buffer].name) where it reads or writes \(program.buffers[b.buffer].name)"
          )
        }
      }
    }
  }
}

/// A program that fails leaves variables alone: it ends at a barrier, before any is written.
struct FailureOrder {
  /// Since the last barrier.
  private var mayFail: InstanceLabel?
  private var hasWritten: InstanceLabel?

  mutating func passBarrier() { mayFail = nil }

  mutating func add(
    _ program: KernelProgram, _ label: InstanceLabel, mayFail fails: Bool, writesVariable: Bool
  ) throws {
    if writesVariable, let mayFail {
      throw program.defect("\(label) writes a variable before a barrier tells whether \(mayFail) failed")
    }
    if writesVariable, fails { throw program.defect("\(label) writes a variable, and may fail") }
    if fails, let hasWritten { throw program.defect("\(label) may fail after \(hasWritten) has written a variable") }
    if writesVariable { hasWritten = hasWritten ?? label }
    if fails { mayFail = label }
  }
}

extension KernelProgram {
  func isVariable(_ buffer: Int) -> Bool {
    if case .variable = buffers[buffer].place { true } else { false }
  }
}
