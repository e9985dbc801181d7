{{/* What every object of ours carries, so that the platform finds, counts and removes its own. */}}
{{- define "team-argo.labels" -}}
app: workflow-controller
argosy.dev/managed: "true"
argosy.dev/namespace: {{ .Values.workloadNamespace | quote }}
argosy.dev/team: {{ .Values.team | quote }}
{{- end }}
