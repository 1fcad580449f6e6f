import Apus
import ApusGraph
import ApusKernels
import ApusNative
import ApusPlanning

/// A fault on the way from a graph to machine code.
struct StageFault: Sendable, CustomStringConvertible {
  let name: String
  let stage: KernelValidation.Stage
  let graph: String
  let planting: KernelValidation.Planting
  var description: String { name }

  // MARK: Kernels, by their text

  /// The first kernel in whose text `old` is, with `new` there.
  private static func edited(_ kernels: inout [Kernel], _ old: String, _ new: String) {
    for (index, kernel) in kernels.enumerated() {
      let text = kernel.description
      guard let range = text.range(of: old),
        let changed = try? Kernel.parse(text.replacingCharacters(in: range, with: new)).first
      else { continue }
      kernels[index] = changed
      return
    }
  }

  private static func lowering(_ name: String, _ graph: String, _ old: String, _ new: String) -> StageFault {
    var planting = KernelValidation.Planting()
    planting.draft = { edited(&$0.kernels, old, new) }
    return StageFault(name: name, stage: .lowering, graph: graph, planting: planting)
  }

  private static func code(_ name: String, _ graph: String, _ old: String, _ new: String) -> StageFault {
    var planting = KernelValidation.Planting()
    planting.code = { edited(&$0.kernels, old, new) }
    return StageFault(name: name, stage: .codeGeneration, graph: graph, planting: planting)
  }

  private static func planning(
    _ name: String, _ graph: String, _ change: @escaping @Sendable (inout KernelProgram) -> Void
  ) -> StageFault {
    var planting = KernelValidation.Planting()
    planting.program = change
    return StageFault(name: name, stage: .planning, graph: graph, planting: planting)
  }

  // MARK: Graphs

  private static let ragged = "graph @g(%x: f32[37]) {\n%1 = negate(%x)\n%2 = exp(%1)\n%r = add(%2, %x)\nreturn %r\n}"
  private static let layer = """
    graph @g(%x: f32[5, 7], %w: f32[7, 9], %b: f32[9]) {
      %1 = tanh(%x)
      %2 = matmul(%1, %w)
      %3 = add(%2, %b)
      %r = relu(%3)
      return %r
    }
    """
  /// Two layers and a sum: four launches.
  private static let network = """
    graph @g(%x: f32[32, 16], %w: f32[16, 16], %v: f32[16, 16]) {
      %1 = matmul(%x, %w)
      %2 = relu(%1)
      %3 = matmul(%2, %v)
      %4 = tanh(%3)
      %5 = matmul(%4, %w)
      %6 = exp(%5)
      %r = reduce_sum(%6, axes: [0])
      return %r
    }
    """
  private static let row =
    "graph @g(%x: f32[6, 40]) {\n%1 = exp(%x)\n%2 = negate(%1)\n%r = reduce_max(%2, axes: [1])\nreturn %r\n}"
  private static let training = """
    graph @g(%x: f32[32, 16]) {
      %w: f32[16, 16] = variable(glorot_uniform)
      %1 = matmul(%x, %w)
      %2 = tanh(%1)
      %3 = matmul(%x, %2, transpose_a: true)
      %4 = subtract(%w, %3)
      update %w = %4
      %r = reduce_sum(%2)
      return %r
    }
    """

  /// All of its work is in the body of a loop.
  private static let loop = """
    graph @g(%h: f32[16], %s: f32[4, 16]) {
      %last: f32[16] = scan(%h, %s, carries: 1, sequences: 1) { (%y: f32[16], %x: f32[16]) in
        %1: f32[16] = add(%x, %y)
        %2: f32[16] = tanh(%1)
        return %2
      }
      return %last
    }
    """
  /// As gradients of means are.
  private static let smallNumbers =
    "graph @g(%x: f32[37]) {\n%c: f32 = constant(1e-5)\n%1 = multiply(%x, %c)\n%r = negate(%1)\nreturn %r\n}"

  /// In a vector of this machine; 37 elements leave a rest of 5 in vectors of 8 and of 16.
  private static let lanes = NativeTarget.host.processor.floatLanes

  static let all: [StageFault] = [
    lowering("a sum in a loop is a difference", loop, "x\(lanes) = add", "x\(lanes) = subtract"),
    code("a sum in a loop is a difference in machine code", loop, "x\(lanes) = add", "x\(lanes) = subtract"),
    lowering("small numbers keep their sign", smallNumbers, "= negate", "= absolute"),
    lowering("an addition is a subtraction", ragged, "x\(lanes) = add", "x\(lanes) = subtract"),
    lowering("the rest of a vector is not computed", ragged, "i32x\(lanes) = constant 5", "i32x\(lanes) = constant 4"),
    lowering("a bias is added before it is read", layer, "f32x\(lanes) = add", "f32x\(lanes) = multiply"),
    lowering("a relu keeps what is negative", layer, "= greater_equal", "= less_equal"),
    lowering(
      "a maximum begins at 0 and not at −∞", row, "constant -inf", "constant 0.0"),
    lowering("a sum of products lacks its last term", layer, "constant 7", "constant 6"),
    code("an addition is a subtraction in machine code", ragged, "x\(lanes) = add", "x\(lanes) = subtract"),
    code(
      "the rest of a vector is not computed in machine code", ragged, "i32x\(lanes) = constant 5",
      "i32x\(lanes) = constant 4"),
    code("a negation is a rounding in machine code", ragged, "= negate", "= round"),
    code("a relu keeps what is negative in machine code", layer, "= greater_equal", "= less_equal"),
    planning("a barrier is missing", network) { $0.steps = $0.steps.removingBarrier(0) },
    planning("the last barrier is missing", network) { $0.steps = $0.steps.removingBarrier($0.barrierCount - 1) },
    planning("two launches are in the wrong order", network) { program in
      let launches = program.launches
      guard launches.count > 1 else { return }
      var number = 0
      program.steps = program.steps.mapLaunches { _ in
        defer { number += 1 }
        return launches[number < 2 ? 1 - number : number]
      }
    },
    planning("a buffer is reused while it is read", network) { program in
      let places = program.buffers.indices.filter { if case .arena = program.buffers[$0].place { true } else { false } }
      for (a, b) in zip(places, places.dropFirst()) { program.buffers[b].place = program.buffers[a].place }
    },
    planning("an output is an alias of what is overwritten", network) { program in
      guard let launch = program.launches.first, let read = launch.arguments.first,
        let written = program.buffers.firstIndex(where: { if case .arena = $0.place { true } else { false } })
      else { return }
      program.buffers[written].place = program.buffers[read.buffer].place
    },
    planning("the arena is too small", network) { $0.arenaByteCount = max(0, $0.arenaByteCount - 64) },
    planning("a lifetime ends too early", network) { program in
      for index in program.buffers.indices {
        guard case .arena = program.buffers[index].place, let life = program.buffers[index].lifetime,
          life.upperBound > life.lowerBound
        else { continue }
        program.buffers[index].lifetime = life.lowerBound...life.upperBound - 1
        return
      }
    },
    planning("an update is missing", training) { program in
      let last = program.launches.last { launch in
        launch.arguments.contains { if case .variable = program.buffers[$0.buffer].place { true } else { false } }
      }
      guard let last else { return }
      program.steps = program.steps.mapSteps { leaf, _ in
        if case .launch(let launch) = leaf, launch.origin == last.origin { [] } else { [leaf] }
      }
    },
  ]
}
