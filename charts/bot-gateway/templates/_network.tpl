{{/* Pieces of the NetworkPolicies. */}}

{{/* DNS by port alone: its pods, or a node's address where it runs outside the cluster. */}}
{{- define "bot-gateway.egressDns" -}}
- ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- end }}

{{/* Ports of Telegram, the backends, the collector and an external Redis, as a JSON list without repeats. */}}
{{- define "bot-gateway.egressPorts" -}}
{{- $ports := list }}
{{- range list .Values.telegram.apiBase .Values.backends.authUrl .Values.backends.requestUrl .Values.backends.userUrl .Values.backends.shiftUrl }}
{{- $ports = append $ports (include "bot-gateway.urlPort" . | int) }}
{{- end }}
{{- if .Values.tracing.enabled }}
{{- $ports = append $ports (.Values.tracing.port | int) }}
{{- end }}
{{- if not .Values.redis.enabled }}
{{- $ports = append $ports (ternary (include "bot-gateway.urlPort" .Values.externalRedis.url | int) 6379 (not (empty .Values.externalRedis.url))) }}
{{- end }}
{{- $ports | uniq | toJson }}
{{- end }}
