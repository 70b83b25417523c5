{{/* The release's name in at most 50 characters; a longer name ends in a hash, so that two never become the same. */}}
{{- define "sandbox.fullname" -}}
{{- $name := default .Release.Name .Values.fullnameOverride }}
{{- if le (len $name) 50 }}
{{- $name | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" (trunc 41 $name | trimSuffix "-") (sha256sum $name | trunc 8) }}
{{- end }}
{{- end }}

{{/* Call with (dict "root" $ "component" "sandbox"). */}}
{{- define "sandbox.selectorLabels" -}}
app.kubernetes.io/name: sandbox
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Call as above, with "extra" for more labels, which replace the chart's except those of selectors. */}}
{{- define "sandbox.labels" -}}
{{- $labels := dict
  "app.kubernetes.io/version" (.root.Chart.AppVersion | replace "+" "_")
  "app.kubernetes.io/part-of" "bot-gateway"
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_")
}}
{{- $fixed := include "sandbox.selectorLabels" . | fromYaml }}
{{- $_ := set $fixed "app.kubernetes.io/managed-by" .root.Release.Service }}
{{- toYaml (mergeOverwrite $labels (default dict .extra) $fixed) }}
{{- end }}

{{- define "sandbox.databaseUrl" -}}
{{- if .Values.postgres.enabled -}}
postgresql+asyncpg://sandbox:{{ .Values.postgres.password | urlquery }}@{{ include "sandbox.fullname" . }}-postgres:5432/sandbox
{{- else -}}
{{ .Values.databaseUrl }}
{{- end }}
{{- end }}

{{/* An image with its registry: the one for all images, else its own. Call with (dict "root" $ "image" .Values.image). */}}
{{- define "sandbox.image" -}}
{{- $registry := coalesce (.root.Values.global).imageRegistry .image.registry | default "" | trimSuffix "/" }}
{{- $name := ternary (printf "%s/%s" $registry .image.repository) .image.repository (ne $registry "") }}
{{- if .image.digest -}}
{{ $name }}@{{ .image.digest }}
{{- else -}}
{{ $name }}:{{ coalesce .image.tag .root.Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* Pull secrets of a pod, names or {name: ...}. Call with $. */}}
{{- define "sandbox.pullSecrets" -}}
{{- with concat (default list (.Values.global).imagePullSecrets) (default list .Values.imagePullSecrets) }}
imagePullSecrets:
  {{- range . }}
  - name: {{ ternary . (get (ternary dict . (kindIs "string" .)) "name") (kindIs "string" .) | quote }}
  {{- end }}
{{- end }}
{{- end }}
