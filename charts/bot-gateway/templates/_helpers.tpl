{{/* Names, labels, images and derived values that several templates share. */}}

{{- define "bot-gateway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The release's name if it contains the chart's, else RELEASE-NAME; 40 characters leave room for suffixes. */}}
{{- define "bot-gateway.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "bot-gateway.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "bot-gateway.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "bot-gateway.remediatorName" -}}
{{ include "bot-gateway.fullname" . }}-remediator
{{- end }}

{{- define "bot-gateway.redisName" -}}
{{ include "bot-gateway.fullname" . }}-redis
{{- end }}

{{/* Call with (dict "root" $ "component" "gateway"). */}}
{{- define "bot-gateway.selectorLabels" -}}
app.kubernetes.io/name: {{ include "bot-gateway.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "bot-gateway.labels" -}}
{{ include "bot-gateway.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: bot-gateway
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The labels by which Prometheus and its operator select, beside the common ones. */}}
{{- define "bot-gateway.monitoringLabels" -}}
{{ include "bot-gateway.labels" . }}
{{- with .root.Values.monitoring.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Call with (dict "image" .Values.image "root" $). */}}
{{- define "bot-gateway.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ default .root.Chart.AppVersion .image.tag }}
{{- end }}
{{- end }}

{{- define "bot-gateway.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "bot-gateway.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "bot-gateway.secretName" -}}
{{- default (include "bot-gateway.fullname" .) .Values.existingSecret }}
{{- end }}

{{/*
The default of a secret, derived from the bot's token, which is itself random and secret. Unlike a random value it does
not change with an upgrade or under GitOps. Call with (dict "root" $ "purpose" "...").
*/}}
{{- define "bot-gateway.derivedSecret" -}}
{{- printf "%s:%s:%s:%s" .purpose .root.Release.Namespace .root.Release.Name .root.Values.telegram.token | sha256sum }}
{{- end }}

{{/* Base URL of the runbooks for alerts and dashboards, without a trailing slash. */}}
{{- define "bot-gateway.runbookUrl" -}}
{{- $default := printf "%s/blob/main/docs/runbooks" (trimSuffix "/" .Values.projectUrl) }}
{{- default $default .Values.monitoring.runbookUrl | trimSuffix "/" }}
{{- end }}

{{/* "true" if objects of the monitoring.coreos.com API in this version are created, else nothing. Call with (dict "root" $ "version" "v1"). */}}
{{- define "bot-gateway.hasMonitoring" -}}
{{- $enabled := .root.Values.monitoring.enabled | toString }}
{{- if or (eq $enabled "true") (and (eq $enabled "auto") (.root.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/%s" .version))) -}}
true
{{- end }}
{{- end }}

{{/* URL that Telegram posts updates to; empty means that the gateway does not register a webhook. */}}
{{- define "bot-gateway.webhookUrl" -}}
{{- if .Values.telegram.webhookUrl -}}
{{ .Values.telegram.webhookUrl }}
{{- else if and .Values.ingress.enabled .Values.ingress.hosts -}}
https://{{ first .Values.ingress.hosts }}/webhook
{{- else if and .Values.httpRoute.enabled .Values.httpRoute.hostnames -}}
https://{{ first .Values.httpRoute.hostnames }}/webhook
{{- else if hasPrefix "http://" .Values.telegram.apiBase -}}
http://{{ include "bot-gateway.fullname" . }}.{{ .Release.Namespace }}:{{ .Values.service.port }}/webhook
{{- end }}
{{- end }}

{{/* Port of a URL; without one, the default of its scheme. Call with the URL. */}}
{{- define "bot-gateway.urlPort" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) -}}
{{- if $port }}{{ $port }}{{ else if eq $url.scheme "https" }}443{{ else }}80{{ end }}
{{- end }}

{{- define "bot-gateway.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "bot-gateway.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Pull secrets, node selector and tolerations of every pod of the chart. Call with $. */}}
{{- define "bot-gateway.scheduling" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/*
A number that the operator may have raised: the live one while a scale-out is active, else the one in the values. Helm 3
would reset it, because it merges towards the chart. A server-side apply (Helm 4) must report the conflict instead: the
operator does not revert a number that Helm also owns. Without a cluster (helm template) it is the one in the values.
Call with (dict "root" $ "apiVersion" "apps/v1" "kind" "Deployment" "field" "replicas" "value" 2).
*/}}
{{- define "bot-gateway.heldNumber" -}}
{{- $number := .value }}
{{- $live := lookup .apiVersion .kind .root.Release.Namespace (include "bot-gateway.fullname" .root) }}
{{- if $live }}
{{- $isServerSide := false }}
{{- range $live.metadata.managedFields }}
{{- if and (eq .manager "helm") (eq .operation "Apply") }}
{{- $isServerSide = true }}
{{- end }}
{{- end }}
{{- $isHeld := hasKey ($live.metadata.annotations | default dict) "remediation.bot-gateway.dev/baseline" }}
{{- if and $isHeld (not $isServerSide) }}
{{- $number = index $live.spec .field }}
{{- end }}
{{- end }}
{{- $number | int }}
{{- end }}

{{/* "true" if the gateway has more than one replica, else nothing. */}}
{{- define "bot-gateway.isReplicated" -}}
{{- $replicas := ternary .Values.autoscaling.minReplicas .Values.replicaCount .Values.autoscaling.enabled | int }}
{{- if gt $replicas 1 }}true{{ end }}
{{- end }}
