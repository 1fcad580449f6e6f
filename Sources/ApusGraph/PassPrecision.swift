/// How closely results agree with those of the graph before: the class of a pass, or of one of its rules.
///
/// Each states it where it is declared, and validation holds it to that; of several the union counts.
public struct PassPrecision: Sendable, Hashable {
  /// How close results are, the closest first.
  public enum Agreement: Sendable, Hashable, Comparable {
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

  public let agreement: Agreement
  /// Whether the agreement is promised only if all numbers are finite. Inputs are finite then where it is judged, and
  /// elements whose result was not finite before are not compared.
  public let assumesFinite: Bool

  public init(_ agreement: Agreement, assumesFinite: Bool = false) {
    (self.agreement, self.assumesFinite) = (agreement, assumesFinite)
  }

  public static let exact = PassPrecision(.exact)
  public static let exactButZeroSigns = PassPrecision(.exactButZeroSigns)
  public static let rounded = PassPrecision(.rounded)
  public static func approximate(error: Double) -> PassPrecision { PassPrecision(.approximate(error: error)) }

  /// The same, for finite numbers only.
  public var assumingFinite: PassPrecision { PassPrecision(agreement, assumesFinite: true) }

  /// What both keep.
  public func union(_ other: PassPrecision) -> PassPrecision {
    PassPrecision(max(agreement, other.agreement), assumesFinite: assumesFinite || other.assumesFinite)
  }
}

extension PassPrecision: CustomStringConvertible {
  /// `exact`, `exact but zeros' signs`, `rounded`, `within 0.0001`, each with `, if finite` where that is assumed.
  public var description: String {
    let words =
      switch agreement {
      case .exact: "exact"
      case .exactButZeroSigns: "exact but zeros' signs"
      case .rounded: "rounded"
      case .approximate(let error): "within \(error)"
      }
    return assumesFinite ? words + ", if finite" : words
  }
}

extension Sequence<PassPrecision> {
  /// What all of them keep; `exact` if there is none.
  public func union() -> PassPrecision { reduce(.exact) { $0.union($1) } }
}
