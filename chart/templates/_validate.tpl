{{- /*
What would only show later: as a refusal of the API server when half is installed, or as pods that never serve. Everything is said at
once, in a sentence that names the value. What can be said about a single value is in the schema.
*/ -}}
{{- define "cnpg-mcp.validate" -}}
{{- $problems := concat
  (include "cnpg-mcp.problemsOfAccess" . | fromJsonArray)
  (include "cnpg-mcp.problemsOfSignIn" . | fromJsonArray)
  (include "cnpg-mcp.problemsOfOwnSettings" . | fromJsonArray)
  (include "cnpg-mcp.problemsOfNames" . | fromJsonArray)
  (include "cnpg-mcp.problemsOfSecrets" . | fromJsonArray)
  (include "cnpg-mcp.problemsOfObjects" . | fromJsonArray) -}}
{{- if $problems -}}{{- fail (join "\n" $problems) -}}{{- end -}}
{{- end }}

{{- /* About the account and its rights. */ -}}
{{- define "cnpg-mcp.problemsOfAccess" -}}
{{- $problems := list -}}
{{- $rbac := .Values.rbac -}}
{{- $account := .Values.serviceAccount -}}
{{- if and $rbac.create (not $account.create) (not $account.name) -}}
  {{- $problems = append $problems "serviceAccount.name must say which account gets the rights, because none is made (serviceAccount.create is off). Without a name it would be `default`, which every pod of the namespace has that names no other." -}}
{{- end -}}
{{- $writing := list -}}
{{- if ne $rbac.preset "view" -}}{{- $writing = append $writing (printf "rbac.preset %s" $rbac.preset) -}}{{- end -}}
{{- if $rbac.existingClusterRoles -}}{{- $writing = append $writing "rbac.existingClusterRoles" -}}{{- end -}}
{{- if and $rbac.clusterWide $writing (not $rbac.acknowledgeClusterWideWrites) -}}
  {{- $problems = append $problems (printf "rbac.clusterWide with %s lets the server change what is in every namespace. Name the namespaces instead (rbac.namespaces), or say that it is meant: rbac.acknowledgeClusterWideWrites." (join " and " $writing)) -}}
{{- end -}}
{{- if and $rbac.clusterWide $rbac.namespaces -}}
  {{- $problems = append $problems "rbac.namespaces and rbac.clusterWide exclude each other: leave one out." -}}
{{- end -}}
{{- if and $rbac.addOns.secrets (ne $rbac.preset "edit") -}}
  {{- $problems = append $problems "rbac.addOns.secrets is of use with rbac.preset edit only, because no other tool touches a Secret: set that preset, or name none." -}}
{{- end -}}
{{- if and $rbac.impersonation.groups (not $rbac.impersonation.users) -}}
  {{- $problems = append $problems "rbac.impersonation.groups needs rbac.impersonation.users: Kubernetes lets nobody act for a group alone." -}}
{{- end -}}
{{- range $name := concat $rbac.impersonation.users $rbac.impersonation.groups -}}
  {{- if hasPrefix "system:" $name -}}
    {{- $problems = append $problems (printf "rbac.impersonation: %s is a part of Kubernetes, and the server must not act for it." $name) -}}
  {{- end -}}
{{- end -}}
{{- $events := (default (dict) .Values.config.audit).events -}}
{{- if and $events $rbac.create (ne $rbac.preset "view") (not $rbac.addOns.auditEvents) (not $rbac.existingClusterRoles) -}}
  {{- $problems = append $problems "config.audit.events needs the right to make events: switch rbac.addOns.auditEvents on." -}}
{{- end -}}
{{- $problems | toJson -}}
{{- end }}

{{- /* About who may call. What variables and flags say about the identity provider is not looked into. */ -}}
{{- define "cnpg-mcp.problemsOfSignIn" -}}
{{- $problems := list -}}
{{- $mode := .Values.auth.mode -}}
{{- $auth := default (dict) .Values.config.auth -}}
{{- $further := or .Values.extraEnv .Values.extraEnvFrom .Values.extraArgs -}}
{{- if and (eq $mode "none") (not .Values.auth.acknowledgeAnonymous) -}}
  {{- $problems = append $problems "auth.mode none lets everybody who can reach the Service do what the server may do. Have callers sign in (token or config), or say that it is meant: auth.acknowledgeAnonymous." -}}
{{- end -}}
{{- if and .Values.auth.existingSecret (ne $mode "token") -}}
  {{- $problems = append $problems (printf "auth.existingSecret holds tokens, which are of no use with auth.mode %s: set auth.mode token, or leave the Secret out." $mode) -}}
{{- end -}}
{{- if and (eq $mode "config") (not $auth.issuer) (not $further) -}}
  {{- $problems = append $problems "auth.mode is config: config.auth.issuer must say where callers sign in." -}}
{{- end -}}
{{- if and $auth.issuer (not $auth.audiences) (not .Values.config.publicUrl) (not $further) -}}
  {{- $problems = append $problems "With config.auth.issuer, config.publicUrl or config.auth.audiences must say what its tokens are issued for." -}}
{{- end -}}
{{- if and (eq $mode "none") $auth.issuer -}}
  {{- $problems = append $problems "auth.mode none and config.auth.issuer contradict each other: callers either sign in or they do not." -}}
{{- end -}}
{{- if and (default (dict) $auth.impersonation).enabled (ne $mode "config") (not .Values.auth.existingSecret) -}}
  {{- $problems = append $problems "config.auth.impersonation must know whom each caller acts as: take auth.mode config, or tokens of your own that say it (auth.existingSecret)." -}}
{{- end -}}
{{- $problems | toJson -}}
{{- end }}

{{- /* About settings of the server that are the chart's own, because its other objects have to fit them. */ -}}
{{- define "cnpg-mcp.problemsOfOwnSettings" -}}
{{- $problems := list -}}
{{- $own := .Files.Get "files/settings.yaml" | fromYaml -}}
{{- with .Values.config.host -}}
  {{- if not (has . (list "0.0.0.0" "::")) -}}
    {{- $problems = append $problems (printf "config.host is %s, where neither the Service nor the probes reach the server: a pod listens on every address, 0.0.0.0 or ::." .) -}}
  {{- end -}}
{{- end -}}
{{- range .Values.extraEnv -}}
  {{- if has .name $own.variables -}}
    {{- $problems = append $problems (printf "extraEnv: %s is set by the chart itself, and its other objects fit that. Leave it out." .name) -}}
  {{- end -}}
{{- end -}}
{{- range .Values.extraArgs -}}
  {{- $flag := splitList "=" . | first -}}
  {{- if and (hasPrefix "-" $flag) (has ($flag | trimPrefix "-" | trimPrefix "-" | trimPrefix "no-") $own.flags) -}}
    {{- $problems = append $problems (printf "extraArgs: %s is set by the chart itself, and its other objects fit that. Leave it out." $flag) -}}
  {{- end -}}
{{- end -}}
{{- $problems | toJson -}}
{{- end }}

{{- /* About names that may be there only once, and what Kubernetes takes as a name. */ -}}
{{- define "cnpg-mcp.problemsOfNames" -}}
{{- $problems := list -}}
{{- $fullname := include "cnpg-mcp.fullname" . -}}
{{- if not (regexMatch "^[a-z]" $fullname) -}}
  {{- $problems = append $problems (printf "The Service would be named %s, but the name of a Service starts with a letter: set fullnameOverride." $fullname) -}}
{{- end -}}
{{- $own := include "cnpg-mcp.labels" . | fromYaml | keys -}}
{{- $metrics := .Values.metrics -}}
{{- range $value, $labels := dict "podLabels" .Values.podLabels "metrics.serviceMonitor.labels" $metrics.serviceMonitor.labels "metrics.prometheusRule.labels" $metrics.prometheusRule.labels "metrics.dashboard.labels" $metrics.dashboard.labels -}}
  {{- range $key, $_ := $labels -}}
    {{- if has $key (append $own "app.kubernetes.io/component") -}}
      {{- $problems = append $problems (printf "%s: the label %s is the chart's own." $value $key) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- if hasKey .Values.podAnnotations "checksum/config" -}}
  {{- $problems = append $problems "podAnnotations: checksum/config is the chart's own." -}}
{{- end -}}
{{- $volumes := list "config" "confirmation" "auth" "tmp" -}}
{{- range .Values.extraVolumes -}}{{- $volumes = append $volumes (toString .name) -}}{{- end -}}
{{- $variables := list -}}
{{- range .Values.extraEnv -}}{{- $variables = append $variables .name -}}{{- end -}}
{{- $mounts := list "/tmp" -}}
{{- range $file := list "cnpg-mcp.configFile" "cnpg-mcp.confirmationKeyFile" "cnpg-mcp.tokensFile" -}}
  {{- $mounts = append $mounts (include $file $ | dir) -}}
{{- end -}}
{{- range .Values.extraVolumeMounts -}}{{- $mounts = append $mounts (toString .mountPath | clean) -}}{{- end -}}
{{- range $value, $names := dict "extraEnv" $variables "extraVolumes" $volumes "extraVolumeMounts" $mounts -}}
  {{- $seen := list -}}
  {{- range $name := $names -}}
    {{- if has $name $seen -}}
      {{- $problems = append $problems (printf "%s: %s is there twice, or is the chart's own." $value $name) -}}
    {{- end -}}
    {{- $seen = append $seen $name -}}
  {{- end -}}
{{- end -}}
{{- $problems | toJson -}}
{{- end }}

{{- /* About Secrets that are named and would be gone: what this chart made and does not make any more, Helm deletes. */ -}}
{{- define "cnpg-mcp.problemsOfSecrets" -}}
{{- $problems := list -}}
{{- range $value, $name := dict "auth.existingSecret" .Values.auth.existingSecret "confirmation.existingSecret" .Values.confirmation.existingSecret -}}
  {{- if $name -}}
    {{- $metadata := default (dict) (lookup "v1" "Secret" $.Release.Namespace $name).metadata -}}
    {{- $owner := get (default (dict) $metadata.annotations) "meta.helm.sh/release-name" -}}
    {{- $chart := get (default (dict) $metadata.labels) "helm.sh/chart" -}}
    {{- if and (eq $owner $.Release.Name) (hasPrefix (printf "%s-" $.Chart.Name) $chart) -}}
      {{- $problems = append $problems (printf "%s: Secret %s was made by this release, and Helm would delete it, because the chart makes none where one is named. Make one of another name, or leave the value out." $value $name) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- $problems | toJson -}}
{{- end }}

{{- /* About objects that the API server would refuse when others are there already, or that would do nothing. */ -}}
{{- define "cnpg-mcp.problemsOfObjects" -}}
{{- $problems := list -}}
{{- $scaling := .Values.autoscaling -}}
{{- if $scaling.enabled -}}
  {{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) -}}
    {{- $problems = append $problems "autoscaling.minReplicas must not be greater than autoscaling.maxReplicas." -}}
  {{- end -}}
  {{- if not (or $scaling.targetCPUUtilizationPercentage $scaling.targetMemoryUtilizationPercentage) -}}
    {{- $problems = append $problems "autoscaling.enabled needs something to aim at: autoscaling.targetCPUUtilizationPercentage or autoscaling.targetMemoryUtilizationPercentage." -}}
  {{- end -}}
  {{- $requests := default (dict) .Values.resources.requests -}}
  {{- range $resource, $target := dict "cpu" $scaling.targetCPUUtilizationPercentage "memory" $scaling.targetMemoryUtilizationPercentage -}}
    {{- if and $target (not (get $requests $resource)) -}}
      {{- $problems = append $problems (printf "autoscaling.target%sUtilizationPercentage is a part of resources.requests.%s, which has no value: the autoscaler would never act." (ternary "CPU" "Memory" (eq $resource "cpu")) $resource) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
  {{- $problems = append $problems "ingress.enabled needs ingress.hosts: the names by which the server is reached." -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
  {{- $problems = append $problems "httpRoute.enabled needs httpRoute.parentRefs: the gateways that the route belongs to." -}}
{{- end -}}
{{- $hosts := concat (ternary .Values.ingress.hosts (list) .Values.ingress.enabled) (ternary .Values.httpRoute.hostnames (list) .Values.httpRoute.enabled) -}}
{{- $named := or .Values.config.allowedHosts .Values.config.publicUrl .Values.extraEnv .Values.extraEnvFrom .Values.extraArgs -}}
{{- range $host := $hosts -}}
  {{- if and (hasPrefix "*." $host) (not $named) -}}
    {{- $problems = append $problems (printf "ingress.hosts or httpRoute.hostnames: %s stands for many names, and the server answers only to those that it knows: list them in config.allowedHosts." $host) -}}
  {{- end -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.hostnames) (not $named) -}}
  {{- $problems = append $problems "httpRoute.enabled without httpRoute.hostnames: the server answers only to names that it knows, and not to those of the gateway. Name them, or list them in config.allowedHosts." -}}
{{- end -}}
{{- $rolling := default (dict) .Values.strategy.rollingUpdate -}}
{{- if and (ne (default "" .Values.strategy.type) "Recreate") (eq "0" (toString $rolling.maxSurge | trimSuffix "%")) (eq "0" (toString $rolling.maxUnavailable | trimSuffix "%")) -}}
  {{- $problems = append $problems "strategy.rollingUpdate: maxSurge and maxUnavailable must not both be 0, or no pod could ever be replaced." -}}
{{- end -}}
{{- if and .Values.service.nodePort (eq .Values.service.type "ClusterIP") -}}
  {{- $problems = append $problems "service.nodePort is of use with service.type NodePort or LoadBalancer only: set one of these, or leave the port out." -}}
{{- end -}}
{{- $monitor := .Values.metrics.serviceMonitor -}}
{{- if gt (include "cnpg-mcp.seconds" $monitor.scrapeTimeout | int) (include "cnpg-mcp.seconds" $monitor.interval | int) -}}
  {{- $problems = append $problems (printf "metrics.serviceMonitor.scrapeTimeout (%s) must not be longer than metrics.serviceMonitor.interval (%s): Prometheus would read nothing." $monitor.scrapeTimeout $monitor.interval) -}}
{{- end -}}
{{- $problems | toJson -}}
{{- end }}

{{- /* `30s` and `2m` in seconds. */ -}}
{{- define "cnpg-mcp.seconds" -}}
{{- mul (regexFind "^\\d+" . | int) (ternary 60 1 (hasSuffix "m" .)) -}}
{{- end }}
