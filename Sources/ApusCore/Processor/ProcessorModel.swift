/// Figures of a processor: what register tiles, packing, streaming, Winograd's cost and the sizes of units are computed
/// from.
///
/// A model belongs to a target, not to the machine at hand: nothing here is read from the running system. Where a sum is
/// cut in parts depends on the sizes of caches and on the shape of tiles (parts of k, rows of a streamed product,
/// Winograd's tiles), so two models may round differently. With one model, results are the same bits on every machine and
/// with any number of workers.
///
/// Bandwidths are in bytes a cycle, so that clocks, which change with load, stay out. `ProcessorModel+Known` has the
/// models with their sources; Docs/Native.md says how to add one.
public struct ProcessorModel: Hashable, Sendable {
  /// A level of the cache.
  public struct Cache: Hashable, Sendable {
    /// How many bytes it holds.
    public var bytes: Int
    /// Lines in a set: so many lines whose addresses differ by a multiple of `bytes / ways` fit at a time.
    public var ways: Int
    /// Bytes a cycle that one core reads from it.
    public var bandwidth: Double

    public init(bytes: Int, ways: Int, bandwidth: Double) {
      self.bytes = bytes
      self.ways = ways
      self.bandwidth = bandwidth
    }
  }

  /// The product that the figures are of.
  public var name: String
  /// Cores that are expected to share the work. How many workers there are does not change what is computed; this says
  /// for how many it is cut.
  public var cores: Int
  /// Cycles that workers lose by sharing a kernel: a barrier, and lines that move from core to core.
  public var sharingCycles: Int

  // MARK: Vectors

  /// Bytes of a vector register.
  public var vectorBytes: Int
  public var vectorRegisters: Int
  /// Whether loads and stores can leave out lanes.
  public var hasMaskedAccess: Bool

  // MARK: Arithmetic

  /// Units that multiply and add floats, and bytes that one takes a cycle.
  public var multiplyAddUnits: Int
  public var multiplyAddUnitBytes: Int
  /// Cycles from a multiply-add's operands to its result.
  public var multiplyAddLatency: Int
  /// Whole vectors loaded a cycle from the first cache.
  public var vectorLoads: Double
  /// Single elements loaded a cycle into all lanes of a vector.
  public var broadcastLoads: Double

  // MARK: Memory

  /// Bytes of a cache line.
  public var lineBytes: Int
  /// A core's own caches for data.
  public var firstCache: Cache
  public var secondCache: Cache
  /// The cache that `lastCacheCores` cores share; a system without one says what its memory side has.
  public var lastCache: Cache
  public var lastCacheCores: Int
  /// Bytes a cycle that each core reads from memory when all do, while it computes.
  public var memoryBandwidth: Double
  /// How many steps of k ahead a panel is fetched that is read faster than it is multiplied.
  public var prefetchSteps: Int
  /// How many elements ahead a streamed matrix is fetched.
  public var prefetchElements: Int

  public init(
    name: String, cores: Int, sharingCycles: Int, vectorBytes: Int, vectorRegisters: Int, hasMaskedAccess: Bool,
    multiplyAddUnits: Int, multiplyAddUnitBytes: Int, multiplyAddLatency: Int, vectorLoads: Double,
    broadcastLoads: Double, lineBytes: Int, firstCache: Cache, secondCache: Cache, lastCache: Cache,
    lastCacheCores: Int, memoryBandwidth: Double, prefetchSteps: Int, prefetchElements: Int
  ) {
    self.name = name
    self.cores = cores
    self.sharingCycles = sharingCycles
    self.vectorBytes = vectorBytes
    self.vectorRegisters = vectorRegisters
    self.hasMaskedAccess = hasMaskedAccess
    self.multiplyAddUnits = multiplyAddUnits
    self.multiplyAddUnitBytes = multiplyAddUnitBytes
    self.multiplyAddLatency = multiplyAddLatency
    self.vectorLoads = vectorLoads
    self.broadcastLoads = broadcastLoads
    self.lineBytes = lineBytes
    self.firstCache = firstCache
    self.secondCache = secondCache
    self.lastCache = lastCache
    self.lastCacheCores = lastCacheCores
    self.memoryBandwidth = memoryBandwidth
    self.prefetchSteps = prefetchSteps
    self.prefetchElements = prefetchElements
  }
}
