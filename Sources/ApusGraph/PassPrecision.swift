/// How closely the results of a pass agree with those of the graph that it was given. A pass states it in its record, and
/// validation holds the pass to it; of several passes the largest counts.
public enum PassPrecision: Sendable, Hashable, Comparable {
  /// The same bits for all inputs; of a NaN only that it is one.
  case exact
  /// As `exact`, but a zero may have the other sign.
  case exactButZeroSigns
  /// Rounded in other places, as sums in another order are. NaN and infinities are where they were, unless finite numbers
  /// overflow on the way.
  case rounded
  /// Within this error of `f32` results, measured as `TensorComparison` does, for inputs of ordinary size.
  case approximate(error: Double)
}
