extension Report {
  /// A plan with its code.
  public struct ProgramData: Codable, Sendable {
    public var name: String
    public var kernels: [KernelData]
    public var launches: [LaunchData]
    /// Numbers of the steps before which workers wait for each other.
    public var barriers: [Int]
    public var buffers: [BufferData]
    public var arenaBytes: Int
    /// Bytes of the arena that are in use, by step.
    public var liveBytes: [Int]
    /// Seconds of one run that workers wait; nil if nothing was measured.
    public var barrierSeconds: Double?
  }

  public struct KernelData: Codable, Sendable {
    public var name: String
    /// The function's name in the two texts.
    public var symbol: String
    public var units: Int
    /// Whether it computes in double precision: that has a roof of its own.
    public var isDouble: Bool
    public var nest: String
    /// Nil if LLVM was not there.
    public var llvm: String?
    public var assembly: String?
  }

  public struct LaunchData: Codable, Sendable {
    public var kernel: Int
    /// As steps are numbered.
    public var step: Int
    public var origin: String
    /// The address in the last stage of the node that it computes.
    public var node: String?
    public var isSerial: Bool
    public var flops: Int
    public var bytes: Int
    /// Positions in `buffers`.
    public var buffers: [Int]
    /// Seconds in one run, and the fraction of the roof that it reached; nil if nothing was measured.
    public var seconds: Double?
    public var roofShare: Double?
  }

  public struct BufferData: Codable, Sendable {
    public var name: String
    public var node: String?
    public var bytes: Int
    /// `arena`, `variable`, `parameter` …
    public var place: String
    /// In the arena.
    public var offset: Int?
    /// Steps between which it is needed.
    public var first: Int?
    public var last: Int?
  }
}
