extension ProcessorModel {
  /// Two cores of an AMD EPYC with Zen 4: the machine on which Apus is measured, and the model of AVX-512 targets.
  ///
  /// - Vectors, caches, latency, loads: AMD, *Software Optimization Guide for the AMD Zen4 Microarchitecture*
  ///   (publication 57647): 512-bit operations take two passes through 256-bit units.
  /// - The last cache: 32 MiB for the eight cores of a complex.
  /// - Bandwidths: measured by `apus devices` and its like at 3.65 GHz: 117 GB/s from the second cache (32 bytes a cycle),
  ///   76 to 97 GB/s from the last (21 to 27; 24 here). Memory gives each of two cores 28 GB/s (7.8); two thirds of it
  ///   remain for a product that also reads and writes its other operands.
  /// - `sharingCycles`: a barrier of two spinning threads takes 98 ns (360 cycles), and lines must move.
  /// - `prefetchElements`: the hardware prefetchers stop at the end of a page of 4 KiB, 1024 elements of `f32`.
  public static let zen4 = ProcessorModel(
    name: "AMD EPYC (Zen 4), 2 cores", cores: 2, sharingCycles: 512, vectorBytes: 64, vectorRegisters: 32,
    hasMaskedAccess: true, multiplyAddUnits: 2, multiplyAddUnitBytes: 32, multiplyAddLatency: 4, vectorLoads: 1,
    broadcastLoads: 2, lineBytes: 64, firstCache: Cache(bytes: 32 << 10, ways: 8, bandwidth: 64),
    secondCache: Cache(bytes: 1 << 20, ways: 8, bandwidth: 32),
    lastCache: Cache(bytes: 32 << 20, ways: 16, bandwidth: 24), lastCacheCores: 8, memoryBandwidth: 5,
    prefetchSteps: 16, prefetchElements: 1024)

  /// Intel Xeon Platinum 8592+: 64 cores with two 512-bit units each.
  ///
  /// - Cores, the last cache (320 MiB, 5 MiB for each core), memory (8 channels of DDR5-5600: 358 GB/s): Intel's product
  ///   specifications (ark.intel.com).
  /// - Vectors, caches, latency, loads: Intel, *64 and IA-32 Architectures Optimization Reference Manual* (248966), the
  ///   chapter on Golden Cove: 48 KiB in 12 ways, 2 MiB in 16 ways, 64 bytes a cycle between them at most and 48 sustained.
  /// - Estimates, not measured: 10 bytes a cycle from the last cache, across the mesh; memory at 80% of its rate and
  ///   2.9 GHz on all cores (1.5 bytes a cycle); 1.4 µs for a barrier of 64 threads.
  public static let server64 = ProcessorModel(
    name: "Intel Xeon Platinum 8592+, 64 cores", cores: 64, sharingCycles: 4096, vectorBytes: 64,
    vectorRegisters: 32, hasMaskedAccess: true, multiplyAddUnits: 2, multiplyAddUnitBytes: 64,
    multiplyAddLatency: 4, vectorLoads: 2, broadcastLoads: 2, lineBytes: 64,
    firstCache: Cache(bytes: 48 << 10, ways: 12, bandwidth: 128),
    secondCache: Cache(bytes: 2 << 20, ways: 16, bandwidth: 48),
    lastCache: Cache(bytes: 320 << 20, ways: 20, bandwidth: 10), lastCacheCores: 64, memoryBandwidth: 1.5,
    prefetchSteps: 16, prefetchElements: 1024)

  /// AMD Ryzen 5 5600U: six cores with Zen 3 in a laptop, the model of AVX2 targets.
  ///
  /// - Cores, the last cache (16 MiB), memory (two channels of DDR4-3200: 51 GB/s): AMD's product specifications.
  /// - Vectors, caches, latency, loads: AMD, *Software Optimization Guide for AMD Family 19h Processors* (publication
  ///   56665): 32 KiB in 8 ways, 512 KiB in 8 ways, 32 bytes a cycle from the second cache and from the last.
  /// - `broadcastLoads`: measured on an EPYC with Zen 3 by loops of register tiles alone, with k of 64 and 512: 12 rows of one
  ///   vector reach half of the roof, 6 rows of two reach all of it.
  /// - Estimates, not measured: 24 bytes a cycle from the last cache, as on Zen 4; memory at 80% of its rate and 3.5 GHz
  ///   on all cores (2 bytes a cycle); 0.15 µs for a barrier of six threads.
  public static let laptopAVX2 = ProcessorModel(
    name: "AMD Ryzen 5 5600U, 6 cores", cores: 6, sharingCycles: 512, vectorBytes: 32, vectorRegisters: 16,
    hasMaskedAccess: true, multiplyAddUnits: 2, multiplyAddUnitBytes: 32, multiplyAddLatency: 4, vectorLoads: 2,
    broadcastLoads: 1, lineBytes: 64, firstCache: Cache(bytes: 32 << 10, ways: 8, bandwidth: 64),
    secondCache: Cache(bytes: 512 << 10, ways: 8, bandwidth: 32),
    lastCache: Cache(bytes: 16 << 20, ways: 16, bandwidth: 24), lastCacheCores: 6, memoryBandwidth: 2,
    prefetchSteps: 16, prefetchElements: 1024)

  /// Arm Neoverse N1 with 64 cores, as in cloud servers: the model of AArch64 targets, whose code is only printed so far.
  ///
  /// - Vectors, latency, loads: Arm, *Neoverse N1 Software Optimization Guide*: two 128-bit units, two loads a cycle.
  /// - Caches: Arm, *Neoverse N1 Core Technical Reference Manual*: 64 KiB in 4 ways, 1 MiB in 8 ways.
  /// - Estimates, not measured: a last cache of 32 MiB, all bandwidths, 1.6 µs for a barrier of 64 threads.
  public static let neon = ProcessorModel(
    name: "Arm Neoverse N1, 64 cores", cores: 64, sharingCycles: 4096, vectorBytes: 16, vectorRegisters: 32,
    hasMaskedAccess: false, multiplyAddUnits: 2, multiplyAddUnitBytes: 16, multiplyAddLatency: 4, vectorLoads: 2,
    broadcastLoads: 2, lineBytes: 64, firstCache: Cache(bytes: 64 << 10, ways: 4, bandwidth: 32),
    secondCache: Cache(bytes: 1 << 20, ways: 8, bandwidth: 16),
    lastCache: Cache(bytes: 32 << 20, ways: 16, bandwidth: 8), lastCacheCores: 64, memoryBandwidth: 1,
    prefetchSteps: 16, prefetchElements: 1024)

  /// By the names that tests and documents use.
  public static let known: [(name: String, model: ProcessorModel)] = [
    ("zen4", zen4), ("server64", server64), ("laptopAVX2", laptopAVX2), ("neon", neon),
  ]
}
