{{- define "jaeger.selectorLabels" -}}
app.kubernetes.io/name: jaeger
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: jaeger
{{- end }}

{{/* Call with (dict "root" $), with "extra" for more labels, which replace the chart's except those of selectors. */}}
{{- define "jaeger.labels" -}}
{{- $labels := dict
  "app.kubernetes.io/version" (.root.Chart.AppVersion | replace "+" "_")
  "app.kubernetes.io/part-of" "bot-gateway"
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_")
}}
{{- $fixed := include "jaeger.selectorLabels" .root | fromYaml }}
{{- $_ := set $fixed "app.kubernetes.io/managed-by" .root.Release.Service }}
{{- toYaml (mergeOverwrite $labels (default dict .extra) $fixed) }}
{{- end }}

{{/* The configuration file of Jaeger 2. */}}
{{- define "jaeger.config" -}}
service:
  extensions: [jaeger_storage, jaeger_query, healthcheckv2]
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch]
      exporters: [jaeger_storage_exporter]
  telemetry:
    metrics:
      readers:
        - pull:
            exporter:
              prometheus:
                host: 0.0.0.0
                port: 8888
extensions:
  healthcheckv2:
    use_v2: true
    http:
      endpoint: 0.0.0.0:13133
  jaeger_query:
    storage:
      traces: traces
    http:
      endpoint: 0.0.0.0:16686
    grpc:
      endpoint: 0.0.0.0:16685
  jaeger_storage:
    backends:
      traces:
        {{- with .Values.storage.elasticsearchUrls }}
        elasticsearch:
          server_urls: {{ toJson . }}
        {{- else }}
        memory:
          max_traces: {{ .Values.storage.maxTraces | int }}
        {{- end }}
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 0.0.0.0:4317
      http:
        endpoint: 0.0.0.0:4318
processors:
  batch: {}
exporters:
  jaeger_storage_exporter:
    trace_storage: traces
{{- end }}

{{/* An image with its registry: the one for all images, else its own. Call with (dict "root" $ "image" .Values.image). */}}
{{- define "jaeger.image" -}}
{{- $registry := coalesce (.root.Values.global).imageRegistry .image.registry | default "" | trimSuffix "/" }}
{{- $name := ternary (printf "%s/%s" $registry .image.repository) .image.repository (ne $registry "") }}
{{- if .image.digest -}}
{{ $name }}@{{ .image.digest }}
{{- else -}}
{{ $name }}:{{ coalesce .image.tag .root.Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* Pull secrets of a pod, names or {name: ...}. Call with $. */}}
{{- define "jaeger.pullSecrets" -}}
{{- with concat (default list (.Values.global).imagePullSecrets) (default list .Values.imagePullSecrets) }}
imagePullSecrets:
  {{- range . }}
  - name: {{ ternary . (get (ternary dict . (kindIs "string" .)) "name") (kindIs "string" .) | quote }}
  {{- end }}
{{- end }}
{{- end }}
