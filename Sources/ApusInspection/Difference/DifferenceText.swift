import Foundation

extension GraphDifference {
  /// A paragraph a change: the node before (`-`) and after (`+`), then what of it. Empty where the graphs do not differ.
  public var text: String { changes.map(\.text).joined() }

  /// A page of its own, in light and dark, without scripts.
  public static func html(_ title: String, _ differences: [(name: String, difference: GraphDifference)]) -> String {
    var body = ""
    for (name, difference) in differences {
      let count = difference.changes.count
      body +=
        "<h2>@\(escaped(name))</h2>\n<p>\(count == 0 ? "no difference" : "\(count) change\(count == 1 ? "" : "s")")</p>\n"
      for change in difference.changes {
        body += "<section><h3>\(change.kind.rawValue)\(change.detail.map { ": " + escaped($0) } ?? "")</h3>\n"
        if !change.path.isEmpty { body += "<p>in \(escaped(change.path.joined(separator: " › ")))</p>\n" }
        if let old = change.old { body += "<pre class=\"old\">- \(escaped(old))</pre>\n" }
        if let new = change.new { body += "<pre class=\"new\">+ \(escaped(new))</pre>\n" }
        if let place = change.place { body += "<p>\(escaped(place))</p>\n" }
        body += "</section>\n"
      }
    }
    return """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8"><title>\(escaped(title))</title>
      <style>
      :root { color-scheme: light dark; font-family: system-ui, sans-serif; }
      body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
      section { border-left: 3px solid #8888; padding-left: 1rem; margin: 1rem 0; }
      pre { margin: 0; padding: .2rem .5rem; overflow-x: auto; }
      .old { background: #d0303030; } .new { background: #20a04030; }
      </style></head><body>
      <h1>\(escaped(title))</h1>
      \(body)</body></html>

      """
  }

  private static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
  }
}

extension GraphDifference.Change {
  var text: String {
    var lines = ["\(kind.rawValue)\(detail.map { ": " + $0 } ?? "")\(place.map { "   (\($0))" } ?? "")"]
    if !path.isEmpty { lines.append("  in \(path.joined(separator: " › "))") }
    if let old { lines.append("- \(old)") }
    if let new { lines.append("+ \(new)") }
    return lines.joined(separator: "\n") + "\n"
  }
}
