import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// Lowers a region with the transform that ends Winograd's algorithm, and an elementwise epilogue on its tiles before they
/// are stored.
struct WinogradNest {
  private let nest: Nest
  private let transpose: Node
  private let op: WinogradTranspose

  init?(_ region: Graph, _ node: NodeLowering) throws {
    let found = region.nodes.first { ($0.op as? WinogradTranspose)?.isTiled == true }
    guard let found, let op = found.op as? WinogradTranspose else { return nil }
    transpose = found
    self.op = op
    nest = try Nest(region, node)
  }

  /// The parameter of the region that is transformed.
  var source: ValueID { transpose.operands[0] }

  func lower(name: String) throws { try lower(name: name, op.geometry(op.shape)) }

  /// - Parameter geometry: of the results, which may be some rows of those that the region speaks of.
  func lower(name: String, _ geometry: WinogradGeometry) throws {
    let (node, region) = (nest.node, nest.region)
    let parameters = region.parameters
    let domain = node.results[0].dimensions
    guard domain.reduce(1, *) > 0 else { return }
    guard let source = parameters.firstIndex(of: transpose.operands[0]) else {
      throw ApusError.defect("\(node.origin): the operand of a Winograd transform is computed in the same nest")
    }
    let dtype = region.type(of: transpose.result).dtype
    let tiles = WinogradTiles(geometry, domain, dtype, node.target)
    let flopCount = region.flopCount / max(1, nest.domain.reduce(1, *)) * domain.reduce(1, *)
    node.kernel(
      name, units: tiles.units, flopCount: flopCount, isSerial: flopCount < node.target.serialWork
    ) { scope in
      let b = scope.builder
      let from = scope.read(node.operands[source])
      let (tensors, outputs) = nest.tensors(scope, besides: transpose)
      // The tiles before the transform are read by many elements.
      scope.allowInPlace(outputs.map(\.1), over: tensors.values.filter { $0.access.buffer != from.buffer })
      let emitter = NestEmitter(nest: nest, builder: b, leaves: tensors)
      b.forEachUnit { unit in
        tiles.forEachVector(unit, b) { tile in
          // What is the same at all places is loaded once.
          var start = NestPoint(indices: tile.element(0, 0), vectorAxis: 3, lanes: tiles.vectors.lanes, mask: tile.mask)
          for (id, leaf) in tensors.sorted(by: { $0.key < $1.key })
          where leaf.strides.dropLast().allSatisfy({ $0 == 0 }) {
            start.known[id] = emitter.load(leaf, start)
          }
          tile.emit { mask in
            for (u, row) in tiles.transposed(tile, from, b).enumerated() {
              for (v, value) in row.enumerated() {
                var point = start
                point.indices = tile.element(u, v)
                point.mask = mask(u, v)
                point.known[transpose.result.index] = value
                emitter.store(outputs, &point)
              }
            }
          }
        }
      }
    }
  }
}
