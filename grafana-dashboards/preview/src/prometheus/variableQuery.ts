/** The query language of dashboard variables, as Grafana's Prometheus data source understands it. */

export type VariableQuery =
  | { kind: 'labelValues'; label: string; selector?: string }
  | { kind: 'labelNames'; selector?: string }
  | { kind: 'metrics'; pattern: string }
  | { kind: 'queryResult'; expr: string };

/** Throws on anything else: a variable that silently has no values hides a whole dashboard. */
export function parseVariableQuery(query: string): VariableQuery {
  const text = query.trim();
  const labelValues = /^label_values\(\s*(?:(.+),\s*)?([a-zA-Z_]\w*)\s*\)$/s.exec(text);
  if (labelValues?.[2]) {
    return { kind: 'labelValues', label: labelValues[2], selector: labelValues[1]?.trim() };
  }
  const labelNames = /^label_names\(\s*(.*?)\s*\)$/s.exec(text);
  if (labelNames) {
    return { kind: 'labelNames', selector: labelNames[1] || undefined };
  }
  const metrics = /^metrics\(\s*(.+?)\s*\)$/s.exec(text);
  if (metrics?.[1]) {
    return { kind: 'metrics', pattern: metrics[1] };
  }
  const result = /^query_result\((.+)\)$/s.exec(text);
  if (result?.[1]) {
    return { kind: 'queryResult', expr: result[1] };
  }
  throw new Error(`variable query not understood: ${text}`);
}
