import ApusKernels

/// One step of a draft or of a program: a launch, a barrier, or control flow over lists of steps.
///
/// Drafts (`DraftStep`) have no barriers and say what their loops carry. Programs (`ProgramStep`) have barriers, and no
/// carries: the planner has turned those into launches.
public indirect enum Step<Call: KernelCall>: Sendable {
  case launch(Call)
  /// All workers wait for each other; if a kernel has failed, the program ends here.
  case barrier
  /// `count` iterations, or as many as the caller says if nil; locations inside move by their strides. At the end of each
  /// iteration `carries` take effect, as a program's updates do: a carry's target is a buffer that lives through the
  /// loop, which iterations read.
  case loop(count: Int?, carries: [BufferUpdate] = [], [Step])
  /// By one byte in memory, which in a program every worker reads after a barrier.
  case branch(condition: Location, then: [Step], otherwise: [Step])
  /// At most `limit` iterations (nil: no limit), each after `test` has written the byte at `condition`.
  case whileLoop(condition: Location, limit: Int?, carries: [BufferUpdate] = [], test: [Step], body: [Step])
}

/// A step before planning.
public typealias DraftStep = Step<DraftLaunch>
/// A step of a planned program.
public typealias ProgramStep = Step<Launch>

/// How many iterations each loop around a step has, outermost first; nil: any number.
public typealias IterationCounts = [Int?]

/// What a leaf of a tree of steps calls.
public protocol KernelCall: Sendable {
  /// For each buffer of the kernel.
  var arguments: [Location] { get set }
}

/// A place in a buffer.
public struct Location: Hashable, Sendable {
  public var buffer: Int
  /// In bytes.
  public var offset: Int
  /// For each loop around the launch, outermost first, how many bytes each iteration moves the place on (negative in a
  /// scan that runs in reverse). Missing ones are 0.
  public var strides: [Int]

  public init(buffer: Int, offset: Int = 0, strides: [Int] = []) {
    self.buffer = buffer
    self.offset = offset
    self.strides = strides
  }
}

/// `target` gets what `value` holds at the end of a program, or of an iteration of a loop.
public struct BufferUpdate: Hashable, Sendable {
  public var target: Int
  public var value: Int
  public init(target: Int, value: Int) {
    self.target = target
    self.value = value
  }
}

extension Step {
  /// The lists of steps inside, in the order they run.
  public var blocks: [[Step]] {
    switch self {
    case .launch, .barrier: []
    case .loop(_, _, let body): [body]
    case .branch(_, let then, let otherwise): [then, otherwise]
    case .whileLoop(_, _, _, let test, let body): [test, body]
    }
  }

  /// What takes effect at the end of each iteration.
  public var carries: [BufferUpdate] {
    switch self {
    case .launch, .barrier, .branch: []
    case .loop(_, let carries, _), .whileLoop(_, _, let carries, _, _): carries
    }
  }

  /// The loop that this step is around what is inside it: one count, or none.
  public var loops: IterationCounts {
    switch self {
    case .launch, .barrier, .branch: []
    case .loop(let count, _, _), .whileLoop(_, let count, _, _, _): [count]
    }
  }

  public var isLaunch: Bool { if case .launch = self { true } else { false } }
  public var isBarrier: Bool { if case .barrier = self { true } else { false } }
}
