{{/* Shared parts of the NetworkPolicies. */}}

{{/* DNS is selected by port only, because it may run in pods or on a node's address. */}}
{{- define "bot-gateway.egressDns" -}}
- ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- end }}

{{/*
Ports of a Redis URL as a JSON list. For Sentinel the default port of Redis is added: only the Sentinels know the master's.
Call with the URL, which may name several hosts or be empty.
*/}}
{{- define "bot-gateway.redisPorts" -}}
{{- $scheme := regexFind "^[a-z+]*" . }}
{{- $isSentinel := contains "+sentinel" $scheme }}
{{- $default := ternary "26379" "6379" $isSentinel }}
{{- $hosts := trimPrefix (printf "%s://" $scheme) . | regexFind "^[^/?]*" | regexFind "[^@]*$" }}
{{- $ports := ternary (list 6379) list $isSentinel }}
{{- range splitList "," $hosts }}
{{- $ports = append $ports (regexFind ":[0-9]+$" . | trimPrefix ":" | default $default | int) }}
{{- end }}
{{- $ports | toJson }}
{{- end }}

{{/* Ports of Telegram, its proxy, the backends, the collector and an external Redis, as a JSON list without duplicates. */}}
{{- define "bot-gateway.egressPorts" -}}
{{- $ports := list }}
{{- $ports = append $ports (include "bot-gateway.urlPort" .Values.telegram.apiBase | int) }}
{{- range $key, $url := .Values.backends }}
{{- if hasSuffix "Url" $key }}
{{- $ports = append $ports (include "bot-gateway.urlPort" $url | int) }}
{{- end }}
{{- end }}
{{- with .Values.telegram.proxy }}
{{- $ports = append $ports (include "bot-gateway.urlPort" . | int) }}
{{- end }}
{{- if .Values.tracing.enabled }}
{{- $ports = append $ports (.Values.tracing.port | int) }}
{{- end }}
{{- if not .Values.redis.enabled }}
{{- $ports = concat $ports (include "bot-gateway.redisPorts" .Values.externalRedis.url | fromJsonArray) }}
{{- end }}
{{- $ports | uniq | toJson }}
{{- end }}
