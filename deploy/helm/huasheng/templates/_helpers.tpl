{{/* What the code fixes: ports, and the name under which a service reports its health. */}}
{{- define "huasheng.facts" -}}
asr: {port: 50051, metrics: 9101, health: huasheng.asr.v1.AsrService, storage: ro}
llm: {port: 50052, metrics: 9102, health: huasheng.llm.v1.LlmService, storage: ""}
tts: {port: 50053, metrics: 9103, health: huasheng.tts.v1.TtsService, storage: rw}
render: {port: 50054, metrics: 9104, health: huasheng.render.v1.RenderService, storage: rw}
gateway: {port: 50050, metrics: 9105, health: huasheng.gateway.v1.GatewayService, storage: rw}
{{- end }}

{{- define "huasheng.labels" -}}
helm.sh/chart: huasheng-{{ .Chart.Version }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: huasheng
{{- end }}

{{- define "huasheng.image" -}}
{{- $image := .own.image -}}
{{- $registry := .root.Values.image.registry | trimSuffix "/" -}}
{{- if $registry }}{{ $registry }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .root.Values.image.tag | default .root.Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "huasheng.isBucket" -}}
{{- if not (hasPrefix "file://" .Values.storage.url) }}true{{ end }}
{{- end }}

{{- define "huasheng.claim" -}}
{{ .Values.storage.claim.existing | default "huasheng-storage" }}
{{- end }}

{{/* Whether an autoscaler owns the number of replicas. */}}
{{- define "huasheng.isScaled" -}}
{{- if and .root.Values.autoscaling.enabled (ne .name "gateway") }}true{{ end }}
{{- end }}

{{- define "huasheng.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  {{- with .own.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  labels:
    {{- include "huasheng.labels" .root | nindent 4 }}
automountServiceAccountToken: false
{{- end }}

{{/* A probe of the gRPC health. With TLS the service asks itself: Kubernetes' own gRPC probes speak none. */}}
{{- define "huasheng.probe" -}}
{{- if .root.Values.tls.enabled }}
exec:
  command: [python, -m, services.common.healthcheck, {{ .name }}]
{{- else }}
grpc: {port: {{ .facts.port }}, service: {{ .health | quote }}}
{{- end }}
{{- end }}

{{- define "huasheng.pod" -}}
{{- $isBucket := include "huasheng.isBucket" .root -}}
{{- $isSecure := .root.Values.tls.enabled -}}
metadata:
  labels:
    app.kubernetes.io/name: {{ .name }}
    app.kubernetes.io/part-of: huasheng
    {{- with .own.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ include (print .root.Template.BasePath "/config.yaml") .root | sha256sum }}
    {{- with .own.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ .name }}
  automountServiceAccountToken: false
  # else a Service called "{{ .name }}" would put {{ upper .name }}_PORT=tcp://… into the environment, where our settings have a number
  enableServiceLinks: false
  {{- with .root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  terminationGracePeriodSeconds: {{ .own.terminationGracePeriodSeconds }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  {{- with .own.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .own.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .own.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: {{ .root.Values.topologyKey }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {app.kubernetes.io/name: {{ .name }}}
  containers:
    - name: {{ .name }}
      image: {{ include "huasheng.image" . | quote }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      # the address is withdrawn everywhere before the process hears that it shall end
      lifecycle:
        preStop:
          sleep: {seconds: {{ .root.Values.preStopSeconds }}}
      envFrom:
        - configMapRef: {name: huasheng-config}
        {{- if eq .name "gateway" }}
        - configMapRef: {name: gateway-config}
        {{- end }}
        {{- if and $isBucket .facts.storage }}
        # the bucket's keys; without the secret, the identity that the platform gives the service account
        - secretRef: {name: {{ .root.Values.storage.credentialsSecret }}, optional: true}
        {{- end }}
      {{- $env := include "huasheng.env" . | trim }}
      {{- if or $env .own.config .own.env }}
      env:
        {{- with $env }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- if ne .name "gateway" }}
        {{- range $key, $value := .own.config }}
        - {name: {{ $key }}, value: {{ $value | quote }}}
        {{- end }}
        {{- end }}
        {{- with .own.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      ports:
        {{- if eq .name "gateway" }}
        - {name: http, containerPort: 5001}
        {{- end }}
        - {name: grpc, containerPort: {{ .facts.port }}}
        - {name: metrics, containerPort: {{ .facts.metrics }}}
      # the service's own name is healthy once its weights are in memory; the empty name as soon as the process answers
      startupProbe:
        {{- include "huasheng.probe" (merge (dict "health" .facts.health) .) | trim | nindent 8 }}
        periodSeconds: {{ $isSecure | ternary 5 2 }}
        timeoutSeconds: {{ $isSecure | ternary 5 2 }}
        failureThreshold: {{ div .own.startupSeconds 2 }}
      readinessProbe:
        {{- if eq .name "gateway" }}
        # the database too: without it nobody can be served here
        httpGet: {path: /readyz, port: http}
        periodSeconds: 5
        timeoutSeconds: 6
        {{- else }}
        {{- include "huasheng.probe" (merge (dict "health" .facts.health) .) | trim | nindent 8 }}
        periodSeconds: {{ $isSecure | ternary 10 5 }}
        timeoutSeconds: {{ $isSecure | ternary 5 3 }}
        {{- end }}
      livenessProbe:
        {{- if and $isSecure (eq .name "gateway") }}
        # not its health, which follows the database: starting anew would bring none back
        httpGet: {path: /healthz, port: http}
        {{- else }}
        {{- include "huasheng.probe" (merge (dict "health" "") .) | trim | nindent 8 }}
        {{- end }}
        periodSeconds: {{ $isSecure | ternary 30 10 }}
        timeoutSeconds: 5
        failureThreshold: 6
      resources:
        {{- toYaml .own.resources | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        # a file, not a variable: a token that is changed in the secret is used within a minute, without a restart
        - {name: service-token, mountPath: /run/service-token, readOnly: true}
        {{- if and .facts.storage (not $isBucket) }}
        - {name: storage, mountPath: {{ trimPrefix "file://" .root.Values.storage.url }}{{ if eq .facts.storage "ro" }}, readOnly: true{{ end }}}
        {{- end }}
        {{- if and .facts.storage $isBucket }}
        - {name: cache, mountPath: /var/lib/huasheng/cache}
        {{- end }}
        {{- if eq .name "gateway" }}
        - {name: data, mountPath: /var/lib/huasheng/gateway}
        {{- end }}
        {{- if eq .name "llm" }}
        - {name: keys, mountPath: /run/keys, readOnly: true}
        {{- end }}
        {{- if $isSecure }}
        - {name: tls, mountPath: /run/tls, readOnly: true}
        {{- end }}
        {{- with .own.volumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 2Gi}
    - name: service-token
      secret:
        secretName: {{ .root.Values.secretName }}
        defaultMode: 0440
        items: # nothing else of the secret
          - {key: service-token, path: token}
    {{- if and .facts.storage (not $isBucket) }}
    - name: storage
      persistentVolumeClaim: {claimName: {{ include "huasheng.claim" .root }}}
    {{- end }}
    {{- if and .facts.storage $isBucket }}
    # copies (storage.cacheMb), and beyond it what is in use and what is being made
    - {name: cache, emptyDir: {sizeLimit: {{ .root.Values.storage.cacheSize }}}}
    {{- end }}
    {{- if eq .name "llm" }}
    - name: keys
      secret:
        secretName: {{ .root.Values.secretName }}
        optional: true
        defaultMode: 0440
        items: # nothing else of the secret
          - {key: zhipu-api-key, path: zhipu-api-key}
          - {key: openai-api-key, path: openai-api-key}
    {{- end }}
    {{- if $isSecure }}
    - name: tls
      secret: {secretName: {{ .root.Values.tls.secretName }}, defaultMode: 0440}
    {{- end }}
    {{- with .own.volumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* Variables that a service always has. */}}
{{- define "huasheng.env" -}}
{{- $secret := .root.Values.secretName -}}
{{- if eq .name "asr" }}
- name: ASR_GOOGLE_KEY
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: google-speech-key, optional: true}}
{{- else if eq .name "llm" }}
# the embedded faq engine needs no key; a cloud engine is chosen with LLM_ENGINES in the configuration
# files, not variables: a key that is changed in the secret is used within a minute, without a restart
- {name: LLM_ZHIPU_API_KEY_FILE, value: /run/keys/zhipu-api-key}
- {name: LLM_OPENAI_API_KEY_FILE, value: /run/keys/openai-api-key}
{{- else if eq .name "gateway" }}
- name: GATEWAY_EXECUTOR_ID
  valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}
{{- if .root.Values.database.external }}
- name: GATEWAY_DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: database-url}}
{{- end }}
# without it each gateway makes a key of its own and keeps it with its data
- name: GATEWAY_SECRET
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: gateway-secret, optional: {{ not .root.Values.database.external }}}}
{{- end }}
{{- end }}

{{- define "huasheng.budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  labels:
    {{- include "huasheng.labels" .root | nindent 4 }}
spec:
  # not minAvailable: with one replica that would keep a node from ever being drained
  maxUnavailable: 1
  selector:
    matchLabels: {app.kubernetes.io/name: {{ .name }}}
{{- end }}
