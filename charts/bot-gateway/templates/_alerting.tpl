{{/* Shared by the AlertmanagerConfigs and the plain alertmanager.yml. */}}

{{- define "bot-gateway.slackSecretName" -}}
{{- default (printf "%s-slack" (include "bot-gateway.fullname" .)) .Values.alerting.slack.existingSecret }}
{{- end }}

{{- define "bot-gateway.hasSlack" -}}
{{- if or .Values.alerting.slack.existingSecret .Values.alerting.slack.webhookUrl }}true{{ end }}
{{- end }}

{{- define "bot-gateway.remediatorAlertsUrl" -}}
http://{{ include "bot-gateway.remediatorName" . }}.{{ .Release.Namespace }}:8080/alerts
{{- end }}

{{/* Regular expression for the label `gateway` of this release's alerts. It also matches alerts without the label, such as those posted manually. */}}
{{- define "bot-gateway.ownAlerts" -}}
{{ include "bot-gateway.fullname" . }}|
{{- end }}

{{- define "bot-gateway.slackTitle" -}}
{{ `[{{ .Status | toUpper }}{{ if eq .Status "firing" }}:{{ .Alerts.Firing | len }}{{ end }}] {{ .CommonLabels.alertname }}` }}
{{- end }}

{{- define "bot-gateway.slackText" -}}
{{ `{{ range .Alerts }}*{{ or .Annotations.summary .Labels.alertname }}*
{{ .Annotations.description }}
{{ with .Annotations.runbook_url }}<{{ . }}|Runbook> {{ end }}{{ with .Annotations.dashboard_url }}<{{ . }}|Dashboard>{{ end }}
{{ end }}` }}
{{- end }}

{{/* Receivers of people as fields of an AlertmanagerConfig. Call with (dict "root" $ "channel" "..." "notify" true or false). */}}
{{- define "bot-gateway.peopleReceivers" -}}
{{- $alerting := .root.Values.alerting }}
{{- if include "bot-gateway.hasSlack" .root }}
slackConfigs:
  - apiURL:
      name: {{ include "bot-gateway.slackSecretName" .root | quote }}
      key: {{ $alerting.slack.existingSecretKey | quote }}
    channel: {{ .channel | quote }}
    sendResolved: true
    title: {{ include "bot-gateway.slackTitle" .root | toRawJson }}
    text: {{ include "bot-gateway.slackText" .root | toRawJson }}
{{- end }}
{{- if and .notify $alerting.notificationService.url }}
webhookConfigs:
  - url: {{ tpl $alerting.notificationService.url .root | quote }}
    sendResolved: true
{{- end }}
{{- with $alerting.email }}
{{- if .to }}
emailConfigs:
  - to: {{ .to | quote }}
    from: {{ required "alerting.email.from is required with alerting.email.to" .from | quote }}
    smarthost: {{ required "alerting.email.smarthost is required with alerting.email.to" .smarthost | quote }}
    requireTLS: {{ .requireTls }}
    sendResolved: true
    {{- if .username }}
    authUsername: {{ .username | quote }}
    authPassword:
      name: {{ required "alerting.email.existingSecret is required with alerting.email.username" .existingSecret | quote }}
      key: {{ .existingSecretKey | quote }}
    {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The same receivers as fields of alertmanager.yml; secrets are files under /etc/alertmanager/secrets. */}}
{{- define "bot-gateway.plainPeopleReceivers" -}}
{{- $alerting := .root.Values.alerting }}
{{- if include "bot-gateway.hasSlack" .root }}
slack_configs:
  - api_url_file: /etc/alertmanager/secrets/{{ include "bot-gateway.slackSecretName" .root }}/{{ $alerting.slack.existingSecretKey }}
    channel: {{ .channel | quote }}
    send_resolved: true
    title: {{ include "bot-gateway.slackTitle" .root | toRawJson }}
    text: {{ include "bot-gateway.slackText" .root | toRawJson }}
{{- end }}
{{- if and .notify $alerting.notificationService.url }}
webhook_configs:
  - url: {{ tpl $alerting.notificationService.url .root | quote }}
    send_resolved: true
{{- end }}
{{- with $alerting.email }}
{{- if .to }}
email_configs:
  - to: {{ .to | quote }}
    from: {{ required "alerting.email.from is required with alerting.email.to" .from | quote }}
    smarthost: {{ required "alerting.email.smarthost is required with alerting.email.to" .smarthost | quote }}
    require_tls: {{ .requireTls }}
    send_resolved: true
    {{- if .username }}
    auth_username: {{ .username | quote }}
    auth_password_file: /etc/alertmanager/secrets/{{ required "alerting.email.existingSecret is required with alerting.email.username" .existingSecret }}/{{ .existingSecretKey }}
    {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* alertmanager.yml with the routing of both AlertmanagerConfigs. Call with $. */}}
{{- define "bot-gateway.plainAlertmanager" -}}
{{- $alerting := .Values.alerting -}}
route:
  receiver: nobody
  routes:
    - matchers: [namespace="{{ .Release.Namespace }}", service="bot-gateway", gateway=~"{{ include "bot-gateway.ownAlerts" . }}"]
      receiver: nobody
      continue: true
      routes:
        - matchers: [severity="critical"]
          receiver: critical
          group_by: [alertname]
          group_wait: {{ $alerting.critical.groupWait }}
          group_interval: {{ $alerting.critical.groupInterval }}
          repeat_interval: {{ $alerting.critical.repeatInterval }}
        - matchers: [severity="warning"]
          receiver: warning
          group_by: [alertname]
          group_wait: {{ $alerting.warning.groupWait }}
          group_interval: {{ $alerting.warning.groupInterval }}
          repeat_interval: {{ $alerting.warning.repeatInterval }}
        {{- if $alerting.watchdog.url }}
        - matchers: [alertname="Watchdog"]
          receiver: watchdog
          group_wait: 0s
          group_interval: 15s
          repeat_interval: {{ $alerting.watchdog.repeatInterval }}
        {{- end }}
    {{- if .Values.operator.enabled }}
    - matchers: [namespace="{{ .Release.Namespace }}", service="bot-gateway", gateway=~"{{ include "bot-gateway.ownAlerts" . }}", severity=~"critical|warning"]
      receiver: remediator
      group_by: [alertname, service_name]
      group_wait: {{ $alerting.operator.groupWait }}
      group_interval: {{ $alerting.operator.groupInterval }}
      repeat_interval: {{ $alerting.operator.repeatInterval }}
    {{- end }}
inhibit_rules:
  {{- range include "bot-gateway.inhibitions" . | fromYamlArray }}
  - source_matchers: [namespace="{{ $.Release.Namespace }}", alertname=~"{{ .source }}"]
    target_matchers: [namespace="{{ $.Release.Namespace }}", alertname=~"{{ .target }}"]
    equal: {{ prepend .equal "namespace" | toRawJson }}
  {{- end }}
receivers:
  - name: nobody
  - name: critical
    {{- include "bot-gateway.plainPeopleReceivers" (dict "root" . "channel" $alerting.slack.criticalChannel "notify" true) | nindent 4 }}
  - name: warning
    {{- include "bot-gateway.plainPeopleReceivers" (dict "root" . "channel" $alerting.slack.warningChannel "notify" false) | nindent 4 }}
  {{- if $alerting.watchdog.url }}
  - name: watchdog
    webhook_configs:
      - url: {{ $alerting.watchdog.url | quote }}
        send_resolved: false
  {{- end }}
  {{- if .Values.operator.enabled }}
  - name: remediator
    webhook_configs:
      - url: {{ include "bot-gateway.remediatorAlertsUrl" . | quote }}
        send_resolved: true
        http_config:
          follow_redirects: false
          authorization:
            type: Bearer
            credentials_file: /etc/alertmanager/secrets/{{ include "bot-gateway.secretName" . }}/remediator-token
  {{- end }}
{{- end }}

{{/* Which alerts (a regular expression) inhibit which others, if these labels are equal. */}}
{{- define "bot-gateway.inhibitions" -}}
- source: CriticalErrorRate
  target: HighErrorRate
  equal: [job]
- source: CriticalMemoryUsage
  target: HighMemoryUsage
  equal: [job, pod]
- source: CircuitBreakerOpen|CircuitBreakerRecentlyOpen
  target: HighServiceErrorRate|HighServiceErrorRatio|ServiceRequestTimeout
  equal: [job, service_name]
- source: HighServiceErrorRatio
  target: HighServiceErrorRate
  equal: [job, service_name]
# One incident, one page that names the cause: what follows when Redis fails, when no pod works, when no update arrives.
- source: RedisFull
  target: RedisUnreachable|RedisMemoryHigh
  equal: [job]
- source: RedisUnreachable|RedisFull
  target: HighErrorRate|CriticalErrorRate|HighMessageLatency|HighRedisLatency|RedisConnectionPoolExhausted|HighWebhookFailureRate|WebhookUpdatesPending|WebhookDeliveryFails|NoActiveSessions|NoReadyReplica
  equal: [job]
- source: BotGatewayDown|NoReadyReplica
  target: BotGatewayReplicaDown|WebhookUpdatesPending|WebhookDeliveryFails|NoActiveSessions
  equal: [job]
- source: WebhookDeliveryFails
  target: WebhookUpdatesPending|NoActiveSessions
  equal: [job]
- source: TelegramSlow|TelegramErrors
  target: HighMessageLatency
  equal: [job]
- source: CauseRecentlyFired
  target: UpdateSuccessBudgetBurn|UpdateSuccessBudgetBurnSlow|UpdateLatencyBudgetBurn|UpdateLatencyBudgetBurnSlow
  equal: [job]
- source: UpdateSuccessBudgetBurn
  target: UpdateSuccessBudgetBurnSlow
  equal: [job]
- source: UpdateLatencyBudgetBurn
  target: UpdateLatencyBudgetBurnSlow
  equal: [job]
{{- end }}
