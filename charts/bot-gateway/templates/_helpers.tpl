{{/* Names, labels, images and derived values that several templates share. */}}

{{- define "bot-gateway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/*
The release's name if it contains the chart's, else RELEASE-NAME, in at most 40 characters, which leaves room for
suffixes. A longer name keeps 31 characters and a hash, so that two long names never become the same.
*/}}
{{- define "bot-gateway.fullname" -}}
{{- $name := "" }}
{{- if .Values.fullnameOverride }}
{{- $name = .Values.fullnameOverride }}
{{- else if contains (include "bot-gateway.name" .) .Release.Name }}
{{- $name = .Release.Name }}
{{- else }}
{{- $name = printf "%s-%s" .Release.Name (include "bot-gateway.name" .) }}
{{- end }}
{{- include "bot-gateway.shortened" (dict "name" $name "length" 40) }}
{{- end }}

{{/* A name of at most `length` characters; a longer one ends in a hash of the whole. Call with (dict "name" "..." "length" 40). */}}
{{- define "bot-gateway.shortened" -}}
{{- if le (len .name) (int .length) }}
{{- .name | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" (trunc (int (sub .length 9)) .name | trimSuffix "-") (sha256sum .name | trunc 8) }}
{{- end }}
{{- end }}

{{/* In charts/remediator, which links to this file, the operator is all there is. */}}
{{- define "bot-gateway.remediatorName" -}}
{{ include "bot-gateway.fullname" . }}{{ if ne .Chart.Name "remediator" }}-remediator{{ end }}
{{- end }}

{{- define "bot-gateway.redisName" -}}
{{ include "bot-gateway.fullname" . }}-redis
{{- end }}

{{- define "bot-gateway.internalName" -}}
{{ include "bot-gateway.fullname" . }}-internal
{{- end }}

{{/* The default is for `helm upgrade --reuse-values` from a chart without this value. */}}
{{- define "bot-gateway.internalPort" -}}
{{- $port := default 8001 .Values.service.internalPort | int }}
{{- if eq $port 8000 }}
{{- fail "service.internalPort must not be 8000: the pods serve the webhook there, and /metrics and /internal/notify would be as public" }}
{{- end }}
{{- $port }}
{{- end }}

{{/* Call with (dict "root" $ "component" "gateway"). */}}
{{- define "bot-gateway.selectorLabels" -}}
app.kubernetes.io/name: {{ include "bot-gateway.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component | quote }}
{{- end }}

{{/*
The chart's labels and those of the values, where a value replaces a label of the chart. Exceptions are the labels by
which selectors find pods and the one by which Helm knows its objects. Call as above, with "extra" for more labels.
*/}}
{{- define "bot-gateway.labels" -}}
{{- $labels := dict
  "app.kubernetes.io/version" (.root.Chart.AppVersion | replace "+" "_")
  "app.kubernetes.io/part-of" "bot-gateway"
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_")
}}
{{- $fixed := include "bot-gateway.selectorLabels" . | fromYaml }}
{{- $_ := set $fixed "app.kubernetes.io/managed-by" .root.Release.Service }}
{{- toYaml (mergeOverwrite $labels (default dict .root.Values.commonLabels) (default dict .extra) $fixed) }}
{{- end }}

{{/* The labels of objects that Prometheus or its operator selects. Call as above. */}}
{{- define "bot-gateway.monitoringLabels" -}}
{{ include "bot-gateway.labels" (dict "root" .root "component" .component "extra" .root.Values.monitoring.labels) }}
{{- end }}

{{/*
An image with its registry: the one for all images, else its own, else `registry`. Call with
(dict "root" $ "image" .Values.image), with "registry" and "tag" for defaults.
*/}}
{{- define "bot-gateway.image" -}}
{{- $registry := coalesce (.root.Values.global).imageRegistry .image.registry .registry | default "" | trimSuffix "/" }}
{{- $name := ternary (printf "%s/%s" $registry .image.repository) .image.repository (ne $registry "") }}
{{- if .image.digest -}}
{{ $name }}@{{ .image.digest }}
{{- else -}}
{{ $name }}:{{ coalesce .image.tag .tag .root.Chart.AppVersion }}
{{- end }}
{{- end }}

{{- define "bot-gateway.gatewayImage" -}}
{{ include "bot-gateway.image" (dict "root" . "image" .Values.image) }}
{{- end }}

{{- define "bot-gateway.operatorImage" -}}
{{ include "bot-gateway.image" (dict "root" . "image" .Values.operator.image "registry" .Values.image.registry) }}
{{- end }}

{{/* "true" for an image without a registry, which no cluster can pull: its nodes must have it. Call with the image. */}}
{{- define "bot-gateway.isLocalImage" -}}
{{- $first := splitList "/" . | first }}
{{- if not (and (contains "/" .) (or (contains "." $first) (contains ":" $first) (eq $first "localhost"))) }}true{{ end }}
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
{{- else if and .Values.ingress.enabled (include "bot-gateway.firstHost" .Values.ingress.hosts) -}}
https://{{ include "bot-gateway.firstHost" .Values.ingress.hosts }}/webhook
{{- else if and .Values.httpRoute.enabled (include "bot-gateway.firstHost" .Values.httpRoute.hostnames) -}}
https://{{ include "bot-gateway.firstHost" .Values.httpRoute.hostnames }}/webhook
{{- else if hasPrefix "http://" .Values.telegram.apiBase -}}
http://{{ include "bot-gateway.fullname" . }}.{{ .Release.Namespace }}:{{ .Values.service.port }}/webhook
{{- end }}
{{- end }}

{{/* The first host name without a wildcard, or nothing. Call with the list of host names. */}}
{{- define "bot-gateway.firstHost" -}}
{{- $hosts := list }}
{{- range . }}
{{- if not (hasPrefix "*" .) }}
{{- $hosts = append $hosts . }}
{{- end }}
{{- end }}
{{- if $hosts }}{{ first $hosts }}{{ end }}
{{- end }}

{{/* Port of a URL; without one, the default of its scheme. Call with the URL. */}}
{{- define "bot-gateway.urlPort" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) -}}
{{- if $port }}{{ $port }}{{ else if eq $url.scheme "https" }}443{{ else }}80{{ end }}
{{- end }}

{{/* The pods' default of `podSecurityContext`, also for values of charts before it existed. */}}
{{- define "bot-gateway.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* The containers' default of `securityContext`, as above. */}}
{{- define "bot-gateway.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/*
Pull secrets and scheduling of a pod. Call with (dict "root" $), with "own" for values that replace the common ones,
such as .Values.operator, and "spread" for the default topology spread constraints.
*/}}
{{- define "bot-gateway.scheduling" -}}
{{- $values := .root.Values }}
{{- $own := default dict .own }}
{{- with concat (default list ($values.global).imagePullSecrets) (default list $values.imagePullSecrets) }}
imagePullSecrets:
  {{- range . }}
  - name: {{ ternary . (get (ternary dict . (kindIs "string" .)) "name") (kindIs "string" .) | quote }}
  {{- end }}
{{- end }}
{{- with default $values.priorityClassName $own.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with default $values.nodeSelector $own.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with default $values.tolerations $own.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with default .spread $own.topologySpreadConstraints }}
topologySpreadConstraints:
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

{{/*
The replicas of a Deployment whose number an autoscaler sets: the live number, at least the autoscaler's minimum.
Without the field the API server would reset a Deployment that had it to 1 until the autoscaler reacts. Nothing where
there is no live Deployment: on the first installation and with helm template, where GitOps must not set the number.
*/}}
{{- define "bot-gateway.autoscaledReplicas" -}}
{{- $live := lookup "apps/v1" "Deployment" .Release.Namespace (include "bot-gateway.fullname" .) }}
{{- if $live }}
{{- max (int $live.spec.replicas) (int .Values.autoscaling.minReplicas) }}
{{- end }}
{{- end }}

{{/*
A container's variables, where a user's variable replaces the chart's of the same name: two entries of one name are an
error for server-side apply. Call with (dict "own" (list ...) "extra" (list ...)).
*/}}
{{- define "bot-gateway.variables" -}}
{{- $names := list }}
{{- range .extra }}
{{- $names = append $names .name }}
{{- end }}
{{- $variables := list }}
{{- range .own }}
{{- if not (has .name $names) }}
{{- $variables = append $variables . }}
{{- end }}
{{- end }}
{{- with concat $variables .extra }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* Over nodes and zones as far as possible, each ReplicaSet for itself. Call with $. */}}
{{- define "bot-gateway.defaultSpread" -}}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "bot-gateway.selectorLabels" (dict "root" $ "component" "gateway") | nindent 6 }}
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}

{{/* Fields of a Service for IPv6 and dual stack. Call with $. */}}
{{- define "bot-gateway.ipFamilies" -}}
{{- with .Values.service.ipFamilyPolicy }}
ipFamilyPolicy: {{ . }}
{{- end }}
{{- with .Values.service.ipFamilies }}
ipFamilies:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Volume and mount of the CA bundle. Call with $. */}}
{{- define "bot-gateway.caVolume" -}}
{{- with (.Values.caBundle).existingConfigMap }}
- name: ca-bundle
  configMap:
    name: {{ . | quote }}
    items:
      - key: {{ default "ca.crt" $.Values.caBundle.key | quote }}
        path: ca.crt
{{- end }}
{{- end }}

{{- define "bot-gateway.caMount" -}}
{{- if (.Values.caBundle).existingConfigMap }}
- name: ca-bundle
  mountPath: /etc/ssl/bot-gateway
  readOnly: true
{{- end }}
{{- end }}
