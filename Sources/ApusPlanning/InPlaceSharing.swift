import ApusCore
import ApusKernels

extension Planning {
  /// Lets results take over the memory of operands that their launch is the last to read.
  func shareInPlace(_ steps: [DraftStep], _ lifetimes: inout Lifetimes) {
    steps.walk { event, position in
      if case .launch(let launch) = event { share(launch, at: position.number, &lifetimes) }
    }
  }

  private func share(_ launch: DraftLaunch, at position: Int, _ lifetimes: inout Lifetimes) {
    for pair in launch.inPlace {
      let result = find(launch.launch.arguments[pair.write].buffer)
      let operand = find(launch.launch.arguments[pair.read].buffer)
      guard result != operand, pinned[operand] == nil, mayHold(result, sizes[operand]),
        lifetimes.last[operand] == position, lifetimes.first[result] == position,
        mayShare(launch, target: result, value: operand)
      else { continue }
      unite(operand, into: result)
      lifetimes.unite(operand, into: result)
    }
  }

  /// Whether what comes before a result may lie in the result's memory: nothing else is there until then.
  private func mayHold(_ result: Int, _ size: Int) -> Bool {
    switch role(of: result) {
    case .temporary: true
    case .output: size <= sizes[result]
    case .parameter, .variable, .precomputed, .constant: false
    }
  }
}
