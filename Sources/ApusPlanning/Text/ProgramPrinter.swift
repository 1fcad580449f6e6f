import ApusCore
import ApusKernels

extension KernelProgram: CustomStringConvertible {
  /// The plan as text, without its kernels and large constants: for reading.
  public var description: String { text(isComplete: false) }

  /// The plan as text: buffers with the steps between which they are needed, what failures say, then the steps. See
  /// Docs/KernelForm.md.
  /// - Parameter isComplete: whether kernels and all constants are in it, so that `KernelProgram.parse` reads the same
  ///   program back.
  public func text(isComplete: Bool) -> String {
    var printer = PlanPrinter(kernels: kernels, isNumbered: true)
    let program = self
    printer.block("plan @\(TextCursor.name(name)) {") { printer in
      printer.line("// \(program.summary)")
      printer.line("arena \(program.arenaByteCount) bytes, largest live set \(program.largestLiveSet)")
      if program.flushesSubnormals { printer.line("flushes subnormals") }
      for (index, buffer) in program.buffers.enumerated() {
        let life = buffer.lifetime.map { "live \($0.lowerBound) to \($0.upperBound)" } ?? "unused"
        printer.line(
          "b\(index): \(buffer.place.text(isComplete: isComplete)), \(buffer.byteCount) bytes, \(life), "
            + "for \(TextCursor.quote(buffer.name))")
      }
      printer.print(program.failures)
      printer.print(program.steps.asText)
    }
    return (isComplete ? kernels.map(\.description) + [printer.text] : [printer.text]).joined(separator: "\n")
  }

  /// What the plan costs, in words.
  private var summary: String {
    let ratio =
      largestLiveSet == 0
      ? "" : "; the arena is \(hundredths(arenaByteCount, of: largestLiveSet)) times the largest live set"
    return "\(launchCount) launches of \(kernels.count) kernels, \(barrierCount) barriers\(ratio)"
  }

  /// `1.06`
  private func hundredths(_ a: Int, of b: Int) -> String {
    let value = Int((Double(a) / Double(b) * 100).rounded())
    return "\(value / 100)." + (value % 100 < 10 ? "0" : "") + "\(value % 100)"
  }
}

extension ProgramBuffer.Place {
  func text(isComplete: Bool) -> String {
    switch self {
    case .parameter(let position): "parameter \(position)"
    case .variable(let position): "variable \(position)"
    case .precomputed(let position): "precomputed \(position)"
    case .constant(let tensor): "constant \(ConstantText.describe(tensor, isComplete: isComplete))"
    case .output(let position): "output \(position)"
    case .arena(let offset): "arena +\(offset)"
    case .dataset(let parameter): "dataset \(parameter)"
    case .rows: "rows"
    case .series(let output): "series \(output)"
    }
  }
}
