{{/* What every object of ours carries, so that the platform finds, counts and removes its own. */}}
{{- define "team-guardrails.labels" -}}
{{- /* A schema cannot compare two values; a pair of wrong names would put one team's rails into another's. */}}
{{- if ne .Values.controlNamespace (printf "%s-argo" .Values.workloadNamespace) }}
{{- fail (printf "controlNamespace is %q, but that of %q is \"%s-argo\"" .Values.controlNamespace .Values.workloadNamespace .Values.workloadNamespace) }}
{{- end -}}
argosy.dev/managed: "true"
argosy.dev/namespace: {{ .Values.workloadNamespace | quote }}
argosy.dev/team: {{ .Values.team | quote }}
{{- end }}

{{/* Peers of an ingress rule: `from` entries of the values as NetworkPolicy peers. */}}
{{- define "team-guardrails.peers" -}}
{{- range . }}
- namespaceSelector:
    matchLabels:
      {{- toYaml .namespaceLabels | nindent 6 }}
  {{- with .podLabels }}
  podSelector:
    matchLabels:
      {{- toYaml . | nindent 6 }}
  {{- end }}
{{- end }}
{{- end }}

{{/*
Egress rules to the API server, one an address. Sorted and without doubles: the same cluster
must render the same text, in whatever order its addresses were read.
*/}}
{{- define "team-guardrails.toApiServer" -}}
{{- $lines := list }}
{{- range .Values.apiServer.endpoints }}
{{- $lines = append $lines (printf "%s/%s %d" .ip (ternary "128" "32" (contains ":" .ip)) (int .port)) }}
{{- end }}
{{- range $lines | uniq | sortAlpha }}
{{- $parts := splitList " " . }}
- to:
    - ipBlock:
        cidr: {{ index $parts 0 | quote }}
  ports:
    - protocol: TCP
      port: {{ index $parts 1 }}
{{- end }}
{{- end }}

{{/* The egress rule to a store of the team's: in the platform's networks, at this port alone. No network, no rule. */}}
{{- define "team-guardrails.toStore" -}}
{{- if and .networks .port }}
- to:
    {{- range .networks }}
    - ipBlock:
        cidr: {{ .cidr | quote }}
        {{- with .except }}
        except:
          {{- toYaml . | nindent 10 }}
        {{- end }}
    {{- end }}
  ports:
    - protocol: TCP
      port: {{ .port }}
{{- end }}
{{- end }}

{{/* Egress rules to the cluster's name servers. */}}
{{- define "team-guardrails.toDns" -}}
- to:
    - namespaceSelector:
        matchLabels:
          {{- toYaml .Values.dns.namespaceLabels | nindent 10 }}
      podSelector:
        matchLabels:
          {{- toYaml .Values.dns.podLabels | nindent 10 }}
    {{- range .Values.dns.cidrs }}
    - ipBlock:
        cidr: {{ . | quote }}
    {{- end }}
  ports:
    {{- range .Values.dns.ports }}
    - protocol: UDP
      port: {{ . }}
    - protocol: TCP
      port: {{ . }}
    {{- end }}
{{- end }}
