import Apus
import ApusCore
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Foundation
import Testing

/// The loop that everything else serves: a register tile of a matrix product.
@Suite struct TileTests {
  /// `rows` × `columns` sums, x by rows and w by panels of the columns, k steps; each unit does the tile once.
  static func tile(_ rows: Int, _ columns: Int, k: Int, units: Int, _ target: VectorTarget) -> Kernel {
    let lanes = target.lanes(of: .f32)
    let b = KernelBuilder(target: target)
    let x = b.buffer(.f32, .read, count: k * rows)
    let w = b.buffer(.f32, .read, count: k * columns)
    let y = b.buffer(.f32, .write, count: rows * columns)
    b.forEachUnit { _ in
      let vectors = columns / lanes
      let zero = b.constant(0, RegisterType(.f32, lanes: lanes))
      let sums = b.loop(
        from: b.index(0), to: b.index(k), carrying: [Register](repeating: zero, count: rows * vectors)
      ) { step, sums in
        let panel = (0..<vectors).map { b.load(w, b.add(b.multiply(step, columns), $0 * lanes), lanes: lanes) }
        return (0..<rows).flatMap { row in
          let factor = b.splat(b.load(x, b.add(b.multiply(step, rows), row)), lanes: lanes)
          return (0..<vectors).map { b.multiplyAdd(factor, panel[$0], sums[row * vectors + $0]) }
        }
      }
      for row in 0..<rows {
        for vector in 0..<vectors {
          b.store(y, b.index(row * columns + vector * lanes), sums[row * vectors + vector])
        }
      }
    }
    return b.build(name: "tile", units: units)
  }

  @Test(arguments: runnableTargets) func tileIsRight(_ target: NativeTarget) throws {
    let (rows, columns) = target.vector == .avx512 ? (14, 32) : (6, 16)
    let k = 37
    let kernel = TileTests.tile(rows, columns, k: k, units: 1, target.vector)
    let (xs, ws) = ((0..<(k * rows)).map { Float($0 % 13) - 6 }, (0..<(k * columns)).map { Float($0 % 17) - 8 })
    var expected = [Float](repeating: 0, count: rows * columns)
    for p in 0..<k {
      for i in 0..<rows { for j in 0..<columns { expected[i * columns + j] += xs[p * rows + i] * ws[p * columns + j] } }
    }
    var buffers = [Elements(xs), Elements(ws), Elements(zeros: rows * columns, .f32)]
    try run(kernel, on: target, &buffers)
    #expect(buffers[2].floats == expected)
  }

  /// 28 sums, two vectors of the panel and a broadcast are 31 of 32 registers: nothing may go to the stack.
  @Test(arguments: ["x86-64-v4", "znver4"]) func sumsStayInRegisters(_ name: String) throws {
    let target = try NativeTarget.named(name)
    let text = try KernelCompiler(target: target, verifies: true).textAssembly([
      TileTests.tile(14, 32, k: 256, units: 1, target.vector)
    ])
    let lines = text.split(separator: "\n")
    #expect(lines.filter { $0.contains("vfmadd") && $0.contains("zmm") }.count == 28)
    let stack = lines.filter { $0.contains("zmm") && ($0.contains("(%rsp") || $0.contains("(%rbp")) }
    #expect(stack.isEmpty, "\(stack.joined(separator: "\n"))")
  }

  /// The tile that is chosen for a product leaves LLVM as many registers as it needs.
  @Test(arguments: ["x86-64-v3", "x86-64-v4"]) func chosenTilesStayInRegisters(_ name: String) throws {
    let target = try NativeTarget.named(name)
    let backend = NativeBackend(workers: 1, target: target)
    let vector = target.vector == .avx512 ? "zmm" : "ymm"
    for (m, n, k) in [(3136, 256, 64), (32, 128, 784), (49, 2048, 512), (196, 24, 96), (7, 1000, 128)] {
      let graph = try Graph.parse(
        "graph @product(%a: f32[\(m), \(k)], %b: f32[\(k), \(n)]) {\n  %y = matmul(%a, %b)\n  return %y\n}")[0]
      let kernels = try backend.plan(backend.optimized(graph)).program.kernels.filter { $0.name.hasPrefix("matmul") }
      let lines = try KernelCompiler(target: target, verifies: true).textAssembly(kernels).split(separator: "\n")
      #expect(lines.contains { $0.contains("vfmadd") && $0.contains(vector) }, "\(m) × \(k) × \(n)")
      // Other registers hold addresses, %rbp too.
      let stack = lines.filter { $0.contains(vector) && $0.contains("(%rsp") }
      #expect(stack.isEmpty, "\(m) × \(k) × \(n):\n\(stack.joined(separator: "\n"))")
    }
  }

  /// 12 sums of products of registers, nothing else in the loop: what the processor can do.
  static func roof(k: Int, units: Int, _ target: VectorTarget) -> Kernel {
    let type = RegisterType(.f32, lanes: target.lanes(of: .f32))
    let b = KernelBuilder(target: target)
    let x = b.buffer(.f32, .read, count: 2 * type.lanes)
    let y = b.buffer(.f32, .write, count: 12 * type.lanes)
    b.forEachUnit { _ in
      let (factor, other) = (
        b.load(x, b.index(0), lanes: type.lanes), b.load(x, b.index(type.lanes), lanes: type.lanes)
      )
      let initial = [Register](repeating: b.constant(0, type), count: 12)
      let sums = b.loop(from: b.index(0), to: b.index(k), carrying: initial) { _, sums in
        sums.map { b.multiplyAdd(factor, other, $0) }
      }
      for (position, sum) in sums.enumerated() { b.store(y, b.index(position * type.lanes), sum) }
    }
    return b.build(name: "roof", units: units)
  }

  /// Not a test of speed but its measurement: `APUS_MEASURE=1 swift test --filter speeds`.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["APUS_MEASURE"] != nil))
  func speeds() throws {
    let target = NativeTarget.host.vector
    let k = 256
    let roof = TileTests.roof(k: k, units: 200, target)
    let most = try seconds(roof)
    print("roof: \(2 * 12 * Double(target.lanes(of: .f32) * k * roof.units) / most / 1e9) GFLOP/s")
    for (rows, columns) in target == .avx512 ? [(14, 32), (8, 32), (12, 32), (8, 48), (6, 64)] : [(6, 16), (4, 24)] {
      let kernel = TileTests.tile(rows, columns, k: k, units: 100, target)
      let rate = 2 * Double(rows * columns * k * kernel.units) / (try seconds(kernel)) / 1e9
      print("tile \(rows)x\(columns): \(rate) GFLOP/s")
    }
    // Distinct kernels, so that each is compiled.
    let kernels = (0..<32).map { TileTests.tile(14, 32, k: 256 + $0, units: 1, target) }
    for threads in [1, 2] {
      let compiler = KernelCompiler(threadCount: threads)
      let (start, startOfWork) = (ContinuousClock.now, clock())
      _ = try compiler.compile(kernels)
      let work = Double(clock() - startOfWork) / Double(CLOCKS_PER_SEC) * 1000 / Double(kernels.count)
      print(
        "compiling on \(threads) threads: \((ContinuousClock.now - start) / kernels.count) a kernel, "
          + "\(work) ms of a processor's time")
    }
  }

  /// The least time of many runs over all units: each so short that some are not interrupted on a busy machine.
  private func seconds(_ kernel: Kernel) throws -> Double {
    let compiled = try CompiledKernel(kernel)
    let buffers = kernel.buffers.map { buffer in
      let floats = UnsafeMutablePointer<Float>.allocate(capacity: buffer.count)
      // No zeros, no denormals, no overflow.
      for index in 0..<buffer.count { floats[index] = Float(index % 17) / 17 + 0.5 }
      return floats
    }
    defer { for buffer in buffers { buffer.deallocate() } }
    let pointers = buffers.map { UnsafeMutableRawPointer($0) }
    var status: [Int64] = [0, 0]
    return (0..<3000).reduce(Double.infinity) { best, _ in
      let start = ContinuousClock.now
      status.withUnsafeMutableBufferPointer { status in
        if let status = status.baseAddress {
          compiled.call(pointers, status: status, first: 0, end: kernel.units)
        }
      }
      let time = (ContinuousClock.now - start).components
      return min(best, Double(time.seconds) + Double(time.attoseconds) * 1e-18)
    }
  }
}
