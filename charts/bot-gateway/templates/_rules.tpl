{{/* Builds Prometheus rules from the alerts in rules/*.yaml and their values. */}}

{{- define "bot-gateway.selector" -}}
namespace="{{ .Release.Namespace }}",job="{{ include "bot-gateway.fullname" . }}"
{{- end }}

{{- define "bot-gateway.remediatorSelector" -}}
namespace="{{ .Release.Namespace }}",job="{{ include "bot-gateway.remediatorName" . }}"
{{- end }}

{{/* 1 - objective, rounded, because binary fractions are not exact. Call with the percentage. */}}
{{- define "bot-gateway.budget" -}}
{{- round (divf (subf 100 .) 100) 8 }}
{{- end }}

{{/* ` and on () (...)` for {start: 3, end: 18}, in UTC; a start after the end means over midnight. Call with the value. */}}
{{- define "bot-gateway.activeHours" -}}
{{- if . }} and on () (hour() >= {{ .start }} {{ ternary "and" "or" (lt (int .start) (int .end)) }} hour() < {{ .end }})
{{- end }}
{{- end }}

{{/* A number in a short form that PromQL accepts: 1e+09 becomes 1e9. Call with the number. */}}
{{- define "bot-gateway.number" -}}
{{- toString . | replace "e+0" "e" | replace "e+" "e" }}
{{- end }}

{{/* Replaces the <placeholders> of a text. Call with (dict "root" $ "text" "..." "value" alert's values). */}}
{{- define "bot-gateway.ruleText" -}}
{{- $slo := .root.Values.slo }}
{{- /* The default is for `helm upgrade --reuse-values` from a chart without this value: zero is a value. */}}
{{- $minimum := ternary 5 $slo.minimumBadUpdates (kindIs "invalid" $slo.minimumBadUpdates) }}
{{- .text
  | replace "<selector>" (include "bot-gateway.selector" .root)
  | replace "<remediator>" (include "bot-gateway.remediatorSelector" .root)
  | replace "<namespace>" .root.Release.Namespace
  | replace "<gateway>" (include "bot-gateway.fullname" .root)
  | replace "<threshold>" (include "bot-gateway.number" (.value.threshold | default 0))
  | replace "<hours>" (include "bot-gateway.activeHours" .value.activeHours)
  | replace "<job>" (.value.job | default "")
  | replace "<success-budget>" (include "bot-gateway.budget" $slo.success.objective)
  | replace "<success-objective>" (toString $slo.success.objective)
  | replace "<latency-budget>" (include "bot-gateway.budget" $slo.latency.objective)
  | replace "<latency-objective>" (toString $slo.latency.objective)
  | replace "<latency-bound>" $slo.latency.bound
  | replace "<minimum-bad-updates>" (toString $minimum)
}}
{{- end }}

{{/*
The rules of one file. Call with (dict "root" $ "file" "rules/alerts.yaml"). An alert that is newer than the values of an
upgrade with --reuse-values has the values of files/alert_defaults.yaml, a generated copy of those in values.yaml.
*/}}
{{- define "bot-gateway.alertRules" -}}
{{- $root := .root }}
{{- $defaults := $root.Files.Get "files/alert_defaults.yaml" | fromYaml }}
{{- range $root.Files.Get .file | fromYamlArray }}
{{- $value := get $root.Values.alerts .alert | default (get $defaults .alert) }}
{{- if $value.enabled }}
- alert: {{ .alert }}
  expr: {{ include "bot-gateway.ruleText" (dict "root" $root "text" .expr "value" $value) | toRawJson }}
  for: {{ $value.for }}
  {{- with $value.keepFiringFor }}
  keep_firing_for: {{ . }}
  {{- end }}
  labels:
    {{- with omit (default dict $root.Values.rules.alertLabels) "severity" "service" "gateway" "namespace" }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    severity: {{ $value.severity }}
    service: bot-gateway
    # Tells the releases of one namespace apart: the routes and the default policy match it.
    gateway: {{ include "bot-gateway.fullname" $root | quote }}
    # An AlertmanagerConfig matches by namespace: an alert without the label is dropped silently.
    namespace: {{ $root.Release.Namespace | quote }}
  annotations:
    {{- with omit (default dict $root.Values.rules.alertAnnotations) "summary" "description" "runbook_url" "dashboard_url" }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    summary: {{ .summary | toRawJson }}
    description: {{ include "bot-gateway.ruleText" (dict "root" $root "text" .description "value" $value) | toRawJson }}
    runbook_url: {{ include "bot-gateway.runbookUrl" $root }}/{{ .alert }}.md
    dashboard_url: {{ trimSuffix "/" $root.Values.monitoring.grafanaUrl }}/d/{{ .dashboard }}
{{- end }}
{{- end }}
{{- end }}

{{/*
Ratios of failed and of slow updates over a window, for the burn-rate alerts. NaN without traffic, which matches no
comparison. Call with (dict "root" $ "window" "5m").
*/}}
{{- define "bot-gateway.sloRatios" -}}
{{- $selector := include "bot-gateway.selector" .root }}
- record: namespace_job:bot_gateway_update_errors:ratio_rate{{ .window }}
  expr: |-
    sum by (namespace, job) (rate(bot_gateway_webhook_requests_total{ {{- $selector }},outcome=~"degraded|failed|overloaded|unavailable"}[{{ .window }}]))
    / sum by (namespace, job) (rate(bot_gateway_webhook_requests_total{ {{- $selector }},outcome=~"handled|degraded|failed|overloaded|unavailable"}[{{ .window }}]))
- record: namespace_job:bot_gateway_slow_updates:ratio_rate{{ .window }}
  expr: |-
    1 - sum by (namespace, job) (rate(bot_gateway_message_processing_duration_seconds_bucket{ {{- $selector }},le="{{ .root.Values.slo.latency.bound }}"}[{{ .window }}]))
    / sum by (namespace, job) (rate(bot_gateway_message_processing_duration_seconds_count{ {{- $selector }}}[{{ .window }}]))
{{- end }}

{{/*
Ratios that the objectives allow to fail or to be slow, labelled with the values: the dashboards take the objectives from
here, so that they cannot differ from the alerts. Call with $.
*/}}
{{- define "bot-gateway.sloAllowances" -}}
{{- $labels := dict "namespace" .Release.Namespace "job" (include "bot-gateway.fullname" .) }}
- record: namespace_job:bot_gateway_update_error_budget:allowed_ratio
  expr: vector({{ include "bot-gateway.budget" .Values.slo.success.objective }})
  labels:
    {{- toYaml (merge (dict "objective" (toString .Values.slo.success.objective)) $labels) | nindent 4 }}
- record: namespace_job:bot_gateway_slow_update_budget:allowed_ratio
  expr: vector({{ include "bot-gateway.budget" .Values.slo.latency.objective }})
  labels:
    {{- toYaml (merge (dict "objective" (toString .Values.slo.latency.objective) "bound" .Values.slo.latency.bound) $labels) | nindent 4 }}
{{- end }}

{{/* Number of failed and of slow updates in a window, for the floor of the burn-rate alerts. Call as sloRatios. */}}
{{- define "bot-gateway.sloCounts" -}}
{{- $selector := include "bot-gateway.selector" .root }}
- record: namespace_job:bot_gateway_bad_updates:increase{{ .window }}
  expr: sum by (namespace, job) (increase(bot_gateway_webhook_requests_total{ {{- $selector }},outcome=~"degraded|failed|overloaded|unavailable"}[{{ .window }}]))
- record: namespace_job:bot_gateway_slow_updates:increase{{ .window }}
  expr: |-
    sum by (namespace, job) (increase(bot_gateway_message_processing_duration_seconds_count{ {{- $selector }}}[{{ .window }}]))
    - sum by (namespace, job) (increase(bot_gateway_message_processing_duration_seconds_bucket{ {{- $selector }},le="{{ .root.Values.slo.latency.bound }}"}[{{ .window }}]))
{{- end }}

{{/* Remaining ratio of the error budgets of 30 days: 1 if unused, negative if exceeded. Call with $. */}}
{{- define "bot-gateway.sloBudgets" -}}
{{- $selector := include "bot-gateway.selector" . }}
- record: namespace_job:bot_gateway_update_error_budget:remaining_ratio
  expr: 1 - namespace_job:bot_gateway_update_errors:ratio_rate30d{ {{- $selector }}} / {{ include "bot-gateway.budget" .Values.slo.success.objective }}
- record: namespace_job:bot_gateway_slow_update_budget:remaining_ratio
  expr: 1 - namespace_job:bot_gateway_slow_updates:ratio_rate30d{ {{- $selector }}} / {{ include "bot-gateway.budget" .Values.slo.latency.objective }}
{{- end }}
