"""The names of the fields of a workflow that Argo 4.1 reads: it passes over every other one in silence."""

_CALLED = {"name", "template", "templateRef", "inline", "arguments"}
_REPEATED = {"withItems", "withParam", "withSequence", "when", "continueOn", "onExit", "hooks"}
# Set on a workflow and on one of its templates alike.
_OF_BOTH = {
    "activeDeadlineSeconds",
    "affinity",
    "automountServiceAccountToken",
    "executor",
    "hostAliases",
    "metrics",
    "nodeSelector",
    "parallelism",
    "podResources",
    "podSpecPatch",
    "resourceClaims",
    "retryStrategy",
    "schedulerName",
    "securityContext",
    "serviceAccountName",
    "suspend",
    "synchronization",
    "tolerations",
    "volumes",
}
SPEC = frozenset(
    _OF_BOTH
    | {
        "archiveLogs",
        "arguments",
        "artifactGC",
        "artifactRepositoryRef",
        "dnsConfig",
        "dnsPolicy",
        "entrypoint",
        "executorPlugins",
        "hooks",
        "hostNetwork",
        "imagePullSecrets",
        "onExit",
        "podDisruptionBudget",
        "podGC",
        "podMetadata",
        "podPriorityClassName",
        "priority",
        "shutdown",
        "templateDefaults",
        "templates",
        "ttlStrategy",
        "volumeClaimGC",
        "volumeClaimTemplates",
        "workflowMetadata",
        "workflowTemplateRef",
    }
)
TEMPLATE = frozenset(
    _OF_BOTH
    | {
        "annotations",
        "archiveLocation",
        "container",
        "containerSet",
        "daemon",
        "dag",
        "data",
        "failFast",
        "http",
        "initContainers",
        "inputs",
        "memoize",
        "metadata",
        "name",
        "outputs",
        "pendingTimeout",
        "plugin",
        "priorityClassName",
        "resource",
        "script",
        "sidecars",
        "steps",
        "timeout",
    }
)
STEP = frozenset(_CALLED | _REPEATED)
TASK = frozenset(STEP | {"dependencies", "depends"})
DAG = frozenset({"failFast", "target", "tasks"})
HOOK = frozenset({"arguments", "expression", "template", "templateRef"})
ARGUMENTS = frozenset({"artifacts", "parameters"})
OUTPUTS = frozenset({"artifacts", "exitCode", "parameters", "result"})
PARAMETER = frozenset(
    {"default", "description", "enum", "globalName", "name", "value", "valueFrom"}
)
RETRY = frozenset({"affinity", "backoff", "expression", "limit", "retryPolicy"})
CONTAINER = frozenset(
    {
        "args",
        "command",
        "env",
        "envFrom",
        "image",
        "imagePullPolicy",
        "lifecycle",
        "livenessProbe",
        "name",
        "ports",
        "readinessProbe",
        "resizePolicy",
        "resources",
        "restartPolicy",
        "restartPolicyRules",
        "securityContext",
        "startupProbe",
        "stdin",
        "stdinOnce",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "tty",
        "volumeDevices",
        "volumeMounts",
        "workingDir",
    }
)
SCRIPT = frozenset(CONTAINER | {"source"})
BESIDE = frozenset(CONTAINER | {"mirrorVolumeMounts"})  # a sidecar, or what runs before
MEMBER = frozenset(CONTAINER | {"dependencies"})  # of a container set
CONTAINER_SET = frozenset({"containers", "retryStrategy", "volumeMounts"})
# What a template does: one of these.
KINDS = (
    "container",
    "containerSet",
    "dag",
    "data",
    "http",
    "plugin",
    "resource",
    "script",
    "steps",
    "suspend",
)
