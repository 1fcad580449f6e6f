import ApusCore
import ApusKernels

/// A program before planning: launches in an order that is right for one worker, buffers without addresses, no barriers.
public struct ProgramDraft: Sendable {
  public var name: String
  public var kernels: [Kernel] = []
  public var buffers: [DraftBuffer] = []
  public var steps: [DraftStep] = []
  /// When all steps are done, `variable` (a buffer) gets what `value` holds. Several may exchange values.
  public var updates: [BufferUpdate] = []
  public var failures: [ProgramFailure] = []

  public init(name: String) { self.name = name }
}

/// Memory without an address yet.
public struct DraftBuffer: Sendable {
  public enum Role: Hashable, Sendable {
    case parameter(Int)
    case variable(Int)
    /// What the program's preparation has computed, by position in its outputs; never written.
    case precomputed(Int)
    case constant(Tensor)
    case output(Int)
    /// The planner's to place.
    case temporary
  }
  /// The value's label, for people.
  public var name: String
  public var byteCount: Int
  public var role: Role

  public init(name: String, byteCount: Int, role: Role) {
    self.name = name
    self.byteCount = byteCount
    self.role = role
  }
}

/// A launch before planning, with what its kernel promises about memory.
public struct DraftLaunch: KernelCall {
  public var launch: Launch
  /// Pairs of the kernel's buffers, written and read, that may be the same memory: each unit reads an element of the
  /// second before it writes the same element of the first, and no other unit reads it.
  public var inPlace: [(write: Int, read: Int)]

  public var arguments: [Location] {
    get { launch.arguments }
    set { launch.arguments = newValue }
  }

  public init(_ launch: Launch, inPlace: [(write: Int, read: Int)] = []) {
    self.launch = launch
    self.inPlace = inPlace
  }
}
