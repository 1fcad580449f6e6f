import ApusCore
import ApusKernels

extension KernelProgram {
  /// What is the same in all runs and this program, as one program over one arena.
  /// - Throws: `ApusError` if they do not agree on what is handed over, or it depends on what this program changes.
  func preceded(by preparation: KernelProgram, of draft: ProgramDraft) throws -> KernelProgram {
    let (before, after) = (preparation.touchedBuffers, touchedBuffers)
    let written = Set(writtenVariables)
    for buffer in before where preparation.buffers[buffer].place.isVariable(in: written) {
      throw defect("\(preparation.buffers[buffer].name) is read once, before all runs, but written in each")
    }
    var whole = self
    let shift = (preparation.arenaByteCount + 63) / 64 * 64
    whole.arenaByteCount += shift
    for index in whole.buffers.indices {
      if case .arena(let offset) = whole.buffers[index].place {
        whole.buffers[index].place = .arena(offset: offset + shift)
      }
    }
    for index in draft.buffers.indices where before.contains(index) && draft.buffers[index].role == .temporary {
      let place = preparation.buffers[index].place
      if case .output(let position) = place {
        guard !after.contains(index) || buffers[index].place == .precomputed(position) else {
          throw defect(
            "\(buffers[index].name) is computed once as result \(position), but read at \(buffers[index].place)")
        }
        whole.buffers[index].place = .precomputed(position)
      } else {
        guard !after.contains(index) else {
          throw defect("\(buffers[index].name) is computed once, but not kept for the runs that read it")
        }
        whole.buffers[index].place = place
      }
    }
    // What the planner has added there.
    let added = whole.buffers.count - draft.buffers.count
    whole.buffers += preparation.buffers[draft.buffers.count...]
    var kernels = Dictionary(uniqueKeysWithValues: whole.kernels.enumerated().map { ($1, $0) })
    let positions = preparation.kernels.map { kernel in
      if let known = kernels[kernel] { return known }
      kernels[kernel] = whole.kernels.count
      whole.kernels.append(kernel)
      return whole.kernels.count - 1
    }
    let first = preparation.steps
      .mapBuffers { $0 < draft.buffers.count ? $0 : $0 + added }
      .mapLaunches { launch in
        var launch = launch
        launch.kernel = positions[launch.kernel]
        return launch
      }
    whole.steps = first + [.barrier] + steps
    return whole
  }

  /// The buffers of which steps touch a byte.
  var reachedBuffers: Set<Int> {
    var reached = Set<Int>()
    steps.walk { event, _ in
      switch event {
      case .launch(let launch):
        for (location, buffer) in zip(launch.arguments, kernels[launch.kernel].buffers) where buffer.byteCount > 0 {
          reached.insert(location.buffer)
        }
      case .condition(let location, _): reached.insert(location.buffer)
      case .barrier, .enterLoop, .otherwise, .leaveBranch, .leaveLoop: break
      }
    }
    return reached
  }

  /// Buffers that launches and conditions name, those of empty tensors too.
  var touchedBuffers: Set<Int> {
    var touched = Set<Int>()
    steps.walk { event, _ in touched.formUnion(event.locations.map(\.buffer)) }
    return touched
  }
}

extension KernelProgram {
  /// Positions of the variables that launches write, in order.
  public var writtenVariables: [Int] {
    var written = Set<Int>()
    for launch in launches {
      for (location, buffer) in zip(launch.arguments, kernels[launch.kernel].buffers) where buffer.use != .read {
        if case .variable(let position) = buffers[location.buffer].place { written.insert(position) }
      }
    }
    return written.sorted()
  }
}

extension ProgramBuffer.Place {
  fileprivate func isVariable(in positions: Set<Int>) -> Bool {
    if case .variable(let position) = self { positions.contains(position) } else { false }
  }
}
