extension Report {
  /// A graph on its way.
  public struct Stage: Codable, Sendable {
    /// `as given`, or the pass that made it.
    public var name: String
    public var nodes: [NodeData]
    /// Positions of the nodes that compute outputs.
    public var outputs: [Int]
    /// Pairs of nodes: a variable and its new value.
    public var updates: [[Int]]
    /// The whole graph's drawing first.
    public var groups: [Group]
  }

  public struct NodeData: Codable, Sendable {
    /// As the text prints it; several results are separated by commas.
    public var label: String
    public var op: String
    public var family: String
    public var type: String
    /// The node's line in the text format, without regions.
    public var text: String
    /// Positions in the same graph or region.
    public var operands: [Int]
    public var layer: String?
    /// In the source file.
    public var line: Int?
    public var flops: Int
    public var bytes: Int
    public var regions: [RegionData]?
    /// What its results were in a run; nil if there was none.
    public var values: [ValueData]?
  }

  public struct RegionData: Codable, Sendable {
    public var name: String
    public var nodes: [NodeData]
    public var outputs: [Int]
    /// Its drawing, a position in the stage's groups; nil without drawings.
    public var group: Int?
  }

  /// Nodes that are drawn as one box, and open into a drawing of their own.
  public struct Group: Codable, Sendable {
    public var name: String
    /// The group that shows it; nil for the whole graph, and for regions.
    public var parent: Int?
    /// The node whose region it is.
    public var owner: String?
    /// How many nodes it holds.
    public var count: Int
    /// A position in `Report.layouts`, whose boxes are the items; nil without drawings.
    public var layout: Int?
    public var items: [Item]
    /// How many values from and to other groups are left out, because they are too many.
    public var hidden: Int
  }

  /// A box of a drawing.
  public struct Item: Codable, Sendable, Hashable {
    public enum Kind: String, Codable, Sendable {
      case node, group
      /// A node elsewhere that is read here, or reads what is here.
      case source, reader
    }

    public var kind: Kind
    /// The address of a node.
    public var node: String?
    public var group: Int?
  }

  /// Where boxes and edges of drawings are; shared by drawings of one form. In points, from the upper left corner.
  public struct Layout: Codable, Sendable, Hashable {
    public var width: Int
    public var height: Int
    /// Center x and y, width, height.
    public var boxes: [[Int]]
    public var edges: [Edge]

    public struct Edge: Codable, Sendable, Hashable {
      public var from: Int
      public var to: Int
      /// Coordinates of a B-spline's control points, x and y in turn.
      public var points: [Int]
    }
  }

  /// What became of the nodes of a stage in the next one.
  public struct StageLinks: Codable, Sendable {
    public var links: [Link]

    public enum Kind: String, Codable, Sendable {
      /// As of `Lineage.Kind`.
      case same, place, near
    }

    public struct Link: Codable, Sendable, Hashable {
      public var from: String
      public var to: String
      public var kind: Kind
    }
  }

  /// The computed difference between two stages.
  public struct StageDifference: Codable, Sendable {
    public var old: Int
    public var new: Int
    /// For each node of the old stage its partner in the new one; -1 if it has none.
    public var partners: [Int]
    public var changes: [Change]

    public struct Change: Codable, Sendable {
      public var kind: String
      public var old: Int?
      public var new: Int?
      public var detail: String?
      /// The nodes around it.
      public var path: [String]
    }
  }
}
