"""Which keys Argo's controller reads from its config map, and since which version it knows them.

The controller reads its map strictly: one key that it does not know ends it, at start and at every later
change. So the shape is written down here, and what does not fit is refused before it is written.
Kubernetes' own kinds inside it (a container's `env`, a pod's `affinity`) are left to the API server.
"""

from typing import Any

import msgspec

OLDEST = (3, 7)

# Keys younger than the oldest version we give to teams: a 4.1 key ends a 4.0 controller.
SINCE: dict[str, tuple[int, int]] = {
    "artifactDrivers": (4, 0),
    "artifactRepository.plugin": (4, 0),
    "disableAgentPodCreation": (4, 1),
    "failedPodRestart": (4, 0),
    "initlessPod": (4, 1),
    "persistence.connectionTimeoutSeconds": (4, 1),
    "persistence.postgresql.awsRDSToken": (4, 1),
    "persistence.postgresql.azureToken": (4, 1),
    "persistence.reconnectionConfig": (4, 1),
    "sso.rootCA": (4, 0),
    "synchronization.connectionTimeoutSeconds": (4, 1),
    "synchronization.enableAPI": (4, 0),
    "synchronization.postgresql.awsRDSToken": (4, 1),
    "synchronization.postgresql.azureToken": (4, 1),
    "synchronization.reconnectionConfig": (4, 1),
    "workflowDefaults.spec.executorPlugins": (4, 1),
    "workflowDefaults.spec.podResources": (4, 1),
    "workflowDefaults.spec.resourceClaims": (4, 1),
}


class Shape(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename="camel",
):
    """A mapping with these keys and no others; what is None is left out."""


class SecretKey(Shape, frozen=True):
    name: str
    key: str
    optional: bool | None = None


class NodeEvents(Shape, frozen=True):
    enabled: bool | None = None
    send_as_pod: bool | None = None


class WorkflowEvents(Shape, frozen=True):
    enabled: bool | None = None


class Resources(Shape, frozen=True):
    requests: dict[str, str] | None = None
    limits: dict[str, str] | None = None
    claims: list[dict[str, str]] | None = None


class Container(Shape, frozen=True):
    """A container that Argo merges into those it makes."""

    name: str | None = None
    image: str | None = None
    image_pull_policy: str | None = None
    command: list[str] | None = None
    args: list[str] | None = None
    working_dir: str | None = None
    env: list[dict[str, Any]] | None = None
    env_from: list[dict[str, Any]] | None = None
    ports: list[dict[str, Any]] | None = None
    resources: Resources | None = None
    resize_policy: list[dict[str, str]] | None = None
    restart_policy: str | None = None
    security_context: dict[str, Any] | None = None
    volume_mounts: list[dict[str, Any]] | None = None
    volume_devices: list[dict[str, str]] | None = None
    lifecycle: dict[str, Any] | None = None
    liveness_probe: dict[str, Any] | None = None
    readiness_probe: dict[str, Any] | None = None
    startup_probe: dict[str, Any] | None = None
    termination_message_path: str | None = None
    termination_message_policy: str | None = None
    stdin: bool | None = None
    stdin_once: bool | None = None
    tty: bool | None = None


class KubeConfig(Shape, frozen=True):
    secret_name: str
    secret_key: str
    volume_name: str | None = None
    mount_path: str | None = None


class ArtifactRepository(Shape, frozen=True):
    archive_logs: bool | None = None
    s3: dict[str, Any] | None = None
    artifactory: dict[str, Any] | None = None
    hdfs: dict[str, Any] | None = None
    oss: dict[str, Any] | None = None
    gcs: dict[str, Any] | None = None
    azure: dict[str, Any] | None = None
    plugin: dict[str, Any] | None = None


class MetricModifier(Shape, frozen=True):
    disabled: bool | None = None
    disabled_attributes: list[str] | None = None
    histogram_buckets: list[float] | None = None


class Metrics(Shape, frozen=True):
    enabled: bool | None = None
    disable_legacy: bool | None = None
    metrics_ttl: str | None = msgspec.field(name="metricsTTL", default=None)
    path: str | None = None
    port: int | None = None
    ignore_errors: bool | None = None
    secure: bool | None = None
    modifiers: dict[str, MetricModifier] | None = None
    temporality: str | None = None


class RateLimit(Shape, frozen=True):
    limit: float
    burst: int


class ConnectionPool(Shape, frozen=True):
    max_idle_conns: int | None = None
    max_open_conns: int | None = None
    conn_max_lifetime: str | None = None


class Reconnection(Shape, frozen=True):
    max_retries: int
    base_delay_seconds: int
    max_delay_seconds: int
    retry_multiple: float


class AzureToken(Shape, frozen=True):
    enabled: bool | None = None
    scope: str | None = None


class AwsRdsToken(Shape, frozen=True):
    enabled: bool | None = None
    region: str | None = None


class SqlServer(Shape, frozen=True):
    """What both databases are told alike."""

    host: str
    database: str
    port: int | None = None
    table_name: str | None = None
    user_name_secret: SecretKey | None = None
    password_secret: SecretKey | None = None


class PostgreSql(SqlServer, frozen=True):
    ssl: bool | None = None
    ssl_mode: str | None = None
    azure_token: AzureToken | None = None
    aws_rds_token: AwsRdsToken | None = msgspec.field(name="awsRDSToken", default=None)


class MySql(SqlServer, frozen=True):
    options: dict[str, str] | None = None


class Database(Shape, frozen=True):
    """How to reach a database; Argo writes these keys beside those of what uses it."""

    postgresql: PostgreSql | None = None
    mysql: MySql | None = None
    connection_pool: ConnectionPool | None = None
    reconnection_config: Reconnection | None = None
    connection_timeout_seconds: int | None = None


class Persistence(Database, frozen=True):
    node_status_off_load: bool | None = None
    archive: bool | None = None
    archive_label_selector: dict[str, Any] | None = None
    archive_ttl: str | None = msgspec.field(name="archiveTTL", default=None)
    cluster_name: str | None = None
    skip_migration: bool | None = None


class Synchronization(Database, frozen=True, kw_only=True):
    controller_name: str
    enable_api: bool | None = msgspec.field(name="enableAPI", default=None)
    skip_migration: bool | None = None
    limit_table_name: str | None = None
    state_table_name: str | None = None
    controller_table_name: str | None = None
    lock_table_name: str | None = None
    poll_seconds: int | None = None
    heartbeat_seconds: int | None = None
    inactive_controller_seconds: int | None = None
    semaphore_limit_cache_seconds: int | None = None


class Link(Shape, frozen=True):
    name: str
    scope: str
    url: str
    target: str | None = None


class Column(Shape, frozen=True):
    name: str
    type: str
    key: str


class TtlStrategy(Shape, frozen=True):
    seconds_after_completion: int | None = None
    seconds_after_success: int | None = None
    seconds_after_failure: int | None = None


class PodGc(Shape, frozen=True):
    strategy: str | None = None
    label_selector: dict[str, Any] | None = None
    delete_delay_duration: str | None = None


class ArtifactGc(Shape, frozen=True):
    strategy: str | None = None
    pod_metadata: dict[str, Any] | None = None
    service_account_name: str | None = None
    force_finalizer_removal: bool | None = None
    pod_spec_patch: str | None = None


class WorkflowSpec(Shape, frozen=True):
    """A workflow's spec, as far as it can be a default."""

    active_deadline_seconds: int | None = None
    affinity: dict[str, Any] | None = None
    archive_logs: bool | None = None
    arguments: dict[str, Any] | None = None
    artifact_gc: ArtifactGc | None = msgspec.field(name="artifactGC", default=None)
    artifact_repository_ref: dict[str, str] | None = None
    automount_service_account_token: bool | None = None
    dns_config: dict[str, Any] | None = None
    dns_policy: str | None = None
    entrypoint: str | None = None
    executor: dict[str, str] | None = None
    executor_plugins: list[dict[str, Any]] | None = None
    hooks: dict[str, Any] | None = None
    host_aliases: list[dict[str, Any]] | None = None
    host_network: bool | None = None
    image_pull_secrets: list[dict[str, str]] | None = None
    metrics: dict[str, Any] | None = None
    node_selector: dict[str, str] | None = None
    on_exit: str | None = None
    parallelism: int | None = None
    pod_disruption_budget: dict[str, Any] | None = None
    pod_gc: PodGc | None = msgspec.field(name="podGC", default=None)
    pod_metadata: dict[str, Any] | None = None
    pod_priority_class_name: str | None = None
    pod_resources: dict[str, Any] | None = None
    pod_spec_patch: str | None = None
    priority: int | None = None
    resource_claims: list[dict[str, Any]] | None = None
    retry_strategy: dict[str, Any] | None = None
    scheduler_name: str | None = None
    security_context: dict[str, Any] | None = None
    service_account_name: str | None = None
    shutdown: str | None = None
    suspend: bool | None = None
    synchronization: dict[str, Any] | None = None
    template_defaults: dict[str, Any] | None = None
    templates: list[dict[str, Any]] | None = None
    tolerations: list[dict[str, Any]] | None = None
    ttl_strategy: TtlStrategy | None = None
    volume_claim_gc: dict[str, str] | None = msgspec.field(name="volumeClaimGC", default=None)
    volume_claim_templates: list[dict[str, Any]] | None = None
    volumes: list[dict[str, Any]] | None = None
    workflow_metadata: dict[str, Any] | None = None
    workflow_template_ref: dict[str, Any] | None = None


class WorkflowDefaults(Shape, frozen=True):
    """Merged under every workflow: what the workflow says itself wins."""

    metadata: dict[str, Any] | None = None
    spec: WorkflowSpec | None = None


class PodSpecLog(Shape, frozen=True):
    failed_pod: bool | None = None
    all_pods: bool | None = None


class WorkflowRestrictions(Shape, frozen=True):
    template_referencing: str | None = None


class Image(Shape, frozen=True):
    entrypoint: list[str] | None = None
    cmd: list[str] | None = None


class RetentionPolicy(Shape, frozen=True):
    completed: int | None = None
    failed: int | None = None
    errored: int | None = None


class Rbac(Shape, frozen=True):
    enabled: bool | None = None


class Sso(Shape, frozen=True):
    """For the server, which reads the same map; the controller passes over it, but checks its keys."""

    issuer: str
    client_id: SecretKey
    client_secret: SecretKey
    redirect_url: str
    issuer_alias: str | None = None
    rbac: Rbac | None = None
    scopes: list[str] | None = None
    session_expiry: str | None = None
    custom_group_claim_name: str | None = None
    user_info_path: str | None = None
    insecure_skip_verify: bool | None = None
    filter_groups_regex: list[str] | None = None
    root_ca: str | None = msgspec.field(name="rootCA", default=None)


class ArtifactDriver(Shape, frozen=True):
    name: str
    image: str
    connection_timeout_seconds: int | None = None


class FailedPodRestart(Shape, frozen=True):
    enabled: bool | None = None
    max_restarts: int | None = None


class InitlessPod(Shape, frozen=True):
    enabled: bool | None = None


class Config(Shape, frozen=True):
    """The whole map: each field one of its keys."""

    artifact_drivers: list[ArtifactDriver] | None = None
    artifact_repository: ArtifactRepository | None = None
    columns: list[Column] | None = None
    disable_agent_pod_creation: bool | None = None
    executor: Container | None = None
    failed_pod_restart: FailedPodRestart | None = None
    images: dict[str, Image] | None = None
    initial_delay: str | None = None
    initless_pod: InitlessPod | None = None
    instance_id: str | None = msgspec.field(name="instanceID", default=None)
    kube_config: KubeConfig | None = None
    links: list[Link] | None = None
    main_container: Container | None = None
    metrics_config: Metrics | None = None
    namespace: str | None = None
    namespace_parallelism: int | None = None
    nav_color: str | None = None
    node_events: NodeEvents | None = None
    parallelism: int | None = None
    persistence: Persistence | None = None
    pod_gc_delete_delay_duration: str | None = msgspec.field(
        name="podGCDeleteDelayDuration", default=None
    )
    pod_gc_grace_period_seconds: int | None = msgspec.field(
        name="podGCGracePeriodSeconds", default=None
    )
    pod_spec_log_strategy: PodSpecLog | None = None
    resource_rate_limit: RateLimit | None = None
    retention_policy: RetentionPolicy | None = None
    sso: Sso | None = None
    synchronization: Synchronization | None = None
    telemetry_config: Metrics | None = None
    workflow_defaults: WorkflowDefaults | None = None
    workflow_events: WorkflowEvents | None = None
    workflow_restrictions: WorkflowRestrictions | None = None
