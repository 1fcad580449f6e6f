/// Help for misspelt names.
public enum Suggestion {
  /// The candidate nearest to `name`, if it is near enough: at most a third of the
  /// characters wrong.
  public static func nearest(to name: String, among candidates: some Sequence<String>) -> String? {
    let limit = max(1, name.count / 3)
    var best: (name: String, distance: Int)?
    for candidate in candidates {
      let d = distance(name, candidate)
      if d <= limit, d < best?.distance ?? .max { best = (candidate, d) }
    }
    return best?.name
  }

  /// `did you mean 'x'?`, or nil if nothing is near.
  public static func didYouMean(_ name: String, among candidates: some Sequence<String>) -> String? {
    nearest(to: name, among: candidates).map { "did you mean '\($0)'?" }
  }

  /// The same for an abbreviation by the first letters of words: `lr` of `learning_rate`.
  public static func spelledOut(_ name: String, among candidates: some Sequence<String>) -> String? {
    guard name.count > 1 else { return nil }
    return candidates.first { String($0.split(separator: "_").compactMap(\.first)) == name }
      .map { "did you mean '\($0)'?" }
  }

  /// Edit distance with transpositions of neighbors (optimal string alignment).
  static func distance(_ a: String, _ b: String) -> Int {
    let x = Array(a)
    let y = Array(b)
    if x.isEmpty || y.isEmpty { return max(x.count, y.count) }
    var before: [Int] = []
    var previous = Array(0...y.count)
    for i in 1...x.count {
      var row = [i]
      for j in 1...y.count {
        var d = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (x[i - 1] == y[j - 1] ? 0 : 1))
        if i > 1, j > 1, x[i - 1] == y[j - 2], x[i - 2] == y[j - 1] { d = min(d, before[j - 2] + 1) }
        row.append(d)
      }
      (before, previous) = (previous, row)
    }
    return previous[y.count]
  }
}
