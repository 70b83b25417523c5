/** How a variable's value is written into PromQL: the rules of Grafana's Prometheus data source. */

interface Cardinality {
  multi?: boolean;
  includeAll?: boolean;
}

/** Escapes a value for a regular expression inside a double-quoted PromQL string. */
function escapeRegex(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/[$^*{}[\]+?.()|]/g, '\\\\$&');
}

function escapeString(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"');
}

/** A variable that can hold several values is matched by `=~`, so each is escaped; any other is a plain string. */
export function formatValue(value: unknown, variable: Cardinality): string {
  if (!variable.multi && !variable.includeAll) {
    return escapeString(String(value));
  }
  const parts = (Array.isArray(value) ? value : [value]).map((part) => escapeRegex(String(part)));
  return parts.length === 1 ? (parts[0] ?? '') : `(${parts.join('|')})`;
}
