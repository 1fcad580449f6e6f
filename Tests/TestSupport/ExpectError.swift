import Apus
import Testing

/// Expects an `ApusError` that is the input's fault and says `part`.
public func expectError<Result>(
  _ part: String, sourceLocation: Testing.SourceLocation = #_sourceLocation, _ body: () throws -> Result
) {
  do {
    let result = try body()
    Issue.record("expected an error that says '\(part)', got \(result)", sourceLocation: sourceLocation)
  } catch let error as ApusError {
    #expect(error.description.contains(part), sourceLocation: sourceLocation)
    #expect(error.fault == .input, sourceLocation: sourceLocation)
  } catch {
    Issue.record("expected an ApusError that says '\(part)', got \(error)", sourceLocation: sourceLocation)
  }
}
