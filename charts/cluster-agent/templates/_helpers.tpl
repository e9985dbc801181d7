{{- define "cluster-agent.labels" -}}
app.kubernetes.io/name: argosy-agent
app.kubernetes.io/managed-by: {{ .Release.Service }}
argosy.dev/managed: "true"
{{- end }}

{{- define "cluster-agent.selector" -}}
app: argosy-agent
{{- end }}
