"""Making the bucket, and saying who may use it from a browser."""

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from storage.objects.requests import code

#: How long a browser may rely on the CORS rule before it asks again, in seconds.
CORS_AGE = 3600


async def prepare(client: Any, name: str, allowed_origins: Sequence[str]) -> None:
    """Makes it if it is missing, and gives these origins, and no other, its CORS rule."""
    try:
        await client.head_bucket(Bucket=name)
    except ClientError as error:
        if code(error) not in {"404", "NoSuchBucket"}:
            raise
        await _create(client, name)
    if not allowed_origins:
        await client.delete_bucket_cors(Bucket=name)
        return
    rule = {
        "AllowedOrigins": list(allowed_origins),
        "AllowedMethods": ["GET", "PUT", "POST"],
        # Of the tickets that are put; some stores take no `*`.
        "AllowedHeaders": ["content-type", "x-amz-checksum-sha256"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": CORS_AGE,
    }
    await client.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [rule]})


async def _create(client: Any, name: str) -> None:
    region = client.meta.region_name
    # The first region that there was has no name here.
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        await client.create_bucket(Bucket=name, **where)
    except ClientError as error:
        # Another process of ours was faster.
        if code(error) != "BucketAlreadyOwnedByYou":
            raise
