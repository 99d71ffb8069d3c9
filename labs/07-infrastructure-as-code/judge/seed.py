"""What is in the cloud before the learner's code runs: the state bucket, and an old production environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

REGION = "eu-west-1"
ACCOUNT = "123456789012"
STATE_BUCKET = "flight-delay-terraform-state"
LOCK_TABLE = "flight-delay-terraform-locks"
PROD_STATE = "prod/terraform.tfstate"
PROD_BUCKET = "flight-delay-prod-models"
OLD_MODELS = {
    "models/2024-11-04/model.skops": b"the model of last November",
    "models/2025-02-17/model.skops": b"the model of February",
}


def seed(client: Callable[[str], Any], *, registry: str, state: bool = True, old_prod: bool = True) -> None:
    """Make the state bucket and the lock table, and production as ``infra/legacy/main.tf`` once made it.

    Args:
        client: ``client("s3")`` is a boto3 client for that service.
        registry: the host in the provider's full name, which Terraform and OpenTofu write differently into a state.
    """
    s3 = client("s3")
    place = {"LocationConstraint": REGION}
    if state:
        s3.create_bucket(Bucket=STATE_BUCKET, CreateBucketConfiguration=place)
        s3.put_bucket_versioning(Bucket=STATE_BUCKET, VersioningConfiguration={"Status": "Enabled"})
        client("dynamodb").create_table(
            TableName=LOCK_TABLE,
            KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    if old_prod:
        s3.create_bucket(Bucket=PROD_BUCKET, CreateBucketConfiguration=place)
        for name, content in OLD_MODELS.items():
            s3.put_object(Bucket=PROD_BUCKET, Key=name, Body=content)
        s3.put_object(Bucket=STATE_BUCKET, Key=PROD_STATE, Body=json.dumps(old_state(registry), indent=2).encode())


def old_state(registry: str) -> dict[str, Any]:
    """The state file that ``infra/legacy/main.tf`` left behind: one bucket, at ``aws_s3_bucket.model_store``."""
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
