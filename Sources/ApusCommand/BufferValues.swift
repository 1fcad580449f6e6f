import Apus
import ApusKernelInterpreter
import ApusKernels
import ApusPlanning

/// The elements of buffers that kernels and plans are run on, by the buffers' numbers.
struct BufferValues {
  private var texts: [Int: [String]] = [:]

  /// - Parameter options: as `b0=1,2,3`.
  init(_ options: [String]) throws {
    for option in options {
      let sides = option.split(separator: "=", maxSplits: 1)
      guard sides.count == 2, sides[0].hasPrefix("b"), let number = Int(sides[0].dropFirst()) else {
        throw ApusError.usage("--set \(option) names no buffer and its elements", help: "as b0=1,2,3")
      }
      texts[number] = sides[1].split(separator: ",").map { $0.trimmingPrefix { $0 == " " } }.map(String.init)
    }
  }

  private func tensor(_ number: Int, _ dtype: DType, _ count: Int) throws -> Tensor {
    var tensor = try Tensor(zeros: dtype, [count])
    guard let texts = texts[number] else { return tensor }
    guard texts.count == 1 || texts.count == count else {
      throw ApusError.usage("b\(number) has \(count) elements, but \(texts.count) are given")
    }
    let elements = try texts.map { text in
      guard let bits = NumberText.parse(text, dtype.scalarType) else {
        throw ApusError.usage("'\(text)' is not an element of b\(number), which holds \(dtype)")
      }
      return bits
    }
    tensor.withUnsafeMutableBytes { bytes in
      let size = dtype.byteCount
      for index in 0..<count {
        let bits = elements[texts.count == 1 ? 0 : index]
        for byte in 0..<size { bytes[index * size + byte] = UInt8(truncatingIfNeeded: bits >> UInt64(8 * byte)) }
      }
    }
    return tensor
  }

  private func text(_ number: Int, _ tensor: Tensor) -> String {
    "b\(number) = \(ConstantText.describe(tensor, isComplete: true))\n"
  }

  /// Runs a kernel.
  /// - Returns: what it has written, as text.
  func run(_ kernel: Kernel) throws -> String {
    let tensors = try kernel.buffers.enumerated().map { try tensor($0, $1.dtype, $1.count) }
    let failure = try KernelFileCheck.asInput {
      try InterpretedKernel(kernel).run(tensors.map { UnsafeMutableRawPointer(mutating: $0.rawAddress) })
    }
    let written = kernel.buffers.indices.filter { kernel.buffers[$0].use != .read }.map { text($0, tensors[$0]) }
    let end = failure.map { "fails with code \($0.code) and value \($0.value)\n" } ?? ""
    return "@\(kernel.name)\n" + written.joined() + end
  }

  /// Runs a plan on its parameters, variables and precomputed values.
  /// - Returns: its outputs and variables, as text.
  func run(_ program: KernelProgram) throws -> String {
    let dtypes = elementTypes(program)
    var tensors: [ProgramBuffer.Place: Tensor] = [:]
    for (number, buffer) in program.buffers.enumerated() where tensors[buffer.place] == nil {
      switch buffer.place {
      case .parameter, .variable, .precomputed, .output, .series, .dataset, .rows:
        let dtype = dtypes[number] ?? .u8
        tensors[buffer.place] = try tensor(number, dtype, buffer.byteCount / dtype.byteCount)
      case .arena, .constant: break
      }
    }
    try KernelFileCheck.asInput { try InterpretedProgram(program).run { tensors[$0]?.rawAddress } }
    var shown: Set<ProgramBuffer.Place> = []
    let written = program.buffers.enumerated().compactMap { number, buffer -> String? in
      switch buffer.place {
      case .variable, .output:
        guard let tensor = tensors[buffer.place], shown.insert(buffer.place).inserted else { return nil }
        return text(number, tensor)
      case .parameter, .precomputed, .constant, .arena, .dataset, .rows, .series: return nil
      }
    }
    return "@\(program.name)\n" + written.joined()
  }

  /// What launches take each buffer to hold.
  private func elementTypes(_ program: KernelProgram) -> [Int: DType] {
    var types: [Int: DType] = [:]
    for launch in program.launches {
      for (location, buffer) in zip(launch.arguments, program.kernels[launch.kernel].buffers) {
        types[location.buffer] = types[location.buffer] ?? buffer.dtype
      }
    }
    return types
  }
}
