// One row through `model.onnx` in onnxruntime-web or onnxruntime-node; `ort` is either of the two.

/** The tensor of one raw column: texts as they are, dates as seconds since 1970, the rest as numbers. */
function tensor(ort, type, value) {
  if (type === "string") return new ort.Tensor("string", [value ?? ""], [1, 1]);
  const number = value ?? NaN;
  return type === "float64"
    ? new ort.Tensor("float64", Float64Array.of(number), [1, 1])
    : new ort.Tensor("float32", Float32Array.of(number), [1, 1]);
}

/** Prediction for a record: `{prediction}`, or `{label, probabilities}` for classes. */
export async function predict(ort, session, row) {
  const feeds = {};
  for (const column of session.inputMetadata) feeds[column.name] = tensor(ort, column.type, row[column.name]);
  const outputs = await session.run(feeds);
  if (outputs.prediction) return { prediction: outputs.prediction.data[0] };
  return { label: outputs.label.data[0], probabilities: Array.from(outputs.probabilities.data) };
}
