/// Places boxes in rows so that every arrow points down: Sugiyama, Tagawa and Toda, "Methods for visual understanding of
/// hierarchical system structures", 1981, in a plain form.
///
/// 1. A box's row is the longest way to it. An arrow that spans several rows gets a narrow place in each row between.
/// 2. Rows are sorted by the mean place of what their boxes are joined with, downwards and upwards in turn.
/// 3. Each box moves to the mean of what it is joined with, as near as its neighbors in the row allow.
struct LayeredLayout {
  /// By box: its row, and its center's x, from 0.
  private(set) var rows: [Int]
  private(set) var centers: [Double]
  /// By arrow: the x at which it passes each row between its ends.
  private(set) var passages: [[Double]]
  private(set) var width = 0.0
  var rowCount: Int { (rows.max() ?? -1) + 1 }

  private struct Place {
    let width: Double
    var above: [Int] = []
    var below: [Int] = []
    var x = 0.0
  }

  private static let sweeps = 12
  private static let gap = 22.0

  /// - Parameters:
  ///   - widths: of the boxes, in an order in which each follows what points to it.
  ///   - arrows: from a box to a later one.
  init(widths: [Double], arrows: [(from: Int, to: Int)]) {
    rows = widths.map { _ in 0 }
    for arrow in arrows.sorted(by: { ($0.to, $0.from) < ($1.to, $1.from) }) {
      rows[arrow.to] = max(rows[arrow.to], rows[arrow.from] + 1)
    }
    var places = widths.map { Place(width: $0) }
    var order = [[Int]](repeating: [], count: (rows.max() ?? -1) + 1)
    for box in widths.indices { order[rows[box]].append(box) }
    var chains: [[Int]] = []
    for arrow in arrows {
      var chain: [Int] = []
      var last = arrow.from
      for row in rows[arrow.from] + 1..<max(rows[arrow.to], rows[arrow.from] + 1) {
        places.append(Place(width: 14))
        let place = places.count - 1
        order[row].append(place)
        Self.join(last, place, &places)
        chain.append(place)
        last = place
      }
      Self.join(last, arrow.to, &places)
      chains.append(chain)
    }
    Self.sort(&order, places)
    Self.move(order, &places)
    let left = places.map { $0.x - $0.width / 2 }.min() ?? 0
    width = (places.map { $0.x + $0.width / 2 }.max() ?? 0) - left
    centers = widths.indices.map { places[$0].x - left }
    passages = chains.map { $0.map { places[$0].x - left } }
  }

  private static func join(_ upper: Int, _ lower: Int, _ places: inout [Place]) {
    places[upper].below.append(lower)
    places[lower].above.append(upper)
  }

  private static func sort(_ order: inout [[Int]], _ places: [Place]) {
    var position = [Double](repeating: 0, count: places.count)
    func number(_ row: [Int]) { for (index, place) in row.enumerated() { position[place] = Double(index) } }
    for row in order { number(row) }
    for sweep in 0..<sweeps {
      let isDownwards = sweep.isMultiple(of: 2)
      for row in isDownwards ? Array(order.indices) : order.indices.reversed() {
        let keys = order[row].map { place in
          mean(isDownwards ? places[place].above : places[place].below, position) ?? position[place]
        }
        // Places with equal keys stay in their order.
        let sorted = order[row].indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
        order[row] = sorted.map { order[row][$0] }
        number(order[row])
      }
    }
  }

  private static func move(_ order: [[Int]], _ places: inout [Place]) {
    var x = places.map(\.x)
    for sweep in 0..<2 * sweeps {
      for row in sweep.isMultiple(of: 2) ? Array(order.indices) : order.indices.reversed() {
        let wanted = order[row].map { place -> Double in
          let joined = sweep.isMultiple(of: 2) ? places[place].above : places[place].below
          return mean(joined, x) ?? x[place]
        }
        let spaced = spread(wanted, order[row].map { places[$0].width })
        for (place, center) in zip(order[row], spaced) { x[place] = center }
      }
    }
    for place in places.indices { places[place].x = x[place] }
  }

  private static func mean(_ joined: [Int], _ values: [Double]) -> Double? {
    joined.isEmpty ? nil : joined.reduce(0) { $0 + values[$1] } / Double(joined.count)
  }

  /// The centers nearest to those that are wanted, by least squares, that keep their order and their distances: neighbors
  /// that would overlap become a block, at the mean of what its members want.
  private static func spread(_ wanted: [Double], _ widths: [Double]) -> [Double] {
    var offsets: [Double] = []
    var blocks: [(sum: Double, count: Int)] = []
    for (index, center) in wanted.enumerated() {
      let offset = index == 0 ? 0 : offsets[index - 1] + (widths[index - 1] + widths[index]) / 2 + gap
      offsets.append(offset)
      blocks.append((center - offset, 1))
      while blocks.count > 1 {
        let (last, before) = (blocks[blocks.count - 1], blocks[blocks.count - 2])
        guard last.sum / Double(last.count) < before.sum / Double(before.count) else { break }
        blocks.removeLast()
        blocks[blocks.count - 1] = (last.sum + before.sum, last.count + before.count)
      }
    }
    let starts = blocks.flatMap { block in [Double](repeating: block.sum / Double(block.count), count: block.count) }
    return zip(starts, offsets).map { $0 + $1 }
  }
}
