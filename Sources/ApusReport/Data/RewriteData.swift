extension Report {
  /// One rewrite of a pass; or several in a row, if they are too many to show each.
  public struct RewriteStep: Codable, Sendable, Hashable {
    /// Numbers among the rewrites of the pass, from 1. They are equal if this is one rewrite, and 0 if it is what the pass
    /// does on its way: equal nodes are merged, what nothing reads is left out.
    public var first: Int
    public var last: Int
    /// By which it was made, each once; empty if the pass names none.
    public var rules: [Rule]
    /// What the pass says of it; of many rewrites the first.
    public var remarks: [String]
    /// How nodes changed that are still there: `operand 0: %a became %b`.
    public var details: [String]
    /// What was removed, then what was added.
    public var lines: [StepLine]
  }

  /// A rule of a pass.
  public struct Rule: Codable, Sendable, Hashable {
    public var name: String
    /// Left side, arrow, right side, and the condition.
    public var law: String
    /// How closely both sides agree: `exact`, `rounded`.
    public var precision: String
  }

  /// A node that a rewrite removed or added. One that it changed is both.
  public struct StepLine: Codable, Sendable, Hashable {
    public var isAdded: Bool
    /// The node's line with the numbers that values have at this step; nil if it is the node's line in its stage.
    public var text: String?
    /// What was removed: its position in the stage before the pass. What was added: in the stage after it. Nil if it is
    /// there between rewrites only.
    public var node: Int?
    /// The position of the step that made what was removed, or that takes away what was added; nil if none of this pass does.
    public var step: Int?
    /// The nodes around it, if it is in a region. Then `node` is the outermost of them.
    public var path: [String]?
  }
}
