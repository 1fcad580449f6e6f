import ApusCore
import ApusKernels

extension KernelProgram {
  /// Checks the program by itself: each kernel (`KernelVerifier`), and that each step names kernels, buffers and bytes that
  /// there are. Whether it does what its draft says is `PlanChecker`'s question.
  /// - Throws: `ApusError` (a defect of lowering or planning) that names the kernel with the line of its text, or the
  ///   launch.
  public func verify() throws {
    for kernel in kernels { try KernelVerifier.check(kernel) }
    try verify(steps, loops: [])
  }

  /// - Parameter loops: the largest position of each loop around; nil: any.
  private func verify(_ steps: [ProgramStep], loops: [Int?]) throws {
    for step in steps {
      switch step {
      case .launch(let launch): try verify(launch, loops)
      case .barrier: break
      case .loop(let count, let body): try verify(body, loops: loops + [count.map { $0 - 1 }])
      case .branch(let condition, let then, let otherwise):
        try verify(condition, byteCount: 1, loops, "a branch's condition")
        try verify(then + otherwise, loops: loops)
      case .whileLoop(let condition, let limit, let test, let body):
        let inner = loops + [limit.map { $0 - 1 }]
        try verify(test + body, loops: inner)
        try verify(condition, byteCount: 1, inner, "a loop's condition")
      }
    }
  }

  private func verify(_ launch: Launch, _ loops: [Int?]) throws {
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

  private func verify(_ location: Location, byteCount: Int, _ loops: [Int?], _ origin: String) throws {
    guard buffers.indices.contains(location.buffer) else {
      throw defect("\(origin) names b\(location.buffer), but there are \(buffers.count) buffers")
    }
    let buffer = buffers[location.buffer]
    // How large the others are depends on the caller's data.
    guard buffer.place.hasKnownSize else { return }
    var (low, high) = (location.offset, location.offset)
    for (last, stride) in zip(loops, location.strides) where stride != 0 {
      guard let last else { continue }
      if stride < 0 { low += stride * max(0, last) } else { high += stride * max(0, last) }
    }
    guard low >= 0, high + byteCount <= buffer.byteCount else {
      throw defect(
        "\(origin) is given bytes \(low) to \(high + byteCount - 1) of \(buffer.name), which has \(buffer.byteCount)")
    }
  }

  private func defect(_ message: String) -> ApusError { .defect("plan @\(name): \(message)") }
}

extension ProgramBuffer.Place {
  fileprivate var isWritable: Bool {
    switch self {
    case .variable, .output, .arena, .series: true
    case .parameter, .prepared, .constant, .dataset, .rows: false
    }
  }

  fileprivate var hasKnownSize: Bool {
    switch self {
    case .parameter, .variable, .prepared, .constant, .output, .arena: true
    case .dataset, .rows, .series: false
    }
  }
}
