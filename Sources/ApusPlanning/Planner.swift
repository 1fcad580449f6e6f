import ApusCore
import ApusKernels

/// Turns a draft into a program: which buffers share memory, where they lie, in which order launches run, and where
/// workers must wait for each other.
///
/// 1. `DraftValidation`: what the rest relies on.
/// 2. `UpdateResolution`: values that replace variables, or what a loop carries, are computed where they belong; launches
///    are reordered for that. What cannot be is copied.
/// 3. `InPlaceSharing`: a launch's result takes over an operand's memory.
/// 4. `Lifetimes`, `ArenaLayout`: when a buffer is needed, and where it lies.
/// 5. `BarrierPlacement`: by the bytes that launches touch.
///
/// The same draft gives the same program. `PlanChecker` derives again that a program does what its draft says.
public enum Planner {
  public struct Options: Sendable {
    /// The processor, for the kernels that copy.
    public var target: ProcessorModel
    /// Buffers of fewer bytes do not share memory if that would cost a barrier.
    public var sharingThreshold: Int

    /// - Parameter sharingThreshold: nil: as the processor's model says.
    public init(target: ProcessorModel, sharingThreshold: Int? = nil) {
      self.target = target
      self.sharingThreshold = sharingThreshold ?? target.smallBufferBytes
    }
  }

  /// - Throws: `ApusError` of a draft that contradicts itself, which is a defect of what made it.
  public static func plan(_ draft: ProgramDraft, options: Options) throws -> KernelProgram {
    try draft.validate()
    let planning = Planning(draft, options: options)
    planning.detachVariables()
    let steps = try planning.resolve(planning.steps, updates: planning.updates, loops: [], isProgram: true)

    var lifetimes = Lifetimes(planning, steps)
    // By buffer, before buffers share memory.
    let spans = planning.buffers.indices.map { lifetimes.span(of: planning.find($0)) }
    planning.shareInPlace(steps, &lifetimes)
    // With separate memory for each buffer, only the barriers that the data needs are left.
    var needed = BarrierPlacement(planning, places: planning.separatePlaces())
    let phases = lifetimes.phases(of: needed.place(steps))
    let (offsets, size, largestLiveSet) = planning.arena(lifetimes, phases)
    var placement = BarrierPlacement(planning, places: planning.places(offsets))

    var program = KernelProgram(name: draft.name)
    program.steps = placement.place(steps)
    program.kernels = planning.kernels
    program.failures = draft.failures
    program.arenaByteCount = size
    program.largestLiveSet = largestLiveSet
    program.buffers = planning.buffers.indices.map { index in
      let buffer = planning.buffers[index]
      return ProgramBuffer(
        name: buffer.name, byteCount: buffer.byteCount, place: planning.place(of: index, offsets),
        lifetime: spans[index])
    }
    return program
  }
}

/// What is known of a draft while it is planned. Buffers that share memory form classes (a union-find forest).
final class Planning {
  let options: Planner.Options
  /// Distinct.
  private(set) var kernels: [Kernel] = []
  private var kernelIndex: [Kernel: Int] = [:]
  /// By kernel.
  private(set) var canFail: [Bool] = []
  private(set) var buffers: [DraftBuffer]
  var steps: [DraftStep]
  var updates: [BufferUpdate]

  private var parents: [Int]
  /// By class: the buffer whose memory is not the planner's to choose.
  private(set) var pinned: [Int?]
  /// By class: bytes.
  private(set) var sizes: [Int]
  /// By class: how many arguments, conditions and unresolved updates name it.
  var uses: [Int]

  init(_ draft: ProgramDraft, options: Planner.Options) {
    self.options = options
    buffers = draft.buffers
    updates = draft.updates
    parents = Array(draft.buffers.indices)
    pinned = draft.buffers.indices.map { draft.buffers[$0].role == .temporary ? nil : $0 }
    sizes = draft.buffers.map(\.byteCount)
    uses = Array(repeating: 0, count: draft.buffers.count)
    steps = []
    let positions = draft.kernels.map { intern($0) }
    steps = draft.steps.mapLaunches {
      var launch = $0
      launch.launch.kernel = positions[launch.launch.kernel]
      return launch
    }
    // Two buffers of one role are one memory.
    var first: [DraftBuffer.Role: Int] = [:]
    for (index, buffer) in buffers.enumerated() {
      switch buffer.role {
      case .temporary, .constant: break
      case .parameter, .variable, .precomputed, .output:
        if let known = first[buffer.role] { unite(index, into: known) } else { first[buffer.role] = index }
      }
    }
    countUses()
  }

  // MARK: Kernels and buffers

  func intern(_ kernel: Kernel) -> Int {
    if let known = kernelIndex[kernel] { return known }
    kernels.append(kernel)
    canFail.append(kernel.body.canFail)
    kernelIndex[kernel] = kernels.count - 1
    return kernels.count - 1
  }

  func makeTemporary(_ name: String, byteCount: Int) -> Int {
    buffers.append(DraftBuffer(name: name, byteCount: byteCount, role: .temporary))
    parents.append(buffers.count - 1)
    pinned.append(nil)
    sizes.append(byteCount)
    uses.append(0)
    return buffers.count - 1
  }

  /// Counts afresh what names each buffer.
  func countUses() {
    uses = Array(repeating: 0, count: buffers.count)
    func count(_ updates: [BufferUpdate]) {
      for update in updates {
        uses[find(update.value)] += 1
        uses[find(update.target)] += 1
      }
    }
    count(updates)
    steps.walk { event, _ in
      for location in event.locations { uses[find(location.buffer)] += 1 }
      count(event.carries)
    }
  }

  // MARK: Classes

  func find(_ buffer: Int) -> Int {
    var root = buffer
    while parents[root] != root { root = parents[root] }
    var next = buffer
    while parents[next] != root { (next, parents[next]) = (parents[next], root) }
    return root
  }

  /// Makes both one class; at most one may be pinned, or both by the same role.
  func unite(_ buffer: Int, into other: Int) {
    let (a, b) = (find(buffer), find(other))
    guard a != b else { return }
    parents[a] = b
    pinned[b] = pinned[b] ?? pinned[a]
    sizes[b] = max(sizes[a], sizes[b])
    uses[b] += uses[a]
  }

  func role(of buffer: Int) -> DraftBuffer.Role {
    pinned[find(buffer)].map { buffers[$0].role } ?? .temporary
  }

  func isVariable(_ buffer: Int) -> Bool {
    if case .variable = role(of: buffer) { true } else { false }
  }

  /// Where a buffer lies; `offsets` by class.
  func place(of buffer: Int, _ offsets: [Int]) -> ProgramBuffer.Place {
    switch role(of: buffer) {
    case .parameter(let position): .parameter(position)
    case .variable(let position): .variable(position)
    case .precomputed(let position): .precomputed(position)
    case .constant(let tensor): .constant(tensor)
    case .output(let position): .output(position)
    case .temporary: .arena(offset: offsets[find(buffer)])
    }
  }
}

extension Block {
  /// Whether a failure may be reported in here.
  var canFail: Bool {
    statements.contains { statement in
      switch statement.instruction {
      case .fail: true
      case .loop(let loop): loop.body.canFail
      case .branch(let branch): branch.then.canFail || branch.otherwise.canFail
      case .whileLoop(let loop): loop.condition.canFail || loop.body.canFail
      default: false
      }
    }
  }
}
