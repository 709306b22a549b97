{{- /*
What is granted, from files/rules.yaml, which is made from what the tools of the server declare. cnpg-mcp-rbac makes the same
objects from the same table; the two are held together by a test.
*/ -}}

{{- /* The namespaces that rights are given in, as JSON. */ -}}
{{- define "cnpg-mcp.namespaces" -}}
{{- default (list .Release.Namespace) (.Values.rbac.namespaces | uniq) | toJson -}}
{{- end }}

{{- /*
True (not empty) when the ClusterRole `name` is what the operator's chart makes as `which` (view or edit): it has every rule of
`rules` that is said to be in there, and gives nothing but rights on the operator's kinds. A template cannot ask whether it may
look, nor go on where it may not; so the name of this one is what the error of Helm shows then.
*/ -}}
{{- define "rbac.cnpgRoles=auto reads ClusterRoles; who may not read them sets rbac.cnpgRoles=create" -}}
{{- $role := lookup "rbac.authorization.k8s.io/v1" "ClusterRole" "" .name -}}
{{- $group := "postgresql.cnpg.io" -}}
{{- $verbs := list "get" "list" "watch" -}}
{{- if eq .which "edit" -}}{{- $verbs = concat $verbs (list "create" "delete" "deletecollection" "patch" "update") -}}{{- end -}}
{{- $fits := not (empty $role) -}}
{{- $held := default (list) $role.rules -}}
{{- range $rule := $held -}}
  {{- if ne (join "," $rule.apiGroups) $group -}}{{- $fits = false -}}{{- end -}}
  {{- range $verb := $rule.verbs -}}{{- if not (has $verb $verbs) -}}{{- $fits = false -}}{{- end -}}{{- end -}}
{{- end -}}
{{- range $rule := .rules -}}
  {{- if eq (default "" $rule.cnpgRole) $.which -}}
    {{- range $resource := $rule.resources -}}{{- range $verb := $rule.verbs -}}
      {{- $has := false -}}
      {{- range $held -}}
        {{- if and (not .resourceNames) (has $resource .resources) (has $verb .verbs) -}}{{- $has = true -}}{{- end -}}
      {{- end -}}
      {{- if not $has -}}{{- $fits = false -}}{{- end -}}
    {{- end -}}{{- end -}}
  {{- end -}}
{{- end -}}
{{- if $fits -}}true{{- end -}}
{{- end }}

{{- /* The grants, as JSON: [{suffix, rules?, existing?, cluster}]. */ -}}
{{- define "cnpg-mcp.grants" -}}
{{- $rbac := .Values.rbac -}}
{{- $table := .Files.Get "files/rules.yaml" | fromYaml -}}
{{- $preset := index $table.presets $rbac.preset -}}
{{- $bound := dict "view" false "edit" false -}}
{{- range $which := ternary (list "view" "edit") (list "view") (eq $rbac.preset "edit") -}}
  {{- if eq $rbac.cnpgRoles "bind" -}}
    {{- $_ := set $bound $which true -}}
  {{- else if eq $rbac.cnpgRoles "auto" -}}
    {{- $_ := set $bound $which (include "rbac.cnpgRoles=auto reads ClusterRoles; who may not read them sets rbac.cnpgRoles=create" (dict "name" (index $rbac.cnpgRoleNames $which) "which" $which "rules" $preset) | eq "true") -}}
  {{- end -}}
{{- end -}}
{{- $groups := list (dict "suffix" $rbac.preset "rules" $preset) -}}
{{- range $addOn := $table.order -}}
  {{- if index $rbac.addOns $addOn -}}
    {{- $groups = append $groups (dict "suffix" (kebabcase $addOn) "rules" (index $table.addOns $addOn $rbac.preset)) -}}
  {{- end -}}
{{- end -}}
{{- $grants := list -}}
{{- range $group := $groups -}}
  {{- range $cluster := list true false -}}
    {{- $rules := list -}}
    {{- range $rule := $group.rules -}}
      {{- $left := and $rule.cnpgRole (get $bound (default "" $rule.cnpgRole)) -}}
      {{- if and (not $left) (eq $cluster (or $rbac.clusterWide (eq (default "" $rule.scope) "cluster"))) -}}
        {{- $written := dict "apiGroups" $rule.apiGroups "resources" $rule.resources "verbs" $rule.verbs -}}
        {{- if $rule.byName -}}{{- $_ := set $written "resourceNames" $rbac.addOns.secrets -}}{{- end -}}
        {{- $rules = append $rules $written -}}
      {{- end -}}
    {{- end -}}
    {{- if $rules -}}
      {{- $grants = append $grants (dict "suffix" $group.suffix "rules" $rules "cluster" $cluster) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- /* The name of a binding has that of its role in it: the role of a binding cannot be changed. */ -}}
{{- $existing := list -}}
{{- range $which := list "view" "edit" -}}
  {{- if get $bound $which -}}{{- $existing = append $existing (index $rbac.cnpgRoleNames $which) -}}{{- end -}}
{{- end -}}
{{- range $name := concat $existing $rbac.existingClusterRoles | uniq -}}
  {{- $grants = append $grants (dict "suffix" (printf "bind-%s" $name) "existing" $name "cluster" $rbac.clusterWide) -}}
{{- end -}}
{{- if $rbac.impersonation.users -}}
  {{- $rules := list (dict "apiGroups" (list "") "resources" (list "users") "resourceNames" $rbac.impersonation.users "verbs" (list "impersonate")) -}}
  {{- if $rbac.impersonation.groups -}}
    {{- $rules = append $rules (dict "apiGroups" (list "") "resources" (list "groups") "resourceNames" $rbac.impersonation.groups "verbs" (list "impersonate")) -}}
  {{- end -}}
  {{- $grants = append $grants (dict "suffix" "impersonate" "rules" $rules "cluster" true) -}}
{{- end -}}
{{- $grants | toJson -}}
{{- end }}

{{- /* metadata of a role or binding. Outside its own namespace, two releases of the same name must not meet. */ -}}
{{- define "cnpg-mcp.rbacName" -}}
{{- if ne .namespace .root.Release.Namespace }}{{ .root.Release.Namespace }}:{{ end -}}
{{ include "cnpg-mcp.fullname" .root }}-{{ .suffix }}
{{- end }}

{{- define "cnpg-mcp.rbacMetadata" -}}
metadata:
  name: {{ include "cnpg-mcp.rbacName" . | quote }}
  {{- with .namespace }}
  namespace: {{ . | quote }}
  {{- end }}
  labels:
    {{- include "cnpg-mcp.labels" .root | nindent 4 }}
{{- end }}

{{- define "cnpg-mcp.role" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ ternary "Role" "ClusterRole" (ne .namespace "") }}
{{ include "cnpg-mcp.rbacMetadata" . }}
rules:
  {{- range .rules }}
  - apiGroups: {{ include "cnpg-mcp.list" .apiGroups }}
    resources: {{ include "cnpg-mcp.list" .resources }}
    {{- with .resourceNames }}
    resourceNames: {{ include "cnpg-mcp.list" . }}
    {{- end }}
    verbs: {{ include "cnpg-mcp.list" .verbs }}
  {{- end }}
{{- end }}

{{- define "cnpg-mcp.binding" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ ternary "RoleBinding" "ClusterRoleBinding" (ne .namespace "") }}
{{ include "cnpg-mcp.rbacMetadata" . }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ ternary "Role" "ClusterRole" (and (ne .namespace "") (not .existing)) }}
  name: {{ default (include "cnpg-mcp.rbacName" .) .existing | quote }}
subjects:
  - kind: ServiceAccount
    name: {{ include "cnpg-mcp.serviceAccountName" .root | quote }}
    namespace: {{ .root.Release.Namespace | quote }}
{{- end }}
