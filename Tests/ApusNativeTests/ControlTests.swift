import ApusCore
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Testing

/// Loops, branches, memory and failures.
@Suite struct ControlTests {
  /// A product of matrices, its sums carried through the inner loop as vectors, by units of a row.
  @Test(arguments: runnableTargets, [1, 4, 8, 16]) func nestedLoopsCarryVectors(_ target: NativeTarget, lanes: Int)
    throws
  {
    let (m, n, k) = (3, 32, 5)
    let b = KernelBuilder(target: target.vector)
    let x = b.buffer(.f32, .read, count: m * k)
    let w = b.buffer(.f32, .read, count: k * n)
    let y = b.buffer(.f32, .write, count: m * n)
    b.forEachUnit { row in
      b.loop(from: b.index(0), to: b.index(n), step: 2 * lanes) { column in
        let zero = b.constant(0, RegisterType(.f32, lanes: lanes))
        let sums = b.loop(from: b.index(0), to: b.index(k), carrying: [zero, zero]) { step, sums in
          let factor = b.splat(b.load(x, b.add(b.multiply(row, k), step)), lanes: lanes)
          return sums.enumerated().map { position, sum in
            let at = b.add(b.add(b.multiply(step, n), column), position * lanes)
            return b.multiplyAdd(factor, b.load(w, at, lanes: lanes), sum)
          }
        }
        for (position, sum) in sums.enumerated() {
          b.store(y, b.add(b.add(b.multiply(row, n), column), position * lanes), sum)
        }
      }
    }
    let kernel = b.build(name: "product", units: m)
    let (xs, ws) = ((0..<(m * k)).map { Float($0 % 7) - 3 }, (0..<(k * n)).map { Float($0 % 11) - 5 })
    var expected = [Float](repeating: 0, count: m * n)
    for i in 0..<m { for j in 0..<n { for p in 0..<k { expected[i * n + j] += xs[i * k + p] * ws[p * n + j] } } }

    // Units in one call, in several, in another order: all the same.
    for units in [[0..<3], [0..<1, 1..<3], [2..<3, 0..<2], [0..<2]] {
      var buffers = [Elements(xs), Elements(ws), Elements(zeros: m * n, .f32)]
      try run(CompiledKernel(kernel, target: target), kernel, &buffers, units: units)
      let done = units.reduce(0) { $0 + $1.count }
      let rest = [Float](repeating: 0, count: (m - done) * n)
      #expect(buffers[2].floats == expected.prefix(done * n) + rest)
    }
  }

  @Test(arguments: runnableTargets) func loopsWithoutRounds(_ target: NativeTarget) throws {
    let b = KernelBuilder(target: target.vector)
    let count = b.buffer(.i64, .read, count: 1)
    let y = b.buffer(.i64, .write, count: 2)
    b.forEachUnit { _ in
      let end = b.load(count, b.index(0))
      let sum = b.loop(from: b.index(3), to: end, step: 2, carrying: [b.index(100)]) { i, sum in [b.add(sum[0], i)] }
      b.store(y, b.index(0), sum[0])
      let halves = b.loop(carrying: [end, b.index(0)], while: { b.compare(.greater, $0[0], b.index(1)) }) { state in
        [b.binary(.shiftRight, state[0], b.index(1)), b.add(state[1], 1)]
      }
      b.store(y, b.index(1), halves[1])
    }
    let kernel = b.build(name: "rounds", units: 1)
    for (end, sum, halves) in [(-5, 100, 0), (3, 100, 1), (4, 103, 2), (9, 115, 3), (1024, 262243, 10)] {
      var buffers = [Elements([Int64(end)]), Elements(zeros: 2, .i64)]
      try run(kernel, on: target, &buffers)
      #expect(buffers[1].integers == [Int64(sum), Int64(halves)], "to \(end)")
    }
  }

  @Test(arguments: runnableTargets) func branches(_ target: NativeTarget) throws {
    let b = KernelBuilder(target: target.vector)
    let x = b.buffer(.i64, .read, count: 8)
    let y = b.buffer(.i64, .write, count: 8)
    b.forEachUnit { at in
      let value = b.load(x, at)
      let result = b.branch(b.compare(.less, value, b.index(0))) {
        [b.binary(.subtract, b.index(0), value)]
      } otherwise: {
        b.branch(b.compare(.greater, value, b.index(9))) {
          b.store(y, b.add(at, 4), value)
          return [b.index(9)]
        } otherwise: {
          [value]
        }
      }
      b.store(y, at, result[0])
    }
    let values: [Int64] = [-4, 3, 12, 9, 0, 0, 0, 0]
    var buffers = [Elements(values), Elements([Int64](repeating: -1, count: 8))]
    try run(b.build(name: "branches", units: 4), on: target, &buffers)
    #expect(buffers[1].integers == [4, 3, 9, 9, -1, -1, 12, -1])
  }

  /// Masked accesses touch what their mask holds, and nothing else: neither elements that are there, nor the memory behind
  /// the buffer, where the last lanes lie.
  @Test(arguments: runnableTargets, InstructionTests.dtypes.map(\.0))
  func masks(_ target: NativeTarget, dtype: DType) throws {
    for lanes in [1, 2, 4, 8, 16, 32] {
      let masked = 2 * lanes + lanes / 2
      for count in [masked, 3 * lanes] {
        let b = KernelBuilder(target: target.vector)
        let x = b.buffer(dtype, .read, count: count)
        let y = b.buffer(dtype, .write, count: count)
        b.forEachUnit { unit in
          let at = b.multiply(unit, lanes)
          let i64 = RegisterType(.i64, lanes: lanes)
          let position = b.binary(.add, b.splat(at, lanes: lanes), b.lanes(i64))
          let mask = b.compare(.less, position, b.constant(masked, i64))
          b.store(y, at, b.load(x, at, lanes: lanes, mask: mask), mask: mask)
        }
        let values = (0..<count).map { ScalarReference.truncated(UInt64($0 &* 37 &+ 1), dtype.scalarType) }
        var buffers = [Elements(dtype, bits: values), Elements(dtype, bits: values.map { _ in 1 })]
        try run(b.build(name: "masks", units: 3), on: target, &buffers)
        let expected = values.enumerated().map { $0 < masked ? $1 : 1 }
        #expect(buffers[1].bits == expected, "\(lanes) lanes of \(count)")
      }
    }
  }

  /// Vectors of positions read and write anywhere; lanes without their mask read 0 and write nothing.
  @Test(arguments: runnableTargets, InstructionTests.dtypes.map(\.0))
  func gathersAndScatters(_ target: NativeTarget, dtype: DType) throws {
    for lanes in [2, 4, 8, 16] {
      let b = KernelBuilder(target: target.vector)
      let x = b.buffer(dtype, .read, count: 5 * lanes)
      let gathered = b.buffer(dtype, .write, count: lanes)
      let some = b.buffer(dtype, .write, count: lanes)
      let scattered = b.buffer(dtype, .readWrite, count: 5 * lanes)
      b.forEachUnit { at in
        let i64 = RegisterType(.i64, lanes: lanes)
        let positions = b.multiply(b.lanes(i64), 5)
        let value = b.load(x, positions)
        b.store(gathered, at, value)
        let isOdd = b.compare(.equal, b.binary(.and, b.lanes(i64), b.constant(1, i64)), b.constant(1, i64))
        b.store(some, at, b.load(x, positions, mask: isOdd))
        b.store(scattered, positions, value, mask: isOdd)
      }
      let values = (0..<(5 * lanes)).map { ScalarReference.truncated(UInt64($0 &* 77 &+ 1), dtype.scalarType) }
      var buffers = [
        Elements(dtype, bits: values), Elements(zeros: lanes, dtype), Elements(zeros: lanes, dtype),
        Elements(zeros: 5 * lanes, dtype),
      ]
      try run(b.build(name: "gathers", units: 1), on: target, &buffers)
      let all: [UInt64] = (0..<lanes).map { values[5 * $0] }
      let odd: [UInt64] = all.enumerated().map { $0 % 2 == 1 ? $1 : 0 }
      #expect(buffers[1].bits == all, "\(lanes) lanes")
      #expect(buffers[2].bits == odd, "\(lanes) lanes")
      for (index, bits) in buffers[3].bits.enumerated() {
        let isWritten = index % 5 == 0 && index / 5 % 2 == 1
        #expect(bits == (isWritten ? values[index] : 0), "element \(index), \(lanes) lanes")
      }
    }
  }

  /// Truth values are bytes in memory, 0 or 1; any other byte that a buffer holds counts as true.
  @Test(arguments: runnableTargets, [1, 8, 32]) func truthValues(_ target: NativeTarget, lanes: Int) throws {
    let b = KernelBuilder(target: target.vector)
    let (x, y) = (b.buffer(.bool, .read, count: 32), b.buffer(.bool, .write, count: 32))
    b.forEachUnit { unit in
      let at = b.multiply(unit, lanes)
      b.store(y, at, b.load(x, at, lanes: lanes))
    }
    var buffers = [Elements(.bool, bits: (0..<32).map { $0 % 3 == 0 ? 0 : $0 }), Elements(zeros: 32, .bool)]
    try run(b.build(name: "truth", units: 32 / lanes), on: target, &buffers)
    let expected: [UInt64] = (0..<32).map { $0 % 3 == 0 ? 0 : 1 }
    #expect(buffers[1].bits == expected)
  }

  @Test(arguments: runnableTargets) func theFirstFailureStays(_ target: NativeTarget) throws {
    let b = KernelBuilder(target: target.vector)
    let x = b.buffer(.i64, .read, count: 4)
    let y = b.buffer(.i64, .write, count: 4)
    b.forEachUnit { at in
      let value = b.load(x, at)
      b.fail(where: b.compare(.greater, value, b.index(9)), code: 2, value: value)
      b.fail(where: b.compare(.less, value, b.index(0)), code: 1, value: value)
      b.store(y, at, value)
    }
    let kernel = b.build(name: "fails", units: 4)
    let cases: [(input: [Int64], code: Int64, value: Int64)] = [
      ([1, 2, 3, 4], 0, 0), ([1, -7, 30, 4], 41, -7), ([1, 2, 30, -7], 42, 30),
    ]
    for (input, code, value) in cases {
      var buffers = [Elements(input), Elements(zeros: 4, .i64)]
      let status = try run(kernel, on: target, &buffers, failureBase: 40)
      #expect(status.code == code && status.value == value, "\(input)")
      #expect(buffers[1].integers == input, "a kernel goes on after a failure")
    }
  }
}
