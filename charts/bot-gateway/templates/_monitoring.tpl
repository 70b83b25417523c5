{{/* Shared parts of the ServiceMonitors, and the names of the dashboards' ConfigMaps. */}}

{{/* Prefix of the dashboards' ConfigMaps. In a namespace for several releases it contains the release's namespace. */}}
{{- define "bot-gateway.dashboardsPrefix" -}}
{{- $namespace := .Values.monitoring.dashboards.namespace }}
{{- $name := include "bot-gateway.fullname" . }}
{{- if and $namespace (ne $namespace .Release.Namespace) }}
{{- $name = printf "%s-%s" .Release.Namespace $name }}
{{- end }}
{{- include "bot-gateway.shortened" (dict "name" $name "length" 40) }}
{{- end }}

{{/*
Name of another release in the same namespace that already has the dashboards, or nothing. Grafana refuses a second copy
with the same uids, and one copy serves all gateways. A release that has its ConfigMaps keeps them. Call with $.
*/}}
{{- define "bot-gateway.dashboardsOwner" -}}
{{- $prefix := include "bot-gateway.dashboardsPrefix" . }}
{{- $namespace := default .Release.Namespace .Values.monitoring.dashboards.namespace }}
{{- $other := "" }}
{{- if not (lookup "v1" "ConfigMap" $namespace (printf "%s-dashboard-overview" $prefix)) }}
{{- range (lookup "v1" "ConfigMap" $namespace "").items }}
{{- $labels := default dict .metadata.labels }}
{{- if and (eq (get $labels "app.kubernetes.io/part-of") "bot-gateway") (eq (get $labels "app.kubernetes.io/component") "dashboard") }}
{{- $other = get $labels "app.kubernetes.io/instance" }}
{{- end }}
{{- end }}
{{- end }}
{{- $other }}
{{- end }}

{{- define "bot-gateway.scrape" -}}
{{- with .Values.monitoring.serviceMonitor }}
{{- with .interval }}
interval: {{ . | quote }}
{{- end }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . | quote }}
{{- end }}
{{- with .relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
