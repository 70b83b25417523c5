{{/* The password of the bundled Redis. Values of charts before it existed have no `redis.auth`. */}}

{{- define "bot-gateway.redisSecretName" -}}
{{- default (include "bot-gateway.secretName" .) (.Values.redis.auth).existingSecret }}
{{- end }}

{{- define "bot-gateway.redisPassword" -}}
{{- default (include "bot-gateway.derivedSecret" (dict "root" . "purpose" "redis")) (.Values.redis.auth).password }}
{{- end }}

{{/* A variable from that Secret; a Secret of before the password has no such key. Call with (dict "root" $ "name" "X" "key" "y"). */}}
{{- define "bot-gateway.redisVariable" -}}
name: {{ .name }}
valueFrom:
  secretKeyRef:
    name: {{ include "bot-gateway.redisSecretName" .root | quote }}
    key: {{ .key }}
    optional: true
{{- end }}

{{/* Changes with the chart's passwords, so that Redis restarts with a new one; not the hash by which Redis knows it. */}}
{{- define "bot-gateway.redisChecksum" -}}
{{- $passwords := "" }}
{{- if not (or .Values.existingSecret (.Values.redis.auth).existingSecret) }}
{{- $passwords = printf "%s:%s:%s" .Values.telegram.token (include "bot-gateway.redisPassword" .) (default "" (.Values.redis.auth).previousPassword) }}
{{- end }}
{{- printf "checksum:%s" $passwords | sha256sum }}
{{- end }}

{{/*
`redis.auth.required`, which is refused as long as the running gateway was rolled out by a chart that sends no password:
Redis would cut it off until the new pods are ready. Without a cluster (helm template) nothing is known of it.
*/}}
{{- define "bot-gateway.redisPasswordRequired" -}}
{{- $auth := default dict .Values.redis.auth }}
{{- $required := ternary (toString $auth.required) "auto" (hasKey $auth "required") }}
{{- $live := lookup "apps/v1" "Deployment" .Release.Namespace (include "bot-gateway.fullname" .) }}
{{- if and $live (eq $required "true") }}
{{- $names := list }}
{{- range $live.spec.template.spec.containers }}
{{- range .env }}
{{- $names = append $names .name }}
{{- end }}
{{- end }}
{{- if not (has "REDIS_PASSWORD" $names) }}
{{- fail "redis.auth.required=true would cut off the running gateway, which sends no password yet: upgrade with redis.auth.required=auto first, wait for the rollout, then set true" }}
{{- end }}
{{- end }}
{{- $required }}
{{- end }}
