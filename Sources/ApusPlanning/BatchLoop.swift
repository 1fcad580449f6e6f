import ApusCore
import ApusKernels

extension KernelProgram {
  /// This program as the body of a loop over batches of a data set: an epoch is one call.
  ///
  /// Each iteration takes the rows that the caller lists for it, from where the data set lies (images stay bytes there),
  /// and leaves its outputs one after the other. The caller says how many iterations there are.
  ///
  /// A batch is gathered in the last phase of the iteration before its own, where workers wait for each other anyway. Then
  /// the rows of the batch after it are prefetched, so that memory has a whole iteration to bring them. So the list of
  /// rows goes on for `batchesAhead` batches that are not run; which rows they name does not matter.
  /// - Parameter parameters: byte count of each parameter, and how many rows it has.
  public func overBatches(_ parameters: [(byteCount: Int, rows: Int)], target: ProcessorModel) -> KernelProgram {
    var program = self
    var gathers: [Launch] = []
    let rows = program.buffers.count
    program.buffers.append(
      ProgramBuffer(name: "rows", byteCount: (parameters.first?.rows ?? 0) * 8, place: .rows))
    var gathered = Set<Int>()
    for (position, parameter) in parameters.enumerated() where parameter.rows > 0 && parameter.byteCount > 0 {
      let rowBytes = parameter.byteCount / parameter.rows
      let dataset = program.buffers.count
      program.buffers.append(
        ProgramBuffer(name: "data set \(position)", byteCount: rowBytes, place: .dataset(parameter: position)))
      let kernel = KernelProgram.gather(rowBytes: rowBytes, rows: parameter.rows, target: target)
      let listBytes = parameter.rows * 8
      for index in buffers.indices where buffers[index].place == .parameter(position) {
        gathered.insert(index)
        // After everything else in the arena, on a cache line of its own.
        let offset = ArenaLayout.aligned(program.arenaByteCount)
        program.arenaByteCount = offset + parameter.byteCount
        program.buffers[index].place = .arena(offset: offset)
        gathers.append(
          Launch(
            kernel: program.position(of: kernel),
            arguments: [
              Location(buffer: dataset), Location(buffer: rows), Location(buffer: rows, offset: listBytes),
              Location(buffer: index),
            ], origin: "batch of \(buffers[index].name)", byteCount: 2 * parameter.byteCount,
            // Rows come from memory: sharing them pays earlier than sharing a copy.
            isSerial: parameter.byteCount < target.copyUnitBytes / 4))
      }
    }
    // What shares an output's memory may be smaller, and moves on by as much.
    let sizes = outputSizes
    var series: [Int: Int] = [:]
    for index in buffers.indices {
      if case .output(let output) = buffers[index].place {
        program.buffers[index].place = .series(output: output)
        series[index] = sizes[output]
      }
    }
    let body = steps.mapLocations { location in
      var location = location
      location.strides = [series[location.buffer] ?? 0] + location.strides
      return location
    }
    let next = gathers.map { launch in
      var launch = launch
      for position in [1, 2] {
        launch.arguments[position].offset += parameters[0].rows * 8
        launch.arguments[position].strides = [parameters[0].rows * 8]
      }
      return ProgramStep.launch(launch)
    }
    // The last phase may still be reading this batch.
    let lastPhase = steps.suffix(from: steps.lastIndex { $0.isBarrier }.map { $0 + 1 } ?? 0)
    var isReading = false
    lastPhase.walk { event, _ in isReading = isReading || event.locations.contains { gathered.contains($0.buffer) } }
    program.steps =
      gathers.map(ProgramStep.launch) + [
        .barrier,
        .loop(count: nil, body + (isReading ? [.barrier] : []) + next + [.barrier]),
      ]
    return program
  }

  /// How many batches more than are run the list of rows goes on for.
  public static let batchesAhead = 2

  /// The list of rows of so many batches as the program reads it: the last batch once more stands for each that does not
  /// come.
  package static func list(_ rows: [Int], batches: Int) -> [Int64] {
    let last = batches > 0 ? rows.suffix(rows.count / batches) : []
    return (rows + [[Int]](repeating: Array(last), count: batchesAhead).joined()).map { Int64($0) }
  }

  private mutating func position(of kernel: Kernel) -> Int {
    if let known = kernels.firstIndex(of: kernel) { return known }
    kernels.append(kernel)
    return kernels.count - 1
  }

  /// Copies listed rows of a data set one after the other, and asks for those of a second list.
  private static func gather(rowBytes: Int, rows: Int, target: ProcessorModel) -> Kernel {
    let b = KernelBuilder(target: target.vector)
    let data = b.buffer(.u8, .read, count: rowBytes)
    let list = b.buffer(.i64, .read, count: rows)
    let later = b.buffer(.i64, .read, count: rows)
    let result = b.buffer(.u8, .write, count: rows * rowBytes)
    let lanes = target.vectorBytes
    b.forEachUnit { unit in
      let source = b.multiply(b.load(list, unit), rowBytes)
      let goal = b.multiply(unit, rowBytes)
      let ahead = b.multiply(b.load(later, unit), rowBytes)
      b.loop(from: b.index(0), to: b.index(rowBytes), step: target.lineBytes) { at in b.prefetch(data, b.add(ahead, at))
      }
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
