import ApusCore
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Foundation

/// A function of `KernelBuilder`, compiled for vectors of this machine: it maps an array to an array.
struct MathKernel {
  let kernel: CompiledKernel
  let lanes: Int
  let block: Int

  /// - Parameter vectors: how many vectors one unit does, in a loop.
  init(
    _ dtype: DType, lanes: Int? = nil, vectors: Int = 1, operands: Int = 1, target: NativeTarget = .host,
    _ function: (KernelBuilder, [Register]) -> Register
  ) throws {
    let b = KernelBuilder(target: target.vector)
    let lanes = lanes ?? b.target.lanes(of: dtype.scalarType)
    let buffers = (0...operands).map { b.buffer(dtype, $0 == operands ? .write : .read, count: 1 << 32) }
    let block = lanes * vectors
    b.forEachUnit { unit in
      let start = b.multiply(unit, block)
      b.loop(vectors) { i in
        let at = b.add(start, b.multiply(i, lanes))
        b.store(buffers[operands], at, function(b, buffers.dropLast().map { b.load($0, at, lanes: lanes) }))
      }
    }
    kernel = try CompiledKernel(b.build(name: "math", units: 1 << 32), target: target)
    self.lanes = lanes
    self.block = block
  }

  /// The results of as many inputs as a multiple of the block.
  func run<T>(_ inputs: [[T]], into output: inout [T]) {
    let units = output.count / block
    output.withUnsafeMutableBytes { output in
      guard let output = output.baseAddress else { return }
      MathKernel.withAddresses(of: inputs[...]) { addresses in
        var status: [Int64] = [0, 0]
        status.withUnsafeMutableBufferPointer { status in
          guard let status = status.baseAddress else { return }
          kernel.call(addresses + [output], status: status, first: 0, end: units)
        }
      }
    }
  }

  private static func withAddresses<T>(of arrays: ArraySlice<[T]>, _ body: ([UnsafeMutableRawPointer]) -> Void) {
    guard let first = arrays.first else { return body([]) }
    first.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      withAddresses(of: arrays.dropFirst()) { body([UnsafeMutableRawPointer(mutating: base)] + $0) }
    }
  }

  /// The results of any number of inputs.
  func callAsFunction<T: BinaryFloatingPoint>(_ inputs: [T]...) -> [T] {
    let count = inputs[0].count
    let padded = (count + block - 1) / block * block
    var output = [T](repeating: 0, count: padded)
    run(inputs.map { $0 + [T](repeating: 0, count: padded - count) }, into: &output)
    return Array(output[..<count])
  }
}

/// How far a float is from the exact result, in units of the result's last place.
///
/// NaN and infinity must be met exactly; where the exact result is beyond the largest float, that float's neighbors
/// count as their values.
func error(_ got: Float, _ exact: Double) -> Double {
  if exact.isNaN { return got.isNaN ? 0 : .infinity }
  let nearest = Float(exact)
  if got == nearest { return got == 0 || got.isInfinite ? 0 : abs(Double(got) - exact) / Double(nearest.ulp) }
  if got.isNaN { return .infinity }
  // 2¹²⁸ stands for infinity: one place beyond the largest float.
  let value = got.isInfinite ? (got < 0 ? -0x1p128 : 0x1p128) : Double(got)
  let limited = max(-0x1p128, min(0x1p128, exact))
  let place = nearest.isInfinite ? 0x1p104 : Double(nearest.ulp)
  return abs(value - limited) / place
}

/// As for floats, the exact result given as a double and what the rounding left off.
func error(_ got: Double, _ high: Double, _ low: Double) -> Double {
  if high.isNaN { return got.isNaN ? 0 : .infinity }
  if got == high { return got.isInfinite ? 0 : abs(low) / high.ulp }
  if !got.isFinite || !high.isFinite { return .infinity }
  return abs((got - high) - low) / high.ulp
}

/// One function of one number, its reference, and the error that is promised for f32.
struct UnaryMath: Sendable, CustomStringConvertible {
  let name: String
  let bound: Double
  let build: @Sendable (KernelBuilder, Register) -> Register
  let reference: @Sendable (Double) -> Double

  var description: String { name }

  static let all = [
    UnaryMath(name: "exp", bound: 1, build: { $0.exp($1) }, reference: { Foundation.exp($0) }),
    UnaryMath(name: "expm1", bound: 2, build: { $0.expm1($1) }, reference: { Foundation.expm1($0) }),
    UnaryMath(name: "log", bound: 1, build: { $0.log($1) }, reference: { Foundation.log($0) }),
    UnaryMath(name: "log1p", bound: 2, build: { $0.log1p($1) }, reference: { Foundation.log1p($0) }),
    UnaryMath(name: "sin", bound: 1, build: { $0.sin($1) }, reference: { Foundation.sin($0) }),
    UnaryMath(name: "cos", bound: 1, build: { $0.cos($1) }, reference: { Foundation.cos($0) }),
    UnaryMath(name: "tan", bound: 1, build: { $0.tan($1) }, reference: { Foundation.tan($0) }),
    UnaryMath(name: "tanh", bound: 2, build: { $0.tanh($1) }, reference: { Foundation.tanh($0) }),
    UnaryMath(
      name: "sigmoid", bound: 2.5, build: { $0.sigmoid($1) },
      reference: { x in
        let e = Foundation.exp(-abs(x))
        return (x < 0 ? e : 1) / (1 + e)
      }),
    UnaryMath(name: "erf", bound: 2, build: { $0.erf($1) }, reference: { Foundation.erf($0) }),
    UnaryMath(name: "rsqrt", bound: 2, build: { $0.rsqrt($1) }, reference: { 1 / $0.squareRoot() }),
    UnaryMath(name: "sqrt", bound: 0.5, build: { $0.sqrt($1) }, reference: { $0.squareRoot() }),
    UnaryMath(name: "reciprocal", bound: 0.5, build: { $0.reciprocal($1) }, reference: { 1 / $0 }),
  ]
}

/// The largest error over some floats, and where it was.
struct WorstError: CustomStringConvertible {
  var error = 0.0
  var input: Float = 0
  var wrongSigns = 0

  mutating func add(_ x: Float, _ y: Float, _ exact: Double) {
    let e = ApusNativeTests.error(y, exact)
    if e > error { (error, input) = (e, x) }
    if y == 0, exact == 0 || exact.magnitude < 0x1p-149, y.sign != exact.sign { wrongSigns += 1 }
  }

  mutating func merge(_ other: WorstError) {
    if other.error > error { (error, input) = (other.error, other.input) }
    wrongSigns += other.wrongSigns
  }

  var description: String { "\(error) ULP at \(input)" }
}
