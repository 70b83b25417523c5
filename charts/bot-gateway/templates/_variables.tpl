{{/* Environment variables of the gateway and the operator. */}}

{{/* A value as text; a whole number without the exponent that YAML's floats get. Call with the value. */}}
{{- define "bot-gateway.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}
{{ int64 . }}
{{- else -}}
{{ . }}
{{- end }}
{{- end }}

{{/* A variable from a key of the chart's Secret. Call with (dict "root" $ "name" "BOT_TOKEN" "key" "bot-token"). */}}
{{- define "bot-gateway.secretVariable" -}}
name: {{ .name }}
valueFrom:
  secretKeyRef:
    name: {{ include "bot-gateway.secretName" .root | quote }}
    key: {{ .key }}
    {{- if .optional }}
    optional: true
    {{- end }}
{{- end }}

{{/* The gateway's variables besides those of its ConfigMap, which `env` of a container would hide. Call with $. */}}
{{- define "bot-gateway.gatewayVariables" -}}
{{- $own := list
  (dict "name" "POD_IP" "valueFrom" (dict "fieldRef" (dict "fieldPath" "status.podIP")))
  (include "bot-gateway.secretVariable" (dict "root" . "name" "BOT_TOKEN" "key" "bot-token") | fromYaml)
  (include "bot-gateway.secretVariable" (dict "root" . "name" "WEBHOOK_SECRET" "key" "webhook-secret") | fromYaml)
  (include "bot-gateway.secretVariable" (dict "root" . "name" "WEBHOOK_SECRET_PREVIOUS" "key" "webhook-secret-previous" "optional" true) | fromYaml)
  (include "bot-gateway.secretVariable" (dict "root" . "name" "TELEGRAM_PROXY" "key" "telegram-proxy" "optional" true) | fromYaml)
  (include "bot-gateway.secretVariable" (dict "root" . "name" "SERVICE_TOKEN" "key" "service-token") | fromYaml)
}}
{{- if .Values.redis.enabled }}
{{- $own = append $own (include "bot-gateway.redisVariable" (dict "root" . "name" "REDIS_PASSWORD" "key" "redis-password") | fromYaml) }}
{{- else }}
{{- $redis := dict "name" (default (include "bot-gateway.redisName" .) .Values.externalRedis.existingSecret) "key" .Values.externalRedis.existingSecretKey }}
{{- $own = append $own (dict "name" "REDIS_URL" "valueFrom" (dict "secretKeyRef" $redis)) }}
{{- end }}
{{- /* A variable that `env` puts into the ConfigMap must not be hidden by one of these. */}}
{{- if (.Values.caBundle).existingConfigMap }}
{{- $own = append $own (dict "name" "SSL_CERT_FILE" "value" "/etc/ssl/bot-gateway/ca.crt") }}
{{- end }}
{{- $kept := list }}
{{- range $own }}
{{- if not (hasKey (default dict $.Values.env) .name) }}
{{- $kept = append $kept . }}
{{- end }}
{{- end }}
{{- range $name, $port := dict "PORT" 8000 "INTERNAL_PORT" (include "bot-gateway.internalPort" . | int) }}
{{- $found := list }}
{{- if hasKey (default dict $.Values.env) $name }}
{{- $found = append $found (include "bot-gateway.text" (get $.Values.env $name)) }}
{{- end }}
{{- range $.Values.extraEnv }}
{{- if and (eq .name $name) (hasKey . "value") }}
{{- $found = append $found (toString .value) }}
{{- end }}
{{- end }}
{{- range $found }}
{{- if ne . (toString $port) }}
{{- fail (printf "%s=%s in env or extraEnv contradicts the port %d of probes, Services and policies: remove it%s" $name . (int $port) (ternary " and set service.internalPort" "" (eq $name "INTERNAL_PORT"))) }}
{{- end }}
{{- end }}
{{- end }}
{{- include "bot-gateway.variables" (dict "own" $kept "extra" (default list .Values.extraEnv)) }}
{{- end }}

{{/* The operator's variables. Call with $. */}}
{{- define "bot-gateway.operatorVariables" -}}
{{- $own := list
  (dict "name" "REMEDIATOR_NAMESPACE" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.namespace")))
  (dict "name" "REMEDIATOR_WEBHOOK_TOKEN_FILE" "value" "/etc/remediator/webhook/token")
  (dict "name" "REMEDIATOR_LOG_LEVEL" "value" .Values.operator.logLevel)
  (dict "name" "REMEDIATOR_POLL_SECONDS" "value" (include "bot-gateway.text" .Values.operator.pollSeconds))
  (dict "name" "REMEDIATOR_SETTLING_SECONDS" "value" (include "bot-gateway.text" .Values.operator.settlingSeconds))
}}
{{- if include "bot-gateway.hasMonitoring" (dict "root" . "version" "v1") }}
{{- $own = append $own (dict "name" "REMEDIATOR_ALERTMANAGER_URL" "value" .Values.monitoring.alertmanagerUrl) }}
{{- $own = append $own (dict "name" "REMEDIATOR_PROMETHEUS_URL" "value" .Values.monitoring.prometheusUrl) }}
{{- end }}
{{- if .Values.alerting.plainConfig }}
{{- /* The receiver of the plain alertmanager.yml, which who asks for that file uses. */}}
{{- $own = append $own (dict "name" "REMEDIATOR_RECEIVER" "value" "remediator") }}
{{- else if include "bot-gateway.hasMonitoring" (dict "root" . "version" "v1alpha1") }}
{{- /* The Prometheus Operator names a receiver "namespace/object/receiver". */}}
{{- $own = append $own (dict "name" "REMEDIATOR_RECEIVER" "value" (printf "%s/%s/remediator" .Release.Namespace (include "bot-gateway.remediatorName" .))) }}
{{- end }}
{{- if (.Values.caBundle).existingConfigMap }}
{{- $own = append $own (dict "name" "SSL_CERT_FILE" "value" "/etc/ssl/bot-gateway/ca.crt") }}
{{- end }}
{{- with .Values.metricsPrefix }}
{{- $own = append $own (dict "name" "REMEDIATOR_METRICS_PREFIX" "value" .) }}
{{- end }}
{{- with .Values.listenAddress }}
{{- $own = append $own (dict "name" "REMEDIATOR_HOST" "value" .) }}
{{- end }}
{{- $extra := default list .Values.operator.extraEnv }}
{{- $named := list }}
{{- range $extra }}
{{- $named = append $named .name }}
{{- end }}
{{- range $name, $value := .Values.operator.env }}
{{- if not (has $name $named) }}
{{- $extra = append $extra (dict "name" $name "value" (include "bot-gateway.text" $value)) }}
{{- end }}
{{- end }}
{{- include "bot-gateway.variables" (dict "own" $own "extra" $extra) }}
{{- end }}
