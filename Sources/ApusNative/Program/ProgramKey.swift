import ApusKernels
import ApusLowering
import ApusPlanning

extension CanonicalBytes {
  /// What the function of a program depends on. Kernels are told apart by their positions: the bytes of their code stand
  /// elsewhere in the key. Code does not know how many units there are; the program does.
  mutating func append(_ program: KernelProgram) { append(program.steps, program.kernels) }

  private mutating func append(_ steps: [ProgramStep], _ kernels: [Kernel]) {
    append(steps.count)
    for step in steps {
      switch step {
      case .launch(let launch):
        append(0)
        append(launch.kernel)
        append(kernels[launch.kernel].units)
        append(launch.arguments.count)
        for argument in launch.arguments { append(argument) }
        append(launch.failureBase)
        append(launch.isSerial)
      case .barrier: append(1)
      case .loop(let count, let body):
        append(2)
        append(count.map { [$0] } ?? [])
        append(body, kernels)
      case .branch(let condition, let then, let otherwise):
        append(3)
        append(condition)
        append(then, kernels)
        append(otherwise, kernels)
      case .whileLoop(let condition, let limit, let test, let body):
        append(4)
        append(condition)
        append(limit.map { [$0] } ?? [])
        append(test, kernels)
        append(body, kernels)
      }
    }
  }

  private mutating func append(_ location: Location) {
    append(location.buffer)
    append(location.offset)
    append(location.strides)
  }
}
