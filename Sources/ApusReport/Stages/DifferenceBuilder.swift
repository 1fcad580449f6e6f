import ApusGraph
import ApusInspection

/// Compares stages with each other.
struct DifferenceBuilder {
  let graphs: [Graph]

  /// Differences of all pairs are kept while their lists of partners have fewer entries than this; of larger graphs those of
  /// neighbors, and of the first and the last stage.
  var entryLimit = 400_000

  /// Which stages are compared.
  var pairs: [(old: Int, new: Int)] {
    let all = graphs.indices.flatMap { old in graphs.indices.filter { $0 > old }.map { (old, $0) } }
    let entries = all.reduce(0) { $0 + graphs[$1.0].nodes.count }
    if entries <= entryLimit { return all }
    return all.filter { $1 == $0 + 1 || ($0 == 0 && $1 == graphs.count - 1) }
  }

  func differences() -> [Report.StageDifference] {
    pairs.map { old, new in
      let difference = GraphDifference(graphs[old], graphs[new])
      return Report.StageDifference(
        old: old, new: new, partners: difference.alignment.newNodes.map { $0?.index ?? -1 },
        changes: difference.changes.map {
          Report.StageDifference.Change(
            kind: $0.kind.rawValue, old: $0.oldNode, new: $0.newNode, detail: $0.detail, path: $0.path)
        })
    }
  }

  func links() -> [Report.StageLinks] {
    zip(graphs, graphs.dropFirst()).map { old, new in
      Report.StageLinks(
        links: Lineage(old, new).links.map {
          Report.StageLinks.Link(
            from: $0.from.description, to: $0.to.description,
            kind: Report.StageLinks.Kind(rawValue: $0.kind.rawValue) ?? .near)
        })
    }
  }
}
