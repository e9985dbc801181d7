{{- define "controlplane.labels" -}}
app.kubernetes.io/name: argosy
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{/* What a process is found by; given (dict "root" $ "process" "web"). */}}
{{- define "controlplane.selector" -}}
app.kubernetes.io/name: argosy
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .process }}
{{- end }}

{{- define "controlplane.name" -}}
{{ .root.Release.Name }}-{{ .process }}
{{- end }}

{{- define "controlplane.image" -}}
{{- with .Values.image -}}
{{ printf "%s:%s%s" .repository .tag (empty .digest | ternary "" (printf "@%s" .digest)) }}
{{- end }}
{{- end }}

{{/*
Every process alike: no rights in its own cluster, nothing it can write but what it needs. The one that `migrates` may
come to the database as who owns the tables; no other is given that address. The one that `shows` figures asks the metrics
engine and answers scrapers; no other is given those tokens.
*/}}
{{- define "controlplane.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
volumes:
  # Nothing in it outlives the pod: what the platform keeps is in PostgreSQL.
  - name: home
    emptyDir:
      sizeLimit: 256Mi
  # Kubeconfigs for helm among others: in memory, so that no disk holds a credential.
  - name: tmp
    emptyDir:
      medium: Memory
      sizeLimit: 64Mi
  - name: secrets
    projected:
      defaultMode: 0440
      sources:
        - secret:
            {{- $database := .Values.secrets.database }}
            {{- if and .migrates .Values.secrets.migrations.name }}
            {{- $database = .Values.secrets.migrations }}
            {{- end }}
            name: {{ $database.name | quote }}
            items:
              - {key: {{ $database.key | quote }}, path: database-url}
        - secret:
            name: {{ .Values.secrets.broker.name | quote }}
            items:
              - {key: {{ .Values.secrets.broker.key | quote }}, path: broker-url}
        - secret:
            name: {{ .Values.secrets.keys | quote }}
            items:
              - {key: secret-key, path: secret-key}
              - {key: encryption-keys, path: encryption-keys}
              - {key: bundle.pem, path: bundle.pem}
        {{- if .shows }}
        {{- range $path, $secret := dict "engine-token" .Values.secrets.engine "scraper-token" .Values.secrets.scraper }}
        {{- if $secret.name }}
        - secret:
            name: {{ $secret.name | quote }}
            items:
              - {key: {{ $secret.key | quote }}, path: {{ $path }}}
        {{- end }}
        {{- end }}
        {{- end }}
{{- end }}

{{- define "controlplane.container" -}}
image: {{ include "controlplane.image" . | quote }}
imagePullPolicy: IfNotPresent
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities:
    drop: [ALL]
volumeMounts:
  - {name: home, mountPath: /var/lib/argosy}
  - {name: tmp, mountPath: /tmp}
  - {name: secrets, mountPath: /etc/argosy, readOnly: true}
env:
  - {name: PYTHONDONTWRITEBYTECODE, value: "1"}
  - {name: HOME, value: /var/lib/argosy}
  - {name: ARGOSY_HOME, value: /var/lib/argosy}
  - {name: ARGOSY_URL, value: {{ .Values.url | quote }}}
  # By file, so that no secret stands in the description of a pod.
  - {name: ARGOSY_DATABASE_URL_FILE, value: /etc/argosy/database-url}
  - {name: ARGOSY_BROKER_URL_FILE, value: /etc/argosy/broker-url}
  - {name: ARGOSY_SECRET_KEY_FILE, value: /etc/argosy/secret-key}
  - {name: ARGOSY_ENCRYPTION_KEYS_FILE, value: /etc/argosy/encryption-keys}
  - {name: ARGOSY_BUNDLE_KEY_FILE, value: /etc/argosy/bundle.pem}
  {{- if .shows }}
  {{- with .Values.metrics.url }}
  - {name: ARGOSY_METRICS_URL, value: {{ . | quote }}}
  {{- end }}
  {{- if .Values.secrets.engine.name }}
  - {name: ARGOSY_METRICS_ENGINE_TOKEN_FILE, value: /etc/argosy/engine-token}
  {{- end }}
  {{- if .Values.secrets.scraper.name }}
  - {name: ARGOSY_METRICS_TOKEN_FILE, value: /etc/argosy/scraper-token}
  {{- end }}
  {{- end }}
  {{- range $name, $value := .Values.settings }}
  - {name: {{ $name | quote }}, value: {{ $value | quote }}}
  {{- end }}
{{- end }}

{{/* Liveness and readiness of a process without pages: its own work beats, see processes/health.py. */}}
{{- define "controlplane.probes" -}}
ports:
  - name: health
    containerPort: 9444
startupProbe:
  httpGet: {path: /livez, port: health}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /livez, port: health}
  periodSeconds: 20
  timeoutSeconds: 10
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: health}
  periodSeconds: 10
  timeoutSeconds: 10
  failureThreshold: 2
{{- end }}

{{/* Replicas that are not all on one node or in one zone, as far as there are several. */}}
{{- define "controlplane.spread" -}}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- topologyKey: {{ $key }}
  maxSkew: 1
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "controlplane.selector" $ | nindent 6 }}
{{- end }}
{{- end }}
