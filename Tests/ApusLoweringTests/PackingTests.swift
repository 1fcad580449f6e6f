import ApusCore
import Testing

@testable import ApusLowering

/// When the transposed first operand of a product is packed: on both sides of each condition.
@Suite struct PackingTests {
  private func pays(k: Int, m: Int, n: Int, _ processor: ProcessorModel) -> Bool {
    let a = ContractionOperand(
      handle: TensorHandle(buffer: 0, view: TensorView(.f32, [k, m])), batch: [], free: 1, k: [m])
    let tile = ContractionTile(rows: 14, vectors: 2)
    return Packing.pays(a, [k], rows: m, n: n, tile: tile, width: 2 * processor.floatLanes, processor)
  }

  /// Rows of 8, 16, 32 and 64 lines: with the distance fewer panels are enough, down to four.
  @Test(arguments: [(128, 16), (256, 8), (512, 4), (1024, 4)]) func fartherLinesNeedFewerPanels(_ m: Int, panels: Int) {
    let processor = ProcessorModel.zen4
    let n = panels * 2 * processor.floatLanes
    #expect(pays(k: 1024, m: m, n: n, processor))
    #expect(!pays(k: 1024, m: m, n: n - 1, processor))
  }

  /// Lines that the first cache keeps from tile to tile are read where they are.
  @Test(arguments: [256, 512, 1024]) func linesThatStayAreLeftAlone(_ m: Int) {
    let processor = ProcessorModel.zen4
    let most = Packing.mostRows(distance: 4 * m, processor)
    #expect(!pays(k: most, m: m, n: 1024, processor))
    #expect(pays(k: most + 1, m: m, n: 1024, processor))
  }
}
