import ApusCore
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Foundation
import Synchronization
import Testing

/// Every function of one f32 at every f32, and its speed, as the table of Docs/Native.md:
///
///     APUS_EXHAUSTIVE=1 swift test -c release --filter 'MathExhaustiveTests|MathDoubleTests'
@Suite(.enabled(if: ProcessInfo.processInfo.environment["APUS_EXHAUSTIVE"] != nil), .serialized)
struct MathExhaustiveTests {
  @Test(arguments: UnaryMath.all) func atEveryFloat(_ function: UnaryMath) throws {
    let kernel = try MathKernel(.f32, vectors: 64) { b, x in function.build(b, x[0]) }
    let block = 1 << 16
    let total = Mutex(WorstError())
    DispatchQueue.concurrentPerform(iterations: (1 << 32) / block) { part in
      let inputs = (0..<block).map { Float(bitPattern: UInt32(part * block + $0)) }
      var outputs = [Float](repeating: 0, count: block)
      kernel.run([inputs], into: &outputs)
      var worst = WorstError()
      for i in 0..<block { worst.add(inputs[i], outputs[i], function.reference(Double(inputs[i]))) }
      total.withLock { $0.merge(worst) }
    }
    let worst = total.withLock { $0 }
    print("| \(function.name) | \(String(format: "%.3f", worst.error)) | at \(worst.input) |")
    #expect(worst.error <= function.bound, "\(function.name): \(worst)")
    #expect(worst.wrongSigns == 0, "\(function.name): \(worst.wrongSigns) zeros have the wrong sign")
  }
}

/// Cycles for an element, of data in the first cache. Part of the same suite, so that one test runs at a time.
extension MathExhaustiveTests {
  private static func seconds(_ body: () -> Void) -> Double {
    var best = Double.infinity
    for _ in 0..<20 {
      let start = ContinuousClock.now
      body()
      let time = ContinuousClock.now - start
      best = min(best, Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18)
    }
    return best
  }

  /// Length of a cycle, from a chain of multiply-adds, each of which takes 4 cycles on the processors of today.
  private static let cycle: Double = {
    let b = KernelBuilder(target: NativeTarget.host.vector)
    let (x, y) = (b.buffer(.f32, .read, count: 1), b.buffer(.f32, .write, count: 1))
    b.forEachUnit { unit in
      let start = b.load(x, b.index(0))
      let sums = b.loop(from: b.index(0), to: b.index(1_000_000), carrying: [start]) { _, carried in
        [b.multiplyAdd(carried[0], start, start)]
      }
      b.store(y, b.index(0), sums[0])
    }
    guard let kernel = try? CompiledKernel(b.build(name: "cycle", units: 1)) else { return .nan }
    var (value, result): (Float, Float) = (0.5, 0)
    var status: (Int64, Int64) = (0, 0)
    let time = withUnsafeMutableBytes(of: &value) { x in
      withUnsafeMutableBytes(of: &result) { y in
        withUnsafeMutableBytes(of: &status) { status in
          seconds {
            kernel.call(
              [x.baseAddress!, y.baseAddress!], status: status.baseAddress!.assumingMemoryBound(to: Int64.self),
              first: 0, end: 1)
          }
        }
      }
    }
    return time / 4e6
  }()

  @Test(arguments: UnaryMath.all) func cyclesOfAnElement(_ function: UnaryMath) throws {
    let count = 2048
    func cycles<T: BinaryFloatingPoint>(_ dtype: DType, _ type: T.Type) throws -> Double {
      let kernel = try MathKernel(dtype, vectors: count / NativeTarget.host.vector.lanes(of: dtype.scalarType)) {
        b, x in
        function.build(b, x[0])
      }
      let inputs = (0..<count).map { T(0.01 + 8 * Double($0 * 997 % count) / Double(count)) }
      var outputs = [T](repeating: 0, count: count)
      let time = MathExhaustiveTests.seconds { for _ in 0..<100 { kernel.run([inputs], into: &outputs) } }
      return time / Double(100 * count) / MathExhaustiveTests.cycle
    }
    let single = try cycles(.f32, Float.self)
    let double = try cycles(.f64, Double.self)
    print("| \(function.name) | \(String(format: "%.2f | %.2f", single, double)) |")
    #expect(single > 0 && double > 0)
  }
}
