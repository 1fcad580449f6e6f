import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// Lowers the transform that ends Winograd's algorithm, with an elementwise epilogue on its tiles before they are stored.
struct WinogradNest {
  private let nest: Nest
  private let head: Node
  private let geometry: WinogradGeometry
  /// The tiles before the transform.
  private let source: TensorHandle
  private let correction: WinogradCorrection?

  /// Nil unless the nest is built around such a transform.
  init?(_ nest: Nest) throws {
    guard let head = nest.head, let op = head.op as? WinogradTranspose else { return nil }
    self.init(nest, head, op: try op.geometry(op.shape), of: try nest.operands(of: head)[0], nil)
  }

  /// The end of a layer.
  /// - Parameters:
  ///   - geometry: of the results, which may be some rows of those that the region speaks of.
  ///   - source: the products.
  ///   - correction: of the transform's results, before the epilogue; nil: there is nothing to correct.
  init(
    _ nest: Nest, _ head: Node, op geometry: WinogradGeometry, of source: TensorHandle,
    _ correction: WinogradCorrection?
  ) {
    (self.nest, self.head, self.geometry, self.source) = (nest, head, geometry, source)
    self.correction = correction
  }

  func lower(name: String) throws {
    let (node, region) = (nest.node, nest.region)
    let domain = node.results[0].dimensions
    guard domain.reduce(1, *) > 0 else { return }
    let dtype = region.type(of: head.result).dtype
    let tiles = WinogradTiles(geometry, domain, dtype, node.target)
    let flopCount = self.flopCount(domain.reduce(1, *))
    node.kernel(
      name, units: tiles.units, flopCount: flopCount, isSerial: flopCount < node.target.serialWork
    ) { scope in
      let b = scope.builder
      let from = scope.read(source)
      let (tensors, outputs) = nest.tensors(scope, besides: head)
      let corrected = correction?.bound(scope)
      // The tiles before the transform, and what corrects them, are read by many elements.
      let shared = [from.buffer] + (corrected?.buffers ?? [])
      scope.allowInPlace(outputs.map(\.1), over: tensors.values.filter { !shared.contains($0.access.buffer) })
      let emitter = NestEmitter(nest: nest, builder: b, leaves: tensors)
      b.forEachUnit { unit in
        tiles.forEachVector(unit, b) { tile in
          // What is the same at all places is loaded once.
          var start = NestPoint(indices: tile.element(0, 0), vectorAxis: 3, lanes: tiles.vectors.lanes, mask: tile.mask)
          for (id, leaf) in tensors.sorted(by: { $0.key < $1.key })
          where leaf.strides.dropLast().allSatisfy({ $0 == 0 }) {
            start.known[id] = emitter.load(leaf, start)
          }
          let transposed = tiles.transposed(tile, from, b)
          let values = corrected?.corrected(transposed, of: tile) ?? transposed
          tile.emit { element in
            for (u, row) in values.enumerated() {
              for (v, value) in row.enumerated() {
                var point = start
                (point.indices, point.mask) = element(u, v)
                point.known[head.result.index] = value
                emitter.store(outputs, &point)
              }
            }
          }
        }
      }
    }
  }

  /// Operations for so many elements: of the transform, and of the epilogue.
  private func flopCount(_ elements: Int) -> Int {
    let epilogue = nest.region.nodes.filter { $0.id != head.id }.reduce(0) { sum, node in
      sum + node.op.flopCount(nest.region.operandTypes(of: node), nest.region.resultTypes(of: node), [])
    }
    return geometry.flopCount + epilogue / max(1, nest.domain.reduce(1, *)) * elements
  }
}
