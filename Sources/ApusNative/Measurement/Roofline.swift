import ApusCore
import ApusKernels
import ApusLowering
import ApusPlanning
import Foundation

/// What this machine can do, measured: the roof that kernels are compared with (Williams, Waterman and Patterson 2009).
public struct Roofline: Sendable {
  /// Multiply-adds on registers, in 10⁹ operations a second (a multiply-add counts two).
  public let gigaflopsSingle: Double
  public let gigaflopsDouble: Double
  /// Reading memory of a working set, in 10⁹ bytes a second.
  public let readBandwidth: [(name: String, bytes: Int, gigabytesPerSecond: Double)]

  /// Measures one core for about a second.
  public static func measure(target: NativeTarget = .host) throws -> Roofline {
    Roofline(
      gigaflopsSingle: try multiplyAdds(.f32, target), gigaflopsDouble: try multiplyAdds(.f64, target),
      readBandwidth: try workingSets(target.processor).map { ($0.name, $0.bytes, try bandwidth($0.bytes, target)) })
  }

  /// Half of each core's own caches, what the last keeps from run to run, and four times what it holds.
  private static func workingSets(_ processor: ProcessorModel) -> [(name: String, bytes: Int)] {
    [
      ("L1", processor.firstCache.bytes / 2), ("L2", processor.secondCache.bytes / 2),
      ("L3", processor.retainedBytes), ("memory", 4 * processor.lastCache.bytes),
    ]
  }

  /// Steps of a measured loop: some milliseconds.
  private static let steps = 1 << 16
  /// Bytes read in a measurement: again some milliseconds.
  private static let readBytes = 1 << 26

  private init(
    gigaflopsSingle: Double, gigaflopsDouble: Double,
    readBandwidth: [(name: String, bytes: Int, gigabytesPerSecond: Double)]
  ) {
    self.gigaflopsSingle = gigaflopsSingle
    self.gigaflopsDouble = gigaflopsDouble
    self.readBandwidth = readBandwidth
  }

  /// Enough independent sums in registers that none waits for another.
  private static func multiplyAdds(_ dtype: DType, _ target: NativeTarget) throws -> Double {
    let lanes = target.vector.lanes(of: dtype.scalarType)
    let sums = target.vector.vectorRegisters - 4
    let rounds = steps
    let b = KernelBuilder(target: target.vector)
    let buffer = b.buffer(dtype, .readWrite, count: lanes * (sums + 2))
    b.forEachUnit { _ in
      let factor = b.load(buffer, b.index(0), lanes: lanes)
      let start = (0..<sums).map { b.load(buffer, b.index(($0 + 2) * lanes), lanes: lanes) }
      let result = b.loop(from: b.index(0), to: b.index(rounds), carrying: start) { _, sums in
        sums.map { b.multiplyAdd($0, factor, factor) }
      }
      for (position, register) in result.enumerated() { b.store(buffer, b.index((position + 2) * lanes), register) }
    }
    let kernel = try CompiledKernel(b.build(name: "multiply_adds", units: 1), target: target)
    let seconds = best(byteCount: lanes * (sums + 2) * dtype.byteCount) {
      kernel.call($0, status: $1, first: 0, end: 1)
    }
    return 2 * Double(lanes * sums * rounds) / seconds / 1e9
  }

  private static func bandwidth(_ bytes: Int, _ target: NativeTarget) throws -> Double {
    let lanes = target.vector.lanes(of: .f32)
    let count = bytes / 4
    let rounds = max(1, readBytes / bytes)
    let b = KernelBuilder(target: target.vector)
    let buffer = b.buffer(.f32, .readWrite, count: count)
    let streams = 8
    b.forEachUnit { _ in
      let zero = b.constant(0, RegisterType(.f32, lanes: lanes))
      let sums = b.loop(
        from: b.index(0), to: b.index(rounds), carrying: .init(repeating: zero, count: streams)
      ) { _, sums in
        b.loop(from: b.index(0), to: b.index(count), step: streams * lanes, carrying: sums) { at, sums in
          sums.enumerated().map { position, sum in
            b.binary(.add, sum, b.load(buffer, b.add(at, position * lanes), lanes: lanes))
          }
        }
      }
      for (position, sum) in sums.enumerated() { b.store(buffer, b.index(position * lanes), sum) }
    }
    let kernel = try CompiledKernel(b.build(name: "read", units: 1), target: target)
    let seconds = best(byteCount: bytes) { kernel.call($0, status: $1, first: 0, end: 1) }
    return Double(bytes * rounds) / seconds / 1e9
  }

  /// The shortest of several runs on memory of zeros, which stay finite under all that is done here.
  private static func best(
    byteCount: Int, _ body: ([UnsafeMutableRawPointer], UnsafeMutablePointer<Int64>) -> Void
  ) -> Double {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: Memory.alignment)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    let status = UnsafeMutablePointer<Int64>.allocate(capacity: 2)
    defer { status.deallocate() }
    status.initialize(repeating: 0, count: 2)
    let clock = ContinuousClock()
    var least = Double.infinity
    for _ in 0..<8 {
      let start = clock.now
      body([memory], status)
      least = min(least, (clock.now - start) / .seconds(1))
    }
    return least
  }
}
