import ApusCore

/// One native function: a loop nest over some units of work, each of which gives the same bits whoever does it.
///
/// Workers share a launch by its units, so no unit may read what another writes.
public struct Kernel: Hashable, Sendable {
  /// For people: what it computes. Not part of what makes two kernels equal.
  public var name: String
  public var buffers: [KernelBuffer]
  /// How many units there are.
  public var units: Int
  public var body: Block
  /// By `Register.index`.
  public var types: [RegisterType]

  public func type(of register: Register) -> RegisterType { types[register.index] }

  public static func == (a: Kernel, b: Kernel) -> Bool {
    a.units == b.units && a.buffers == b.buffers && a.types == b.types && a.body == b.body
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(units)
    hasher.combine(buffers)
    hasher.combine(body)
  }
}

/// Memory that a kernel is given by address.
public struct KernelBuffer: Hashable, Sendable {
  public enum Use: String, Hashable, Sendable, CaseIterable { case read, write, readWrite }

  public var dtype: DType
  public var use: Use
  /// Elements that may be touched, from the address on.
  public var count: Int

  public init(_ dtype: DType, _ use: Use, count: Int) {
    self.dtype = dtype
    self.use = use
    self.count = count
  }
}

/// What lowering must know of the processor.
public struct VectorTarget: Hashable, Sendable {
  /// Width of a vector register in bytes.
  public var vectorBytes: Int
  public var vectorRegisters: Int
  public var hasMaskedAccess: Bool

  public init(vectorBytes: Int, vectorRegisters: Int, hasMaskedAccess: Bool) {
    self.vectorBytes = vectorBytes
    self.vectorRegisters = vectorRegisters
    self.hasMaskedAccess = hasMaskedAccess
  }

  /// AVX-512: 32 registers of 64 bytes.
  public static let avx512 = VectorTarget(vectorBytes: 64, vectorRegisters: 32, hasMaskedAccess: true)
  /// AVX2 with FMA: 16 registers of 32 bytes.
  public static let avx2 = VectorTarget(vectorBytes: 32, vectorRegisters: 16, hasMaskedAccess: true)
  /// AArch64's Advanced SIMD: 32 registers of 16 bytes.
  public static let neon = VectorTarget(vectorBytes: 16, vectorRegisters: 32, hasMaskedAccess: false)

  /// How many numbers of a type one register holds.
  public func lanes(of type: ScalarType) -> Int { max(1, vectorBytes * 8 / max(8, type.bits)) }
}
