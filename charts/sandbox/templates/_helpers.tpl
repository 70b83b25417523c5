{{- define "sandbox.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* Call with (dict "root" $ "component" "sandbox"). */}}
{{- define "sandbox.selectorLabels" -}}
app.kubernetes.io/name: sandbox
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "sandbox.labels" -}}
{{ include "sandbox.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: bot-gateway
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "sandbox.databaseUrl" -}}
{{- if .Values.postgres.enabled -}}
postgresql+asyncpg://sandbox:{{ .Values.postgres.password | urlquery }}@{{ include "sandbox.fullname" . }}-postgres:5432/sandbox
{{- else -}}
{{ .Values.databaseUrl }}
{{- end }}
{{- end }}
