import ApusCore
import ApusPlanning
import Testing

/// A loop over batches reads ahead in its list of rows.
@Suite struct BatchLoopTests {
  @Test func listsGoOnForTheBatchesThatAreLookedAt() {
    #expect(KernelProgram.batchesAhead == 2)
    #expect(KernelProgram.list([5, 3, 8, 1], batches: 2) == [5, 3, 8, 1, 8, 1, 8, 1])
    #expect(KernelProgram.list([7], batches: 1) == [7, 7, 7])
    #expect(KernelProgram.list([], batches: 0).isEmpty)
  }

  /// A part of an output may be a buffer of its own; in each batch it lies in that batch's output.
  @Test func whatSharesAnOutputMovesOnByTheOutput() throws {
    var maker = DraftMaker()
    let (x, y) = (maker.parameter("x", 24), maker.output("y", 72))
    maker.draft.steps = [maker.launch("whole", reads: pieces(x), writes: pieces(y))]
    var program = try maker.plan()
    let part = program.buffers.count
    var buffer = program.buffers[y]
    buffer.byteCount = 24
    program.buffers.append(buffer)
    var launch: Launch = try #require(program.steps.launches().first)
    launch.arguments[1].buffer = part
    program.steps.append(.launch(launch))
    let loop = program.overBatches([(byteCount: 24, rows: 2)], target: .zen4)
    let strides = loop.steps.launches().flatMap(\.arguments).filter { [y, part].contains($0.buffer) }.map(\.strides)
    #expect(strides == [[72], [72]])
  }
}
