import Apus
import ArgumentParser

/// What a convolution computes: a filter on one place of an image, then on all places, by hand.
struct Filters: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Filters by hand: multiply, sum, slide.")
  @OptionGroup var options: LessonOptions

  func run() throws {
    // A filter that looks for a curve, and two places of an image: one with such a curve, one with another.
    let filter = [
      [0.0, 0, 0, 0, 0, 30, 0], [0, 0, 0, 0, 30, 0, 0], [0, 0, 0, 30, 0, 0, 0], [0, 0, 0, 30, 0, 0, 0],
      [0, 0, 0, 30, 0, 0, 0], [0, 0, 0, 30, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0],
    ]
    let curve = [
      [0.0, 0, 0, 0, 0, 0, 30], [0, 0, 0, 0, 50, 50, 50], [0, 0, 0, 20, 50, 0, 0], [0, 0, 0, 50, 50, 0, 0],
      [0, 0, 0, 50, 50, 0, 0], [0, 0, 0, 50, 50, 0, 0], [0, 0, 0, 50, 50, 0, 0],
    ]
    let elsewhere = [
      [0.0, 0, 0, 0, 0, 0, 0], [0, 40, 0, 0, 0, 0, 0], [40, 0, 40, 0, 0, 0, 0], [40, 20, 0, 0, 0, 0, 0],
      [0, 50, 0, 0, 0, 0, 0], [0, 0, 50, 0, 0, 0, 0], [25, 25, 0, 50, 0, 0, 0],
    ]
    print("on the curve: \(response(of: filter, to: curve)), elsewhere: \(response(of: filter, to: elsewhere))")

    // A filter for vertical edges slides over an image whose left part is bright: one product and sum a place. Nine
    // weights serve for all places, and the result is smaller by 2, because the filter stays inside.
    let edges = [[1.0, 0, -1], [1, 0, -1], [1, 0, -1]]
    let image = (0..<6).map { _ in [10.0, 10, 10, 0, 0, 0] }
    let map = (0..<4).map { y in
      (0..<4).map { x in response(of: edges, to: image[y..<y + 3].map { Array($0[x..<x + 3]) }) }
    }
    for row in map { print("by hand: \(row)") }

    // The library's convolution takes images (batch, height, width, channels) and filters (height, width, channels,
    // filters).
    let results = try compute { builder in
      let x = try builder.constant(Tensor(image.flatMap { $0 }, [1, 6, 6, 1]))
      let w = try builder.constant(Tensor(edges.flatMap { $0 }, [3, 3, 1, 1]))
      return [try x.convolution(w)]
    }
    let difference = zip(results[0].doubles(), map.joined()).map { abs($0 - $1) }.max() ?? .infinity
    print("library: \(results[0].type), largest difference: \(difference)")

    // The same filters, standing and lying, on a real image.
    let clothes = try options.images().test.images[..<1]
    let maps = try compute { builder in
      let x = try builder.constant(Tensor(clothes, as: Float.self).reshaped([1, 28, 28, 1]))
      let w = try builder.constant(Tensor([1, 0, -1, 1, 0, -1, 1, 0, -1] as [Float], [3, 3, 1, 1]))
      return try [x.convolution(w), x.convolution(w.transposed([1, 0, 2, 3]))].map { try ($0.abs() / 3).cast(to: .u8) }
    }
    print("of an image of 28 × 28 pixels: \(maps[0].type)")
    try options.picture("course-filters.png") { path in
      let pixels = maps.flatMap { $0.elements(as: UInt8.self) }
      try PNG.write(PNG.grid(Tensor(pixels, [2, 26, 26]), columns: 2), to: path)
    }
  }

  /// The sum of all products of a filter's weights with the pixels under them.
  private func response(of filter: [[Double]], to place: [[Double]]) -> Double {
    zip(filter.joined(), place.joined()).reduce(0) { $0 + $1.0 * $1.1 }
  }
}
