{{- /* Where things are in the container. Nothing else in this chart says so. */ -}}
{{- define "cnpg-mcp.port" -}}3000{{- end }}
{{- define "cnpg-mcp.managementPort" -}}9464{{- end }}
{{- define "cnpg-mcp.configFile" -}}/etc/cnpg-mcp/config/config.yaml{{- end }}
{{- define "cnpg-mcp.tokensFile" -}}/etc/cnpg-mcp/auth/tokens.yaml{{- end }}
{{- define "cnpg-mcp.confirmationKeyFile" -}}/etc/cnpg-mcp/confirmation/confirmation-key{{- end }}

{{- /* Names that clients reach the server by: through the Service, a forwarded port, an Ingress or a Gateway. As JSON. */ -}}
{{- define "cnpg-mcp.allowedHosts" -}}
{{- $service := include "cnpg-mcp.fullname" . -}}
{{- $ns := .Release.Namespace -}}
{{- $hosts := list $service (printf "%s.%s" $service $ns) (printf "%s.%s.svc" $service $ns) (printf "%s.%s.svc.cluster.local" $service $ns) "localhost" "127.0.0.1" "[::1]" -}}
{{- if .Values.ingress.enabled -}}{{- $hosts = concat $hosts .Values.ingress.hosts -}}{{- end -}}
{{- if .Values.httpRoute.enabled -}}{{- $hosts = concat $hosts .Values.httpRoute.hostnames -}}{{- end -}}
{{- /* `*.example.com` is the name of no server. */ -}}
{{- $names := list -}}
{{- range concat $hosts (default (list) .Values.config.allowedHosts) | uniq -}}
  {{- if not (hasPrefix "*." .) -}}{{- $names = append $names . -}}{{- end -}}
{{- end -}}
{{- $names | toJson -}}
{{- end }}

{{- /* The configuration of the server, as JSON: what `config` says, and what follows from the other values. */ -}}
{{- define "cnpg-mcp.configuration" -}}
{{- $config := deepCopy .Values.config -}}
{{- $_ := set $config "transport" "http" -}}
{{- $_ := set $config "host" (default "0.0.0.0" $config.host) -}}
{{- $_ := set $config "port" (include "cnpg-mcp.port" . | int) -}}
{{- $_ := set $config "managementPort" (include "cnpg-mcp.managementPort" . | int) -}}
{{- $_ := set $config "allowedHosts" (include "cnpg-mcp.allowedHosts" . | fromJsonArray) -}}
{{- $_ := set $config "confirmationKeyFile" (include "cnpg-mcp.confirmationKeyFile" .) -}}
{{- if not (hasKey $config "shutdownDelaySeconds") -}}{{- $_ := set $config "shutdownDelaySeconds" 5 -}}{{- end -}}
{{- if eq .Values.auth.mode "none" -}}{{- $_ := set $config "unsafeAllowAnonymous" true -}}{{- end -}}
{{- if eq .Values.auth.mode "token" -}}
  {{- $_ := set $config "auth" (merge (dict "tokensFile" (include "cnpg-mcp.tokensFile" .)) (default (dict) $config.auth)) -}}
{{- end -}}
{{- /* Also where the rights come from elsewhere: what a made token allows follows the preset as well. */ -}}
{{- if and (eq .Values.rbac.preset "view") (not (hasKey $config "readOnly")) -}}{{- $_ := set $config "readOnly" true -}}{{- end -}}
{{- if and .Values.rbac.create (not .Values.rbac.clusterWide) (not (hasKey $config "namespaces")) -}}
  {{- $_ := set $config "namespaces" (include "cnpg-mcp.namespaces" . | fromJsonArray) -}}
{{- end -}}
{{- if and $config.namespaces (not (hasKey $config "namespace")) (not (has .Release.Namespace $config.namespaces)) -}}
  {{- $_ := set $config "namespace" (first $config.namespaces) -}}
{{- end -}}
{{- $config | toJson -}}
{{- end }}

{{- /* What the server needs to end without losing an answer: its delay, its grace, and a little for itself. In seconds. */ -}}
{{- define "cnpg-mcp.terminationSeconds" -}}
{{- $config := include "cnpg-mcp.configuration" . | fromJson -}}
{{- $grace := 20 -}}
{{- if hasKey $config "shutdownGraceSeconds" -}}{{- $grace = $config.shutdownGraceSeconds -}}{{- end -}}
{{- add (int $config.shutdownDelaySeconds) (int $grace) 5 -}}
{{- end }}
