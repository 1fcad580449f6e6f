import ApusCore
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Testing

/// Elements of a buffer, as bits.
struct Elements {
  var dtype: DType
  var bits: [UInt64]

  init(_ dtype: DType, bits: [UInt64]) {
    self.dtype = dtype
    self.bits = bits
  }

  init(_ values: [Float]) { self.init(.f32, bits: values.map { UInt64($0.bitPattern) }) }
  init(_ values: [Double]) { self.init(.f64, bits: values.map(\.bitPattern)) }
  init(_ values: [Int64]) { self.init(.i64, bits: values.map(UInt64.init(bitPattern:))) }
  init(_ values: [Bool]) { self.init(.bool, bits: values.map { $0 ? 1 : 0 }) }

  init(zeros count: Int, _ dtype: DType) { self.init(dtype, bits: [UInt64](repeating: 0, count: count)) }

  var floats: [Float] { bits.map { Float(bitPattern: UInt32(truncatingIfNeeded: $0)) } }
  var doubles: [Double] { bits.map(Double.init(bitPattern:)) }
  var integers: [Int64] { bits.map(Int64.init(bitPattern:)) }
  var bools: [Bool] { bits.map { $0 != 0 } }

  var bytes: [UInt8] {
    bits.flatMap { value in (0..<dtype.byteCount).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) } }
  }

  fileprivate mutating func take(_ bytes: ArraySlice<UInt8>) {
    let size = dtype.byteCount
    bits = bits.indices.map { element in
      (0..<size).reduce(0) { $0 | UInt64(bytes[bytes.startIndex + element * size + $1]) << (8 * UInt64($1)) }
    }
  }
}

/// Runs a kernel on the buffers, all units in one call, and checks that nothing beyond their ends was touched.
/// - Returns: the failure's code and value.
@discardableResult
func run(
  _ kernel: Kernel, on target: NativeTarget = .host, _ buffers: inout [Elements], failureBase: Int = 0
) throws -> (code: Int64, value: Int64) {
  try run(try CompiledKernel(kernel, target: target), kernel, &buffers, units: [0..<kernel.units], failureBase)
}

/// Runs a compiled kernel on some ranges of its units, one call each.
@discardableResult
func run(
  _ compiled: CompiledKernel, _ kernel: Kernel, _ buffers: inout [Elements], units: [Range<Int>],
  _ failureBase: Int = 0
) throws -> (code: Int64, value: Int64) {
  let guardBytes = 64
  var memory = buffers.map {
    [UInt8](repeating: 0xa5, count: guardBytes) + $0.bytes + [UInt8](repeating: 0xa5, count: guardBytes)
  }
  var status: [Int64] = [0, 0]
  var pointers = memory.indices.map { position in
    let copy = UnsafeMutableRawPointer.allocate(byteCount: memory[position].count, alignment: 64)
    copy.copyMemory(from: memory[position], byteCount: memory[position].count)
    return copy
  }
  defer { for pointer in pointers { pointer.deallocate() } }
  for range in units {
    status.withUnsafeMutableBufferPointer { status in
      compiled.call(
        pointers.map { $0 + guardBytes }, status: status.baseAddress!, first: range.lowerBound, end: range.upperBound,
        failureBase: failureBase)
    }
  }
  for position in memory.indices {
    memory[position] = Array(UnsafeRawBufferPointer(start: pointers[position], count: memory[position].count))
    let content = memory[position].dropFirst(guardBytes).dropLast(guardBytes)
    #expect(memory[position].prefix(guardBytes).allSatisfy { $0 == 0xa5 }, "before buffer \(position)")
    #expect(memory[position].suffix(guardBytes).allSatisfy { $0 == 0xa5 }, "after buffer \(position)")
    buffers[position].take(content)
  }
  pointers.withUnsafeMutableBufferPointer { _ in }
  return (status[0], status[1])
}

/// The targets of this machine's architecture that it can run.
let runnableTargets: [NativeTarget] = ["x86-64-v3", "x86-64-v4"].compactMap {
  guard let target = try? NativeTarget.named($0), target.isRunnable else { return nil }
  return target
}

extension NativeTarget: CustomTestStringConvertible {
  public var testDescription: String { name }
}
