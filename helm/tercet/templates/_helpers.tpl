{{/* Names */}}

{{- define "tercet.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Longer names have up to 22 more characters. */}}
{{- define "tercet.fullname" -}}
{{- $name := include "tercet.name" . }}
{{- $full := .Values.fullnameOverride | default (ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name)) }}
{{- $full | trunc 41 | trimSuffix "-" }}
{{- end }}

{{- define "tercet.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "tercet.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{/* The alert rules select jobs whose name contains "tercet", and one job is one deployment. */}}
{{- define "tercet.job" -}}
{{- $full := include "tercet.fullname" . }}
{{- ternary $full (printf "tercet-%s" $full) (contains "tercet" $full) }}
{{- end }}

{{- define "tercet.image" -}}
{{- with .Values.image }}
{{- ternary (printf "%s@%s" .repository .digest) (printf "%s:%s" .repository (.tag | default $.Chart.AppVersion)) (ne .digest "") }}
{{- end }}
{{- end }}

{{/* Labels. A component is coordinator, migration or test. Selectors never change: they are immutable. */}}

{{- define "tercet.selectorLabels" -}}
app.kubernetes.io/name: {{ include "tercet.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Without the chart's version: a pod is not replaced because another part of the chart changed. */}}
{{- define "tercet.podLabels" -}}
{{ include "tercet.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | trunc 63 | trimAll "-._" | quote }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "tercet.labels" -}}
{{ include "tercet.podLabels" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 }}
{{- end }}

{{/* Values as texts. Helm reads numbers as floating-point and would print 86400000 as 8.64e+07. */}}

{{- define "tercet.text" -}}
{{- if kindIs "slice" . }}{{ join "," . }}
{{- else if and (kindIs "float64" .) (eq (floor .) .) }}{{ printf "%.0f" . }}
{{- else }}{{ toString . }}
{{- end }}
{{- end }}

{{- define "tercet.variables" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ include "tercet.text" $value | quote }}
{{- end }}
{{- end }}

{{/* A duration of the settings in whole seconds, rounded up: (list . "TERCET_DRAIN_MS" DEFAULT). */}}
{{- define "tercet.seconds" -}}
{{- $config := (index . 0).Values.config }}
{{- $ms := hasKey $config (index . 1) | ternary (get $config (index . 1)) (index . 2) }}
{{- divf (float64 $ms) 1000 | ceil | int }}
{{- end }}

{{/* From the deletion of a pod to its end, with 5 s to spare. */}}
{{- define "tercet.stopSeconds" -}}
{{- $drain := include "tercet.seconds" (list . "TERCET_DRAIN_MS" 0) | int }}
{{- $shutdown := include "tercet.seconds" (list . "TERCET_SHUTDOWN_TIMEOUT_MS" 10000) | int }}
{{- add (int .Values.preStopSleepSeconds) $drain $shutdown 5 }}
{{- end }}

{{/* Annotations of an object of the migration, which is a hook of Helm or of Argo CD. */}}
{{- define "tercet.migrationHook" -}}
{{- if eq .root.Values.migration.hook "argocd" -}}
argocd.argoproj.io/hook: PreSync
argocd.argoproj.io/hook-delete-policy: BeforeHookCreation,HookSucceeded
argocd.argoproj.io/sync-wave: {{ .weight | quote }}
{{- else -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
helm.sh/hook-weight: {{ .weight | quote }}
{{- end }}
{{- end }}

{{/* What every pod has in common: (dict "root" . "serviceAccountName" …). */}}
{{- define "tercet.podBasics" -}}
serviceAccountName: {{ .serviceAccountName }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "tercet.containerBasics" -}}
image: {{ include "tercet.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
{{- end }}

{{/* A peer of a NetworkPolicy for each namespace that is named. */}}
{{- define "tercet.namespacePeers" -}}
{{- range . }}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ . }}
{{- end }}
{{- end }}

{{- define "tercet.tcpPorts" -}}
{{- range . }}
- protocol: TCP
  port: {{ . }}
{{- end }}
{{- end }}

{{/* One rule of egress: its peers, any address where there are none, and its ports, any where there are none. */}}
{{- define "tercet.egressRule" -}}
{{- if .to }}
- to:
    {{- toYaml .to | nindent 4 }}
  {{- with .ports }}
  ports:
    {{- include "tercet.tcpPorts" . | trim | nindent 4 }}
  {{- end }}
{{- else }}
- ports:
    {{- include "tercet.tcpPorts" .ports | trim | nindent 4 }}
{{- end }}
{{- end }}

{{/* Port 53 of any address: a node-local cache has an address outside of all pods. */}}
{{- define "tercet.dnsRule" -}}
- ports:
    - protocol: UDP
      port: 53
    - protocol: TCP
      port: 53
{{- end }}
