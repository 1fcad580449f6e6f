/// The number of spatial axes of a layer, as a type. The layers of a family (`Conv1D`, `Conv2D`, `Conv3D`) are one
/// generic type, which differs in nothing else.
public protocol SpatialRank: Sendable {
  static var spatialAxes: Int { get }
}

/// Sequences: `(batch, length, channels)`.
public enum Spatial1D: SpatialRank { public static let spatialAxes = 1 }
/// Images: `(batch, height, width, channels)`.
public enum Spatial2D: SpatialRank { public static let spatialAxes = 2 }
/// Volumes: `(batch, depth, height, width, channels)`.
public enum Spatial3D: SpatialRank { public static let spatialAxes = 3 }
