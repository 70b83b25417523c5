# pint checks the chart's rules without a Prometheus (make lint-all). Every check that works offline is on.
parser {
  schema = "prometheus"
}
