import ApusKernels
import ApusLowering
import ApusPlanning

extension CanonicalBytes {
  /// What the function of a program depends on. Kernels are told apart by their positions: the bytes of their code stand
  /// elsewhere in the key. Code does not know how many units there are; the program does.
  mutating func append(_ program: KernelProgram) {
    append(program.flushesSubnormals)
    program.steps.walk { event, _ in
      switch event {
      case .launch(let launch):
        append(0)
        append(launch.kernel)
        append(program.kernels[launch.kernel].units)
        append(launch.arguments.count)
        for argument in launch.arguments { append(argument) }
        append(launch.failureBase)
        append(launch.isSerial)
        append(launch.flopCount)
        append(launch.byteCount)
      case .barrier: append(1)
      case .enterLoop(let step):
        append(2)
        append(step.loops[0].map { [$0] } ?? [])
      case .condition(let location, _):
        append(3)
        append(location)
      case .otherwise: append(4)
      case .leaveBranch, .leaveLoop: append(5)
      }
    }
  }

  private mutating func append(_ location: Location) {
    append(location.buffer)
    append(location.offset)
    append(location.strides)
  }
}
