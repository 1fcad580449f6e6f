import ApusCore
import ApusKernels

/// What a program's outputs take. Several buffers can be in the memory of one output: those of values on the way that are no
/// longer needed when it is written, which may be smaller.
extension KernelProgram {
  /// The bytes of each output in one batch, by its position.
  package var outputSizes: [Int: Int] {
    var sizes: [Int: Int] = [:]
    for buffer in buffers {
      switch buffer.place {
      case .output(let output), .series(let output): sizes[output] = max(sizes[output] ?? 0, buffer.byteCount)
      case .parameter, .variable, .precomputed, .constant, .arena, .dataset, .rows: continue
      }
    }
    return sizes
  }

  /// The same in order.
  package var outputByteCounts: [Int] { outputSizes.sorted { $0.key < $1.key }.map(\.value) }

  /// Memory for all outputs of one batch, in order, as bytes.
  /// - Parameter areZero: whether the bytes are 0, those between elements too; else they are not set.
  package func makeOutputs(areZero: Bool = false) throws -> [Tensor] {
    try outputByteCounts.map {
      areZero ? try Tensor(zeros: .u8, [$0]) : try Tensor(uninitialized: .u8, [$0])
    }
  }
}
