{{- /* What the server's pod and the test's pod have in common. */ -}}
{{- define "cnpg-mcp.podIdentity" -}}
serviceAccountName: {{ include "cnpg-mcp.serviceAccountName" . | quote }}
automountServiceAccountToken: true
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if not (kindIs "invalid" .Values.hostUsers) }}
hostUsers: {{ .Values.hostUsers }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
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
{{- end }}

{{- define "cnpg-mcp.containerImage" -}}
image: {{ include "cnpg-mcp.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Environment of every container. Unless NODE_OPTIONS are given, the heap stays below the limit of the container, so that Node.js collects garbage before it is killed. */ -}}
{{- define "cnpg-mcp.env" -}}
env:
  - name: CNPG_MCP_CONFIG
    value: {{ include "cnpg-mcp.configFile" . }}
  {{- $given := list }}
  {{- range .Values.extraEnv }}{{ $given = append $given .name }}{{ end }}
  {{- if not (has "NODE_OPTIONS" $given) }}
  - name: NODE_OPTIONS
    value: --max-old-space-size-percentage=75
  {{- end }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "cnpg-mcp.volumeMounts" -}}
- {name: config, mountPath: {{ include "cnpg-mcp.configFile" . | dir }}, readOnly: true}
- {name: confirmation, mountPath: {{ include "cnpg-mcp.confirmationKeyFile" . | dir }}, readOnly: true}
{{- if eq .Values.auth.mode "token" }}
- {name: auth, mountPath: {{ include "cnpg-mcp.tokensFile" . | dir }}, readOnly: true}
{{- end }}
- {name: tmp, mountPath: /tmp}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "cnpg-mcp.volumes" -}}
- name: config
  configMap:
    name: {{ include "cnpg-mcp.fullname" . | quote }}
- name: confirmation
  secret:
    secretName: {{ include "cnpg-mcp.confirmationSecret" . | quote }}
    items: [{key: confirmation-key, path: confirmation-key}]
{{- if eq .Values.auth.mode "token" }}
- name: auth
  secret:
    secretName: {{ include "cnpg-mcp.authSecret" . | quote }}
    items: [{key: tokens.yaml, path: tokens.yaml}]
{{- end }}
- name: tmp
  emptyDir:
    sizeLimit: 16Mi
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
