import ApusCore
import ApusKernels

extension KernelProgram: CustomStringConvertible {
  /// The plan as text: buffers with the launches between which they are needed, then the steps; loops are indented.
  public var description: String {
    var printer = ProgramPrinter(program: self)
    printer.printHeader()
    printer.print(steps)
    return printer.text + "}\n"
  }
}

private struct ProgramPrinter {
  let program: KernelProgram
  private var depth = 1
  private(set) var text = ""

  init(program: KernelProgram) { self.program = program }

  mutating func printHeader() {
    let live = program.largestLiveSet
    let ratio = live == 0 ? "" : ", ratio \(hundredths(program.arenaByteCount, of: live))"
    text += "plan @\(program.name): arena \(program.arenaByteCount) bytes, largest live set \(live)\(ratio), "
    text += "\(program.launchCount) launches of \(program.kernels.count) kernels, \(program.barrierCount) barriers {\n"
    for (index, buffer) in program.buffers.enumerated() {
      let life = buffer.lifetime.map { "live \($0.lowerBound)-\($0.upperBound)" } ?? "unused"
      line("b\(index): \(words(buffer.place)), \(buffer.byteCount) bytes, \(life) // \(buffer.name)")
    }
  }

  /// `1.06`
  private func hundredths(_ a: Int, of b: Int) -> String {
    let value = Int((Double(a) / Double(b) * 100).rounded())
    return "\(value / 100)." + (value % 100 < 10 ? "0" : "") + "\(value % 100)"
  }

  private mutating func line(_ content: String) {
    text += String(repeating: "  ", count: depth) + content + "\n"
  }

  mutating func print(_ steps: [ProgramStep]) {
    steps.walk { event, position in
      let number = position.number
      switch event {
      case .launch(let launch): print(number, launch)
      case .barrier: line("barrier")
      case .enterLoop(let step): open("\(number): \(words(loop: step)) {")
      case .condition(let location, .branch): open("\(number): if \(words(location)) {")
      case .condition(let location, _): reopen("} \(number): \(words(location)) {")
      case .otherwise(let step): if !step.blocks[1].isEmpty { reopen("} else {") }
      case .leaveBranch, .leaveLoop: close()
      }
    }
  }

  private func words(loop step: ProgramStep) -> String {
    let count = step.loops[0].map { "\($0)" }
    if case .whileLoop = step { return "while" + (count.map { " at most \($0)" } ?? "") }
    return "loop " + (count ?? "as told")
  }

  private mutating func open(_ content: String) {
    line(content)
    depth += 1
  }

  private mutating func close() {
    depth -= 1
    line("}")
  }

  private mutating func reopen(_ content: String) {
    depth -= 1
    open(content)
  }

  private mutating func print(_ number: Int, _ launch: Launch) {
    let kernel = program.kernels[launch.kernel]
    let arguments = zip(launch.arguments, kernel.buffers).map { location, buffer in
      "\(buffer.use.rawValue) \(words(location))"
    }
    let units = launch.isSerial ? "serial" : "units \(kernel.units)"
    line(
      "\(number): k\(launch.kernel) @\(kernel.name)(\(arguments.joined(separator: ", "))) \(units) // \(launch.origin)"
    )
  }

  /// `b3`, `b3+64`, `b3+64+iteration*128`; a second loop's iteration is `iteration1`.
  private func words(_ location: Location) -> String {
    var result = "b\(location.buffer)"
    if location.offset != 0 { result += "+\(location.offset)" }
    for (loop, stride) in location.strides.enumerated() where stride != 0 {
      result += stride < 0 ? "-" : "+"
      result += "iteration" + (loop == 0 ? "" : "\(loop)") + "*\(stride.magnitude)"
    }
    return result
  }

  private func words(_ place: ProgramBuffer.Place) -> String {
    switch place {
    case .parameter(let position): "parameter \(position)"
    case .precomputed(let position): "precomputed \(position)"
    case .variable(let position): "variable \(position)"
    case .constant: "constant"
    case .output(let position): "output \(position)"
    case .arena(let offset): "arena +\(offset)"
    case .dataset(let parameter): "data set of parameter \(parameter)"
    case .rows: "rows"
    case .series(let output): "series of output \(output)"
    }
  }
}
