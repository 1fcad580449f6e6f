import ApusCore
import ApusKernels
import ApusPlanning

/// Makes drafts whose kernels compute nothing: the planner looks at what they touch only.
struct DraftMaker {
  var draft: ProgramDraft
  private var variables = 0
  private var parameters = 0
  private var outputs = 0
  private var launches = 0

  static let options = Planner.Options(target: .zen4)

  init(_ name: String = "test") { draft = ProgramDraft(name: name) }

  private mutating func add(_ name: String, _ byteCount: Int, _ role: DraftBuffer.Role) -> Int {
    draft.buffers.append(DraftBuffer(name: name, byteCount: byteCount, role: role))
    return draft.buffers.count - 1
  }

  mutating func temporary(_ name: String, _ byteCount: Int = 64) -> Int { add(name, byteCount, .temporary) }

  mutating func parameter(_ name: String, _ byteCount: Int = 64) -> Int {
    parameters += 1
    return add(name, byteCount, .parameter(parameters - 1))
  }

  mutating func variable(_ name: String, _ byteCount: Int = 64) -> Int {
    variables += 1
    return add(name, byteCount, .variable(variables - 1))
  }

  mutating func output(_ name: String, _ byteCount: Int = 64) -> Int {
    outputs += 1
    return add(name, byteCount, .output(outputs - 1))
  }

  enum Trait { case inPlace, fails, serial }

  /// A launch that reads and writes places, whole buffers unless told otherwise.
  mutating func launch(
    _ name: String? = nil, reads: [Piece] = [], writes: [Piece] = [], updates: [Piece] = [], _ traits: Set<Trait> = []
  ) -> DraftStep {
    let builder = KernelBuilder(target: .avx512)
    var arguments: [Location] = []
    for (use, pieces) in [(KernelBuffer.Use.read, reads), (.write, writes), (.readWrite, updates)] {
      for piece in pieces {
        let size = piece.byteCount ?? draft.buffers[piece.buffer].byteCount
        _ = builder.buffer(.u8, use, count: size)
        arguments.append(Location(buffer: piece.buffer, offset: piece.offset, strides: piece.strides))
      }
    }
    if traits.contains(.fails) {
      builder.fail(where: builder.constant(1, RegisterType(.i1)), code: 1, value: builder.index(0))
    }
    draft.kernels.append(builder.build(name: name ?? "k", units: traits.contains(.serial) ? 1 : 8))
    launches += 1
    let origin = name ?? "launch \(launches)"
    var pairs: [(write: Int, read: Int)] = []
    if traits.contains(.inPlace) {
      for write in writes.indices {
        for read in reads.indices { pairs.append((write: reads.count + write, read: read)) }
      }
    }
    return .launch(
      DraftLaunch(
        Launch(
          kernel: draft.kernels.count - 1, arguments: arguments, origin: origin, isSerial: traits.contains(.serial)),
        inPlace: pairs))
  }

  /// A launch of one kernel for all sizes up to 64 bytes, in place where it may.
  mutating func relaunch(reads: [Int], writes: Int) -> DraftStep {
    if draft.kernels.isEmpty {
      let builder = KernelBuilder(target: .avx512)
      for _ in reads { _ = builder.buffer(.u8, .read, count: 64) }
      _ = builder.buffer(.u8, .write, count: 64)
      draft.kernels.append(builder.build(name: "k", units: 8))
    }
    return .launch(
      DraftLaunch(
        Launch(kernel: 0, arguments: (reads + [writes]).map { Location(buffer: $0) }, origin: "k"),
        inPlace: [(write: reads.count, read: 0)]))
  }

  /// Plans the draft, checks the plan, and checks that it comes out the same again.
  func plan(_ options: Planner.Options = DraftMaker.options) throws -> KernelProgram {
    let program = try Planner.plan(draft, options: options)
    try PlanChecker.check(program, against: draft, iterationLimit: 4)
    return program
  }
}

/// Some bytes of a buffer.
struct Piece: ExpressibleByIntegerLiteral {
  var buffer: Int
  var offset = 0
  var byteCount: Int?
  var strides: [Int] = []

  init(_ buffer: Int, offset: Int = 0, byteCount: Int? = nil, strides: [Int] = []) {
    self.buffer = buffer
    self.offset = offset
    self.byteCount = byteCount
    self.strides = strides
  }
  init(integerLiteral value: Int) { self.init(value) }
}

func pieces(_ buffers: Int...) -> [Piece] { buffers.map { Piece($0) } }
