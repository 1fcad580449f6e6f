import ApusKernels

extension CanonicalBytes {
  /// What the function of a program depends on. Kernels are told apart by their positions: their own bytes stand
  /// elsewhere in the key.
  mutating func append(_ steps: [ProgramStep]) {
    append(steps.count)
    for step in steps {
      switch step {
      case .launch(let launch):
        append(0)
        append(launch.kernel)
        append(launch.arguments.count)
        for argument in launch.arguments { append(argument) }
        append(launch.failureBase)
        append(launch.isSerial)
      case .barrier: append(1)
      case .loop(let count, let body):
        append(2)
        append(count.map { [$0] } ?? [])
        append(body)
      case .branch(let condition, let then, let otherwise):
        append(3)
        append(condition)
        append(then)
        append(otherwise)
      case .whileLoop(let condition, let limit, let test, let body):
        append(4)
        append(condition)
        append(limit.map { [$0] } ?? [])
        append(test)
        append(body)
      }
    }
  }

  private mutating func append(_ location: Location) {
    append(location.buffer)
    append(location.offset)
    append(location.strides)
  }
}
