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

/// Expects `body` to throw an `ApusError` of this fault whose text contains every one of `parts`.
public func expectFault(
  _ fault: ApusError.Fault, _ parts: [String], location: Testing.SourceLocation, _ body: () throws -> some Any
) {
  do {
    _ = try body()
    Issue.record("no error was thrown; expected one with \(parts)", sourceLocation: location)
  } catch let error as ApusError {
    #expect(error.fault == fault, sourceLocation: location)
    for part in parts {
      #expect(error.description.contains(part), "\(error.description)", sourceLocation: location)
    }
  } catch {
    Issue.record("not an ApusError: \(error)", sourceLocation: location)
  }
}
