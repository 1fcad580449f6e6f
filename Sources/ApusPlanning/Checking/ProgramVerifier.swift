import ApusCore
import ApusKernels

extension KernelProgram {
  /// Checks the program by itself: each kernel (`KernelVerifier`), and that each step names kernels, buffers and bytes that
  /// there are. Whether it does what its draft says is `PlanChecker`'s question.
  /// - Throws: `ApusError` (a defect of lowering or planning) that names the kernel with the line of its text, or the
  ///   launch.
  public func verify() throws {
    for kernel in kernels { try KernelVerifier.check(kernel) }
    try steps.walk { leaf, position in
      switch leaf {
      case .launch(let launch): try verify(launch, position.loops)
      case .condition(let location, _): try verify(location, byteCount: 1, position.loops, "a condition")
      case .barrier, .enterLoop, .otherwise, .leaveBranch, .leaveLoop: break
      }
    }
  }

  private func verify(_ launch: Launch, _ loops: IterationCounts) throws {
    guard kernels.indices.contains(launch.kernel) else {
      throw defect("\(launch.origin) launches k\(launch.kernel), but there are \(kernels.count) kernels")
    }
    let kernel = kernels[launch.kernel]
    guard launch.arguments.count == kernel.buffers.count else {
      throw defect(
        "\(launch.origin) gives @\(kernel.name) \(launch.arguments.count) buffers; it takes \(kernel.buffers.count)")
    }
    for (location, buffer) in zip(launch.arguments, kernel.buffers) {
      try verify(location, byteCount: buffer.count * buffer.dtype.byteCount, loops, launch.origin)
      if buffer.use != .read, !buffers[location.buffer].place.isWritable {
        throw defect("\(launch.origin) writes \(buffers[location.buffer].name), which only the caller may change")
      }
    }
  }

  private func verify(_ location: Location, byteCount: Int, _ loops: IterationCounts, _ origin: String) throws {
    guard buffers.indices.contains(location.buffer) else {
      throw defect("\(origin) names b\(location.buffer), but there are \(buffers.count) buffers")
    }
    let buffer = buffers[location.buffer]
    // How large the others are depends on the caller's data.
    guard buffer.place.hasKnownSize else { return }
    var (low, high) = (location.offset, location.offset)
    for (count, stride) in zip(loops, location.strides) where stride != 0 {
      guard let count else { continue }
      let moved = stride * max(0, count - 1)
      if moved < 0 { low += moved } else { high += moved }
    }
    guard low >= 0, high + byteCount <= buffer.byteCount else {
      throw defect(
        "\(origin) is given bytes \(low) to \(high + byteCount - 1) of \(buffer.name), which has \(buffer.byteCount)")
    }
  }

}

extension ProgramBuffer.Place {
  fileprivate var isWritable: Bool {
    switch self {
    case .variable, .output, .arena, .series: true
    case .parameter, .precomputed, .constant, .dataset, .rows: false
    }
  }

  fileprivate var hasKnownSize: Bool {
    switch self {
    case .parameter, .variable, .precomputed, .constant, .output, .arena: true
    case .dataset, .rows, .series: false
    }
  }
}
