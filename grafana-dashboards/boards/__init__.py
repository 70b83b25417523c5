"""The product's Grafana dashboards as code.

There is one module per dashboard; the others are shared: `queries` (PromQL), `alerts` (thresholds), `colours`, `panels`
(appearance of panels) and `frame` (variables, annotations, links). Nothing here connects to Grafana or Prometheus.
"""
