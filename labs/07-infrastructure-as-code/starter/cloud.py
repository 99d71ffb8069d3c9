"""The emulated cloud, from its other side: what was there before you, and what others do to it.

    python cloud.py seed           make the state bucket, the lock table, and production as it was left
    python cloud.py show           list what the cloud holds
    python cloud.py deploy 2025-03-01 --environment dev     what the delivery pipeline does
    python cloud.py hurry --environment dev                 what a colleague in a hurry does

It talks to the address in AWS_ENDPOINT_URL (`. ./cloud.env` sets it) and to nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

REGION = "eu-west-1"
STATE_BUCKET = "flight-delay-terraform-state"
LOCK_TABLE = "flight-delay-terraform-locks"
PROD_STATE = "prod/terraform.tfstate"
PROD_BUCKET = "flight-delay-prod-models"
OLD_MODELS = {"models/2024-11-04/model.skops": b"the model of last November", "models/2025-02-17/model.skops": b"the model of February"}
Client = Callable[[str], Any]


def seed(client: Client, registry: str) -> None:
    """Make the state bucket and the lock table, and production as `infra/legacy/main.tf` once made it.

    Args:
        client: `client("s3")` is a boto3 client for that service.
        registry: the host in the provider's full name, which Terraform and OpenTofu write differently into a state.
    """
    s3 = client("s3")
    for bucket in (STATE_BUCKET, PROD_BUCKET):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=STATE_BUCKET, VersioningConfiguration={"Status": "Enabled"})
    client("dynamodb").create_table(
        TableName=LOCK_TABLE,
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for name, content in OLD_MODELS.items():
        s3.put_object(Bucket=PROD_BUCKET, Key=name, Body=content)
    s3.put_object(Bucket=STATE_BUCKET, Key=PROD_STATE, Body=json.dumps(old_state(registry), indent=2).encode())


def registry_of(program: str) -> str:
    """The host in a provider's full name: terraform and tofu have different ones, so they are asked (nothing is fetched)."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "main.tf").write_text('terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}\n')
        done = subprocess.run([program, "providers"], cwd=folder, capture_output=True, text=True, timeout=60)
    if found := re.search(r"provider\[([^/\]]+)/hashicorp/aws\]", done.stdout):
        return found[1]
    raise SystemExit(f"`{program} providers` does not name the AWS provider: {done.stderr[-300:]}")


def old_state(registry: str) -> dict[str, Any]:
    """The state that `infra/legacy/main.tf` left behind: one bucket, at the address `aws_s3_bucket.model_store`."""
    attributes = {
        "arn": f"arn:aws:s3:::{PROD_BUCKET}",
        "bucket": PROD_BUCKET,
        "bucket_domain_name": f"{PROD_BUCKET}.s3.amazonaws.com",
        "bucket_regional_domain_name": f"{PROD_BUCKET}.s3.{REGION}.amazonaws.com",
        "force_destroy": False,
        "hosted_zone_id": "Z1BKCTXD74EZPE",
        "id": PROD_BUCKET,
        "object_lock_enabled": False,
        "region": REGION,
        "request_payer": "BucketOwner",
        "tags": {},
        "tags_all": {},
        "timeouts": None,
    }
    bucket = {
        "mode": "managed",
        "type": "aws_s3_bucket",
        "name": "model_store",
        "provider": f'provider["{registry}/hashicorp/aws"]',
        "instances": [{"schema_version": 0, "attributes": attributes, "sensitive_attributes": []}],
    }
    return {
        "version": 4,
        "terraform_version": "1.9.8",
        "serial": 3,
        "lineage": "6d1f3b0e-6f0c-4b53-9a77-2f1c5a3c9d10",
        "outputs": {},
        "resources": [bucket],
        "check_results": None,
    }


def show(client: Client) -> list[str]:
    """One line for each thing in the cloud."""
    s3, alarms = client("s3"), client("cloudwatch").describe_alarms()["MetricAlarms"]
    lines = []
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        objects = s3.list_objects_v2(Bucket=name).get("Contents", [])
        versioning = s3.get_bucket_versioning(Bucket=name).get("Status", "off")
        lines.append(f"bucket      {name}  versioning {versioning}")
        lines += [f"              {item['Key']}" for item in objects]
    lines += [
        f"repository  {repository['repositoryName']}  {repository['imageTagMutability']}"
        for repository in client("ecr").describe_repositories()["repositories"]
    ]
    for parameter in client("ssm").describe_parameters()["Parameters"]:
        value = client("ssm").get_parameter(Name=parameter["Name"])["Parameter"]["Value"]
        lines.append(f"parameter   {parameter['Name']} = {value}")
    lines += [f"queue       {url.rsplit('/', 1)[-1]}" for url in client("sqs").list_queues().get("QueueUrls", [])]
    lines += [f"alarm       {alarm['AlarmName']}" for alarm in alarms]
    lines += [f"role        {role['RoleName']}" for role in client("iam").list_roles()["Roles"]]
    return lines


def deploy(client: Client, environment: str, version: str) -> None:
    """Make a model version live."""
    name = f"/flight-delay/{environment}/model-version"
    client("ssm").put_parameter(Name=name, Value=version, Type="String", Overwrite=True)


def hurry(client: Client, environment: str) -> None:
    """Three changes that nobody wrote down."""
    bucket = f"flight-delay-{environment}-models"
    client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    client("s3").delete_public_access_block(Bucket=bucket)
    client("cloudwatch").delete_alarms(AlarmNames=[f"flight-delay-{environment}-retraining-dead"])


def main() -> int:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    parser = argparse.ArgumentParser(description="The emulated cloud, from its other side.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("seed", help="make the state bucket, the lock table, and production as it was left")
    commands.add_parser("show", help="list what the cloud holds")
    deploying = commands.add_parser("deploy", help="do what the delivery pipeline does: make a model version live")
    deploying.add_argument("version")
    hurrying = commands.add_parser("hurry", help="do what a colleague in a hurry does")
    for command in (deploying, hurrying):
        command.add_argument("--environment", choices=("dev", "prod"), default="dev")
    options = parser.parse_args()

    address = os.environ.get("AWS_ENDPOINT_URL", "")
    if not address.startswith(("http://127.0.0.1:", "http://localhost:")):
        print(f"AWS_ENDPOINT_URL is {address or 'not set'}; this script talks to this machine only. Run: . ./cloud.env", file=sys.stderr)
        return 2

    program = shutil.which("terraform") or shutil.which("tofu")
    if program is None and options.command == "seed":
        print("Neither terraform nor tofu is on the PATH; install one of them first.", file=sys.stderr)
        return 2

    def client(service: str) -> Any:
        return boto3.client(service, endpoint_url=address, region_name=REGION)

    try:
        match options.command:
            case "seed":
                seed(client, registry_of(str(program)))
                print("seeded: the state bucket, the lock table, and production with its old bucket")
            case "show":
                print("\n".join(show(client)) or "the cloud is empty")
            case "deploy":
                deploy(client, options.environment, options.version)
                print(f"{options.version} is live in {options.environment}")
            case "hurry":
                hurry(client, options.environment)
                print(f"done, in {options.environment}. Nobody saw it.")
    except (BotoCoreError, ClientError) as error:
        print(f"The cloud at {address} says: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
