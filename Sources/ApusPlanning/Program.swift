import ApusCore
import ApusKernels

/// A graph as kernels, the memory they work in, and the order they run in. Every worker of a team runs the same program
/// over its part of each launch; `Docs/Architecture.md` calls this stage the plan.
public struct KernelProgram: Sendable {
  public var name: String
  /// Distinct: equal kernels stand here once.
  public var kernels: [Kernel] = []
  public var buffers: [ProgramBuffer] = []
  public var steps: [ProgramStep] = []
  /// Bytes of the arena that `.arena` buffers lie in.
  public var arenaByteCount = 0
  /// The most bytes of the arena that are needed at one time: no arena for this order of launches is smaller.
  public var largestLiveSet = 0
  /// What failure codes mean, by `code - 1`.
  public var failures: [ProgramFailure] = []
  /// Whether native code makes zeros of results below the least normal number; see `NativeBackend.subnormals`.
  public var flushesSubnormals = false

  public init(name: String) { self.name = name }
}

/// Memory that the program reads or writes.
public struct ProgramBuffer: Sendable {
  public enum Place: Hashable, Sendable {
    /// A tensor of the caller, by position; never written.
    case parameter(Int)
    /// A variable's own memory, by position.
    case variable(Int)
    /// What the program's preparation has computed, by position in its outputs; never written.
    case precomputed(Int)
    /// Known when the program was made; never written.
    case constant(Tensor)
    /// A result that the caller gets, by position in the graph's outputs.
    case output(Int)
    /// Between kernels: bytes from here on in the arena.
    case arena(offset: Int)
    /// All samples of a parameter, of which each iteration takes some.
    case dataset(parameter: Int)
    /// Which rows of the data set each iteration takes, `i64`.
    case rows
    /// Each iteration's value of an output, one after the other.
    case series(output: Int)
  }

  /// The value's label, for people.
  public var name: String
  public var byteCount: Int
  public var place: Place
  /// The steps between which it is needed, as the program's text numbers them; nil: none.
  public var lifetime: ClosedRange<Int>?

  public init(name: String, byteCount: Int, place: Place, lifetime: ClosedRange<Int>? = nil) {
    self.name = name
    self.byteCount = byteCount
    self.place = place
    self.lifetime = lifetime
  }
}

/// One call of a kernel, shared among the workers by its units: each is done by one of them, and which one changes no bit.
public struct Launch: KernelCall {
  /// A position in `KernelProgram.kernels`.
  public var kernel: Int
  /// For each buffer of the kernel.
  public var arguments: [Location]
  /// The graph's node that it computes, for profiles and failures.
  public var origin: String
  /// Added to the kernel's own failure codes.
  public var failureBase: Int
  /// Arithmetic operations and bytes moved by one launch, for profiles and to say how long it takes.
  public var flopCount: Int
  public var byteCount: Int
  /// Whether one worker does all of it: too small to share.
  public var isSerial: Bool

  public init(
    kernel: Int, arguments: [Location], origin: String, failureBase: Int = 0, flopCount: Int = 0, byteCount: Int = 0,
    isSerial: Bool = false
  ) {
    self.kernel = kernel
    self.arguments = arguments
    self.origin = origin
    self.failureBase = failureBase
    self.flopCount = flopCount
    self.byteCount = byteCount
    self.isSerial = isSerial
  }
}

/// What to tell the user if a kernel has failed.
public struct ProgramFailure: Hashable, Sendable {
  /// The node, as the text prints it.
  public var origin: String
  /// What is wrong; `{value}` stands for the value that failed.
  public var message: String
  /// What would be right.
  public var help: String?

  public init(origin: String, message: String, help: String? = nil) {
    self.origin = origin
    self.message = message
    self.help = help
  }

  /// The failure as the user is told of it.
  package func error(_ value: Int) -> ApusError {
    .input("\(origin): \(message.replacing("{value}", with: "\(value)"))", help: help)
  }
}

extension KernelProgram {
  /// All launches, those in loops and branches once, in the order of the steps.
  public var launches: [Launch] { steps.launches() }
}
