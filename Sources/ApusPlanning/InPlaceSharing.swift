import ApusCore
import ApusKernels

extension Planning {
  /// Lets results take over the memory of operands that their launch is the last to read.
  func shareInPlace(_ steps: [DraftStep], _ lifetimes: inout Lifetimes) {
    // Positions as `Lifetimes` counts them.
    var position = 0
    func walk(_ steps: [DraftStep]) {
      for step in steps {
        switch step {
        case .launch(let launch):
          share(launch, at: position, &lifetimes)
          position += 1
        case .loop(_, _, let body):
          position += 1
          walk(body)
          position += 1
        case .branch(_, let then, let otherwise):
          position += 1
          walk(then)
          walk(otherwise)
        case .whileLoop(_, _, _, let test, let body):
          position += 1
          walk(test)
          position += 1
          walk(body)
          position += 1
        }
      }
    }
    walk(steps)
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
    case .parameter, .variable, .prepared, .constant: false
    }
  }
}
