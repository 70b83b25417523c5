"""The product's Grafana dashboards as code.

One module per dashboard tells its story in order; the others hold what all of them share: `queries` (PromQL),
`alerts` (thresholds), `colours`, `panels` (how a panel looks) and `frame` (variables, annotations, links).
Nothing here talks to Grafana or Prometheus.
"""
