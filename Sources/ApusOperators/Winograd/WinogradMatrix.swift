import ApusGraph

/// Which of the three tensors of a convolution a Winograd transform is of.
public enum WinogradPart: String, AttributeChoice {
  /// The image, in tiles that overlap.
  case data
  /// The kernel: one tile.
  case filter
  /// The convolution's result, in tiles side by side.
  case result
}

/// The matrices of F(m×m, 3×3): a result tile of m × m elements is Aᵀ[(G w Gᵀ) ⊙ (Bᵀ d B)]A, with (m + 2)² products
/// instead of 9 m² (Winograd, "Arithmetic Complexity of Computations", 1980; Lavin and Gray, "Fast Algorithms for
/// Convolutional Neural Networks", 2016).
///
/// They follow from m + 1 points a, by Toom's and Cook's interpolation of products of polynomials: with
/// N_j = Π (a_j − a_l) over l ≠ j,
///
///     A[j][i] = a_j^i        G[j][i] = a_j^i / N_j        Bᵀ[j] = coefficients of Π (t − a_l) over l ≠ j
///
/// and a last row for the point at infinity: (0 … 0 1), (0 0 1), the coefficients of Π (t − a_l).
package struct WinogradMatrix {
  /// m + 2 rows; as many columns as `part` has elements along a side of a tile.
  package let rows: [[Double]]

  /// Sizes of tiles that there are points for.
  package static let tiles = [2, 4, 6]

  /// Points decide how much of the products' digits cancels. For 4 × 4 tiles, ±5/8 and ±3/2 halve the error that ±1 and
  /// ±2 have (root mean square 1.1 · 10⁻⁶ of the result's against 2.4 · 10⁻⁶, 256 channels of `f32`); for 6 × 6, ±1/2,
  /// ±1 and ±2 were the best of those tried.
  private static func points(_ tile: Int) -> [Double] {
    switch tile {
    case 2: [0, 1, -1]
    case 4: [0, 0.625, -0.625, 1.5, -1.5]
    default: [0, 1, -1, 0.5, -0.5, 2, -2]
    }
  }

  /// - Parameter tile: one of `tiles`.
  package init(_ part: WinogradPart, tile: Int) {
    let points = Self.points(tile)
    func power(_ x: Double, _ n: Int) -> Double { (0..<n).reduce(1) { product, _ in product * x } }
    /// Coefficients of Π (t − a), from that of t⁰ on.
    func polynomial(_ roots: [Double]) -> [Double] {
      roots.reduce([1]) { p, root in
        (0...p.count).map { i in (i > 0 ? p[i - 1] : 0) - (i < p.count ? root * p[i] : 0) }
      }
    }
    func others(_ j: Int) -> [Double] { points.indices.filter { $0 != j }.map { points[$0] } }
    let columns = part == .result ? tile : 3
    let last = (0..<columns).map { $0 == columns - 1 ? 1.0 : 0 }
    switch part {
    case .result:
      rows = points.map { a in (0..<columns).map { power(a, $0) } } + [last]
    case .filter:
      rows =
        points.indices.map { j in
          let scale = others(j).reduce(1) { $0 * (points[j] - $1) }
          return (0..<columns).map { power(points[j], $0) / scale }
        } + [last]
    case .data:
      rows = points.indices.map { polynomial(others($0)) + [0] } + [polynomial(points)]
    }
  }

  /// Multiply-adds of the matrix with a vector.
  package var termCount: Int { rows.reduce(0) { $0 + $1.count { $0 != 0 } } }
}
