import ApusCore
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Testing

@Suite struct CompiledKernelTests {
  @Test func aKernelRuns() throws {
    let b = KernelBuilder(target: NativeTarget.host.vector)
    let x = b.buffer(.f32, .read, count: 64)
    let y = b.buffer(.f32, .write, count: 64)
    b.forEachUnit { unit in
      let at = b.multiply(unit, 16)
      let v = b.load(x, at, lanes: 16)
      b.store(y, at, b.multiplyAdd(v, v, b.constant(1.0, RegisterType(.f32, lanes: 16))))
    }
    let kernel = try CompiledKernel(b.build(name: "square", units: 4))
    var input = (0..<64).map(Float.init)
    var output = [Float](repeating: 0, count: 64)
    var status: [Int64] = [0, 0]
    input.withUnsafeMutableBytes { input in
      output.withUnsafeMutableBytes { output in
        status.withUnsafeMutableBufferPointer { status in
          kernel.call([input.baseAddress!, output.baseAddress!], status: status.baseAddress!, first: 0, end: 4)
        }
      }
    }
    #expect(output == input.map { $0 * $0 + 1 })
  }
}
