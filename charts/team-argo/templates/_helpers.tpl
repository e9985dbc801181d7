{{/* What every object of ours carries, so that the platform finds, counts and removes its own. */}}
{{- define "team-argo.labels" -}}
app: workflow-controller
{{ include "team-argo.owner" . }}
{{- end }}

{{- define "team-argo.serverLabels" -}}
app: argo-server
{{ include "team-argo.owner" . }}
{{- end }}

{{- define "team-argo.owner" -}}
argosy.dev/managed: "true"
argosy.dev/namespace: {{ .Values.workloadNamespace | quote }}
argosy.dev/team: {{ .Values.team | quote }}
{{- end }}
