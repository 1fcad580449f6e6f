import ApusGraph

/// What records say of the accuracy of sums. Lowering cuts sums into blocks whose sizes are in these bounds
/// (`SumBlock`, `TileGrid`); the interpreter's kernels add in double precision, or in blocks that are shorter.
enum Accuracy {
  /// Of terms that are added one after the other, in blocks of up to 64.
  static let sum = "|error| ≤ (64 u + n 2⁻⁵³) Σ|x|, and a rounding of the result"
  /// Of products that a register tile adds: blocks of up to 1,024, and up to 64 partial sums of those.
  static let products = "|error| ≤ (1,100 u + n 2⁻⁵³) Σ|a b|, and a rounding of the result"
  /// Of statistics.
  static let statistic = "the sums are as accurate as those of `reduce_sum`; what follows is rounded at each step"
  /// Of updates of one place.
  static let inOrder = "|error| ≤ n u Σ|x| for n updates of one place: they are added one after the other"
  /// Of a product and a sum.
  static let contracted =
    "each result is rounded once; native code adds a product that nothing else reads without rounding it first, unless "
    + "the other term is a product, too (but for multiples by constants of other magnitude)"
}
