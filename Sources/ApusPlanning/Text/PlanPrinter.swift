import ApusCore
import ApusKernels

/// Writes what the texts of plans and drafts have in common: locations, launches, control flow.
struct PlanPrinter {
  let kernels: [Kernel]
  /// Whether steps are numbered, as lifetimes count them.
  let isNumbered: Bool
  private(set) var text = ""
  private var depth = 0
  private var next = 0

  init(kernels: [Kernel], isNumbered: Bool) { (self.kernels, self.isNumbered) = (kernels, isNumbered) }

  mutating func line(_ content: String) { text += String(repeating: "  ", count: depth) + content + "\n" }

  /// Lines in braces.
  mutating func block(_ opening: String, _ closing: String = "}", _ body: (inout PlanPrinter) -> Void) {
    line(opening)
    depth += 1
    body(&self)
    depth -= 1
    if !closing.isEmpty { line(closing) }
  }

  // MARK: Steps

  mutating func print(_ steps: [TextStep]) {
    for step in steps {
      switch step {
      case .launch(let launch): line(number() + text(of: launch))
      case .barrier: line("barrier")
      case .loop(let count, let carries, let body):
        block("\(number())loop \(count.map { "\($0)" } ?? "given") {") {
          $0.print(body)
          $0.print(carries)
        }
        next += 1
      case .branch(let condition, let then, let otherwise):
        block("\(number())if \(text(of: condition)) {", otherwise.isEmpty ? "}" : "") { $0.print(then) }
        if !otherwise.isEmpty { block("} else {") { $0.print(otherwise) } }
      case .whileLoop(let condition, let limit, let carries, let test, let body):
        block("\(number())while\(limit.map { " at most \($0)" } ?? "") {", "") {
          $0.print(test)
          $0.line("\($0.number())continue if \($0.text(of: condition))")
        }
        block("} do {") {
          $0.print(body)
          $0.print(carries)
        }
        next += 1
      }
    }
  }

  private mutating func print(_ carries: [BufferUpdate]) {
    for carry in carries { line("carry b\(carry.target) = b\(carry.value)") }
  }

  private mutating func number() -> String {
    next += 1
    return isNumbered ? "\(next - 1): " : ""
  }

  // MARK: Launches

  private func text(of draft: DraftLaunch) -> String {
    let launch = draft.launch
    let kernel = kernels.indices.contains(launch.kernel) ? kernels[launch.kernel] : nil
    let arguments = launch.arguments.enumerated().map { position, location in
      let use = kernel.flatMap { $0.buffers.indices.contains(position) ? $0.buffers[position].use : nil }
      return (use.map { "\($0.mnemonic) " } ?? "") + text(of: location)
    }
    let name = kernel.map { " @\(TextCursor.name($0.name))" } ?? ""
    var parts = ["k\(launch.kernel)\(name)(\(arguments.joined(separator: ", ")))"]
    parts[0] += launch.isSerial ? " serial" : kernel.map { " units \($0.units)" } ?? ""
    if launch.flopCount != 0 { parts.append("\(launch.flopCount) flops") }
    if launch.byteCount != 0 { parts.append("\(launch.byteCount) bytes") }
    if launch.failureBase != 0 { parts.append("failures after \(launch.failureBase)") }
    for pair in draft.inPlace { parts.append("in place \(pair.write) = \(pair.read)") }
    parts.append("from \(TextCursor.quote(launch.origin))")
    return parts.joined(separator: ", ")
  }

  /// `b3`, `b3+64`, `b3+64+i0*128`: the loops around are counted from the outermost. A last stride is printed even if it
  /// is 0, so that what is read back has as many strides.
  func text(of location: Location) -> String {
    var result = "b\(location.buffer)"
    if location.offset != 0 { result += location.offset < 0 ? "\(location.offset)" : "+\(location.offset)" }
    for (loop, stride) in location.strides.enumerated() where stride != 0 || loop == location.strides.count - 1 {
      result += "\(stride < 0 ? "-" : "+")i\(loop)*\(stride.magnitude)"
    }
    return result
  }

  mutating func print(_ failures: [ProgramFailure]) {
    for (position, failure) in failures.enumerated() {
      let help = failure.help.map { ", help \(TextCursor.quote($0))" } ?? ""
      line(
        "failure \(position + 1): \(TextCursor.quote(failure.message)), from \(TextCursor.quote(failure.origin))\(help)"
      )
    }
  }
}
