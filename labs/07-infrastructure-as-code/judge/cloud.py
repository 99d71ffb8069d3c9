"""The judge's own view of the emulated cloud: read and changed with boto3, never by way of a submission."""

from __future__ import annotations

import io
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.awsrequest
from botocore.config import Config
from botocore.exceptions import ClientError

from judge import alarm, bucket
from judge.seed import LOCK_TABLE, REGION, STATE_BUCKET
from sandbox.jail import Service

Described = dict[str, Any]
NOT_COMPARED = ("objects", "value", "arn", "url", "replaced_days")
PUBLIC_SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class _Body(io.BytesIO):
    """An answer's body in the form that botocore reads."""

    def stream(self, amount: int = 65536, **_: Any) -> Iterator[bytes]:
        while data := self.read(amount):
            yield data


class _ThroughSocket:
    """A botocore HTTP session that sends every request through the service's unix socket."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def send(self, request: Any) -> botocore.awsrequest.AWSResponse:
        parts = urllib.parse.urlsplit(request.url)
        path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        headers = {
            name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
        }
        body = request.body.read() if hasattr(request.body, "read") else request.body
        answer = self.service.request(
            request.method, path, headers=headers, content=body or b"", deadline_s=180, answer_bytes=32 << 20
        )
        return botocore.awsrequest.AWSResponse(request.url, answer.status_code, answer.headers, _Body(answer.content))

    def close(self) -> None:
        """Nothing is open between requests."""


class Cloud:
    """boto3 clients for one emulated cloud, and what it holds."""

    def __init__(self, service: Service, token: str) -> None:
        self.service = service
        self._token = token
        self._session = boto3.Session(aws_access_key_id="judge", aws_secret_access_key="judge", region_name=REGION)
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, name: str) -> Any:
        """The boto3 client of an AWS service; the same one each time."""
        with self._lock:
            if name not in self._clients:
                config = Config(
                    s3={"addressing_style": "path"},
                    retries={"max_attempts": 0},
                    request_checksum_calculation="when_required",
                )
                client = self._session.client(name, endpoint_url="http://cloud", config=config)
                client._endpoint.http_session = _ThroughSocket(self.service)
                self._clients[name] = client
            return self._clients[name]

    def access_keys(self) -> set[str]:
        """Access keys that signed calls so far, without the judge's own."""
        return set(self.service.request("GET", f"/{self._token}/keys").json()) - {"judge"}

    # --- state ------------------------------------------------------------------------------------------------------

    def states(self) -> dict[str, Described]:
        """Every Terraform state in the state bucket, by its key."""
        found: dict[str, Described] = {}
        for key in self._keys(STATE_BUCKET):
            # The other environment is at work meanwhile: its lock file may be gone since the list was made.
            content = self._maybe(lambda key=key: self.read_object(STATE_BUCKET, key))
            try:
                state = json.loads(content or b"")
            except ValueError:
                continue
            if isinstance(state, dict) and "resources" in state:
                found[key] = state
        return found

    def was_locked(self, environment: str) -> bool:
        """Whether an environment's state was ever locked, by a file or by the table: both leave traces.

        The bucket keeps versions, of a deleted lock file too, and the table keeps a digest of the state beside the lock.
        """
        key = f"{environment}/terraform.tfstate"
        s3, table = self.client("s3"), self.client("dynamodb")
        files = self._maybe(lambda: s3.list_object_versions(Bucket=STATE_BUCKET, Prefix=f"{key}.tflock")) or {}
        entries = self._maybe(lambda: table.scan(TableName=LOCK_TABLE)) or {}
        return bool(files.get("Versions")) or any(f"/{key}" in item["LockID"]["S"] for item in entries.get("Items", []))

    def read_object(self, bucket: str, key: str) -> bytes:
        content: bytes = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def _keys(self, bucket: str) -> list[str]:
        return [item["Key"] for item in self.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]

    # --- what is there ----------------------------------------------------------------------------------------------

    def platform(self, environment: str) -> Platform:
        """One environment, as the contract names it; what is missing is None."""
        name = f"flight-delay-{environment}"
        return Platform(
            environment,
            bucket=self._maybe(lambda: self._bucket(f"{name}-models")),
            repository=self._maybe(lambda: self._repository(name)),
            parameter=self._maybe(lambda: self._parameter(f"/flight-delay/{environment}/model-version")),
            queue=self._maybe(lambda: self._queue(f"{name}-retraining")),
            dead_letter=self._maybe(lambda: self._queue(f"{name}-retraining-dead")),
            alarm=self._alarm(f"{name}-retraining-dead"),
            role=self._maybe(lambda: self._role(f"{name}-service")),
        )

    @staticmethod
    def _maybe(read: Callable[[], Any]) -> Any:
        """What ``read`` returns, or None where the cloud says that there is no such thing."""
        try:
            return read()
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in (400, 404) and any(
                word in code for word in ("NoSuch", "NotFound", "NotExist", "NonExistent", "404")
            ):
                return None
            raise

    def _bucket(self, name: str) -> Described:
        s3 = self.client("s3")
        s3.head_bucket(Bucket=name)
        encryption = self._maybe(
            lambda: s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        )
        public = self._maybe(lambda: s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]) or {}
        tags = self._maybe(lambda: s3.get_bucket_tagging(Bucket=name)["TagSet"]) or []
        policy = self._maybe(lambda: s3.get_bucket_policy(Bucket=name)["Policy"])
        rules = self._maybe(lambda: s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]) or []
        return {
            "name": name,
            "arn": f"arn:aws:s3:::{name}",
            "versioning": s3.get_bucket_versioning(Bucket=name).get("Status", "never enabled"),
            "encryption": sorted(
                rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm", "none")
                for rule in encryption or []
            ),
            "public_access_block": {switch: bool(public.get(switch)) for switch in PUBLIC_SWITCHES},
            "lifecycle": rules,
            "replaced_days": bucket.replaced_days(rules),
            "current_expiring": bucket.current_expiring(rules),
            "policy": (found := json.loads(policy) if policy else None),
            "lets_anyone_in": bucket.lets_anyone_in(found),
            "tags": {tag["Key"]: tag["Value"] for tag in tags},
            "objects": self._keys(name),
        }

    def _repository(self, name: str) -> Described:
        ecr = self.client("ecr")
        found = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
        tags = ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]
        return {
            "name": name,
            "arn": found["repositoryArn"],
            "url": found["repositoryUri"],
            "mutability": found["imageTagMutability"],
            "scan_on_push": bool(found.get("imageScanningConfiguration", {}).get("scanOnPush")),
            "tags": {tag["Key"]: tag["Value"] for tag in tags},
        }

    def _parameter(self, name: str) -> Described:
        ssm = self.client("ssm")
        found = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
        tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
        return {
            "name": name, "arn": found["ARN"], "type": found["Type"], "value": found["Value"],
            "tags": {tag["Key"]: tag["Value"] for tag in tags},
        }  # fmt: skip

    def _queue(self, name: str) -> Described:
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        redrive = json.loads(found.get("RedrivePolicy") or "{}")
        return {
            "name": name,
            "arn": found["QueueArn"],
            "url": url,
            "dead_letters_to": redrive.get("deadLetterTargetArn"),
            "attempts": int(redrive["maxReceiveCount"]) if "maxReceiveCount" in redrive else None,
            "retention_s": int(found["MessageRetentionPeriod"]),
            "tags": sqs.list_queue_tags(QueueUrl=url).get("Tags", {}),
        }

    def _alarm(self, name: str) -> Described | None:
        watch = self.client("cloudwatch")
        alarms = watch.describe_alarms(AlarmNames=[name]).get("MetricAlarms", [])
        if not alarms:
            return None
        found = alarms[0]
        metric, statistic, unit = found, found.get("Statistic") or found.get("ExtendedStatistic", ""), found.get("Unit")
        watched, expression = alarm.watched(found.get("Metrics", []))
        if watched:
            metric, statistic, unit = watched["Metric"], watched["Stat"], watched.get("Unit")
        tags = watch.list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"]
        return {
            "name": name,
            "arn": found["AlarmArn"],
            "metric": f"{metric.get('Namespace')}/{metric.get('MetricName')}",
            "statistic": statistic,
            "unit": unit or "Count",
            "expression": expression,
            "dimensions": {dimension["Name"]: dimension["Value"] for dimension in metric.get("Dimensions", [])},
            "comparison": found["ComparisonOperator"],
            "threshold": found.get("Threshold"),
            "missing_data": found.get("TreatMissingData") or "missing",
            "enabled": found.get("ActionsEnabled", True),
            "tags": {tag["Key"]: tag["Value"] for tag in tags},
        }

    def _role(self, name: str) -> Described:
        iam = self.client("iam")
        found = iam.get_role(RoleName=name)["Role"]
        inline = {
            policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
        }
        attached = {policy["PolicyArn"]: self.managed_policy(policy["PolicyArn"])
                    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]}  # fmt: skip
        boundary = found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        return {
            "name": name,
            "arn": found["Arn"],
            "trust": found["AssumeRolePolicyDocument"],
            "inline": inline,
            "attached": attached,
            "boundary": self.managed_policy(boundary) if boundary else None,
            "tags": {tag["Key"]: tag["Value"] for tag in iam.list_role_tags(RoleName=name)["Tags"]},
        }

    def managed_policy(self, arn: str) -> Described:
        """The document of a managed policy's default version."""
        iam = self.client("iam")
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document: Described = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        return document


@dataclass(frozen=True)
class Platform:
    """What one environment consists of, read from the cloud."""

    environment: str
    bucket: Described | None
    repository: Described | None
    parameter: Described | None
    queue: Described | None
    dead_letter: Described | None
    alarm: Described | None
    role: Described | None
    names: dict[str, str] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        name = f"flight-delay-{self.environment}"
        self.names.update(
            bucket=f"the bucket {name}-models", repository=f"the repository {name}",
            parameter=f"the parameter /flight-delay/{self.environment}/model-version", queue=f"the queue {name}-retraining",
            dead_letter=f"the queue {name}-retraining-dead", alarm=f"the alarm {name}-retraining-dead",
            role=f"the role {name}-service",
        )  # fmt: skip

    def parts(self) -> dict[str, Described | None]:
        """Every part by its short name."""
        return {part: getattr(self, part) for part in self.names}

    def missing(self) -> list[str]:
        """What is not there, in the contract's words."""
        return [self.names[part] for part, found in self.parts().items() if found is None]

    def neutral(self) -> dict[str, Described]:
        """Every part without what may differ between environments: names, the tag, what is in it, how long models are kept."""
        kept = {
            part: {key: value for key, value in (found or {}).items() if key not in NOT_COMPARED}
            for part, found in self.parts().items()
        }
        if lifecycle := kept["bucket"].get("lifecycle"):
            kept["bucket"]["lifecycle"] = f"{len(lifecycle)} rules"
        text = json.dumps(kept, sort_keys=True, default=str)
        for written in (f"flight-delay-{self.environment}", f"flight-delay/{self.environment}"):
            text = text.replace(written, "flight-delay-ENVIRONMENT")
        text = text.replace(f'"Environment": "{self.environment}"', '"Environment": "ENVIRONMENT"')
        neutral: dict[str, Described] = json.loads(text)
        return neutral
