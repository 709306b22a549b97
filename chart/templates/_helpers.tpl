{{- define "cnpg-mcp.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- /* A release may have dots in its name, a Service may not. A name that is cut does not end in hyphens. */ -}}
{{- define "cnpg-mcp.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $derived := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $derived .Values.fullnameOverride | replace "." "-" | trunc 63 | regexFind "^.*[^-]" -}}
{{- end }}

{{- /* Name of an object beside the main one: a cut name never loses its end, which tells what it is. */ -}}
{{- define "cnpg-mcp.childName" -}}
{{- $suffix := .suffix -}}
{{- printf "%s-%s" (include "cnpg-mcp.fullname" .root | trunc (int (sub 62 (len $suffix))) | regexFind "^.*[^-]") $suffix -}}
{{- end }}

{{- define "cnpg-mcp.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "cnpg-mcp.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "cnpg-mcp.selectorLabels" -}}
app.kubernetes.io/name: {{ include "cnpg-mcp.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- /* The order is that of the alphabet, which is also how cnpg-mcp-rbac writes them. Helm adds managed-by. */ -}}
{{- define "cnpg-mcp.labels" -}}
"app.kubernetes.io/instance": {{ .Release.Name | quote }}
"app.kubernetes.io/name": {{ include "cnpg-mcp.name" . | quote }}
"app.kubernetes.io/version": {{ .Chart.AppVersion | quote }}
"helm.sh/chart": {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{- define "cnpg-mcp.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end }}

{{- /* Secret with the bearer tokens, and Secret with the key of confirmations. */ -}}
{{- define "cnpg-mcp.authSecret" -}}
{{- default (include "cnpg-mcp.childName" (dict "root" . "suffix" "auth")) .Values.auth.existingSecret -}}
{{- end }}
{{- /* What the token that the chart makes allows, at most; empty when the chart makes none. */ -}}
{{- define "cnpg-mcp.tokenEffect" -}}
{{- if and (eq .Values.auth.mode "token") (not .Values.auth.existingSecret) -}}
{{- index (.Files.Get "files/rules.yaml" | fromYaml).effects .Values.rbac.preset -}}
{{- end -}}
{{- end }}
{{- define "cnpg-mcp.confirmationSecret" -}}
{{- default (include "cnpg-mcp.childName" (dict "root" . "suffix" "confirmation")) .Values.confirmation.existingSecret -}}
{{- end }}

{{- /* The lists and names of a JSON array, for rules: ["get", "list"]. */ -}}
{{- define "cnpg-mcp.list" -}}
[{{ range $index, $item := . }}{{ if $index }}, {{ end }}{{ $item | quote }}{{ end }}]
{{- end }}
