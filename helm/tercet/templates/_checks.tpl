{{/* What the schema cannot say. Every fault is reported, each with what to do. */}}
{{- define "tercet.checks" -}}
{{- $secret := printf "kubectl create secret generic tercet --namespace %s" .Release.Namespace }}
{{- $faults := list }}
{{- $isAnonymous := eq (toString .Values.config.TERCET_ALLOW_ANONYMOUS) "true" }}

{{- if not .Values.database.existingSecret }}
{{- $faults = append $faults (printf "database.existingSecret is missing: the Secret with the database URL. Create it: %s --from-literal=%s='mysql://USER:PASSWORD@HOST:3306/tercet', and set database.existingSecret=tercet" $secret .Values.database.key) }}
{{- end }}
{{- if and (not .Values.apiTokens.existingSecret) (not $isAnonymous) }}
{{- $faults = append $faults (printf "apiTokens.existingSecret is missing: the Secret with the API tokens. Create it: %s --from-literal=%s=\"$(openssl rand -hex 32)\", and set apiTokens.existingSecret=tercet. One Secret may hold both keys. On a trusted network only: config.TERCET_ALLOW_ANONYMOUS=true instead" $secret .Values.apiTokens.key) }}
{{- end }}
{{- if and .Values.apiTokens.existingSecret $isAnonymous }}
{{- $faults = append $faults "apiTokens.existingSecret and config.TERCET_ALLOW_ANONYMOUS contradict each other: remove one of them" }}
{{- end }}

{{- $values := dict "DATABASE_URL" "database.existingSecret" "REDIS_URL" "redis.existingSecret" "API_TOKENS" "apiTokens.existingSecret" "ALERT_WEBHOOK_URL" "alertWebhook.existingSecret" "ALERT_WEBHOOK_SECRETS" "alertWebhook.existingSecret" "COMPLETION_SECRETS" "completionSecrets.existingSecret" }}
{{- range $name, $value := $values }}
{{- if hasKey $.Values.config (printf "TERCET_%s" $name) }}
{{- $faults = append $faults (printf "config.TERCET_%s is a secret, and values are stored in the release: put it into a Secret and name that by %s" $name $value) }}
{{- end }}
{{- end }}
{{- if ne (empty .Values.config.TERCET_PUBLIC_URL) (empty .Values.completionSecrets.existingSecret) }}
{{- $faults = append $faults "config.TERCET_PUBLIC_URL and completionSecrets.existingSecret need each other: set both, or remove the one" }}
{{- end }}
{{- if hasKey .Values.config "TERCET_PORT" }}
{{- $faults = append $faults "config.TERCET_PORT is set by containerPort: set that instead" }}
{{- end }}
{{- range $setting := list "TERCET_TLS_CERT_FILE" "TERCET_TLS_KEY_FILE" }}
{{- if hasKey $.Values.config $setting }}
{{- $faults = append $faults (printf "config.%s makes the listener serve HTTPS, and the probes and the Service of this chart are plain HTTP: remove it. An Ingress or an HTTPRoute ends TLS" $setting) }}
{{- end }}
{{- end }}
{{- range $setting, $ca := dict "TERCET_DATABASE_CA_FILE" .Values.caCertificates.database "TERCET_REDIS_CA_FILE" .Values.caCertificates.redis "TERCET_PARTICIPANT_CA_FILE" .Values.caCertificates.participants }}
{{- if and $ca.configMap (hasKey $.Values.config $setting) }}
{{- $faults = append $faults (printf "config.%s and caCertificates contradict each other: remove one of them" $setting) }}
{{- end }}
{{- end }}
{{- if and .Values.participantCredentials.existingSecret (hasKey .Values.config "TERCET_PARTICIPANT_CREDENTIALS_FILE") }}
{{- $faults = append $faults "config.TERCET_PARTICIPANT_CREDENTIALS_FILE and participantCredentials contradict each other: remove one of them" }}
{{- end }}

{{- $needed := include "tercet.stopSeconds" . | int }}
{{- with .Values.terminationGracePeriodSeconds }}
{{- if lt (int .) $needed }}
{{- $faults = append $faults (printf "terminationGracePeriodSeconds is %d, and a stop may take %d: preStopSleepSeconds, TERCET_DRAIN_MS, TERCET_SHUTDOWN_TIMEOUT_MS and 5 s. Raise it, or leave it null to have it computed" (int .) $needed) }}
{{- end }}
{{- end }}

{{- with .Values.autoscaling }}
{{- if .enabled }}
{{- if gt (int .minReplicas) (int .maxReplicas) }}
{{- $faults = append $faults "autoscaling.minReplicas is greater than autoscaling.maxReplicas" }}
{{- end }}
{{- if not (or .targetCPUUtilizationPercentage .backlog.enabled) }}
{{- $faults = append $faults "autoscaling has no metric: set autoscaling.targetCPUUtilizationPercentage or autoscaling.backlog.enabled" }}
{{- end }}
{{- if and .targetCPUUtilizationPercentage (not (dig "requests" "cpu" "" $.Values.resources)) }}
{{- $faults = append $faults "autoscaling by CPU is a share of the request: set resources.requests.cpu" }}
{{- end }}
{{- end }}
{{- end }}

{{- with .Values.networkPolicy }}
{{- if .enabled }}
{{- if not (or .ingress.namespaces .ingress.from) }}
{{- $faults = append $faults "networkPolicy.enabled lets no one call the coordinator: name the namespaces of its callers in networkPolicy.ingress.namespaces, or peers in networkPolicy.ingress.from" }}
{{- end }}
{{- if not (or .egress.participants.namespaces .egress.participants.to) }}
{{- $faults = append $faults "networkPolicy.enabled lets the coordinator call no participant: name their namespaces in networkPolicy.egress.participants.namespaces, or peers in networkPolicy.egress.participants.to" }}
{{- end }}
{{- end }}
{{- end }}

{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
{{- $faults = append $faults "ingress.hosts is empty: name a host, such as ingress.hosts[0].host=tercet.example.com" }}
{{- end }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}
{{- $faults = append $faults "httpRoute.parentRefs is empty: name a Gateway, such as httpRoute.parentRefs[0].name=internal" }}
{{- end }}
{{- if and .Values.serviceMonitor.enabled (not .Values.serviceMonitor.tokenSecret.name) (not $isAnonymous) }}
{{- $faults = append $faults (printf "serviceMonitor.tokenSecret.name is missing: /metrics asks for an API token. Create a Secret with one of the tokens: kubectl create secret generic tercet-scrape --namespace %s --from-literal=%s=TOKEN, and set serviceMonitor.tokenSecret.name=tercet-scrape" .Release.Namespace .Values.serviceMonitor.tokenSecret.key) }}
{{- end }}

{{- if $faults }}
{{- fail (printf "\n\nThe values of tercet cannot be used:\n- %s\n" (join "\n- " $faults)) }}
{{- end }}
{{- end }}
