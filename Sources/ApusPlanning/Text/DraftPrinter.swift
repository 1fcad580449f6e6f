import ApusCore
import ApusKernels

extension ProgramDraft: CustomStringConvertible {
  /// The draft as text, without its kernels and large constants: for reading.
  public var description: String { text(isComplete: false) }

  /// The draft as text: what the planner is given. See Docs/KernelForm.md.
  /// - Parameter isComplete: whether kernels and all constants are in it, so that `ProgramDraft.parse` reads the same
  ///   draft back.
  public func text(isComplete: Bool) -> String {
    var printer = PlanPrinter(kernels: kernels, isNumbered: false)
    let draft = self
    printer.block("draft @\(TextCursor.name(name)) {") { printer in
      for (index, buffer) in draft.buffers.enumerated() {
        printer.line(
          "b\(index): \(buffer.role.text(isComplete: isComplete)), \(buffer.byteCount) bytes, "
            + "for \(TextCursor.quote(buffer.name))")
      }
      printer.print(draft.failures)
      printer.print(draft.steps)
      for update in draft.updates { printer.line("update b\(update.target) = b\(update.value)") }
    }
    return (isComplete ? kernels.map(\.description) + [printer.text] : [printer.text]).joined(separator: "\n")
  }
}

extension DraftBuffer.Role {
  /// The same word as in a plan; `temporary` is the planner's to place.
  func text(isComplete: Bool) -> String {
    switch self {
    case .parameter(let position): ProgramBuffer.Place.parameter(position).text(isComplete: isComplete)
    case .variable(let position): ProgramBuffer.Place.variable(position).text(isComplete: isComplete)
    case .precomputed(let position): ProgramBuffer.Place.precomputed(position).text(isComplete: isComplete)
    case .constant(let tensor): ProgramBuffer.Place.constant(tensor).text(isComplete: isComplete)
    case .output(let position): ProgramBuffer.Place.output(position).text(isComplete: isComplete)
    case .temporary: "temporary"
    }
  }
}
