{{- define "lenticular.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "lenticular.labels" -}}
app.kubernetes.io/name: lenticular
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "lenticular.selector" -}}
app.kubernetes.io/name: lenticular
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "lenticular.account" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "lenticular.name" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{- define "lenticular.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* What nodes and the container that makes the owner share: settings, secrets by reference, nothing writable but /data and /tmp. */}}
{{- define "lenticular.container" -}}
image: {{ include "lenticular.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
env:
  - name: LENTICULAR__STORE__URL
    valueFrom: {secretKeyRef: {name: {{ .Values.database.secret }}, key: {{ .Values.database.key }}}}
  - {name: LENTICULAR__STORE__CONNECTIONS, value: {{ .Values.database.connections | quote }}}
  - {name: LENTICULAR__BLOBS__URL, value: {{ .Values.objects.url | quote }}}
  - {name: LENTICULAR__BLOBS__PATH_STYLE, value: {{ .Values.objects.pathStyle | quote }}}
  {{- with .Values.objects.endpoint }}
  - {name: LENTICULAR__BLOBS__ENDPOINT, value: {{ . | quote }}}
  {{- end }}
  {{- if .Values.objects.caConfigMap }}
  - {name: LENTICULAR__BLOBS__CA, value: /etc/lenticular/ca/{{ .Values.objects.caKey }}}
  {{- end }}
  - {name: AWS_REGION, value: {{ .Values.objects.region | quote }}}
  - name: AWS_ACCESS_KEY_ID
    valueFrom: {secretKeyRef: {name: {{ .Values.objects.secret }}, key: AWS_ACCESS_KEY_ID}}
  - name: AWS_SECRET_ACCESS_KEY
    valueFrom: {secretKeyRef: {name: {{ .Values.objects.secret }}, key: AWS_SECRET_ACCESS_KEY}}
  - {name: LENTICULAR__HTTP__LISTEN, value: "0.0.0.0:8080"}
  - {name: LENTICULAR__HTTP__PUBLIC_URL, value: {{ .Values.http.publicUrl | quote }}}
  - {name: LENTICULAR__DIMSE__LISTEN, value: {{ ternary "0.0.0.0:11112" "off" .Values.dimse.enabled | quote }}}
  - {name: LENTICULAR__DIMSE__AE_TITLE, value: {{ .Values.dimse.aeTitle | quote }}}
  - {name: LENTICULAR__DIMSE__MAX_ASSOCIATIONS, value: {{ .Values.dimse.maxAssociations | quote }}}
  - {name: LENTICULAR__DRAIN__SECONDS, value: {{ .Values.drainSeconds | quote }}}
  {{- range $name, $value := .Values.settings }}
  - {name: {{ $name }}, value: {{ $value | quote }}}
  {{- end }}
volumeMounts:
  - {name: data, mountPath: /data}
  - {name: tmp, mountPath: /tmp}
  {{- if .Values.objects.caConfigMap }}
  - {name: ca, mountPath: /etc/lenticular/ca, readOnly: true}
  {{- end }}
{{- end }}
