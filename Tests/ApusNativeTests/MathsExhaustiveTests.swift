import ApusCore
import ApusKernels
import Foundation
import Synchronization
import Testing

/// Every function of one f32 at every f32, and its speed, as the table of Docs/Native.md:
///
///     APUS_EXHAUSTIVE=1 swift test -c release --filter MathsExhaustive
@Suite(.enabled(if: ProcessInfo.processInfo.environment["APUS_EXHAUSTIVE"] != nil), .serialized)
struct MathsExhaustiveTests {
  @Test(arguments: UnaryMaths.all) func atEveryFloat(_ function: UnaryMaths) throws {
    let kernel = try MathsKernel(.f32, vectors: 64) { b, x in function.build(b, x[0]) }
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
