import ApusCore

extension CInterface {
  /// A program that runs the graph once on zeros and prints the first numbers of each output.
  var sample: String {
    let upper = name.uppercased()
    func bytes(_ field: Field) -> Int { max(1, field.type.byteCount ?? 0) }
    func allocate(_ field: Field, _ variable: String) -> String {
      "  \(Self.type(field.type.dtype)) *\(variable) = (\(Self.type(field.type.dtype)) *)\(name)_allocate(\(bytes(field)));"
    }
    let ins = inputs.indices.map { "input\($0)" }
    let outs = outputs.indices.map { "output\($0)" }
    let all = ins + outs
    func list(_ names: [String]) -> String { names.isEmpty ? "0" : names.joined(separator: ", ") }
    let shows = zip(outputs, outs).map { field, variable -> String in
      let count = (field.type.byteCount ?? 0) / field.type.dtype.byteCount
      let format = field.type.dtype.isFloating && field.type.dtype.byteCount >= 4 ? "%g" : "%lld"
      let value =
        format == "%g" ? "(double)\(variable)[i]" : "(long long)\(variable)[i]"
      return """
          printf("\(field.name): \(field.type)\\n ");
          for (int i = 0; i < \(min(8, count)); i++) printf(" \(format)", \(value));
          printf("\\n");
        """
    }
    return """
      /* Runs @\(graph.name) once on zeros: cc \(name)_main.c \(name).o -o \(name) && ./\(name)
         Put your own numbers where the inputs are cleared. Half floats are shown by their bits. */
      #include "\(name).h"
      #include <string.h>

      int main(int count, char **arguments) {
        void *weights = \(name)_load_weights(count > 1 ? arguments[1] : "\(name).weights");
        if (!weights) {
          fprintf(stderr, "usage: %s [WEIGHTS-FILE]: the weights cannot be read\\n", arguments[0]);
          return 1;
        }
        void *arena = \(name)_allocate(\(upper)_ARENA_BYTES);
      \((zip(inputs, ins).map(allocate) + zip(outputs, outs).map(allocate)).joined(separator: "\n"))
        if (\((["arena"] + all).map { "!\($0)" }.joined(separator: " || "))) {
          fprintf(stderr, "there is not enough memory\\n");
          return 1;
        }
      \(zip(inputs, ins).map { "  memset(\($1), 0, \(bytes($0)));" }.joined(separator: "\n"))
        const \(name)_inputs inputs = {\(list(ins))};
        const \(name)_outputs outputs = {\(list(outs))};
        int64_t value = 0;
        const int status = \(name)_run(&inputs, &outputs, weights, arena, &value);
        if (status) {
          fprintf(stderr, \(name)_message(status), (long long)value);
          fprintf(stderr, "\\n");
          return 1;
        }
      \(shows.joined(separator: "\n"))
      \(all.map { "  free(\($0));" }.joined(separator: "\n"))
        free(arena);
        free(weights);
        return 0;
      }

      """
  }
}
