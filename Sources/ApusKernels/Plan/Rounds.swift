import ApusCore

extension KernelProgram {
  /// This program as the body of a loop over batches of a data set: an epoch is one call.
  ///
  /// Each round takes the rows that the caller lists for it, from where the data set lies (images stay bytes there), and
  /// leaves its outputs one after the other. As many rounds as the caller says.
  /// - Parameter parameters: byte count of each parameter, and how many rows it has.
  public func inRounds(_ parameters: [(byteCount: Int, rows: Int)], target: VectorTarget) -> KernelProgram {
    var program = self
    var gathers: [ProgramStep] = []
    let rows = program.buffers.count
    program.buffers.append(
      ProgramBuffer(name: "rows", byteCount: (parameters.first?.rows ?? 0) * 8, place: .rows))
    for (position, parameter) in parameters.enumerated() where parameter.rows > 0 && parameter.byteCount > 0 {
      let rowBytes = parameter.byteCount / parameter.rows
      let dataset = program.buffers.count
      program.buffers.append(
        ProgramBuffer(name: "data set \(position)", byteCount: rowBytes, place: .dataset(parameter: position)))
      let kernel = KernelProgram.gather(rowBytes: rowBytes, rows: parameter.rows, target: target)
      for index in buffers.indices where buffers[index].place == .parameter(position) {
        // Behind everything else in the arena, on a cache line of its own.
        let offset = (program.arenaByteCount + 63) / 64 * 64
        program.arenaByteCount = offset + parameter.byteCount
        program.buffers[index].place = .arena(offset: offset)
        gathers.append(
          .launch(
            Launch(
              kernel: program.position(of: kernel),
              arguments: [
                Location(buffer: dataset), Location(buffer: rows, strides: [parameter.rows * 8]),
                Location(buffer: index),
              ], origin: "batch of \(buffers[index].name)", byteCount: 2 * parameter.byteCount,
              isSerial: parameter.byteCount < 4096)))
      }
    }
    var series = Set<Int>()
    for index in buffers.indices {
      if case .output(let output) = buffers[index].place {
        program.buffers[index].place = .series(output: output)
        series.insert(index)
      }
    }
    let body = steps.map { step in
      step.mappingLocations { location in
        var location = location
        location.strides =
          [series.contains(location.buffer) ? buffers[location.buffer].byteCount : 0] + location.strides
        return location
      }
    }
    program.steps = [.loop(count: nil, gathers + [.barrier] + body + [.barrier])]
    return program
  }

  private mutating func position(of kernel: Kernel) -> Int {
    if let known = kernels.firstIndex(of: kernel) { return known }
    kernels.append(kernel)
    return kernels.count - 1
  }

  /// Copies listed rows of a data set one after the other.
  private static func gather(rowBytes: Int, rows: Int, target: VectorTarget) -> Kernel {
    let b = KernelBuilder(target: target)
    let data = b.buffer(.u8, .read, count: rowBytes)
    let list = b.buffer(.i64, .read, count: rows)
    let result = b.buffer(.u8, .write, count: rows * rowBytes)
    let lanes = target.vectorBytes
    b.forEachUnit { unit in
      let source = b.multiply(b.load(list, unit), rowBytes)
      let goal = b.multiply(unit, rowBytes)
      let whole = rowBytes / lanes * lanes
      b.loop(from: b.index(0), to: b.index(whole), step: lanes) { at in
        b.store(result, b.add(goal, at), b.load(data, b.add(source, at), lanes: lanes))
      }
      b.loop(from: b.index(whole), to: b.index(rowBytes)) { at in
        b.store(result, b.add(goal, at), b.load(data, b.add(source, at)))
      }
    }
    return b.build(name: "batch_rows", units: rows)
  }
}

extension ProgramStep {
  /// The same step with other locations.
  func mappingLocations(_ map: (Location) -> Location) -> ProgramStep {
    switch self {
    case .launch(var launch):
      launch.arguments = launch.arguments.map(map)
      return .launch(launch)
    case .barrier: return self
    case .loop(let count, let body): return .loop(count: count, body.map { $0.mappingLocations(map) })
    case .branch(let condition, let then, let otherwise):
      return .branch(
        condition: map(condition), then: then.map { $0.mappingLocations(map) },
        otherwise: otherwise.map { $0.mappingLocations(map) })
    case .whileLoop(let condition, let limit, let test, let body):
      return .whileLoop(
        condition: map(condition), limit: limit, test: test.map { $0.mappingLocations(map) },
        body: body.map { $0.mappingLocations(map) })
    }
  }
}
